"""Writing YAML as a portal's `catalog:write` does: block style, lines of eighty columns, few quotes.

The widths, the order in which a style is chosen, and where a line is broken are those of the library that
Backstage writes with, so that the same entity is the same file.
"""

from __future__ import annotations

import re
from typing import Any

from kickstart.template.dialect.filters import dump as as_json
from kickstart.template.dialect.values import Budget, from_units, number_text, record, to_units

_WIDTH = 80
_LEAST = 20  # columns that a line has for its text, however deep it stands
_LEAST_LINES = 40  # characters from which on a text in double quotes has lines of its own
_STEP = "  "
_BLANK = frozenset({"", " ", "\t", "\n"})

_NEEDS_ESCAPES = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
)
_NOT_PLAIN = re.compile(
    r"""^[\n\t ,\[\]{}#&*!|>'"%@`]|^[?-]\Z|^[?-][ \t]|[\n:][ \t]|[ \t]\n|[\n\t ]#|[\n\t :]\Z"""
)
# What a reader would take for something else than text.
_OTHER = re.compile(
    r"~?|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)"
)
_DOCUMENT_MARK = re.compile(r"^(?:---|\.\.\.)", re.MULTILINE)
_ESCAPES = {"00": "\\0", "07": "\\a", "0b": "\\v", "1b": "\\e"}


def dump(value: Any) -> str:
    """Return a JSON value as YAML with one newline at its end."""
    return from_units(_node(value, "", None)) + "\n"


def _node(value: Any, indent: str, used: int | None) -> str:
    """Return a value. used: columns that its first line has already, if it is a scalar in a mapping."""
    if isinstance(value, dict) and value:
        pairs = record(value).items()
        return f"\n{indent}".join([_pair(key, item, indent) for key, item in pairs])
    if isinstance(value, list) and value:
        return f"\n{indent}".join([f"- {_node(item, indent + _STEP, None)}" for item in value])
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str):
        return _text(to_units(value), indent, used)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return number_text(value)


def _pair(key: str, value: Any, indent: str) -> str:
    inner = indent + _STEP
    shown = _key(to_units(key)) + ":"
    if isinstance(value, dict | list) and value:
        return f"{shown}\n{inner}{_node(value, inner, None)}"
    text = _node(value, inner, len(shown) + 1)
    return shown + text if text.startswith("\n") else f"{shown} {text}"


def _key(key: str) -> str:
    """Return a key, which stands in one line."""
    plain = not (_NEEDS_ESCAPES.search(key) or "\n" in key or _NOT_PLAIN.search(key) or _OTHER.fullmatch(key))
    if plain:
        return key
    if '"' in key and "'" not in key and "\n" not in key and not _NEEDS_ESCAPES.search(key):
        return f"'{key}'"
    return _escaped(key)


def _text(text: str, indent: str, used: int | None) -> str:
    if _NEEDS_ESCAPES.search(text):
        return _double_quoted(text, indent, used)
    if "\n" in text:
        return _block(text, indent, used)
    if _NOT_PLAIN.search(text) or _OTHER.fullmatch(text):
        return _quoted(text, indent, used)
    return _folded(text, indent, "flow", used)


def _quoted(text: str, indent: str, used: int | None) -> str:
    if '"' in text and "'" not in text and not re.search(r"[ \t]\n|\n[ \t]", text):
        single = "'" + re.sub(r"\n+", lambda found: f"{found[0]}\n{indent}", text) + "'"
        return _folded(single, indent, "flow", used)
    return _double_quoted(text, indent, used)


def _double_quoted(text: str, indent: str, used: int | None) -> str:
    return _folded(_escaped(text, indent), indent, "quoted", used)


def _escaped(text: str, indent: str | None = None) -> str:
    """Return `text` in double quotes. indent: of further lines, if there may be any."""
    whole = str(as_json(Budget(), text))

    def shown(found: re.Match[str]) -> str:
        if found[2]:
            return _ESCAPES.get(found[2], f"\\x{found[2]}")
        if not found[1]:
            return "\\ " if found[0] == " " else found[0]
        is_last = found.end() == len(whole) - 1
        ends = len(found[1]) // 2 - is_last
        if indent is None or len(whole) < _LEAST_LINES or not ends:
            return found[0]
        after = "\\n" if is_last else "\\" * (whole[found.end()] == " ")
        return "\n" * (ends + 1) + indent + after

    # A blank before the end of a line has to be escaped, or it would be lost when the line is read.
    return re.sub(r" (?=\\n)|((?:\\n)+)|\\(?:u00([0-9a-f]{2})|.)", shown, whole)


