"""Backstage's two steps: a repository is made, and filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import NAME, OWNER, Cli, LocalForge, fetch, page, write_template
from tests.github.fake import FakeGithub, Fault
from tests.github.support import PASSWORD, SECRET, create

URL = "github.com?owner=${{ parameters.owner }}&repo=${{ parameters.name }}"
MADE: dict[str, Any] = {
    "repoUrl": URL,
    "description": "Answers\nquestions",
    "topics": ["rag"],
    "secrets": {"TOKEN": "${{ secrets.password }}"},
}


def template(folder: Path, *, push: bool = True) -> Path:
    steps: list[dict[str, Any]] = [{"id": "make", "action": "github:repo:create", "input": MADE}]
    if push:
        steps.append({"id": "fill", "action": "github:repo:push", "input": {"repoUrl": URL}})
    return write_template(folder, [fetch(), *steps], page(name=NAME, owner=OWNER, password=PASSWORD))


def test_a_repository_is_made_and_then_filled(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    made = template(tmp_path / "x")

    done = create(cli, made)
    written = github.writes()
    again = create(cli, made)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert "created  empty repository acme/demo\ncreated  repository acme/demo\n" in done.err
    assert "demo is unchanged" in again.out
    assert github.writes() == written
    repo = github.repositories["acme/demo"]
    assert (repo.description, repo.topics) == ("Answers questions", ["rag"])
    assert github.secret("acme/demo", "TOKEN") == SECRET
    assert list(repo.protection) == ["main"]
    assert github.heads()["acme/demo"]


def test_a_repository_of_two_steps_is_one_of_the_project(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    create(cli, template(tmp_path / "x"))

    shown = cli("status", "demo", "-o", "json").json
    gone = cli("delete", "demo", "--yes")

    assert [each["repository"] for each in shown["repositories"]] == ["acme/demo"]
    assert (gone.code, gone.err) == (0, "archived  repository acme/demo\n")


def test_one_that_is_not_filled_says_so(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    made = template(tmp_path / "x", push=False)

    done = create(cli, made)
    unfilled = github.repositories["acme/demo"].description
    again = create(cli, made)
    filled = create(cli, template(tmp_path / "y"))

    assert unfilled == "kickstart is publishing the project demo here: Answers questions"
    assert (done.code, again.code, filled.code) == (0, 0, 0), done.err + again.err + filled.err
    assert "demo is unchanged" in again.out
    assert github.repositories["acme/demo"].description == "Answers questions"
    assert github.heads()["acme/demo"]


def test_others_may_use_its_workflows(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    asked = {"repoUrl": URL, "workflowAccess": "organization", "autoInit": True}
    made = write_template(
        tmp_path / "x",
        [
            fetch(),
            {"id": "make", "action": "github:repo:create", "input": asked},
            {"id": "fill", "action": "github:repo:push", "input": {"repoUrl": URL}},
        ],
    )

    done, again = create(cli, made), create(cli, made)
    github.repositories["acme/demo"].workflow_access = "none"
    undone = create(cli, made, "--dry-run")

    assert (done.code, again.code) == (0, 0), done.err
    assert "demo is unchanged" in again.out
    assert "(settings: workflow access)" in undone.out


def test_a_setting_that_was_undone_is_made_again(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    made = template(tmp_path / "x")
    create(cli, made)
    github.repositories["acme/demo"].description = "changed"

    planned = create(cli, made, "--dry-run")
    done = create(cli, made)

    assert "update  empty repository acme/demo (settings: description)" in planned.out
    assert done.code == 0
    assert github.repositories["acme/demo"].description == "Answers questions"
    assert "demo is unchanged" in create(cli, made).out


def test_a_create_whose_answer_was_lost_is_recognised(
    cli: Cli, github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kickstart.tools.github.retry.time.sleep", lambda seconds: None)
    github.faults = [Fault("POST /orgs/acme/repos", 502, after=True)]

    done = create(cli, template(tmp_path / "x"))

    assert done.code == 0, done.err
    assert github.heads()["acme/demo"]


def test_one_of_somebody_else_is_a_conflict(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    github.add("acme", "demo", {"README.md": b"x"})

    done = create(cli, template(tmp_path / "x"))

    assert done.code == 5
    assert "empty repository acme/demo: was not made by kickstart" in done.err
    assert github.writes() == []


def test_on_a_local_forge_it_appears_when_it_is_filled(
    cli: Cli, local_forge: LocalForge, tmp_path: Path
) -> None:
    made = template(tmp_path / "x")

    planned = cli("create", "demo", "--template", made, "--dry-run")
    done = cli("create", "demo", "--template", made)

    forge = f"the local forge {local_forge.folder}"
    assert f"unchanged  empty repository acme/demo ({forge} has it when it is filled)" in planned.out
    assert done.code == 0
    assert set(local_forge.commits()) == {"demo.git"}
