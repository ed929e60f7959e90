from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart import journal
from kickstart.errors import RemoteError

EVENTS = ["planned", "started", "dönë"]


def _record(folder: Path, *events: str) -> bytes:
    with journal.opened(folder, "demo") as record:
        for number, event in enumerate(events):
            record.record(event, number=number)
    return journal.file_of(folder, "demo").read_bytes()


def _events(folder: Path) -> list[str]:
    return [event["event"] for event in journal.read(folder, "demo")]


def test_events_are_read_in_their_order_with_time_and_version(tmp_path: Path) -> None:
    _record(tmp_path, *EVENTS)

    events = journal.read(tmp_path, "demo")

    assert [(event["version"], event["event"], event["number"]) for event in events] == [
        (1, "planned", 0),
        (1, "started", 1),
        (1, "dönë", 2),
    ]
    assert all(event["at"].startswith("20") for event in events)


def test_a_second_run_appends(tmp_path: Path) -> None:
    _record(tmp_path, "a")
    _record(tmp_path, "b")

    assert _events(tmp_path) == ["a", "b"]


def test_an_event_is_on_disk_before_the_next_thing_happens(tmp_path: Path) -> None:
    with journal.opened(tmp_path, "demo") as record:
        record.record("started")

        assert _events(tmp_path) == ["started"]


def test_a_project_without_a_journal_has_no_events(tmp_path: Path) -> None:
    assert journal.read(tmp_path, "demo") == []
    assert journal.last_planned(tmp_path, "demo") is None


def test_the_newest_plan_is_found(tmp_path: Path) -> None:
    _record(tmp_path, "planned", "done", "planned", "failed")

    last = journal.last_planned(tmp_path, "demo")

    assert last is not None
    assert last["number"] == 2


def test_each_project_has_its_own_journal(tmp_path: Path) -> None:
    _record(tmp_path, "a")

    assert journal.read(tmp_path, "demo2") == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 5000,
        b"null",
        b"[1]",
        b'{"version": 2, "event": "a"}',
        b'{"version": 1}',
        b'{"version": 1, "event": 5}',
        b'{"version": 1, "event": "torn',
    ],
)
def test_a_line_that_is_not_ours_is_left_out(tmp_path: Path, line: bytes) -> None:
    content = _record(tmp_path, "a", "b")
    first, second, _ = content.split(b"\n")
    journal.file_of(tmp_path, "demo").write_bytes(b"\n".join([first, line, second, b""]))

    assert _events(tmp_path) == ["a", "b"]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_journal_that_is_torn_at_any_byte_keeps_what_was_whole_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    content = _record(folder, *EVENTS)
    length = data.draw(st.integers(0, len(content)))
    journal.file_of(folder, "demo").write_bytes(content[:length])
    whole = sum(len(content) - len(rest) - 1 <= length for rest in _rests(content))

    assert _events(folder) == EVENTS[:whole]
    _record(folder, "next")
    assert _events(folder) == [*EVENTS[:whole], "next"]


def _rests(content: bytes) -> list[bytes]:
    """Return what follows each line."""
    lines = content.splitlines(keepends=True)
    return [b"".join(lines[number + 1 :]) for number in range(len(lines))]


def test_two_runs_of_one_project_are_kept_apart(tmp_path: Path) -> None:
    with journal.opened(tmp_path, "demo"):
        with pytest.raises(RemoteError, match="another run of kickstart is working on 'demo'"):
            _record(tmp_path, "b")
        with journal.opened(tmp_path, "other") as record:
            record.record("a")

    assert _record(tmp_path, "c").count(b"\n") == 1


def test_the_lock_of_a_killed_run_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from kickstart import journal\n"
        "with journal.opened(pathlib.Path(sys.argv[1]), 'demo') as record:\n"
        "    record.record('started'); os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    _record(tmp_path, "again")

    assert killed.returncode == 9
    assert _events(tmp_path) == ["started", "again"]


def test_a_journal_is_json_lines_that_others_can_read(tmp_path: Path) -> None:
    lines = _record(tmp_path, "dönë").decode().splitlines()

    assert [json.loads(line)["event"] for line in lines] == ["dönë"]
    assert "dönë" in lines[0]


def test_a_journal_is_private(tmp_path: Path) -> None:
    _record(tmp_path, "a")

    assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
