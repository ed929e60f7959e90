"""From text to tokens: first the parts of a template, then the words of one expression.

Every oddity here is Backstage's: a tag ends where its quotes say so, `#}` outside a comment is an
error, `-` takes all white space with it, and a raw block has rules of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from kickstart.template.dialect.values import SPACE
from kickstart.template.language import EngineError

CODE_SPACE = " \t\n\r\xa0"
_OPENINGS = {False: r"\$\{\{|\{%|\{#|#\}", True: r"\{\{|\{%|\{#|#\}"}
_KINDS = {"{%": "block", "{#": "comment", "{{": "variable", "${{": "variable"}
_CLOSINGS = {"block": "%}", "comment": "#}", "variable": "}}"}
# What a tag's end is not looked for in: quoted text, names (a regular expression after `r`), numbers.
INERT = re.compile(
    r""""(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)|[0-9]*[A-Za-z_][A-Za-z0-9_]*|[0-9]+""", re.S
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RAW = frozenset({"raw", "verbatim"})
_NEWLINE = re.compile(r"\r?\n")

_WORD = re.compile(
    r"[ \t\n\r\xa0]+|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+(?:\.[0-9]*)?)"
    r"""|(?P<quote>["'])|(?P<sign>===|!==|\*\*|//|==|!=|<=|>=|[()\[\]{}.,:|~+\-*/%<>=])"""
)
_PROPERTY = re.compile(r"[0-9]*[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_ADVICE = {"&": "; write 'and'", "!": "; write 'not'", "?": "; write A if CONDITION else B"}
_MAX_PATTERN = 16_384  # characters; Backstage's own bound


class Piece(Struct, frozen=True):
    """Text, or the inside of a tag. `line` is 1-based; `shown` is the tag as it was written."""

    kind: str
    text: str
    line: int
    shown: str = ""


class Word(Struct, frozen=True):
    """A word of an expression. kind: name, number, text, pattern, sign or end."""

    kind: str
    text: str
    flags: str = ""


class Spelling(Struct, frozen=True):
    """What shapes scanning. compat: `{{ }}` and the additions of cookiecutter compatibility."""

    compat: bool = False
    trim_blocks: bool = False
    lstrip_blocks: bool = False


def pieces(source: str, spelling: Spelling) -> Iterator[Piece]:
    """Yield the texts and tags of a template, without its comments. Raises EngineError with the line."""
    openings = re.compile(_OPENINGS[spelling.compat])
    at, line = 0, 1
    text, text_line = "", 1
    while True:
        opening = openings.search(source, at)
        start = opening.start() if opening else len(source)
        text_line = text_line if text else line
        text += source[at:start]
        line += source.count("\n", at, start)
        if opening is None:
            break
        sign, inside = opening[0], opening.end()
        if sign == "#}":
            raise EngineError("the end of a comment that has no start", line, "#}")
        kind = _KINDS[sign]
        if kind == "block" and spelling.lstrip_blocks:
            text = _without_indent(text, source, start)
        if source.startswith("-", inside):
            inside += 1
            text = text.rstrip(SPACE)
        if text:
            yield Piece("text", text, text_line)
            text = ""
        closing = _CLOSINGS[kind]
        try:
            end = source.find(closing, inside) if kind == "comment" else _end_of(source, inside, closing)
        except EngineError as error:
            raise EngineError(error.message, line, _first_line(source[start:])) from error
        if end < 0:
            raise EngineError(f"'{sign}' has no '{closing}'", line, _first_line(source[start:]))
        trims = source[end - 1] == "-"
        content = source[inside : end - 1 if trims else end].lstrip(CODE_SPACE)
        at = end + len(closing)
        shown = source[start:at]
        name = _NAME.match(content) if kind == "block" else None
        is_raw = name is not None and name[0] in _RAW
        if name and is_raw:
            if content[name.end() :].strip(CODE_SPACE):
                raise EngineError(f"'{name[0]}' takes nothing", line, shown)
            begin = _after_newline(source, at) if spelling.trim_blocks else at
            stop = _raw_end(source, begin, name[0], line, shown)
            text, text_line = source[begin : stop.start()], line + source.count("\n", start, begin)
            at = stop.end()
        elif kind != "comment":
            yield Piece(kind, content if kind == "variable" else content.rstrip(CODE_SPACE), line, shown)
        if trims:
            at = _after_space(source, at)
        elif kind == "block" and spelling.trim_blocks and not is_raw:
            at = _after_newline(source, at)
        line += source.count("\n", start, at)
    if text:
        yield Piece("text", text, text_line)


def _without_indent(text: str, source: str, start: int) -> str:
    """Drop the blanks between the line's start and a block tag, if nothing else is there."""
    if source[source.rfind("\n", 0, start) + 1 : start].strip(SPACE):
        return text
    newline = text.rfind("\n")
    return text if text[newline + 1 :].strip(SPACE) else text[: newline + 1]


def _end_of(source: str, at: int, closing: str) -> int:
    """Return where a tag ends, outside quotes and regular expressions; -1 when it does not."""
    end = source.find(closing, at)
    inside = source[at:end]
    if end >= 0 and not ('"' in inside or "'" in inside or "r/" in inside):
        return end  # nothing in it hides an end
    size = len(source)
    while at < size:
        if source.startswith(closing, at):
            return at
        inert = INERT.match(source, at)
        if inert is None:
            at += 1
        elif inert[0] == "r" and source.startswith("/", inert.end()):
            at = pattern(source, at)[2]
        else:
            at = inert.end()
    return -1


def _raw_end(source: str, at: int, name: str, line: int, shown: str) -> re.Match[str]:
    markers = re.compile(rf"\{{%[{SPACE}]*(end)?{name}[{SPACE}]*%\}}")
    depth = 1
    for marker in markers.finditer(source, at):
        depth += -1 if marker[1] else 1
        if depth == 0:
            if "\n" in marker[0]:
                raise EngineError(f"'end{name}' may not have a line's end in it", line, shown)
            return marker
    raise EngineError(f"there is no {{% end{name} %}}", line, shown)


def _after_space(source: str, at: int) -> int:
    return len(source) - len(source[at:].lstrip(SPACE)) if at < len(source) else at


def _after_newline(source: str, at: int) -> int:
    found = _NEWLINE.match(source, at)
    return found.end() if found else at


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:80]


