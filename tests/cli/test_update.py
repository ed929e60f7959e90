"""Updates: what a newer template makes, merged with what the team has changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kickstart import marker
from tests.cli.support import Cli, Result, clone, commit_all, git_in, make_template, process, wrap_git

README = b"# ${{ values.name }}\n\n${{ values.greeting }}\n\nBuild it.\n\nRun it.\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template of two repositories, of which this test can change the files."""
    folder = make_template(tmp_path / "template")
    (folder / "source" / "README.md").write_bytes(README)
    (folder / "source" / "start.sh").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def source(cli: Cli, template: Path, forge: Path) -> Path:
    """The source repository of the project `demo`, published from the template."""
    assert cli("create", "demo", "-t", template, "--owner", "acme").code == 0
    return forge / "acme" / "demo.git"


@pytest.fixture
def team(source: Path, tmp_path: Path) -> Path:
    """A clone of it in which the team works."""
    return clone(source, tmp_path / "team")


def _push(team: Path, **files: str | None) -> None:
    for name, text in files.items():
        path = team / name.replace("_", ".")
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    commit_all(team)
    git_in(team, "push", "--quiet")


def _branches(repository: Path) -> list[str]:
    return git_in(
        repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/kickstart"
    ).splitlines()


def _proposed(repository: Path, path: str) -> str:
    (branch,) = _branches(repository)
    return git_in(repository, "show", f"{branch}:{path}")


def _json(cli: Cli, *more: str | Path, name: str = "demo") -> dict[str, object]:
    loaded: dict[str, object] = cli("update", name, *more, "-o", "json").json
    return loaded


def test_without_anything_new_nothing_is_written(cli: Cli, source: Path) -> None:
    before = git_in(source, "for-each-ref")

    updated, checked = cli("update", "demo"), cli("update", "demo", "--check")

    assert (updated.code, updated.out) == (0, "acme/demo is unchanged.\nacme/demo-gitops is unchanged.\n")
    assert (checked.code, checked.out) == (0, "Everything is as the newest template makes it.\n")
    assert git_in(source, "for-each-ref") == before


def test_what_is_new_comes_to_what_the_team_has_on_a_branch(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _push(team, README_md="# demo\n\nhello\n\nBuild it.\n\nRun it with care.\n", own_txt="ours\n")
    before = git_in(source, "rev-parse", "main")
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))
    (template / "source" / "start.sh").chmod(0o755)
    (template / "source" / "new.txt").write_text("new\n")
    (template / "source" / "app.txt").unlink()

    done = cli("update", "demo", "-o", "json")

    first, second = done.json["updates"]
    assert (done.code, done.json["outcome"], second["outcome"]) == (0, "proposed", "unchanged")
    assert git_in(source, "rev-parse", "main") == before
    (branch,) = _branches(source)
    assert (first["branch"], first["commit"]) == (branch, git_in(source, "rev-parse", branch))
    assert git_in(source, "rev-parse", f"{branch}^") == before
    assert _proposed(source, "README.md") == "# demo\n\nhello\n\nBuild it twice.\n\nRun it with care."
    listed = git_in(source, "ls-tree", "-r", branch).splitlines()
    assert [line.split()[0] + " " + line.split()[3] for line in listed] == [
        "100644 .kickstart.yaml",
        "100644 README.md",
        "100644 new.txt",
        "100644 own.txt",
        "100755 start.sh",
    ]
    assert [file["path"] for file in first["files"]] == [
        ".kickstart.yaml",
        "README.md",
        "app.txt",
        "new.txt",
        "start.sh",
    ]


def test_proposed_before_it_is_unchanged_and_so_it_is_when_merged(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _push(team, own_txt="ours\n")
    (template / "source" / "start.sh").write_text("#!/bin/sh\nexec true\n")
    cli("update", "demo")
    before = git_in(source, "for-each-ref")

    again = cli("update", "demo")
    git_in(team, "pull", "--quiet", "origin", _branches(source)[0])
    git_in(team, "push", "--quiet")
    merged = cli("update", "demo", "--check")

    assert "Update to pair 1.2.3 was proposed before." in again.out
    assert (again.code, merged.code) == (0, 0)
    assert git_in(source, "for-each-ref", "refs/heads/kickstart") in before


@pytest.mark.parametrize("how", ["merged", "squashed"])
def test_the_next_update_starts_where_the_last_one_ended(
    how: str, cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _push(team, README_md=README.decode().replace("Run it.", "Run it with care."))
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))
    _json(cli)
    git_in(team, "fetch", "--quiet")
    if how == "merged":
        git_in(team, "merge", "--quiet", "--no-ff", "-m", "merge", f"origin/{_branches(source)[0]}")
    else:
        git_in(team, "merge", "--quiet", "--squash", f"origin/{_branches(source)[0]}")
        git_in(team, "commit", "--quiet", "-m", "squashed")
    git_in(team, "push", "--quiet", "origin", "main", f":{_branches(source)[0]}")
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it thrice."))

    done = cli("update", "demo")

    assert done.code == 0, done.err
    assert "Build it thrice.\n\nRun it with care." in _proposed(source, "README.md")


