"""Compiled templates, kept between runs: most of a render is compiling, not rendering.

Code objects are code. They are read only from a folder that belongs to this user and that nobody
else can write to, never from a template; the key is the whole source with everything that shapes
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
from typing import Any

import jinja2

from kickstart import __version__

_MAGIC = importlib.util.MAGIC_NUMBER.hex() + f"-{jinja2.__version__}-{__version__}"


class CodeCache:
    """One file of compiled templates. Without a folder it only remembers within this run."""

    def __init__(self, folder: Path | None, identity: str) -> None:
        """identity: names the template, so that each has a file of its own."""
        self._file: Path | None = None
        self._stored: dict[bytes, bytes] = {}
        self._used: dict[bytes, bytes] = {}
        self._missed = False
        if folder is not None:
            name = hashlib.sha256(f"{identity}\0{_MAGIC}".encode()).hexdigest()[:32]
            self._file = folder / f"{name}.pack"
            self._stored = _read(self._file)

    def code(self, dialect: str, source: str, compile_source: Callable[[], CodeType]) -> CodeType:
        """Return the code for `source` under `dialect` (settings that shape it), compiling if needed."""
        key = hashlib.blake2b(f"{dialect}\0{source}".encode(), digest_size=20).digest()
        packed = self._used.get(key) or self._stored.get(key)
        if packed is None:
            self._missed = True
            code = compile_source()
            self._used[key] = marshal.dumps(code)
            return code
        self._used[key] = packed
        loaded: CodeType = marshal.loads(packed)  # noqa: S302 - see the module's text
        return loaded

    def memo(self, source: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns for `source`, remembered; it must be plain data."""
        key = hashlib.blake2b(f"memo\0{source}".encode(), digest_size=20).digest()
        packed = self._used.get(key) or self._stored.get(key)
        if packed is None:
            self._missed = True
            packed = marshal.dumps(compute())
        self._used[key] = packed
        return marshal.loads(packed)  # noqa: S302 - see the module's text

    def save(self) -> None:
        """Keep what this run used. A folder that cannot be written costs speed, not the run."""
        if self._file is None or not self._missed:
            return
        try:
            self._file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            _write(self._file, marshal.dumps(self._used))
        except OSError:
            return


def _read(file: Path) -> dict[bytes, bytes]:
    try:
        if not (_is_private(file.parent) and _is_private(file)):
            return {}
        content = file.read_bytes()
    except OSError:
        return {}
    checksum, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != checksum:  # torn or damaged: marshal would crash on it
        return {}
    stored = marshal.loads(body)  # noqa: S302 - see the module's text
    return stored if isinstance(stored, dict) else {}


def _is_private(path: Path) -> bool:
    """Tell whether only this user can change `path`, which is not a link."""
    found = os.lstat(path)
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return mine and not stat.S_ISLNK(found.st_mode) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(file: Path, body: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".pack-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(body).digest() + body)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink()
        raise
