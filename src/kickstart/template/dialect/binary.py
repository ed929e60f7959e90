"""Telling binary files from text as Backstage does, so that the same files are rendered."""

from __future__ import annotations

import re

_LOOKED_AT = 512  # bytes
_RESERVE = 3  # more of them may end the last character
_TEXT_MARKS = (
    b"\xef\xbb\xbf",
    b"\0\0\xfe\xff",
    b"\xff\xfe\0\0",
    b"\x84\x31\x95\x33",
    b"\xfe\xff",
    b"\xff\xfe",
)
_SUSPICIOUS = 10  # per cent of the bytes that make a file binary
_LEAST = 32  # bytes before a judgement
_DOUBTFUL = re.compile(rb"[^\x07-\x0e\x20-\x7f]")  # what plain text has not


def is_binary(content: bytes) -> bool:
    """Tell whether a portal copies a file of `content` as it is."""
    head = content[: _LOOKED_AT + _RESERVE]
    size = min(len(head), _LOOKED_AT)
    # The mark of UTF-32 begins like that of UTF-16; both mean text. A PDF is looked at in between.
    if not head or head.startswith(_TEXT_MARKS[:4]):
        return False
    if head.startswith(b"%PDF-"):
        return True
    if head.startswith(_TEXT_MARKS[4:]):
        return False
    if not _DOUBTFUL.search(head):
        return False
    suspicious = 0
    at = 0
    while at < size:
        byte = head[at]
        if byte == 0:
            return True
        if not (7 <= byte <= 14 or 32 <= byte <= 127):
            length = _character(head, at)
            if length:
                at += length
                continue
            # The byte after a broken start is not looked at again.
            at += 1 if 0xC0 <= byte <= 0xF7 and at + _followers(byte) < len(head) else 0
            suspicious += 1
            if at >= _LEAST and suspicious * 100 / size > _SUSPICIOUS:
                return True
        at += 1
    return suspicious * 100 / size > _SUSPICIOUS or (suspicious > 1 and _is_protobuf(head[:size]))


def _followers(byte: int) -> int:
    return 1 if byte <= 0xDF else 2 if byte <= 0xEF else 3


def _character(head: bytes, at: int) -> int:
    """Return the length of the character of several bytes that starts at `at`, or 0."""
    if not 0xC0 <= head[at] <= 0xF7:
        return 0
    length = _followers(head[at]) + 1
    rest = head[at + 1 : at + length]
    return length if len(rest) == length - 1 and all(0x80 <= byte <= 0xBF for byte in rest) else 0


def _is_protobuf(content: bytes) -> bool:
    """Tell whether `content` reads as messages of Protocol Buffers, the last one perhaps cut off."""
    at, messages = 0, 0
    while True:
        at, tag = _varint(content, at)
        kind = tag & 7
        if kind == 0:
            at, _ = _varint(content, at)
        elif kind == 2:
            at, length = _varint(content, at)
            at += length
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 2
        elif at <= len(content):
            return False
        if at > len(content):
            return messages > 0
        messages += 1


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return where a number ends and what it is; an end beyond `content` says that it is cut off."""
    value, beyond = 0, len(content) + 1
    for index in range(11):
        if at + index >= len(content):
            return beyond, value | 0x7F << 7 * index
        byte = content[at + index]
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return at + index + 1, value
    return beyond, value
