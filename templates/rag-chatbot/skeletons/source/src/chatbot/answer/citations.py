"""Citations are made here, not believed: a number that belongs to no passage never reaches a reader."""

from __future__ import annotations

import re

MARK = re.compile(r"\s?\[\s*(\d{1,3}(?:\s*,\s*\d{1,3})*)\s*\]")
# A piece of text that may still become a mark when more of it arrives.
OPEN = re.compile(r"\s?\[?[\d\s,]{0,16}$")


class CitationFilter:
    """Passes streamed text on, drops marks out of range, and remembers the numbers it let through."""

    def __init__(self, passages: int) -> None:
        self.passages = passages
        self.cited: set[int] = set()
        self.held = ""

    def feed(self, text: str) -> str:
        """The part of the text so far that is certain."""
        text = self.held + text
        bracket = text.rfind("[")
        start = len(text)
        if bracket >= 0 and OPEN.match(text[bracket:]):
            start = bracket
        # The space before a mark belongs to it: without the mark it would be left over.
        if start and text[start - 1].isspace():
            start -= 1
        self.held = text[start:]
        return MARK.sub(self._check, text[:start])

    def finish(self) -> str:
        held, self.held = self.held, ""
        return MARK.sub(self._check, held)

    def _check(self, mark: re.Match[str]) -> str:
        numbers = [int(number) for number in mark[1].split(",")]
        valid = [number for number in numbers if 1 <= number <= self.passages]
        self.cited.update(valid)
        space = " " if mark[0][0].isspace() else ""
        return space + "".join(f"[{number}]" for number in valid) if valid else ""
