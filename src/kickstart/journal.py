"""What kickstart did for a project, as JSON lines. It is a memory: it decides nothing.

Each line is flushed by itself, so that a killed run leaves at most one torn line, which is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from msgspec import Struct

from kickstart.errors import RemoteError

VERSION = 1


class Journal(Struct, frozen=True):
    """An open journal, whose project no other run can touch meanwhile."""

    _stream: TextIO

    def record(self, event: str, **fields: Any) -> None:
        """Append one event. Never pass a secret."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        line = json.dumps({"version": VERSION, "at": now, "event": event, **fields}, ensure_ascii=False)
        self._stream.write(line + "\n")
        self._stream.flush()


def file_of(folder: Path, project: str) -> Path:
    """Return the journal's file for `project` below the state folder."""
    return folder / "journal" / f"{project}.jsonl"


@contextmanager
def opened(folder: Path, project: str) -> Iterator[Journal]:
    """Open the journal of `project` for appending, and keep other runs of the project away.

    Raises RemoteError while another run has it.
    """
    file = file_of(folder, project)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("a+", encoding="utf-8") as stream:
        _lock(stream, project)
        stream.seek(0, os.SEEK_END)
        if stream.tell() and not _ends_with_newline(file):
            stream.write("\n")  # closes the torn line of a killed run
        yield Journal(stream)


def read(folder: Path, project: str) -> list[dict[str, Any]]:
    """Return all events of `project`, oldest first. Torn and foreign lines are left out."""
    try:
        content = file_of(folder, project).read_bytes()
    except FileNotFoundError:
        return []
    events = []
    for line in content.split(b"\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if (
            isinstance(event, dict)
            and event.get("version") == VERSION
            and isinstance(event.get("event"), str)
        ):
            events.append(event)
    return events


def last_planned(folder: Path, project: str) -> dict[str, Any] | None:
    """Return the newest `planned` event of `project`."""
    planned = [event for event in read(folder, project) if event["event"] == "planned"]
    return planned[-1] if planned else None


def _lock(stream: TextIO, project: str) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: the last run to write wins, as with any file there
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RemoteError(
            f"another run of kickstart is working on '{project}'", hint="wait for it, then run this again"
        ) from error


def _ends_with_newline(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
