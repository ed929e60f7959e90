"""Properties and methods of texts, numbers, lists and mappings, from a closed table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kickstart.template.dialect.values import (
    SPACE,
    Budget,
    Pattern,
    SafeText,
    holds_function,
    index_of,
    number_of,
    number_text,
    printed,
    strictly_equal,
    text_of,
    whole,
)
from kickstart.template.language import UNDEFINED, EngineError, Placeholder

Method = Callable[..., Any]
_MAX_TEXT = 2**24  # characters of padding or repetition


def member(target: Any, name: str, budget: Budget, *, compat: bool) -> Any:
    """Return a property's value, a method as a Python callable, or UNDEFINED."""
    if isinstance(target, dict):
        if name in target:
            return target[name]
        return _bound(_RECORD, target, name, budget) if compat else UNDEFINED
    if isinstance(target, SafeText):
        if name == "val":
            return target.text
        target = target.text
    if isinstance(target, Placeholder) and name not in _TEXT:
        return target.member(name)
    if isinstance(target, str | list):
        if name == "length":
            return len(target)
        index = index_of(name, len(target))
        if index is not None:
            return target[index]
        if isinstance(target, str):
            return _bound(_TEXT, target, name, budget)
        if compat and name in _JINJA_LIST:
            return _bound(_JINJA_LIST, target, name, budget)
        return _bound(_LIST, target, name, budget)
    if isinstance(target, bool):
        return UNDEFINED
    if isinstance(target, int | float):
        return _bound(_NUMBER, target, name, budget)
    if isinstance(target, Pattern) and name == "test":
        return _bound(_PATTERN, target, name, budget)
    return UNDEFINED


def _bound(table: dict[str, tuple[int, int, Method]], target: Any, name: str, budget: Budget) -> Any:
    if name not in table:
        return UNDEFINED
    least, most, method = table[name]

    def call(*given: Any) -> Any:
        if not least <= len(given) <= most:
            more = f" to {most}" if least < most < _MANY else " or more" if most == _MANY else ""
            raise EngineError(f"'{name}' takes {least}{more} arguments, and is given {len(given)}")
        if any(holds_function(each, budget) for each in (target, *given)):
            raise EngineError(f"'{name}' takes no functions")
        return method(budget, target, *given)

    return call


_MANY = 1000


def _position(budget: Budget, value: Any, default: int) -> int:
    return default if value is UNDEFINED else whole(value, budget)


def _from_end(position: int, length: int) -> int:
    return max(0, length + position) if position < 0 else min(position, length)


def _char_at(budget: Budget, text: str, at: Any = UNDEFINED) -> str:
    index = _position(budget, at, 0)
    return text[index] if 0 <= index < len(text) else ""


def _char_code_at(budget: Budget, text: str, at: Any = UNDEFINED) -> float:
    found = _char_at(budget, text, at)
    return ord(found) if found else math.nan


def _concat(budget: Budget, text: str, *others: Any) -> str:
    found = text + "".join([text_of(other, budget) for other in others])
    budget.makes(len(found))
    return found


def _includes(budget: Budget, text: str, part: Any, at: Any = UNDEFINED) -> bool:
    return text_of(part, budget) in text[max(0, _position(budget, at, 0)) :]


def _starts_with(budget: Budget, text: str, part: Any, at: Any = UNDEFINED) -> bool:
    return text.startswith(text_of(part, budget), min(max(0, _position(budget, at, 0)), len(text)))


def _ends_with(budget: Budget, text: str, part: Any, end: Any = UNDEFINED) -> bool:
    return text[: max(0, _position(budget, end, len(text)))].endswith(text_of(part, budget))


def _index_of(budget: Budget, text: str, part: Any, at: Any = UNDEFINED) -> int:
    return text.find(text_of(part, budget), min(max(0, _position(budget, at, 0)), len(text)))


def _last_index_of(budget: Budget, text: str, part: Any, at: Any = UNDEFINED) -> int:
    found = number_of(at, budget)
    start = len(text) if found != found else max(0, whole(at, budget))
    wanted = text_of(part, budget)
    return text.rfind(wanted, 0, min(start, len(text)) + len(wanted))


