"""Cuts parsed text into passages that fit the embedding model and keep their heading and page."""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

from ..errors import ParseError

MAX_WORDS = 150  # about 200 tokens of English prose
MAX_CHARS = 1200  # for scripts without spaces and for lines that are no sentences
MAX_TOKENS = 254  # the 256 that the built-in model reads, less the marks at both ends of a text
MAX_PASSAGES = 20_000  # an hour of embedding on two cores; more is a dump, not a document
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])\s*|\n{2,}")
FULL = re.compile(rf"\s*(?:\S+\s+){{{MAX_WORDS}}}")
TOKEN = re.compile(r"[\u2e80-\ud7ff]|[^\W\d_\u2e80-\ud7ff]{1,5}|\d{1,3}|[^\w\s]|_")


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
    # It says again what an earlier passage of the document says, word for word.
    repeated: bool = False

    @property
    def embedded(self) -> str:
        """What the vector is made of: the heading often holds the only mention of the subject."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


Tokens = Callable[[str], list[int]]  # where each token of a text ends


def estimated(text: str) -> list[int]:
    """Tokens as most models would see them, for one whose tokenizer is not at hand."""
    return [match.end() for match in TOKEN.finditer(text)]


def exact(tokenizer_file: str) -> Tokens:
    """Tokens by the model's own tokenizer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]


def chunks(blocks: list[Block], tokens: Tokens = estimated) -> list[Chunk]:
    """Pack whole sentences up to the limit; never across a heading or a page. Raises ParseError."""
    result: list[Chunk] = []
    known: set[str] = set()
    for (heading, page), group in groupby(blocks, key=lambda block: (block.heading, block.page)):
        room = max(MAX_TOKENS - len(tokens(heading)), MAX_TOKENS // 2)
        for text in _cut("\n\n".join(block.text.strip() for block in group), room, tokens):
            if len(result) == MAX_PASSAGES:
                raise ParseError(f"the document makes more than {MAX_PASSAGES:,} passages; split it")
            chunk = Chunk(len(result), heading, page, text)
            result.append(chunk._replace(repeated=chunk.embedded in known))
            known.add(chunk.embedded)
    return result


def sentences(text: str) -> list[str]:
    """Split at sentence ends and blank lines."""
    parts, start = [], 0
    for match in SENTENCE_END.finditer(text):
        parts.append(text[start : match.end()])
        start = match.end()
    parts.append(text[start:])
    return [part for part in parts if part.strip()]


def _cut(text: str, room: int, tokens: Tokens) -> Iterator[str]:
    """Look at no more than a passage at a time: whatever the text, that takes time in proportion to it."""
    start = 0
    while start < len(text):
        fitting = text[start : start + MAX_CHARS]
        if full := FULL.match(fitting):
            fitting = fitting[: full.end()]
        if len(ends := tokens(fitting)) > room:
            fitting = fitting[: ends[room - 1]]
        length = len(fitting) if start + len(fitting) == len(text) else _last_end(fitting)
        if passage := text[start : start + length].strip():
            yield passage
        start += length


def _last_end(text: str) -> int:
    """Where to cut: after the last sentence, else after a line or a word, else at the very end."""
    sentence = max((match.end() for match in SENTENCE_END.finditer(text)), default=0)
    return sentence or text.rfind("\n", len(text) // 2) + 1 or text.rfind(" ") + 1 or len(text)
