"""Standard streams that outlast their readers."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Lasting:
    """A stream whose reader may go away, or whose file may be full: what is printed then is lost, no more.

    A run that changes something goes on, as it does without a terminal. lost: why; empty for a pipe, whose
    reader has read what it wanted.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = ""

    def write(self, text: str) -> int:
        """Write to the stream, while it takes it."""
        return self._attempt(self._stream.write, text) or 0

    def flush(self) -> None:
        """Flush the stream, while it takes it."""
        self._attempt(self._stream.flush)

    def _attempt(self, act: Callable[..., Any], *given: Any) -> Any:
        try:
            return act(*given)
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.lost = self.lost or error.strerror or str(error)
            # What is still in the buffer goes there as well, also when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def lasting() -> Iterator[Lasting]:
    """Have the standard streams last for a while, those that are closed too; gives standard output."""
    before = sys.stdout, sys.stderr
    # A process that was started without them has None there.
    out, err = (Lasting(each if each is not None else open(os.devnull, "w")) for each in before)  # noqa: SIM115, PTH123 - pathlib would take longer than --version
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    for each in before:
        if isinstance(each, io.TextIOWrapper):  # that of the locale need not have every character
            each.reconfigure(errors="backslashreplace")
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