def _slice(budget: Budget, text: str, start: Any = UNDEFINED, end: Any = UNDEFINED) -> str:
    size = len(text)
    begin = _from_end(_position(budget, start, 0), size)
    return text[begin : _from_end(_position(budget, end, size), size)]


def _substring(budget: Budget, text: str, start: Any = UNDEFINED, end: Any = UNDEFINED) -> str:
    size = len(text)
    ends = [min(max(0, _position(budget, start, 0)), size), min(max(0, _position(budget, end, size)), size)]
    return text[min(ends) : max(ends)]


def _substr(budget: Budget, text: str, start: Any = UNDEFINED, length: Any = UNDEFINED) -> str:
    begin = _from_end(_position(budget, start, 0), len(text))
    return text[begin : begin + max(0, _position(budget, length, len(text)))]


def _split(budget: Budget, text: str, separator: Any = UNDEFINED, limit: Any = UNDEFINED) -> list[str]:
    if isinstance(separator, Pattern):
        from kickstart.template.dialect import patterns

        found = patterns.split(separator, text, budget)
    elif separator is UNDEFINED:
        found = [text]
    else:
        sign = text_of(separator, budget)
        found = text.split(sign) if sign else list(text)
    budget.holds(len(found))
    most = len(found) if limit is UNDEFINED else whole(limit, budget) % 2**32
    return found[:most]


def _replace(budget: Budget, text: str, old: Any, new: Any) -> str:
    from kickstart.template.dialect import patterns

    replacement = text_of(new, budget)
    if isinstance(old, Pattern):
        return patterns.replace(old, text, replacement, budget)
    wanted = text_of(old, budget)
    at = text.find(wanted)
    if at < 0:
        return text
    found = text[:at] + patterns.expand(replacement, text, at, [wanted], {}) + text[at + len(wanted) :]
    budget.makes(len(found))
    return found


def _replace_all(budget: Budget, text: str, old: Any, new: Any) -> str:
    from kickstart.template.dialect import patterns

    if isinstance(old, Pattern):
        if "g" not in old.flags:
            raise EngineError("'replaceAll' needs a regular expression with the flag g")
        return _replace(budget, text, old, new)
    wanted, replacement = text_of(old, budget), text_of(new, budget)
    count = text.count(wanted)
    budget.makes(len(text) + count * len(replacement))
    if "$" not in replacement:
        return text.replace(wanted, replacement)
    found, at = [], 0
    for _ in range(count):
        next_at = text.index(wanted, at)
        found += [text[at:next_at], patterns.expand(replacement, text, next_at, [wanted], {})]
        at = next_at + max(1, len(wanted))
    return "".join([*found, text[at:]])