def _in_conflict(template: Path, team: Path) -> None:
    _push(team, README_md=README.decode().replace("Build it.", "Build it ourselves."))
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))


def test_conflicts_are_marked_listed_and_no_success(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _in_conflict(template, team)

    done = cli("update", "demo", "-o", "json")

    assert done.code == 9
    assert done.json["error"]["type"] == "MergeConflictError"
    (fault,) = done.json["error"]["faults"]
    assert fault["where"] == "acme/demo: README.md"
    assert done.json["updates"][0]["conflicts"][0]["where"] == "README.md"
    text = _proposed(source, "README.md")
    assert "<<<<<<< kickstart/team\n" in text
    assert {"Build it ourselves.", "Build it twice."} <= set(text.splitlines())
    message = git_in(source, "log", "-1", "--format=%b", _branches(source)[0])
    assert "- README.md: the same lines were changed" in message


def test_conflicts_end_when_they_are_resolved_on_the_branch(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _in_conflict(template, team)
    cli("update", "demo")
    again = cli("update", "demo")
    git_in(team, "fetch", "--quiet")
    git_in(team, "switch", "--quiet", _branches(source)[0])
    _push(team, README_md="resolved\n")

    resolved = cli("update", "demo")

    assert (again.code, resolved.code) == (9, 0)
    assert len(_branches(source)) == 1


def test_a_deleted_file_stays_deleted_unless_it_changed(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _push(team, app_txt=None, start_sh=None)
    (template / "source" / "start.sh").write_text("#!/bin/sh\nnew\n")

    done = cli("update", "demo", "-o", "json")

    (branch,) = _branches(source)
    assert done.code == 9
    assert [each["where"] for each in done.json["updates"][0]["conflicts"]] == ["start.sh"]
    assert git_in(source, "ls-tree", "-r", "--name-only", branch).split() == [
        ".kickstart.yaml",
        "README.md",
        "start.sh",
    ]


def test_parameters_can_change_at_the_same_time(cli: Cli, source: Path, team: Path) -> None:
    _push(team, own_txt="ours\n")

    done = cli("update", "demo", "--set", "greeting=good morning")

    assert done.code == 0
    assert "good morning" in _proposed(source, "README.md")
    found = marker.read((_proposed(source, ".kickstart.yaml") + "\n").encode())
    assert found is not None
    assert (found.parameters["greeting"], found.parameters["replicas"]) == ("good morning", 1)


def test_the_marker_of_the_branch_is_proved_by_what_is_kept_beside_it(
    cli: Cli, template: Path, source: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    cli("update", "demo")

    found = marker.read((_proposed(source, ".kickstart.yaml") + "\n").encode())

    assert found is not None
    kept = f"refs/kickstart/rendered/{found.digest.removeprefix('sha256:')}"
    assert git_in(source, "show", f"{kept}:start.sh") == "new"
    assert git_in(source, "rev-list", "--count", kept) == "1"
    assert git_in(source, "rev-parse", f"{kept}^{{tree}}") == git_in(
        source, "rev-parse", f"{_branches(source)[0]}^{{tree}}"
    )


def test_a_check_writes_nothing_and_says_by_its_code(cli: Cli, template: Path, source: Path) -> None:
    (template / "template.yaml").write_text(
        (template / "template.yaml").read_text().replace("1.2.3", "2.0.0")
    )
    (template / "source" / "start.sh").write_text("new\n")
    before = git_in(source, "for-each-ref")

    done = cli("update", "demo", "--check", "-o", "json")

    assert done.code == 8
    assert done.json["error"]["faults"] == [{"where": "acme/demo", "message": "1.2.3 -> 2.0.0"}]
    assert git_in(source, "for-each-ref") == before


def test_a_dry_run_shows_the_merge_and_writes_nothing(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _in_conflict(template, team)
    before = git_in(source, "for-each-ref")

    done = cli("update", "demo", "--dry-run")

    lines = [line.strip() for line in done.out.splitlines()]
    assert done.code == 9
    assert {"+<<<<<<< kickstart/team", "+Build it twice."} <= set(lines)
    assert git_in(source, "for-each-ref") == before


def test_an_update_loads_no_client_library(template: Path, source: Path) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    code = (
        "import sys; from kickstart.cli import main; code = main(['update', 'demo'])\n"
        "print([name for name in ('git', 'github', 'requests', 'rich.console') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_clone_names_the_project_and_its_one_repository(
    cli: Cli, template: Path, team: Path, tmp_path: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    (template / "gitops" / "application.yaml").write_text("new\n")

    done = _json(cli, name=str(team))
    nothing = cli("update", f"{tmp_path}/")

    assert [each["repository"] for each in done["updates"]] == ["acme/demo"]  # type: ignore[attr-defined]
    assert nothing.code == 2
    assert "is no clone of a repository that kickstart has made" in nothing.err


def _rewritten(source: Path, team: Path) -> None:
    """Squash the whole history, so that no commit holds what was rendered."""
    (team / "own.txt").write_text("ours\n")
    git_in(team, "checkout", "--quiet", "--orphan", "fresh")
    commit_all(team)
    git_in(source, "config", "receive.denyDeletes", "false")
    git_in(team, "push", "--quiet", "--force", "origin", "fresh:main")


def test_an_old_version_that_is_nowhere_can_be_named(
    cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(template, old)
    _rewritten(source, team)
    (template / "source" / "start.sh").write_text("new\n")

    nowhere = cli("update", "demo")
    wrong = cli("update", "demo", "--from", template)
    named = cli("update", "demo", "--from", old)

    assert (nowhere.code, wrong.code, named.code) == (5, 5, 0)
    assert "what acme/demo was made from cannot be had: pair, version 1.2.3" in nowhere.err
    assert "--from TEMPLATE" in nowhere.err
    assert _proposed(source, "start.sh") == "new"
    assert _proposed(source, "own.txt") == "ours"


def test_a_template_from_git_is_rendered_again_at_its_commit(
    cli: Cli, template: Path, forge: Path, tmp_path: Path
) -> None:
    commit_all(template)
    origin = template.as_uri()
    assert cli("create", "demo", "-t", origin, "--owner", "acme").code == 0
    source = forge / "acme" / "demo.git"
    _rewritten(source, clone(source, tmp_path / "work"))
    (template / "source" / "start.sh").write_text("new\n")
    commit_all(template)

    done = cli("update", "demo", "--repository", "acme/demo")

    assert done.code == 0, done.err
    assert _proposed(source, "start.sh") == "new"


def test_no_branch_is_pushed_while_another_repository_cannot_be_merged(
    cli: Cli, template: Path, source: Path, forge: Path
) -> None:
    for name in ("source/start.sh", "gitops/application.yaml"):
        (template / name).write_text("new\n")
    shutil.rmtree(forge / "acme" / "demo-gitops.git")
    before = git_in(source, "for-each-ref")

    done = cli("update", "demo")

    assert done.code == 2
    assert "there is no repository acme/demo-gitops" in done.err
    assert git_in(source, "for-each-ref") == before


def test_a_killed_update_is_made_by_the_next_one(template: Path, source: Path, tmp_path: Path) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    script = 'case "$*" in *" push "*) "$real" "$@"; kill -9 $PPID; exit 1;; esac\nexec "$real" "$@"'

    process("update", "demo", env=wrap_git(tmp_path / "bin", script))
    rerun: Result = process("update", "demo", "-o", "json")

    assert json.loads(rerun.out)["updates"][0]["outcome"] == "unchanged"
    assert len(_branches(source)) == 1


def test_commands_of_git_do_not_grow_with_the_files(
    template: Path, source: Path, forge: Path, tmp_path: Path
) -> None:
    for number in range(50):
        (template / "source" / f"{number}.txt").write_text("new\n")
    log = tmp_path / "bin" / "log"

    done = process(
        "update", "demo", env=wrap_git(tmp_path / "bin", 'echo "$*" >> "$here/log"; exec "$real" "$@"')
    )

    assert done.code == 0, done.err
    # Of the source repository: clone, what it is, objects, references, its root; two imports and a merge,
    # the commit, who makes it, the push. Of the other: clone, what it is, objects.
    assert len(log.read_text().splitlines()) <= 14