def _block(text: str, indent: str, used: int | None) -> str:
    """Return text of several lines, each on its own; folded, where one of them is too long."""
    if re.search(r"\n[\t ]+\Z", text):
        return _quoted(text, indent, used)
    indent = indent or (_STEP if _DOCUMENT_MARK.search(text) else "")
    body = text.rstrip("\n\t ")
    end = text[len(body) :]
    chomp = "-" if "\n" not in end else "+" if not body or end.index("\n") != len(end) - 1 else ""
    if end.endswith("\n"):
        end = end[:-1]
    end = re.sub(r"\n+(?!\n|\Z)", lambda found: found[0] + indent, end)
    blanks = re.match(r"[ \n]*", body)
    leading = blanks[0] if blanks else ""
    header = ("2" if indent else "1") * (" " in leading) + chomp
    start = leading[: leading.rfind("\n") + 1]
    body = body[len(start) :]
    start = re.sub(r"\n+", lambda found: found[0] + indent, start)
    if any(len(line) > _WIDTH - len(indent) for line in text.split("\n")):
        folded = re.sub(r"\n+", lambda found: "\n" + found[0], body)
        # Lines that begin with a blank are not folded, nor are the empty ones around them.
        folded = re.sub(
            r"(?:^|\n)([\t ][^\n\u2028\u2029]*)(?:([\n\t ]*)\n(?![\n\t ]))?",
            lambda found: found[1] + (found[2] or ""),
            folded,
        )
        folded = re.sub(r"\n+", lambda found: found[0] + indent, folded)
        made = _broken(f"{start}{folded}{end}", indent, "block", len(indent))
        if made is not None:
            return f">{header}\n{indent}{made}"
    body = re.sub(r"\n+", lambda found: found[0] + indent, body)
    return f"|{header}\n{indent}{start}{body}{end}"


def _folded(text: str, indent: str, mode: str, used: int | None) -> str:
    """Break a text in quotes, or without any, where it is wider than a line."""
    return _broken(text, indent, mode, used) or text


def _broken(text: str, indent: str, mode: str, used: int | None) -> str | None:
    """Break a text at single blanks, where a line of it is wider than it may be.

    mode: what is done with a line in which no blank helps: "flow" leaves it as long as it is, "quoted"
    breaks it with a backslash, and for a "block" None is returned, since then it is not folded.
    """
    step = max(1 + _LEAST, 1 + _WIDTH - len(indent))
    if len(text) <= step:
        return text
    start, split, end = 0, -1, _WIDTH - len(indent)
    pieces: list[str] = []
    lead = ""
    if used is not None and used > _WIDTH - _LEAST:
        lead = f"\n{indent}"
    elif used is not None:
        end = _WIDTH - used
    at = -1
    if mode == "block":
        at = _end_of_deeper_lines(text, -1, len(indent))
        end = at + step if at != -1 else end
    previous = ""
    escape_start = escape_end = cut = -1
    while (at := at + 1) < len(text):
        sign = text[at]
        if mode == "quoted" and sign == "\\":
            escape_start = at
            at += {"x": 3, "u": 5}.get(text[at + 1 : at + 2], 1)
            escape_end = at
        if sign == "\n":
            if mode == "block":
                at = _end_of_deeper_lines(text, at, len(indent))
            end, split = at + len(indent) + step, -1
        elif sign == " " and previous not in _BLANK and text[at + 1 : at + 2] not in _BLANK:
            split = at
        if sign != "\n" and at >= end:
            if split > 0:
                pieces.append(text[start:split])
                start, end, split = split + 1, split + step, -1
            elif mode == "quoted":
                while previous in {" ", "\t"}:
                    at += 1
                    previous, sign = sign, text[at : at + 1]
                last, cut = cut, at - 2 if at > escape_end + 1 else escape_start - 1
                if cut == last:
                    return text
                pieces.append(text[start : cut + 1] + "\\")
                start, end, split = cut + 1, cut + step, -1
            elif mode == "block":
                return None
        previous = sign
    return lead + f"\n{indent}".join([*pieces, text[start:]])


def _end_of_deeper_lines(text: str, at: int, indent: int) -> int:
    """Return where the lines after `at` end that begin with blanks behind their indentation."""
    while True:
        head = text[at + 1 : at + 2 + indent]
        if len(head) <= indent or head.strip(" \t"):
            return at
        end = text.find("\n", at + 2 + indent)
        at = len(text) if end == -1 else end