def _pad(budget: Budget, text: str, length: Any, fill: Any) -> str:
    missing = whole(length, budget) - len(text)
    sign = " " if fill is UNDEFINED else text_of(fill, budget)
    if missing <= 0 or not sign:
        return ""
    if missing > _MAX_TEXT:
        raise EngineError("the padding is too long")
    budget.makes(missing)
    return (sign * (missing // len(sign) + 1))[:missing]


def _repeat(budget: Budget, text: str, times: Any = UNDEFINED) -> str:
    count = whole(times, budget)
    if count < 0 or count * len(text) > _MAX_TEXT:
        raise EngineError("the repetition is too long")
    budget.makes(count * len(text))
    return text * count


def _at(budget: Budget, items: Any, at: Any = UNDEFINED) -> Any:
    index = _position(budget, at, 0)
    index += len(items) if index < 0 else 0
    return items[index] if 0 <= index < len(items) else UNDEFINED


def _match(budget: Budget, text: str, pattern: Any) -> Any:
    from kickstart.template.dialect import patterns

    if not isinstance(pattern, Pattern):
        pattern = Pattern(text_of(pattern, budget), "")
    return patterns.match(pattern, text, budget)


def _search(budget: Budget, text: str, pattern: Any) -> int:
    from kickstart.template.dialect import patterns

    if not isinstance(pattern, Pattern):
        pattern = Pattern(text_of(pattern, budget), "")
    return patterns.search(pattern, text, budget)


_TEXT: dict[str, tuple[int, int, Method]] = {
    "charAt": (0, 1, _char_at),
    "charCodeAt": (0, 1, _char_code_at),
    "concat": (0, _MANY, _concat),
    "endsWith": (1, 2, _ends_with),
    "includes": (1, 2, _includes),
    "indexOf": (1, 2, _index_of),
    "lastIndexOf": (1, 2, _last_index_of),
    "replace": (2, 2, _replace),
    "slice": (0, 2, _slice),
    "split": (0, 2, _split),
    "startsWith": (1, 2, _starts_with),
    "substring": (0, 2, _substring),
    "toLowerCase": (0, 0, lambda budget, text: lower(text)),
    "toUpperCase": (0, 0, lambda budget, text: text.upper()),
    "trim": (0, 0, lambda budget, text: text.strip(SPACE)),
    "trimEnd": (0, 0, lambda budget, text: text.rstrip(SPACE)),
    "trimStart": (0, 0, lambda budget, text: text.lstrip(SPACE)),
    # Only Nunjucks, up to Backstage's backend 4.0.2, has the following; today's portals refuse them.
    "at": (0, 1, _at),
    "match": (1, 1, _match),
    "padEnd": (1, 2, lambda budget, text, size, fill=UNDEFINED: text + _pad(budget, text, size, fill)),
    "padStart": (1, 2, lambda budget, text, size, fill=UNDEFINED: _pad(budget, text, size, fill) + text),
    "repeat": (0, 1, _repeat),
    "replaceAll": (2, 2, _replace_all),
    "search": (1, 1, _search),
    "substr": (0, 2, _substr),
    "toString": (0, 0, lambda budget, text: text),
}


def lower(text: str) -> str:
    """Return `text` in lower case; a final sigma is JavaScript's affair, and Python's, alike."""
    return text.lower()


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _to_radix(budget: Budget, value: float, radix: Any = UNDEFINED) -> str:
    base = _position(budget, radix, 10)
    if not 2 <= base <= 36:
        raise EngineError("a radix must be between 2 and 36")
    if base == 10 or not math.isfinite(value):
        return number_text(value)
    rest, digits = abs(int(value)), ""
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    fraction = abs(value) - abs(int(value))
    # As many digits as tell this double from its neighbours.
    delta = max(0.5 * (math.nextafter(abs(value), math.inf) - abs(value)), 5e-324)
    if fraction >= delta:
        digits += "."
        while fraction >= delta:
            fraction, delta = fraction * base, delta * base
            digit, fraction = int(fraction), fraction - int(fraction)
            if (fraction > 0.5 or (fraction == 0.5 and digit % 2)) and fraction + delta > 1:
                digit, fraction = digit + 1, 0.0
            digits += _DIGITS[min(digit, base - 1)]
    return ("-" if value < 0 else "") + digits


def _written(how: str, budget: Budget, value: float, digits: Any = UNDEFINED) -> str:
    """Write a number with a given number of digits."""
    from kickstart.template.dialect import decimals  # few templates need it

    wanted = None if digits is UNDEFINED else whole(digits, budget)
    ways = {"fixed": decimals.fixed, "precision": decimals.precision, "exponential": decimals.exponential}
    return ways[how](value, wanted) if math.isfinite(value) else number_text(value)


_NUMBER: dict[str, tuple[int, int, Method]] = {
    "toExponential": (0, 1, lambda budget, value, *given: _written("exponential", budget, value, *given)),
    "toFixed": (0, 1, lambda budget, value, *given: _written("fixed", budget, value, *given)),
    "toPrecision": (0, 1, lambda budget, value, *given: _written("precision", budget, value, *given)),
    "toString": (0, 1, _to_radix),
}


def _list_index(budget: Budget, items: list[Any], wanted: Any, at: Any = UNDEFINED) -> int:
    start = _from_end(_position(budget, at, 0), len(items))
    budget.spend(len(items))
    return next((i for i in range(start, len(items)) if strictly_equal(items[i], wanted)), -1)


def _list_last_index(budget: Budget, items: list[Any], wanted: Any, at: Any = UNDEFINED) -> int:
    start = _position(budget, at, len(items) - 1)
    start = min(start, len(items) - 1) if start >= 0 else len(items) + start
    budget.spend(len(items))
    return next((i for i in range(start, -1, -1) if strictly_equal(items[i], wanted)), -1)


def _list_includes(budget: Budget, items: list[Any], wanted: Any, at: Any = UNDEFINED) -> bool:
    if isinstance(wanted, float) and wanted != wanted:
        return any(isinstance(item, float) and item != item for item in items)
    return _list_index(budget, items, wanted, at) >= 0


def _list_concat(budget: Budget, items: list[Any], *others: Any) -> list[Any]:
    found = list(items)
    for other in others:
        found += other if isinstance(other, list) else [other]
        budget.holds(len(found))
    return found


def _list_join(budget: Budget, items: list[Any], separator: Any = UNDEFINED) -> str:
    sign = "," if separator is UNDEFINED else text_of(separator, budget)
    budget.makes(len(sign) * len(items))
    found = sign.join([printed(item, budget) for item in items])
    budget.makes(len(found))
    return found


def _list_slice(budget: Budget, items: list[Any], start: Any = UNDEFINED, end: Any = UNDEFINED) -> list[Any]:
    size = len(items)
    budget.spend(size)
    begin = _from_end(_position(budget, start, 0), size)
    return items[begin : _from_end(_position(budget, end, size), size)]


def _list_flat(budget: Budget, items: list[Any], depth: Any = UNDEFINED) -> list[Any]:
    levels = max(0, _position(budget, depth, 1))
    found: list[Any] = []
    for item in items:
        budget.spend()
        found += _list_flat(budget, item, levels - 1) if levels and isinstance(item, list) else [item]
        budget.holds(len(found)) if len(found) > budget.ITEMS else None
    return found


def _list_push(budget: Budget, items: list[Any], *more: Any) -> int:
    _refuse_cycle(budget, items, more)
    items.extend(more)
    budget.spend(1)
    if len(items) > budget.ITEMS:
        budget.holds(len(items))
    return len(items)


def _list_unshift(budget: Budget, items: list[Any], *more: Any) -> int:
    _refuse_cycle(budget, items, more)
    items[:0] = more
    budget.holds(len(items))
    return len(items)


def _refuse_cycle(budget: Budget, owner: list[Any], values: Any) -> None:
    pending = list(values)
    while pending:
        value = pending.pop()
        budget.spend()
        if value is owner:
            raise EngineError("a list cannot be put into itself")
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())


def _list_pop(budget: Budget, items: list[Any]) -> Any:
    return items.pop() if items else UNDEFINED


def _list_shift(budget: Budget, items: list[Any]) -> Any:
    budget.spend(len(items) >> 4)
    return items.pop(0) if items else UNDEFINED


def _list_splice(
    budget: Budget, items: list[Any], start: Any = UNDEFINED, count: Any = UNDEFINED, *more: Any
) -> list[Any]:
    if start is UNDEFINED:
        return []
    _refuse_cycle(budget, items, more)
    begin = _from_end(whole(start, budget), len(items))
    size = len(items) - begin if count is UNDEFINED else max(0, whole(count, budget))
    removed = items[begin : begin + size]
    items[begin : begin + size] = more
    budget.holds(len(items))
    return removed


def _list_reverse(budget: Budget, items: list[Any]) -> list[Any]:
    budget.spend(len(items))
    items.reverse()
    return items


def _list_sort(budget: Budget, items: list[Any]) -> list[Any]:
    budget.spend(len(items) * 4)
    texts = [(item is UNDEFINED, "" if item is UNDEFINED else text_of(item, budget)) for item in items]
    order = sorted(range(len(items)), key=texts.__getitem__)
    items[:] = [items[index] for index in order]
    return items


def _list_fill(
    budget: Budget, items: list[Any], value: Any, start: Any = UNDEFINED, end: Any = UNDEFINED
) -> list[Any]:
    _refuse_cycle(budget, items, [value])
    size = len(items)
    begin = _from_end(_position(budget, start, 0), size)
    stop = _from_end(_position(budget, end, size), size)
    items[begin:stop] = [value] * max(0, stop - begin)
    return items


def _list_copy_within(
    budget: Budget, items: list[Any], target: Any, start: Any = UNDEFINED, end: Any = UNDEFINED
) -> list[Any]:
    size = len(items)
    to = _from_end(whole(target, budget), size)
    begin = _from_end(_position(budget, start, 0), size)
    moved = items[begin : _from_end(_position(budget, end, size), size)][: size - to]
    items[to : to + len(moved)] = moved
    return items


_LIST: dict[str, tuple[int, int, Method]] = {
    "at": (1, 1, _at),
    "concat": (0, _MANY, _list_concat),
    "copyWithin": (1, 3, _list_copy_within),
    "fill": (1, 3, _list_fill),
    "flat": (0, 1, _list_flat),
    "includes": (1, 2, _list_includes),
    "indexOf": (1, 2, _list_index),
    "join": (0, 1, _list_join),
    "lastIndexOf": (1, 2, _list_last_index),
    "pop": (0, 0, _list_pop),
    "push": (0, _MANY, _list_push),
    "reverse": (0, 0, _list_reverse),
    "shift": (0, 0, _list_shift),
    "slice": (0, 2, _list_slice),
    "sort": (0, 0, _list_sort),
    "splice": (0, _MANY, _list_splice),
    "unshift": (0, _MANY, _list_unshift),
    "toString": (0, 0, lambda budget, items: text_of(items, budget)),
}


def _jinja_pop(budget: Budget, items: list[Any], at: Any = UNDEFINED) -> Any:
    if at is UNDEFINED:
        return _list_pop(budget, items)
    index = whole(at, budget)
    index += len(items) if index < 0 else 0
    return items.pop(index) if 0 <= index < len(items) else UNDEFINED


def _jinja_insert(budget: Budget, items: list[Any], at: Any, value: Any) -> list[Any]:
    return _list_splice(budget, items, whole(at, budget), 0, value)


def _jinja_remove(budget: Budget, items: list[Any], value: Any) -> list[Any]:
    index = _list_index(budget, items, value)
    return [items.pop(index)] if index >= 0 else []


# What Nunjucks' Jinja compatibility adds, for `cookiecutterCompat`.
_JINJA_LIST: dict[str, tuple[int, int, Method]] = {
    "append": (1, 1, _list_push),
    "count": (1, 1, lambda budget, items, value: sum(strictly_equal(item, value) for item in items)),
    "find": (1, 1, _list_index),
    "index": (1, 1, _list_index),
    "insert": (2, 2, _jinja_insert),
    "pop": (0, 1, _jinja_pop),
    "remove": (1, 1, _jinja_remove),
}

_RECORD: dict[str, tuple[int, int, Method]] = {
    "get": (1, 2, lambda budget, pairs, key, default=UNDEFINED: pairs.get(text_of(key, budget), default)),
    "has_key": (1, 1, lambda budget, pairs, key: text_of(key, budget) in pairs),
    "items": (0, 0, lambda budget, pairs: [list(pair) for pair in pairs.items()]),
    "keys": (0, 0, lambda budget, pairs: list(pairs)),
    "values": (0, 0, lambda budget, pairs: list(pairs.values())),
}


def _pattern_test(budget: Budget, pattern: Pattern, text: Any) -> bool:
    from kickstart.template.dialect import patterns

    return patterns.test(pattern, text_of(text, budget), budget)


_PATTERN: dict[str, tuple[int, int, Method]] = {"test": (1, 1, _pattern_test)}
