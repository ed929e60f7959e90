"""Nunjucks' filters and tests, as Backstage's engine has them.

Each is given the budget, its input, and its arguments. Named arguments become one mapping at the
end, except where Nunjucks made a macro of the filter (`int`, `sort`): its parameters are named.
"""

from __future__ import annotations

import functools
import math
import random
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from kickstart.template.dialect.values import (
    RESERVED,
    SPACE,
    Budget,
    Function,
    Pattern,
    SafeText,
    add,
    index_of,
    is_true,
    number,
    number_of,
    order,
    power,
    printed,
    record,
    strictly_equal,
    text_of,
    whole,
)
from kickstart.template.language import UNDEFINED, EngineError

_MAX_SPACES = 2**24
_HTML = {"&": "&amp;", '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "\\": "&#92;"}
# Compiled when they are used: most templates use none of them.
_HTML_TAG = r"(?ia)</?([a-z][a-z0-9]*)\b[^>]*>|<!--[\s\S]*?-->"
_LINE_EDGE = "(?:\\A|(?<=[\n\r\u2028\u2029])) +| +(?=[\n\r\u2028\u2029]|\\Z)"  # JavaScript's lines
_URL_PUNCTUATION = r"(?:\(|<|&lt;)?(.*?)(?:\.|,|\)|\n|&gt;)?\Z"
_EMAIL = r"(?ia)[\w.!#$%&'*+\-/=?^`{|}~]+@[a-z\d-]+(?:\.[a-z\d-]+)+"
_DOMAIN = r"\.(?:org|net|com)(?::|/|\Z)"
_FLOAT = r"[+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, SafeText):
        return value.text
    raise EngineError("this filter needs a text")


def _or_empty(value: Any) -> Any:
    return "" if value is None or value is UNDEFINED or value is False else value


def _like(source: Any, text: str) -> Any:
    """Return `text`, marked as safe if what it comes from was."""
    return SafeText(text) if isinstance(source, SafeText) else text


def _is_text(value: Any) -> bool:
    return isinstance(value, str | SafeText)


def _sequence(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    return list(_text(value)) if _is_text(value) else None


def _like_a_list(value: dict[str, Any], budget: Budget) -> list[Any]:
    """Return the items of a mapping that has a `length`; without one there are none."""
    length = number_of(value.get("length", UNDEFINED), budget)
    size = 0 if length != length else max(0, length)
    budget.holds(size)
    return [value.get(str(index), UNDEFINED) for index in range(math.ceil(size))]


def _attribute(value: Any, key: str) -> Any:
    if value is None or value is UNDEFINED:
        raise EngineError(f"nothing has no attribute '{key}'")
    if isinstance(value, dict):
        return value.get(key, UNDEFINED)
    if isinstance(value, SafeText) and key == "val":
        return value.text
    if isinstance(value, list) or _is_text(value):
        items = value if isinstance(value, list) else _text(value)
        index = index_of(key, len(items))
        if key == "length":
            return len(items)
        return items[index] if index is not None else UNDEFINED
    return UNDEFINED


def _own_length(value: Any) -> Any:
    """Return value.length, which a mapping has when it has such a key."""
    return UNDEFINED if isinstance(value, bool | int | float) else _attribute(value, "length")


def _key(value: Any, budget: Budget) -> str:
    key = text_of(value, budget)
    if key in RESERVED:
        raise EngineError(f"the name '{key}' is not allowed")
    return key


def _path(value: Any, budget: Budget) -> list[str]:
    if not is_true(value):
        return []
    parts = value.split(".") if isinstance(value, str) else [value]
    return [_key(part, budget) for part in parts]


def _spaces(count: float) -> str:
    if count != count or count <= 0:
        return ""
    if count > _MAX_SPACES:
        raise EngineError("too many blanks")
    return " " * math.ceil(count)


def _abs(budget: Budget, value: Any, *_: Any) -> float:
    return abs(number_of(value, budget))


def _batch(budget: Budget, value: Any, size: Any = UNDEFINED, fill: Any = UNDEFINED) -> list[Any]:
    if value is None or value is UNDEFINED:
        raise EngineError("batch needs a list")
    wanted = number_of(size, budget)
    if not math.isfinite(wanted) or int(wanted) <= 0:
        raise EngineError("batch needs a size greater than 0")
    width = int(wanted)
    items = _like_a_list(value, budget) if isinstance(value, dict) else _sequence(value) or []
    rows = [items[at : at + width] for at in range(0, len(items), width)]
    if rows and is_true(fill):
        budget.holds(width)
        rows[-1] = rows[-1] + [fill] * (width - len(rows[-1]))
    return rows


def _capitalize(budget: Budget, value: Any, *_: Any) -> Any:
    text = _text(_or_empty(value)).lower()
    return _like(value, text[:1].upper() + text[1:])


def _center(budget: Budget, value: Any, width: Any = UNDEFINED, *_: Any) -> Any:
    value = _or_empty(value)
    wanted = width if is_true(width) else 80
    length = _own_length(value)
    if order(length, wanted, budget) >= 0:
        return value
    spaces = number_of(wanted, budget) - number_of(length, budget)
    text = text_of(value, budget)
    before, after = _spaces(spaces / 2 - math.fmod(spaces, 2)), _spaces(spaces / 2)
    budget.makes(len(before) + len(after))
    return _like(value, before + text + after)


def _default(budget: Budget, value: Any, other: Any = UNDEFINED, falsy: Any = UNDEFINED, *_: Any) -> Any:
    if is_true(falsy):
        return value if is_true(value) else other
    return other if value is UNDEFINED else value


def _dictsort(budget: Budget, value: Any, case_sensitive: Any = UNDEFINED, by: Any = UNDEFINED) -> list[Any]:
    if not isinstance(value, dict):
        raise EngineError("dictsort needs a mapping")
    if by not in {UNDEFINED, "key", "value"} if by is UNDEFINED or isinstance(by, str) else True:
        raise EngineError("dictsort sorts by 'key' or 'value'")
    position = 1 if by == "value" else 0

    def compare(left: tuple[str, Any], right: tuple[str, Any]) -> int:
        budget.spend()
        one, two = left[position], right[position]
        if not is_true(case_sensitive):
            one = _text(one).upper() if _is_text(one) else one
            two = _text(two).upper() if _is_text(two) else two
        if order(one, two, budget) > 0:
            return 1
        return 0 if strictly_equal(one, two) else -1

    return [list(pair) for pair in sorted(value.items(), key=functools.cmp_to_key(compare))]


def dump(budget: Budget, value: Any, indent: Any = UNDEFINED, *_: Any) -> Any:
    """Return `value` as JSON.stringify writes it; undefined stays undefined."""
    step = ""
    if isinstance(indent, str):
        step = indent[:10]
    elif isinstance(indent, int | float) and not isinstance(indent, bool) and indent >= 1:
        step = " " * int(min(10, indent))
    found = _json(value, step, "\n", budget)
    if found is not UNDEFINED:
        budget.makes(len(found))
    return found


def _json(value: Any, step: str, line: str, budget: Budget) -> Any:
    budget.spend()
    if isinstance(value, str | SafeText):
        return _json_text(_text(value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return text_of(value, budget) if math.isfinite(value) else "null"
    if value is UNDEFINED:
        return UNDEFINED
    inner = line + step
    between = "," + inner if step else ","
    colon = ": " if step else ":"
    if isinstance(value, list):
        items = [_json(item, step, inner, budget) for item in value]
        parts = ["null" if item is UNDEFINED else item for item in items]
        signs = "[]"
    elif isinstance(value, dict):
        pairs = [(key, _json(item, step, inner, budget)) for key, item in value.items()]
        parts = [_json_text(key) + colon + item for key, item in pairs if item is not UNDEFINED]
        signs = "{}"
    elif isinstance(value, Pattern):
        return "{}"
    else:
        raise EngineError("a function has no JSON")
    if not parts:
        return signs
    budget.makes(sum(map(len, parts)))
    if step:
        return f"{signs[0]}{inner}{between.join(parts)}{line}{signs[1]}"
    return signs[0] + between.join(parts) + signs[1]


_JSON_SIGNS = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_LONE_SURROGATE = "[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
_JSON_SPECIAL = f'["\\\\\x00-\x1f]|{_LONE_SURROGATE}'


def _json_text(text: str) -> str:
    def escaped(found: re.Match[str]) -> str:
        return _JSON_SIGNS.get(found[0]) or f"\\u{ord(found[0]):04x}"

    return f'"{re.sub(_JSON_SPECIAL, escaped, text)}"'


def _escaped(text: str) -> SafeText:
    return SafeText(re.sub(r"[&\"'<>\\]", lambda found: _HTML[found[0]], text))


def _escape(budget: Budget, value: Any, *_: Any) -> SafeText:
    return value if isinstance(value, SafeText) else _escaped(printed(value, budget))


def _force_escape(budget: Budget, value: Any, *_: Any) -> SafeText:
    return _escaped(printed(value, budget))


def _safe(budget: Budget, value: Any, *_: Any) -> SafeText:
    return value if isinstance(value, SafeText) else SafeText(printed(value, budget))


def _edge(budget: Budget, value: Any, *, last: bool) -> Any:
    if value is None or value is UNDEFINED:
        raise EngineError(f"{'last' if last else 'first'} needs a list")
    items = _sequence(value)
    if items is not None:
        return items[-1 if last else 0] if items else UNDEFINED
    if not isinstance(value, dict):
        return UNDEFINED
    index = number_of(value.get("length", UNDEFINED), budget) - 1 if last else 0
    return value.get(text_of(number(index), budget), UNDEFINED)


def _float(budget: Budget, value: Any, other: Any = UNDEFINED, *_: Any) -> Any:
    found = re.match(_FLOAT, text_of(value, budget).lstrip(SPACE))
    return _number(found[0]) if found else other


def _number(text: str) -> int | float:
    value = float(text)
    return number(int(value)) if value.is_integer() and value and abs(value) < 2**53 else value


def _int(budget: Budget, value: Any, default: Any = UNDEFINED, base: Any = UNDEFINED, *_: Any) -> Any:
    radix = 10 if base is UNDEFINED else number_of(base, budget)
    radix = int(radix) if math.isfinite(radix) else 0
    text = text_of(value, budget).lstrip(SPACE)
    sign = -1 if text.startswith("-") else 1
    text = text[1:] if text[:1] in {"-", "+"} and text else text
    if radix in {0, 16} and text[:2].lower() == "0x":
        text, radix = text[2:], 16
    radix = radix or 10
    if not 2 <= radix <= 36:
        return default
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:radix]
    size = next((at for at, each in enumerate(text) if each.lower() not in digits), len(text))
    if not size:
        return default
    if size > 1000:
        raise EngineError("the number is too long")
    found = number(sign * int(text[:size], radix))
    return found if found or sign > 0 else -0.0


def _reverse(budget: Budget, value: Any, *_: Any) -> Any:
    if _is_text(value):
        return _like(value, _text(value)[::-1])
    if isinstance(value, dict):
        return _like_a_list(value, budget)[::-1]
    return value[::-1] if isinstance(value, list) else []


def _groupby(budget: Budget, value: Any, attribute: Any = UNDEFINED, *_: Any) -> dict[str, Any]:
    if value is None or value is UNDEFINED:
        raise EngineError("groupby needs a list")
    items = _like_a_list(value, budget) if isinstance(value, dict) else _sequence(value) or []
    path = _path(attribute, budget)
    groups: dict[str, Any] = {}
    for item in items:
        budget.spend()
        groups.setdefault(_key(_along(item, path), budget), []).append(item)
    return record(groups)


def _along(value: Any, path: list[str]) -> Any:
    for key in path:
        if value is None or value is UNDEFINED:
            raise EngineError(f"nothing has no attribute '{key}'")
        value = _attribute(value, key)
        if value is UNDEFINED:
            return value
    return value


def _indent(budget: Budget, value: Any, width: Any = UNDEFINED, first: Any = UNDEFINED, *_: Any) -> Any:
    value = _or_empty(value)
    lines = _text(value).split("\n")
    blanks = _spaces(number_of(width if is_true(width) else 4, budget))
    budget.makes(len(blanks) * len(lines) + len(_text(value)))
    if value == "":
        return ""
    start = blanks if is_true(first) else ""
    return _like(value, start + ("\n" + blanks).join(lines))


def _projected(budget: Budget, value: Any, attribute: Any) -> list[Any]:
    """Return what `join` and `sum` work on: the items, or one attribute of each."""
    if not is_true(attribute):
        if not isinstance(value, list):
            raise EngineError("this filter needs a list")
        return value
    key = _key(attribute, budget)
    if isinstance(value, dict):
        return [_attribute(item, key) for item in _like_a_list(value, budget)]
    if isinstance(value, SafeText):
        if value.text:
            raise EngineError(f"nothing has no attribute '{key}'")
        return []
    return [_attribute(item, key) for item in _sequence(value) or []]


def _join(budget: Budget, value: Any, separator: Any = UNDEFINED, attribute: Any = UNDEFINED, *_: Any) -> str:
    sign = text_of(separator, budget) if is_true(separator) else ""
    parts = [printed(item, budget) for item in _projected(budget, value, attribute)]
    budget.makes(sum(map(len, parts)) + len(sign) * len(parts))
    return sign.join(parts)


def _length(budget: Budget, value: Any, *_: Any) -> Any:
    if isinstance(value, list | dict):
        return len(value)
    if _is_text(value):
        return len(_text(value))
    return 0 if value is None or value is UNDEFINED or value is False else UNDEFINED


def _list(budget: Budget, value: Any, *_: Any) -> list[Any]:
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    items = _sequence(value)
    if items is None:
        raise EngineError("list needs something with items")
    return items


def _nl2br(budget: Budget, value: Any, *_: Any) -> Any:
    text = "" if value is None or value is UNDEFINED else _text(value)
    return _like(value, re.sub(r"\r\n|\n", "<br />\n", text))


def _random(budget: Budget, value: Any, *_: Any) -> Any:
    if value is None or value is UNDEFINED:
        raise EngineError("random needs a list")
    items = _like_a_list(value, budget) if isinstance(value, dict) else _sequence(value)
    return random.choice(items) if items else UNDEFINED  # noqa: S311 - what a template asks for


def _replace(
    budget: Budget, value: Any, old: Any = UNDEFINED, new: Any = UNDEFINED, most: Any = UNDEFINED, *_: Any
) -> Any:
    if isinstance(old, Pattern):
        from kickstart.template.dialect import patterns

        return patterns.replace(Pattern(old.source, old.flags), _text(value), text_of(new, budget), budget)
    if not isinstance(old, str | int | float) or isinstance(old, bool):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = text_of(value, budget)
    if not _is_text(value):
        return value
    text, wanted, made = _text(value), text_of(old, budget), text_of(new, budget)
    if not wanted:
        between = "," if new is UNDEFINED else made
        budget.makes((len(text) + 2) * len(made))
        return _like(value, made + between.join(text) + made)
    count = text.count(wanted)
    limit = -1 if most is UNDEFINED or strictly_equal(most, -1) else number_of(most, budget)
    if not count or strictly_equal(most, 0):
        return value
    if limit != -1 and limit != math.inf:
        count = min(count, max(0, math.ceil(limit))) if math.isfinite(limit) else 0
    budget.makes(len(text) + count * len(made))
    return _like(value, text.replace(wanted, made, count))


def _round(budget: Budget, value: Any, digits: Any = UNDEFINED, method: Any = UNDEFINED, *_: Any) -> float:
    factor = power(10, number_of(digits if is_true(digits) else 0, budget))
    scaled = number_of(value, budget) * factor
    if not math.isfinite(scaled):
        return scaled / factor if factor else math.nan
    ways: dict[Any, Callable[[float], float]] = {"ceil": math.ceil, "floor": math.floor}
    way = ways.get(method, _half_up) if isinstance(method, str) else _half_up
    return number(way(scaled)) / factor


def _half_up(value: float) -> float:
    """Return Math.round(value): half goes up, also below zero."""
    floor = math.floor(value)
    return floor + 1 if value - floor >= 0.5 else floor


def _select(budget: Budget, value: Any, *given: Any, wanted: bool) -> list[Any]:
    name = "truthy" if not given or given[0] is UNDEFINED else text_of(given[0], budget)
    if name not in TESTS:
        raise EngineError(f"there is no test '{name}'")
    if value is None or value is UNDEFINED:
        raise EngineError("select and reject need a list")
    arity, test = TESTS[name]
    if len(given[1:]) != arity:
        raise EngineError(f"the test '{name}' takes {arity} arguments")
    items = _like_a_list(value, budget) if isinstance(value, dict) else _sequence(value) or []
    budget.spend(len(items))
    return [item for item in items if test(budget, item, *given[1:]) is wanted]


def _select_attribute(
    budget: Budget, value: Any, attribute: Any = UNDEFINED, *_: Any, wanted: bool
) -> list[Any]:
    if not isinstance(value, list):
        raise EngineError("selectattr and rejectattr need a list")
    key = _key(attribute, budget)
    budget.spend(len(value))
    return [item for item in value if is_true(_attribute(item, key)) is wanted]


def _slice(budget: Budget, value: Any, count: Any = UNDEFINED, fill: Any = UNDEFINED, *_: Any) -> list[Any]:
    items = _sequence(value)
    wanted = number_of(count, budget)
    if items is None:
        raise EngineError("slice needs a list")
    if not math.isfinite(wanted) or int(wanted) <= 0:
        raise EngineError("slice needs a count greater than 0")
    parts = int(wanted)
    budget.holds(parts)
    size, extra = divmod(len(items), parts)
    found: list[Any] = []
    at = 0
    for index in range(parts):
        end = at + size + (index < extra)
        part: Any = items[at:end]
        at = end
        if is_true(fill) and index >= extra:
            if _is_text(value):
                raise EngineError("slice cannot fill up a text")
            part = [*part, fill]
        found.append("".join(part) if _is_text(value) else part)
    return found


def _sort(
    budget: Budget,
    value: Any,
    reverse: Any = UNDEFINED,
    case_sensitive: Any = UNDEFINED,
    attribute: Any = UNDEFINED,
    *_: Any,
) -> list[Any]:
    items = _like_a_list(value, budget) if isinstance(value, dict) else _sequence(value) or []
    path = _path(attribute, budget)

    def compare(left: Any, right: Any) -> int:
        budget.spend()
        one, two = _along(left, path), _along(right, path)
        if not is_true(case_sensitive) and _is_text(one) and _is_text(two):
            one, two = _text(one).lower(), _text(two).lower()
        found = order(one, two, budget)
        if found != found or found == 0:
            return 0
        return int(-found if is_true(reverse) else found)

    # JavaScript puts undefined last, whatever the comparison says.
    present = [item for item in items if item is not UNDEFINED]
    absent = [item for item in items if item is UNDEFINED]
    return sorted(present, key=functools.cmp_to_key(compare)) + absent


def _string(budget: Budget, value: Any, *_: Any) -> Any:
    if value is None or value is UNDEFINED:
        raise EngineError("string needs a value")
    return value if isinstance(value, SafeText) else printed(value, budget)


def _striptags(budget: Budget, value: Any, keeps_lines: Any = UNDEFINED, *_: Any) -> Any:
    text = _text(_or_empty(value))
    if text.count("<") > 10_000:
        raise EngineError("the text has too many tags")
    for _pass in range(9):
        shorter = re.sub(_HTML_TAG, "", text)
        if shorter == text:
            break
        text = shorter
    else:
        raise EngineError("the text's tags are nested too deeply")
    text = text.strip(SPACE)
    if not is_true(keeps_lines):
        return _like(value, re.sub(f"[{re.escape(SPACE)}]+", " ", text))
    text = re.sub(" +", " ", re.sub(_LINE_EDGE, "", text)).replace("\r\n", "\n")
    return _like(value, re.sub("\n\n\n+", "\n\n", text))


def _sum(budget: Budget, value: Any, attribute: Any = UNDEFINED, start: Any = UNDEFINED, *_: Any) -> Any:
    total: Any = 0
    for item in _projected(budget, value, attribute):
        budget.spend()
        total = add(total, item, budget)
    return add(0 if start is UNDEFINED else start, total, budget)


def _title(budget: Budget, value: Any, *_: Any) -> Any:
    words = [word.lower() for word in _text(_or_empty(value)).split(" ")]
    return _like(value, " ".join([word[:1].upper() + word[1:] for word in words]))


def _truncate(
    budget: Budget, value: Any, length: Any = UNDEFINED, cuts: Any = UNDEFINED, end: Any = UNDEFINED, *_: Any
) -> Any:
    plain = _or_empty(value)
    wanted = length if is_true(length) else 255
    if order(_own_length(plain), wanted, budget) <= 0:
        return plain
    text, at = _text(plain), max(0, whole(wanted, budget))
    if not is_true(cuts):
        blank = text.rfind(" ", 0, at + 1)
        at = at if blank < 0 else blank
    return _like(value, text[:at] + ("..." if end is None or end is UNDEFINED else text_of(end, budget)))


def _uri(value: Any, budget: Budget) -> str:
    text = text_of(value, budget)
    try:
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise EngineError("the text cannot be part of a URL") from error
    return quote(joined, safe="!~*'()-_.")


def _urlencode(budget: Budget, value: Any, *_: Any) -> str:
    if _is_text(value):
        return _uri(_text(value), budget)
    pairs: list[Any] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        for item in value:
            if item is None or item is UNDEFINED:
                raise EngineError("urlencode needs pairs")
            pairs.append((_attribute(item, "0"), _attribute(item, "1")))
    return "&".join([f"{_uri(key, budget)}={_uri(item, budget)}" for key, item in pairs])


def _urlize(budget: Budget, value: Any, length: Any = UNDEFINED, nofollow: Any = UNDEFINED, *_: Any) -> str:
    most = None
    if length is not UNDEFINED and not (isinstance(length, float) and length != length):
        most = max(0, whole(length, budget))
    follow = ' rel="nofollow"' if nofollow is True else ""
    out = []
    for word in re.split(f"([{re.escape(SPACE)}]+)", _text(value)):
        found = re.match(_URL_PUNCTUATION, word)
        link = found[1] if found else word
        short = link[:most]
        if re.match("https?://", link):
            word = f'<a href="{link}"{follow}>{short}</a>'
        elif link.startswith("www."):
            word = f'<a href="http://{link}"{follow}>{short}</a>'
        elif re.fullmatch(_EMAIL, link):
            word = f'<a href="mailto:{link}">{link}</a>'
        elif re.search(_DOMAIN, link):
            word = f'<a href="http://{link}"{follow}>{short}</a>'
        out.append(word)
    return "".join(out)


def _wordcount(budget: Budget, value: Any, *_: Any) -> Any:
    plain = _or_empty(value)
    if not is_true(plain):
        return None
    return len(re.findall(r"\w+", _text(plain), re.ASCII)) or None


Filter = Callable[..., Any]


def _positional(filter_: Filter) -> Filter:
    """Return a filter whose named arguments come as one mapping, as Nunjucks passes them."""

    def call(budget: Budget, *given: Any, **named: Any) -> Any:
        return filter_(budget, *given, {**named, "__keywords": True}) if named else filter_(budget, *given)

    return call


def _named(filter_: Filter, names: tuple[str, ...]) -> Filter:
    """Return a filter whose parameters have names; those that are not given are undefined."""

    def call(budget: Budget, value: Any = UNDEFINED, *given: Any, **named: Any) -> Any:
        rest = [named.get(name, UNDEFINED) for name in names[len(given) :]]
        return filter_(budget, value, *given, *rest)

    return call


def _input_first(filter_: Filter) -> Filter:
    return lambda budget, value=UNDEFINED, *given: filter_(budget, value, *given)


_PLAIN: dict[str, Filter] = {
    "abs": _abs,
    "batch": _batch,
    "capitalize": _capitalize,
    "center": _center,
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "dump": dump,
    "e": _escape,
    "escape": _escape,
    "first": lambda budget, value, *_: _edge(budget, value, last=False),
    "float": _float,
    "forceescape": _force_escape,
    "groupby": _groupby,
    "indent": _indent,
    "join": _join,
    "last": lambda budget, value, *_: _edge(budget, value, last=True),
    "length": _length,
    "list": _list,
    "lower": lambda budget, value, *_: _text(_or_empty(value)).lower(),
    "nl2br": _nl2br,
    "random": _random,
    "reject": functools.partial(_select, wanted=False),
    "rejectattr": functools.partial(_select_attribute, wanted=False),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "safe": _safe,
    "select": functools.partial(_select, wanted=True),
    "selectattr": functools.partial(_select_attribute, wanted=True),
    "slice": _slice,
    "string": _string,
    "striptags": _striptags,
    "sum": _sum,
    "title": _title,
    "trim": lambda budget, value, *_: _like(value, _text(value).strip(SPACE)),
    "truncate": _truncate,
    "upper": lambda budget, value, *_: _text(_or_empty(value)).upper(),
    "urlencode": _urlencode,
    "urlize": _urlize,
    "wordcount": _wordcount,
}

FILTERS: Final[dict[str, Filter]] = {
    **{name: _positional(_input_first(filter_)) for name, filter_ in _PLAIN.items()},
    "int": _named(_int, ("default", "base")),
    "sort": _named(_sort, ("reverse", "case_sensitive", "attribute")),
}


def _iterable(budget: Budget, value: Any) -> bool:
    if value is None or value is UNDEFINED:
        raise EngineError("'iterable' needs a value")
    return isinstance(value, list) or _is_text(value)


def _case(value: Any, change: Callable[[str], str]) -> bool:
    if isinstance(value, SafeText):
        return False
    text = _text(value)
    return change(text) == text


def _remainder(value: Any, by: Any, budget: Budget) -> float:
    from kickstart.template.dialect.values import modulo

    return modulo(number_of(value, budget), number_of(by, budget))


def _same(budget: Budget, value: Any, other: Any) -> bool:
    return strictly_equal(value, other)


# How many arguments a test takes besides its operand, and what it does.
TESTS: Final[dict[str, tuple[int, Callable[..., bool]]]] = {
    "callable": (0, lambda budget, value: isinstance(value, Function)),
    "defined": (0, lambda budget, value: value is not UNDEFINED),
    "divisibleby": (1, lambda budget, value, by: _remainder(value, by, budget) == 0),
    "escaped": (0, lambda budget, value: isinstance(value, SafeText)),
    "eq": (1, _same),
    "equalto": (1, _same),
    "even": (0, lambda budget, value: _remainder(value, 2, budget) == 0),
    "falsy": (0, lambda budget, value: not is_true(value)),
    "ge": (1, lambda budget, value, other: order(value, other, budget) >= 0),
    "greaterthan": (1, lambda budget, value, other: order(value, other, budget) > 0),
    "gt": (1, lambda budget, value, other: order(value, other, budget) > 0),
    "iterable": (0, _iterable),
    "le": (1, lambda budget, value, other: order(value, other, budget) <= 0),
    "lessthan": (1, lambda budget, value, other: order(value, other, budget) < 0),
    "lower": (0, lambda budget, value: _case(value, str.lower)),
    "lt": (1, lambda budget, value, other: order(value, other, budget) < 0),
    "mapping": (0, lambda budget, value: isinstance(value, dict | SafeText | Pattern)),
    "ne": (1, lambda budget, value, other: not strictly_equal(value, other)),
    "null": (0, lambda budget, value: value is None),
    "number": (0, lambda budget, value: isinstance(value, int | float) and not isinstance(value, bool)),
    "odd": (0, lambda budget, value: _remainder(value, 2, budget) == 1),
    "sameas": (1, _same),
    "string": (0, lambda budget, value: isinstance(value, str)),
    "truthy": (0, lambda budget, value: is_true(value)),
    "undefined": (0, lambda budget, value: value is UNDEFINED),
    "upper": (0, lambda budget, value: _case(value, str.upper)),
}
