from __future__ import annotations

import errno
from pathlib import Path

import pytest

from kickstart import journal, run
from kickstart.actions.base import Change, Effect
from kickstart.errors import ConflictError, RemoteError
from kickstart.plan import Plan
from kickstart.tools import Tools
from tests.fakes import FakeForge, fake_tools
from tests.unit.building import plan, source, tree

THREE = ["one", "two", "three"]


@pytest.fixture
def made(tmp_path: Path) -> Plan:
    """A plan that publishes three repositories."""
    steps = [{"action": "fetch:plain", "input": {"url": "./skeleton"}}] + [
        {
            "action": "publish:github",
            "input": {"repoUrl": f"github.com?owner=acme&repo={name}", "sourcePath": name},
        }
        for name in THREE
    ]
    files = {f"skeleton/{name}/file": name for name in THREE}
    return plan(source(tmp_path / "template", steps, files=files))


@pytest.fixture
def outside() -> tuple[Tools, FakeForge]:
    tools, forge, _ = fake_tools()
    return tools, forge


def _apply(
    effects: list[Effect], tools: Tools, record: journal.Journal | None = None
) -> list[tuple[str, str, bool]]:
    pending = run.preview(effects, tools)
    run.refuse_conflicts(pending, hint="choose another name")
    return [
        (each.pending.effect.target, each.pending.change.value, each.done)
        for each in run.apply(pending, tools, record)
    ]


def test_the_forge_is_asked_once_for_all_that_is_published(
    made: Plan, outside: tuple[Tools, FakeForge]
) -> None:
    tools, _ = outside

    assert run.preflight(made.effects, tools) == ["as ada, for 3"]
    assert run.preflight([], tools) == []


def test_a_preview_only_looks(made: Plan, outside: tuple[Tools, FakeForge]) -> None:
    tools, forge = outside

    pending = run.preview(made.effects, tools)

    assert [each.change for each in pending] == [Change.CREATE] * 3
    assert (forge.writes, forge.repositories) == (0, {})


def test_effects_are_applied_in_order_and_told_before_and_after(
    made: Plan, outside: tuple[Tools, FakeForge]
) -> None:
    tools, forge = outside

    outcomes = _apply(made.effects, tools)

    assert outcomes == [
        (f"repository acme/{name}", "create", done) for name in THREE for done in (False, True)
    ]
    assert list(forge.repositories) == ["acme/one", "acme/two", "acme/three"]


def test_a_second_run_says_unchanged_and_writes_nothing(made: Plan, outside: tuple[Tools, FakeForge]) -> None:
    tools, forge = outside
    _apply(made.effects, tools)

    outcomes = _apply(made.effects, tools)

    assert outcomes == [(f"repository acme/{name}", "unchanged", True) for name in THREE]
    assert forge.writes == 3


def test_a_conflict_in_the_last_effect_stops_the_first_write(
    made: Plan, outside: tuple[Tools, FakeForge]
) -> None:
    tools, forge = outside
    forge.repositories["acme/three"] = tree({"README.md": "somebody else's"})

    with pytest.raises(ConflictError, match="nothing was written") as raised:
        _apply(made.effects, tools)

    assert [str(fault) for fault in raised.value.faults] == [
        "repository acme/three: was not made by kickstart"
    ]
    assert raised.value.hint == "choose another name"
    assert forge.writes == 0


def test_every_conflict_is_reported_at_once(made: Plan, outside: tuple[Tools, FakeForge]) -> None:
    tools, forge = outside
    forge.repositories.update({"acme/one": tree({"a": ""}), "acme/three": tree({"a": ""})})

    with pytest.raises(ConflictError) as raised:
        _apply(made.effects, tools)

    assert [fault.where for fault in raised.value.faults] == ["repository acme/one", "repository acme/three"]


@pytest.mark.parametrize("failing", THREE)
def test_a_failure_midway_leaves_the_rest_for_the_next_run(
    made: Plan, outside: tuple[Tools, FakeForge], failing: str
) -> None:
    tools, forge = outside
    forge.failing = {f"acme/{failing}"}
    before = THREE.index(failing)

    with pytest.raises(RemoteError):
        _apply(made.effects, tools)
    assert list(forge.repositories) == [f"acme/{name}" for name in THREE[:before]]
    again = _apply(made.effects, tools)

    changes = {target: change for target, change, _ in again}
    assert list(changes.values()) == ["unchanged"] * before + ["create"] * (3 - before)
    assert list(forge.repositories) == ["acme/one", "acme/two", "acme/three"]
    assert forge.writes == 3


def test_a_run_that_is_stopped_between_two_effects_goes_on_later(
    made: Plan, outside: tuple[Tools, FakeForge]
) -> None:
    tools, forge = outside

    outcomes = run.apply(run.preview(made.effects, tools), tools, None)
    assert [next(outcomes).done, next(outcomes).done] == [False, True]
    del outcomes
    assert list(forge.repositories) == ["acme/one"]

    _apply(made.effects, tools)
    assert forge.writes == 3


def test_the_journal_has_what_was_started_done_and_failed(
    tmp_path: Path, made: Plan, outside: tuple[Tools, FakeForge]
) -> None:
    tools, forge = outside
    forge.failing = {"acme/two"}

    with journal.opened(tmp_path, "demo") as record, pytest.raises(RemoteError):
        _apply(made.effects, tools, record)
    with journal.opened(tmp_path, "demo") as record:
        _apply(made.effects, tools, record)

    events = journal.read(tmp_path, "demo")
    assert [(event["event"], event["target"].removeprefix("repository acme/")) for event in events] == [
        ("started", "one"),
        ("done", "one"),
        ("started", "two"),
        ("failed", "two"),
        ("started", "two"),
        ("done", "two"),
        ("started", "three"),
        ("done", "three"),
    ]
    assert events[1]["facts"] == {"commit": forge.commits["acme/one"].id, "branch": "main"}
    assert events[3]["error"] == "acme/two: the connection was lost"


def test_an_error_of_the_machine_is_in_the_journal_without_its_text(
    made: Plan, outside: tuple[Tools, FakeForge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, forge = outside

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on hunter2")

    monkeypatch.setattr(forge, "publish", full)
    with journal.opened(tmp_path, "shop") as record, pytest.raises(OSError, match="No space left"):
        _apply(made.effects, tools, record)

    last = journal.read(tmp_path, "shop")[-1]
    assert (last["event"], last["target"]) == ("failed", "repository acme/one")
    assert last["error"] == "OSError: No space left on device"  # by its number, and not as it was told
