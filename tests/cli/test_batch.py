"""Many projects from one file: each by itself, and all of them told about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, heads, write_files, write_template


def _file(folder: Path, content: Any) -> Path:
    """Write a batch; JSON is YAML as well."""
    file = folder / "projects.yaml"
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return file


def test_every_project_is_created_and_a_second_run_finds_them(
    cli: Cli, small: Path, tmp_path: Path, forge: Path
) -> None:
    file = _file(
        tmp_path,
        {
            "defaults": {"template": str(small), "owner": "acme", "parameters": {"note": "for all"}},
            "projects": [
                "one",
                {"name": "two", "owner": "others"},
                {"name": "three", "parameters": {"note": "own"}},
            ],
        },
    )

    first, again = cli("create", "--batch", file), cli("create", "--batch", file, "-o", "json")

    assert (first.code, first.out) == (0, "created  one\ncreated  two\ncreated  three\n")
    assert list(heads(forge)) == ["acme/one.git", "acme/three.git", "others/two.git"]
    assert (again.code, again.json["kind"], again.json["outcome"]) == (0, "Batch", "unchanged")
    assert [(each["name"], each["outcome"]) for each in again.json["projects"]] == [
        ("one", "unchanged"),
        ("two", "unchanged"),
        ("three", "unchanged"),
    ]


def test_relative_paths_start_at_the_folder_of_the_file(cli: Cli, small: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "templates").symlink_to(small.parent)
    defaults = {"template": f"./templates/{small.name}", "owner": "acme", "forge": "local:../forge-here"}
    file = _file(tmp_path / "in", {"defaults": defaults, "projects": ["one"]})

    done = cli("create", "--batch", file)

    assert (done.code, done.out) == (0, "created  one\n")
    assert list(heads(tmp_path / "forge-here")) == ["acme/one.git"]


def test_one_that_fails_stops_no_other_and_a_rerun_does_what_is_missing(
    cli: Cli, small: Path, tmp_path: Path, forge: Path
) -> None:
    write_files(forge, {"acme/two.git/HEAD": b"something else\n"})
    file = _file(tmp_path, {"defaults": {"template": str(small)}, "projects": ["one", "two", "three"]})

    failed = cli("create", "--batch", file, "-o", "json")
    (forge / "acme" / "two.git" / "HEAD").unlink()
    (forge / "acme" / "two.git").rmdir()
    rerun = cli("create", "--batch", file)

    assert failed.code == 5
    assert failed.json["error"]["message"] == "1 of 3 projects could not be created"
    assert [fault["where"] for fault in failed.json["error"]["faults"]] == ["two"]
    assert [(each["outcome"], each["exitCode"]) for each in failed.json["projects"]] == [
        ("changed", 0),
        ("failed", 5),
        ("changed", 0),
    ]
    assert (rerun.code, rerun.out) == (0, "unchanged  one\ncreated  two\nunchanged  three\n")


@pytest.mark.parametrize("how", [(), ("--dry-run",)], ids=["create", "dry-run"])
def test_projects_that_would_publish_one_repository_are_told_before_anything_is_written(
    how: tuple[str, ...], cli: Cli, two: Path, tmp_path: Path, forge: Path
) -> None:
    text = f"""\
defaults: {{template: {two}, owner: acme}}
projects:
  - shop
  - {{name: wrong, parameters: {{note: 7}}}}
  - {{name: help-gitops, owner: others}}
  - shop-gitops
  - help
  - {{name: more, parameters: {{name: more}}}}
  - name: more-gitops
"""
    file = _file(tmp_path, text)

    done = cli("create", "--batch", file, "-o", "json", *how)

    assert (done.code, done.json["error"]["faults"]) == (
        2,
        [
            {
                "where": f"{file}:6",
                "message": "projects.3: 'shop-gitops' would publish acme/shop-gitops, as 'shop' does",
            },
            {
                "where": f"{file}:9",
                "message": "projects.6: 'more-gitops' would publish acme/more-gitops, as 'more' does",
            },
        ],
    )
    assert not forge.exists()


def test_repositories_of_two_forges_are_not_the_same(cli: Cli, two: Path, tmp_path: Path) -> None:
    projects = ["shop", {"name": "shop-gitops", "forge": f"local:{tmp_path}/elsewhere"}]
    file = _file(tmp_path, {"defaults": {"template": str(two), "owner": "acme"}, "projects": projects})

    done = cli("create", "--batch", file)

    assert (done.code, done.out) == (0, "created  shop\ncreated  shop-gitops\n")


def test_a_wrong_parameter_is_placed_in_the_file(cli: Cli, small: Path, tmp_path: Path) -> None:
    one = {"name": "one", "parameters": {"note": 7}}
    file = _file(tmp_path, {"defaults": {"template": str(small), "owner": "acme"}, "projects": [one]})

    failed = cli("create", "--batch", file, "-o", "json")

    [project] = failed.json["projects"]
    assert [each["where"] for each in project["error"]["faults"]] == [f"note ({file})"]


def test_to_run_it_again_is_the_answer_only_if_it_is_that_for_all(
    cli: Cli, small: Path, tmp_path: Path, home: Path
) -> None:
    import fcntl

    projects: list[Any] = ["busy", {"name": "wrong", "parameters": {"nothing": 1}}]
    (home / "state" / "journal").mkdir(parents=True)
    with (home / "state" / "journal" / "busy.jsonl").open("a") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        some = cli("create", "--batch", _file(tmp_path, {"projects": projects}), "-t", small)
        all_ = cli("create", "--batch", _file(tmp_path, {"projects": projects[:1]}), "-t", small)

    assert (some.code, all_.code) == (2, 6)


def test_everything_that_is_wrong_in_the_file_is_told_before_anything_starts(
    cli: Cli, small: Path, tmp_path: Path, forge: Path
) -> None:
    text = """\