def split_tag(content: str) -> tuple[str, str]:
    """Split the inside of a block tag into its name and the rest."""
    found = _NAME.match(content)
    return (found[0], content[found.end() :].strip(CODE_SPACE)) if found else ("", content)


def words(source: str) -> list[Word]:
    """Split an expression. Raises EngineError."""
    found: list[Word] = []
    at = 0
    while at < len(source):
        after_dot = bool(found) and found[-1] == Word("sign", ".")
        name = _PROPERTY.match(source, at) if after_dot else None
        match = name or _WORD.match(source, at)
        if match is None:
            raise EngineError(f"{source[at]!r} is not part of the language{_ADVICE.get(source[at], '')}")
        kind = "name" if name else match.lastgroup
        if kind == "quote":
            text, at = _quoted(source, at)
            found.append(Word("text", text))
            continue
        if kind == "name" and match[0] == "r" and source.startswith("/", match.end()):
            text, flags, at = pattern(source, at)
            found.append(Word("pattern", text, flags))
            continue
        if kind == "number" and source[match.end() : match.end() + 1].isidentifier():
            raise EngineError(f"'{source[at : match.end() + 1]}' is not a number")
        if kind == "sign" and match[0] == "." and source[at + 1 : at + 2].isdigit() and not _ends(found):
            raise EngineError("a number has to begin with a digit")
        if kind:
            found.append(Word(kind, match[0]))
        at = match.end()
    found.append(Word("end", ""))
    return found


def _ends(found: list[Word]) -> bool:
    """Tell whether the last word can end a value, so that a dot after it leads to a property."""
    return bool(found) and (found[-1].kind != "sign" or found[-1].text in {")", "]", "}"})


def _quoted(source: str, at: int) -> tuple[str, int]:
    quote = source[at]
    found: list[str] = []
    at += 1
    while at < len(source):
        sign = source[at]
        if sign == quote:
            return "".join(found), at + 1
        if sign == "\\":
            at += 1
            sign = _ESCAPES.get(source[at : at + 1], source[at : at + 1])
        found.append(sign)
        at += 1
    raise EngineError("a quoted text has no end")


def pattern(source: str, at: int) -> tuple[str, str, int]:
    """Return source, flags and end of the `r/.../flags` at `at`."""
    start = at + 2
    slashes = 0
    for index in range(start, len(source)):
        sign = source[index]
        if sign == "\\":
            slashes += 1
            continue
        if sign == "/":
            if slashes == 0:
                flags = ""
                end = index + 1
                while source[end : end + 1] and source[end] in "gimy":
                    if source[end] in flags:
                        raise EngineError("a regular expression has one flag twice")
                    flags += source[end]
                    end += 1
                if source[end : end + 1].isascii() and source[end : end + 1].isalpha():
                    raise EngineError(f"a regular expression has no flag '{source[end]}'")
                return source[start:index], flags, end
            if slashes % 2 == 0:
                raise EngineError("a regular expression ends ambiguously")
        slashes = 0
        if index - start > _MAX_PATTERN:
            raise EngineError("a regular expression is too long")
    raise EngineError("a regular expression has no end")
