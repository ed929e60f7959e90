from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Cli, LocalForge, commit_all, git
from tests.github.fake import FakeGithub, Fault
from tests.github.support import create


def change(git_dir: Path, clone: Path, branch: str = "main") -> None:
    """Change one file, delete one and add one, as a team does."""
    git("clone", "--quiet", git_dir, clone)
    (clone / "README.md").write_text("ours now\n")
    (clone / "empty").unlink()
    (clone / "new.txt").write_text("new\n")
    commit_all(clone)
    git("-C", clone, "push", "--quiet", "origin", branch)


def test_what_was_just_created_is_as_it_was_rendered(cli: Cli, two: Path, local_forge: LocalForge) -> None:
    cli("create", "demo", "--template", two)

    done = cli("status", "demo")

    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:2] == [
        "ours      acme/demo: as it was rendered",
        "ours      acme/demo-gitops: as it was rendered",
    ]
    assert lines[2].startswith("The last run, of 20")
    assert lines[2].endswith(", was completed")


def test_what_a_team_changed_is_listed(cli: Cli, two: Path, local_forge: LocalForge, tmp_path: Path) -> None:
    cli("create", "demo", "--template", two)
    change(local_forge.path("demo"), tmp_path / "clone")

    done = cli("status", "demo", "--output", "json")
    text = cli("status", "demo").out

    first = done.json["repositories"][0]
    assert (first["state"], first["commits"]) == ("ours", 1)
    assert first["files"] == [
        {"path": "README.md", "change": "update"},
        {"path": "empty", "change": "delete"},
        {"path": "new.txt", "change": "create"},
    ]
    assert first["template"]["name"] == "small"
    assert "ours      acme/demo: 1 commit since it was rendered, 3 files differ\n    ~ README.md\n" in text


def test_after_an_update_it_is_compared_with_what_that_rendered(
    cli: Cli, two: Path, local_forge: LocalForge, tmp_path: Path
) -> None:
    cli("create", "demo", "--template", two)
    repository, clone = local_forge.path("demo"), tmp_path / "clone"
    digest = cli("status", "demo", "--output", "json").json["repositories"][0]["digest"]
    git(f"--git-dir={repository}", "update-ref", f"refs/kickstart/rendered/{digest[7:]}", "main")
    git("clone", "--quiet", repository, clone)
    (clone / ".kickstart.yaml").write_text((clone / ".kickstart.yaml").read_text() + "# merged\n")
    (clone / "new.txt").write_text("the team's\n")
    commit_all(clone)
    git("-C", clone, "push", "--quiet", "origin", "main")

    done = cli("status", "demo", "--output", "json")

    first = done.json["repositories"][0]
    assert first["commits"] == 0
    assert [each["path"] for each in first["files"]] == [".kickstart.yaml", "new.txt"]


def test_the_end_of_a_run_is_told_also_after_a_deletion(cli: Cli, two: Path, local_forge: LocalForge) -> None:
    cli("create", "demo", "--template", two)
    cli("delete", "demo", "--yes")

    assert ", was completed" in cli("status", "demo").out


@pytest.mark.parametrize("command", ["status", "delete"])
def test_an_owner_that_nobody_can_be_is_told(cli: Cli, command: str) -> None:
    done = cli(command, "demo", "--owner", "../..")

    assert done.code == 2
    assert "the owner '../..' " in done.err


def test_a_repository_of_somebody_else_and_one_that_is_gone_are_told(
    cli: Cli, two: Path, local_forge: LocalForge
) -> None:
    cli("create", "demo", "--template", two)
    cli("create", "other", "--template", two)
    git("-C", local_forge.folder / "acme", "init", "--quiet", "--bare", "x")
    local_forge.path("demo").rename(local_forge.path("gone"))
    local_forge.path("other").rename(local_forge.path("demo"))
    local_forge.path("demo-gitops").rename(local_forge.path("gone-gitops"))

    done = cli("status", "demo")

    assert done.code == 0
    assert done.out.splitlines()[:2] == [
        "foreign   acme/demo: belongs to the project other",
        "absent    acme/demo-gitops",
    ]


def test_a_project_that_nobody_knows_is_an_error(cli: Cli, local_forge: LocalForge) -> None:
    done = cli("status", "nothing", "--owner", "acme")

    assert done.code == 2
    assert "there is no project 'nothing'" in done.err
    assert "looked for acme/nothing, acme/nothing-gitops" in done.err


def test_a_project_of_another_machine_is_found_by_its_owner(
    cli: Cli, two: Path, local_forge: LocalForge, home: Path
) -> None:
    cli("create", "demo", "--template", two)
    (home / "state/journal/demo.jsonl").unlink()

    done = cli("status", "demo", "--owner", "acme", "--output", "json")

    assert [each["state"] for each in done.json["repositories"]] == ["ours", "ours"]
    assert done.json["lastRun"] is None


def test_a_run_that_failed_is_told_with_its_error(cli: Cli, two: Path, github: FakeGithub) -> None:
    github.faults = [Fault("POST /orgs/acme/repos", 422, "Validation Failed", number=5)]
    create(cli, two)

    done = cli("status", "demo", "--output", "json")

    assert done.json["forge"] == f"github:{github.url}"
    assert [each["state"] for each in done.json["repositories"]] == ["absent", "absent"]
    assert done.json["lastRun"]["outcome"] == "failed"
    assert "Validation Failed" in done.json["lastRun"]["error"]


def test_on_github_too(cli: Cli, two: Path, github: FakeGithub, tmp_path: Path) -> None:
    create(cli, two)
    change(github.repositories["acme/demo"].git_dir, tmp_path / "clone")
    written = github.writes()

    done = cli("status", "demo")

    assert done.code == 0
    assert "ours      acme/demo: 1 commit since it was rendered, 3 files differ" in done.out
    assert github.writes() == written


@pytest.mark.parametrize("where", ["journal", "flags"])
def test_where_it_looks(cli: Cli, two: Path, github: FakeGithub, local_forge: LocalForge, where: str) -> None:
    create(cli, two)
    more = () if where == "journal" else ("--forge", "local", "--owner", "acme")

    done = cli("status", "demo", "--output", "json", *more)

    states = {each["state"] for each in json.loads(done.out)["repositories"]}
    assert states == ({"ours"} if where == "journal" else {"absent"})
