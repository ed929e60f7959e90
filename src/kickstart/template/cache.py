"""Compiled templates, kept between runs: most of a render is compiling, not rendering.

Code objects are code. They are read only from a folder that belongs to this user and that nobody
else can write to, never from a template; the key is the source with everything that matters to
its compilation, and the file's name holds the versions of Python, Jinja2 and kickstart.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, BinaryIO

import jinja2

from kickstart import __version__, folders

_STAGED = ".pack-"
_MAX_INDEX = 64 * 2**20  # bytes; a larger one is not ours
_MAGIC = importlib.util.MAGIC_NUMBER.hex() + f"-{jinja2.__version__}-{__version__}"


class CodeCache:
    """One file of compiled templates. Without a folder it only remembers within this run."""

    def __init__(self, folder: Path | None, identity: str) -> None:
        """identity: names the template, so that each has a file of its own."""
        self._file: Path | None = None
        self._stored: _Pack | None = None
        self._hits: set[bytes] = set()
        self._new: dict[bytes, bytes] = {}
        if folder is not None:
            name = hashlib.sha256(f"{identity}\0{_MAGIC}".encode()).hexdigest()[:32]
            self._file = folder / f"{name}.pack"
            self._stored = _open(self._file)

    def code(self, dialect: str, source: str, compile_source: Callable[[], CodeType]) -> CodeType:
        """Return the code for `source` under `dialect` (settings that shape it), compiling if needed."""
        found: CodeType = self._kept(f"{dialect}\0{source}", compile_source)
        return found

    def memo(self, source: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns for `source`, remembered; it must be plain data."""
        return self._kept(f"memo\0{source}", compute)

    def save(self) -> None:
        """Keep what this run used. A folder that cannot be written costs speed, not the run."""
        if self._file is None or not self._new:
            return
        kept = {key: self._stored.read(key) for key in self._hits} if self._stored else {}
        try:
            self._file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            folders.clear_abandoned(self._file.parent, f"{_STAGED}*")
            _write(self._file, {key: blob for key, blob in {**kept, **self._new}.items() if blob})
        except OSError:
            return

    def close(self) -> None:
        """Let go of the file; what is asked for afterwards is compiled."""
        if self._stored is not None:
            self._stored.close()
            self._stored = None

    def _kept(self, source: str, compute: Callable[[], Any]) -> Any:
        key = hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=20).digest()
        blob = self._new.get(key)
        if blob is None and self._stored is not None:
            blob = self._stored.read(key)
            if blob is not None:
                self._hits.add(key)
        if blob is not None:
            return marshal.loads(blob)  # noqa: S302 - see the module's text
        value = compute()
        self._new[key] = marshal.dumps(value)
        return value


class _Pack:
    """An open cache file. Blobs are read when they are asked for, so that memory stays small."""

    def __init__(self, stream: BinaryIO, start: int, index: dict[bytes, tuple[int, int, bytes]]) -> None:
        self._stream = stream
        self._start = start
        self._index = index

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def read(self, key: bytes) -> bytes | None:
        """Return a blob, or None when it is not there or damaged: marshal would crash on it."""
        if key not in self._index:
            return None
        offset, size, checksum = self._index[key]
        self._stream.seek(self._start + offset)
        blob = self._stream.read(size)
        return blob if _checksum(blob) == checksum else None


def _checksum(blob: bytes) -> bytes:
    return hashlib.blake2b(blob, digest_size=16).digest()


def _open(file: Path) -> _Pack | None:
    try:
        if not (_is_private(file.parent) and _is_private(file)):
            return None
        stream = file.open("rb")
    except OSError:
        return None
    checksum, size = stream.read(16), int.from_bytes(stream.read(8), "big")
    index = stream.read(size) if size < _MAX_INDEX else b""
    if _checksum(index) != checksum:
        stream.close()
        return None
    return _Pack(stream, 24 + size, marshal.loads(index))  # noqa: S302 - see the module's text


def _is_private(path: Path) -> bool:
    """Tell whether only this user can change `path`, which is not a link."""
    found = os.lstat(path)
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return mine and not stat.S_ISLNK(found.st_mode) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(file: Path, blobs: dict[bytes, bytes]) -> None:
    index: dict[bytes, tuple[int, int, bytes]] = {}
    offset = 0
    for key, blob in blobs.items():
        index[key] = (offset, len(blob), _checksum(blob))
        offset += len(blob)
    head = marshal.dumps(index)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=_STAGED)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(_checksum(head) + len(head).to_bytes(8, "big") + head)
            stream.writelines(blobs.values())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink()
        raise