default: {}
defaults: {name: x, owner: 1}
projects:
  - one
  - name: one
  - name: Upper
  - {name: two, paramters: {}}
  - {name: three, parameters: []}
  - 7
"""
    done = cli("create", "--batch", _file(tmp_path, text), "-t", small, "-o", "json")

    assert done.code == 2
    places = [
        fault["where"].rpartition(":")[2] + " " + fault["message"] for fault in done.json["error"]["faults"]
    ]
    assert [place.split(":")[0] for place in places] == [
        "1 default",
        "2 defaults.name",
        "2 defaults.owner",
        "5 projects.1.name",
        "6 projects.2.name",
        "7 projects.3.paramters",
        "8 projects.4.parameters",
        "9 projects.5",
        "9 projects.5.name",
    ]
    assert not forge.exists()


@pytest.mark.parametrize("text", ["", "projects: []", "projects: one", "defaults: {}"])
def test_a_batch_without_projects_is_refused(text: str, cli: Cli, tmp_path: Path) -> None:
    done = cli("create", "--batch", _file(tmp_path, text))

    assert done.code == 2
    assert "projects: must be a list of projects" in done.err


def test_a_bare_list_of_projects_is_told_what_a_batch_is(cli: Cli, tmp_path: Path) -> None:
    done = cli("create", "--batch", _file(tmp_path, "- one\n- two\n"))

    assert done.code == 2
    assert "must be a mapping of defaults and projects, and is a list" in done.err


@pytest.mark.parametrize("jobs", ["0", "33", "-1"])
def test_the_number_at_a_time_has_bounds(jobs: str, cli: Cli, tmp_path: Path) -> None:
    done = cli("create", "--batch", _file(tmp_path, "projects: [one]"), f"--jobs={jobs}")

    assert (done.code, "give a number from 1 to 32" in done.err) == (2, True)


def test_no_more_than_that_run_at_a_time(
    cli: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import threading

    running, most, lock = 0, 0, threading.Lock()
    real = subprocess.run

    def run(*given: Any, **more: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return real(*given, **more)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr("kickstart.cli.batch.subprocess.run", run)
    file = _file(tmp_path, {"projects": [f"p{number}" for number in range(5)]})

    assert cli("create", "--batch", file, "-t", small, "--jobs", "2").code == 0
    assert most == 2


def test_a_dry_run_writes_nothing_and_flags_are_for_all(
    cli: Cli, small: Path, tmp_path: Path, forge: Path
) -> None:
    file = _file(tmp_path, {"projects": [{"name": "one", "owner": "mine"}]})

    done = cli("create", "--batch", file, "-t", small, "--owner", "acme", "--dry-run", "-o", "json")

    assert (done.code, done.json["outcome"]) == (0, "planned")
    assert done.json["projects"][0]["changes"][0]["target"] == "repository acme/one"
    assert not forge.exists()


def test_parameters_are_in_no_argument(
    cli: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    commands: list[list[str]] = []
    real = subprocess.run

    def run(command: list[str], **more: Any) -> Any:
        commands.append(command)
        return real(command, **more)

    monkeypatch.setattr("kickstart.cli.batch.subprocess.run", run)
    template = "https://user:t0ken@forge.invalid/x.git"
    file = _file(
        tmp_path, {"projects": [{"name": "one", "template": template, "parameters": {"note": "s3cret"}}]}
    )
    done = cli("create", "--batch", file)

    assert done.code == 6
    assert not any(word in part for part in commands[0] for word in ("t0ken", "s3cret"))
    assert "t0ken" not in done.out + done.err


def test_a_batch_takes_no_name(cli: Cli, tmp_path: Path) -> None:
    done = cli("create", "demo", "--batch", _file(tmp_path, "projects: [one]"))

    assert done.code == 2
    assert "--batch does not go together with NAME" in done.err


def test_a_template_of_ones_own_is_found_from_here(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_template(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)

    done = cli("create", "--batch", _file(tmp_path, {"projects": [{"name": "one", "template": "./mine"}]}))

    assert done.code == 0, done.err
