"""Cuts parsed text into passages that fit the embedding model and keep their heading and page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

MAX_WORDS = 150  # about 200 tokens: below the 256 that the built-in model reads
MAX_CHARS = 1200  # for scripts without spaces and for lines that are no sentences
SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+|\n{2,}")


class Block(NamedTuple):
    """A stretch of a document under one heading on one page."""

    text: str
    heading: str = ""
    page: int | None = None


class Chunk(NamedTuple):
    """One passage. The passages of a document, in order, are the whole document without overlap."""

    ordinal: int
    heading: str
    page: int | None
    text: str

    @property
    def embedded(self) -> str:
        """What the vector is made of: the heading often holds the only mention of the subject."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


def chunks(blocks: list[Block]) -> list[Chunk]:
    """Pack whole sentences up to the limit; never across a heading or a page."""
    result: list[Chunk] = []
    for (heading, page), group in groupby(blocks, key=lambda block: (block.heading, block.page)):
        text = "\n\n".join(block.text.strip() for block in group)
        for piece in _pack(text):
            result.append(Chunk(len(result), heading, page, piece))
    return result


def sentences(text: str) -> list[str]:
    """Split at sentence ends and blank lines."""
    parts, start = [], 0
    for match in SENTENCE_END.finditer(text):
        parts.append(text[start : match.end()])
        start = match.end()
    parts.append(text[start:])
    return [part for part in parts if part.strip()]


def _pack(text: str) -> Iterator[str]:
    current, words = "", 0
    for sentence in _short(sentences(text)):
        count = len(sentence.split())
        if current and (words + count > MAX_WORDS or len(current) + len(sentence) > MAX_CHARS):
            yield current.strip()
            current, words = "", 0
        current += sentence
        words += count
    if current.strip():
        yield current.strip()


def _short(parts: list[str]) -> Iterator[str]:
    """Cut what is longer than a passage at a space near the limit, or at the limit itself."""
    for part in parts:
        while len(part) > MAX_CHARS or len(part.split()) > MAX_WORDS:
            head = " ".join(part.split(" ")[:MAX_WORDS])[:MAX_CHARS]
            end = len(head) if len(head) < MAX_CHARS else (head.rfind(" ") + 1 or MAX_CHARS)
            yield part[:end]
            part = part[end:]
        if part.strip():
            yield part
