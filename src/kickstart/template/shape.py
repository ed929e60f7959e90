"""The shape of a template: its tags, with a stand-in for each text between them.

Compiling is the cost of a render, and what a template compiles to depends on its texts only as
constants. So one compilation serves every file of the same shape, as most files of a large
skeleton are, and a text that is edited leaves the compiled templates as they are.
"""

from __future__ import annotations

import re
from types import CodeType
from typing import Any

SIGN = "\ufdef"  # a code point that is no character: it marks a stand-in
_STAND_IN = re.compile(f"{SIGN}(\\d+){SIGN}")
_OPENING = re.compile(r"\$\{\{|\{%|\{#")
_RAW = re.compile(r"\{%[-+]?\s*raw\b")
# Tags that end where they seem to: those with braces or escapes inside are left to the compiler.
_QUOTED = r"""'[^'\\]*+'|"[^"\\]*+\""""
_TAG = re.compile(
    rf"""(\{{\#.*?\#\}}|\$\{{\{{(?:[^{{}}'"]|{_QUOTED})*+\}}\}}|\{{%(?:[^{{}}'"%]|%(?!\}})|{_QUOTED})*+%\}})""",
    re.DOTALL,
)


def split(source: str) -> tuple[str, list[str]]:
    """Return the shape of `source` and its texts, without the blanks around them.

    Blanks and line ends beside a tag belong to the shape, since tags can remove them. Where it is not
    plain to see which parts are texts, the shape is `source` itself and there are no texts.
    """
    parts = _TAG.split(source)
    if SIGN in source or any(map(_OPENING.search, parts[::2])) or any(map(_RAW.match, parts[1::2])):
        return source, []
    texts: list[str] = []
    for index in range(0, len(parts), 2):
        part = parts[index]
        text = part.strip()
        if text:
            start = part.index(text)
            parts[index] = f"{part[:start]}{SIGN}{len(texts)}{SIGN}{part[start + len(text) :]}"
            texts.append(text)
    return "".join(parts), texts


def fill(code: CodeType, texts: list[str]) -> CodeType:
    """Return the code of a shape with `texts` in the place of their stand-ins."""
    return code.replace(co_consts=_filled(code.co_consts, texts))


def _filled(constant: Any, texts: list[str]) -> Any:
    if isinstance(constant, str):
        if SIGN not in constant:
            return constant
        return _STAND_IN.sub(lambda found: texts[int(found.group(1))], constant)
    if isinstance(constant, CodeType):
        return fill(constant, texts)
    if isinstance(constant, tuple):
        # Of a list, since Python keeps thousands of the tuples that grew out of a generator.
        return tuple([_filled(each, texts) for each in constant])
    return constant
