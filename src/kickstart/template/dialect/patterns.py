"""JavaScript's regular expressions, run by the `regex` library with a time limit.

Without the flag `u`, a pattern matches UTF-16 units, which is what texts are made of here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import regex

from kickstart.template.dialect.values import SPACE, Budget, Pattern
from kickstart.template.language import UNDEFINED, EngineError, LimitError

_SECONDS = 2.0  # for one search; an honest one takes thousandths
_SPACES = re.escape(SPACE)
_ESCAPES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACES}
_BOUNDARY = r"(?<=[A-Za-z0-9_])"
_WORD_EDGE = rf"(?:{_BOUNDARY}(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_]))"
_NO_EDGE = rf"(?:{_BOUNDARY}(?=[A-Za-z0-9_])|(?<![A-Za-z0-9_])(?![A-Za-z0-9_]))"
_QUANTIFIER = re.compile(r"\{\d+(,\d*)?\}")
_GROUP = re.compile(r"\(\?(?::|=|!|<=|<!|<([A-Za-z_$][\w$]*)>)")
_NAMED = re.compile(r"\\k<([A-Za-z_$][\w$]*)>")


def check(source: str, flags: str) -> None:
    """Raise EngineError when a regular expression is not one."""
    _compiled(source, flags)


@lru_cache(maxsize=256)
def _compiled(source: str, flags: str) -> Any:
    options = regex.V0
    options |= regex.IGNORECASE if "i" in flags else 0
    options |= regex.MULTILINE if "m" in flags else 0
    try:
        return regex.compile(_translated(source, multiline="m" in flags), options)
    except (regex.error, RecursionError, OverflowError, IndexError) as error:
        raise EngineError(f"/{source[:80]}/ is no regular expression: {error}") from error


def _translated(source: str, *, multiline: bool) -> str:
    """Write a pattern of JavaScript as one of `regex`."""
    out: list[str] = []
    at = 0
    groups = len(re.findall(r"(?<!\\)\((?!\?(?!<[A-Za-z_$]))", source))
    while at < len(source):
        sign = source[at]
        if sign == "[":
            text, at = _class(source, at)
            out.append(text)
            continue
        if sign == "\\":
            text, at = _escape(source, at, groups)
            out.append(text)
            continue
        if sign == "(":
            group = _GROUP.match(source, at)
            if group:
                out.append(f"(?P<{group[1]}>" if group[1] else group[0])
                at = group.end()
                continue
        if sign == "{" and not _QUANTIFIER.match(source, at):
            out.append(r"\{")
        elif sign == ".":
            out.append("[^\n\r\u2028\u2029]")
        elif sign == "$":
            out.append(r"(?=[\n\r\u2028\u2029]|\Z)" if multiline else r"\Z")
        elif sign == "^":
            out.append("(?<=\\A|[\n\r\u2028\u2029])" if multiline else r"\A")
        elif sign in "#&~" or sign.isspace():
            out.append("\\" + sign)
        else:
            out.append(sign)
        at += 1
        # `a++` repeats possessively to `regex`, and nothing at all to JavaScript.
        if sign in "*+?}" and source[at : at + 1] == "+":
            raise EngineError("nothing to repeat")
    return "".join(out)


def _class(source: str, at: int) -> tuple[str, int]:
    """Translate `[...]`."""
    at += 1
    negated = source[at : at + 1] == "^"
    at += negated
    out: list[str] = []
    excluded: list[str] = []
    while at < len(source) and source[at] != "]":
        sign = source[at]
        if sign != "\\":
            out.append(
                "\\" + sign if sign in "[&~|#^" or (sign == "-" and source[at + 1 : at + 2] in "[]") else sign
            )
            at += 1
            continue
        code = source[at + 1 : at + 2]
        if code in _ESCAPES:
            out.append(_ESCAPES[code])
            at += 2
        elif code in {"D", "W", "S"}:
            excluded.append(_ESCAPES[code.lower()])
            at += 2
        elif code == "b":
            out.append("\\x08")
            at += 2
        else:
            text, at = _escape(source, at, 0)
            out.append(text)
    if at >= len(source):
        raise EngineError("a class of a regular expression has no end")
    inside = "".join(out)
    parts = ([f"[{inside}]"] if inside else []) + [f"[^{each}]" for each in excluded]
    if not parts:
        return (r"[\s\S]" if negated else "(?!)"), at + 1
    if negated:
        return f"(?:(?!{'|'.join(parts)})[\\s\\S])" if excluded else f"[^{inside}]", at + 1
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})", at + 1


def _escape(source: str, at: int, groups: int) -> tuple[str, int]:
    """Translate what begins with a backslash, outside a class; in one, `groups` is 0."""
    code = source[at + 1 : at + 2]
    if not code:
        raise EngineError("a regular expression ends with a backslash")
    if code in _ESCAPES:
        return f"[{_ESCAPES[code]}]", at + 2
    if code in {"D", "W", "S"}:
        return f"[^{_ESCAPES[code.lower()]}]", at + 2
    if code in {"b", "B"}:
        return (_WORD_EDGE if code == "b" else _NO_EDGE), at + 2
    if code in "tnrvf":
        return "\\" + code, at + 2
    named = _NAMED.match(source, at)
    if named:
        return f"(?P={named[1]})", named.end()
    for pattern in (r"\\x([0-9a-fA-F]{2})", r"\\u([0-9a-fA-F]{4})"):
        found = re.compile(pattern).match(source, at)
        if found:
            return re.escape(chr(int(found[1], 16))), found.end()
    control = re.compile(r"\\c([A-Za-z])").match(source, at)
    if control:
        return re.escape(chr(ord(control[1]) % 32)), control.end()
    digits = re.compile(r"\\([1-9]\d*)").match(source, at)
    if digits and int(digits[1]) <= groups:
        return f"(?:\\{digits[1]})", digits.end()
    if code == "0":
        return "\\x00", at + 2
    return re.escape(code), at + 2


def _found(pattern: Pattern, text: str, at: int, budget: Budget) -> Any:
    """Return the first match from `at` on, or None. Raises LimitError when it takes too long."""
    compiled = _compiled(pattern.source, pattern.flags)
    budget.spend(1)
    try:
        search = compiled.match if "y" in pattern.flags else compiled.search
        return search(text, at, timeout=_SECONDS)
    except TimeoutError as error:
        raise LimitError(f"{pattern} takes longer than {_SECONDS:.0f} seconds") from error


def _parts(match: Any) -> list[Any]:
    return [match[0], *(UNDEFINED if group is None else group for group in match.groups())]


def replace(pattern: Pattern, text: str, replacement: str, budget: Budget) -> str:
    """Return `text` with the first match replaced, or all with the flag g."""
    out: list[str] = []
    done = at = 0
    while at <= len(text) and (match := _found(pattern, text, at, budget)):
        made = expand(replacement, text, match.start(), _parts(match), match.groupdict())
        budget.makes(len(made) + match.start() - done)
        out += [text[done : match.start()], made]
        done = match.end()
        at = done if match.end() > match.start() else done + 1
        if "g" not in pattern.flags:
            break
    return "".join([*out, text[done:]])


def expand(replacement: str, text: str, start: int, parts: list[Any], names: dict[str, Any]) -> str:
    """Return a replacement with `$1`, `$&`, `$<name>` and their like filled in."""
    if "$" not in replacement:
        return replacement
    end = start + len(parts[0])

    def filled(found: re.Match[str]) -> str:
        sign = found[1]
        if sign == "$":
            return "$"
        if sign == "&":
            return str(parts[0])
        if sign == "`":
            return text[:start]
        if sign == "'":
            return text[end:]
        if sign[0] == "<":
            name = sign[1:-1]
            return found[0] if not names else str(names.get(name) or "")
        for size in (2, 1):
            digits = sign[:size]
            if len(digits) == size and 0 < int(digits) < len(parts):
                group = parts[int(digits)]
                return ("" if group is UNDEFINED else str(group)) + sign[size:]
        return found[0]

    return re.sub(r"\$(\$|&|`|'|<[^>]*>|\d\d?)", filled, replacement)


def split(pattern: Pattern, text: str, budget: Budget) -> list[Any]:
    """Return the parts between matches, with what groups caught in between."""
    anywhere = Pattern(pattern.source, pattern.flags.replace("y", ""))
    if not text:
        return [] if _found(anywhere, text, 0, budget) else [text]
    found: list[Any] = []
    done = at = 0
    while at < len(text) and (match := _found(anywhere, text, at, budget)):
        if match.start() >= len(text):
            break
        if match.end() == done or match.end() == match.start() == done:
            at += 1
            continue
        found += [text[done : match.start()], *_parts(match)[1:]]
        budget.holds(len(found)) if len(found) > budget.ITEMS else None
        done = match.end()
        at = done if match.end() > match.start() else done + 1
    return [*found, text[done:]]


def match(pattern: Pattern, text: str, budget: Budget) -> Any:
    """Return the parts of the first match, or with the flag g all matches; None without one."""
    if "g" not in pattern.flags:
        found = _found(pattern, text, 0, budget)
        return _parts(found) if found else None
    all_found: list[Any] = []
    at = 0
    while at <= len(text) and (found := _found(pattern, text, at, budget)):
        all_found.append(found[0])
        at = found.end() if found.end() > found.start() else found.end() + 1
    return all_found or None


def search(pattern: Pattern, text: str, budget: Budget) -> int:
    """Return where the first match is, or -1."""
    found = _found(pattern, text, 0, budget)
    return found.start() if found else -1


def test(pattern: Pattern, text: str, budget: Budget) -> bool:
    """Tell whether there is a match; with g or y, from where the last one ended."""
    keeps = "g" in pattern.flags or "y" in pattern.flags
    found = _found(pattern, text, pattern.last, budget) if pattern.last <= len(text) else None
    if keeps:
        pattern.last = found.end() if found else 0
    return bool(found)
