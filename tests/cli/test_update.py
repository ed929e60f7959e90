"""Updates: what a newer template makes, merged with what the team has changed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from kickstart import marker
from tests.cli.support import (
    MARKER,
    Cli,
    Result,
    clone,
    commit_all,
    git_in,
    make_template,
    process,
    snapshot,
    terminal,
    wrap_git,
)
from tests.cli.test_secrets import WITH_SECRET, appears_in

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


def test_an_answer_that_changes_no_file_is_known_to_all(cli: Cli, source: Path) -> None:
    gitops = source.parent / "demo-gitops.git"

    done = cli("update", "demo", "--set", "visibility=public", "-o", "json")
    again = cli("update", "demo", "--set", "visibility=public", "-o", "json")
    halfway = []
    for repository in (gitops, source):
        (branch,) = _branches(repository)
        assert git_in(repository, "diff", "--name-only", "main", branch) == ".kickstart.yaml"
        git_in(repository, "update-ref", "refs/heads/main", branch)
        looked = cli("update", "demo", "--dry-run", "-o", "json")
        halfway.append((looked.err, [each["outcome"] for each in looked.json["updates"]]))
    checked = cli("update", "demo", "--check")

    assert (done.code, [each["outcome"] for each in done.json["updates"]]) == (0, ["proposed"] * 2), done.err
    assert [each["outcome"] for each in again.json["updates"]] == ["unchanged"] * 2
    assert (checked.code, checked.out) == (0, "Everything is as the newest template makes it.\n")
    note = "Note: acme/demo-gitops was made with other answers for visibility, and goes on from there\n"
    assert halfway == [(note, ["unchanged"] * 2), ("", ["unchanged"] * 2)]
    found = marker.read(git_in(source, "show", "main:.kickstart.yaml").encode())
    assert found is not None
    assert found.parameters["visibility"] == "public"


def test_a_repository_that_is_ahead_is_not_taken_back(
    cli: Cli, template: Path, source: Path, tmp_path: Path
) -> None:
    gitops = source.parent / "demo-gitops.git"
    newer = tmp_path / "newer"
    shutil.copytree(template, newer)
    (newer / "gitops" / "application.yaml").write_text("new\n")
    work = clone(gitops, tmp_path / "work")
    assert cli("update", f"{work}/", "--template", newer).code == 0
    commit_all(work)
    git_in(work, "push", "--quiet")

    checked = cli("update", "demo", "--check")
    (newer / "gitops" / "application.yaml").write_text("newer\n")
    ahead = cli("update", "demo", "--dry-run", "-o", "json")

    assert (checked.code, checked.out) == (0, "Everything is as the newest template makes it.\n"), checked.err
    assert checked.err == f"Note: acme/demo-gitops was made with {newer}, and goes on from there\n"
    assert [each["outcome"] for each in ahead.json["updates"]] == ["unchanged", "planned"]


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


def test_an_answer_that_the_template_no_longer_asks_for_is_named(
    cli: Cli, template: Path, forge: Path
) -> None:
    create = ("create", "demo", "-t", template, "--owner", "acme", "--set", "greeting=servus")
    assert cli(*create).code == 0
    source = forge / "acme" / "demo.git"
    text = (template / "template.yaml").read_text()
    renamed = text.replace("greeting: {title", "welcome: {title").replace(".greeting", ".welcome")
    (template / "template.yaml").write_text(renamed)

    checked, done = cli("update", "demo", "--check"), cli("update", "demo", "-o", "json")
    (template / "source" / "start.sh").write_text("new\n")
    told = cli("update", "demo", "--set", "welcome=servus")

    note = (
        'Note: the template no longer asks for greeting, which was "servus"; '
        "if it has another name now, answer that: --set NAME=VALUE\n"
    )
    assert (checked.code, done.code, told.code) == (8, 0, 0)
    assert checked.err.startswith(note)
    assert [each["unasked"] for each in done.json["updates"]] == [["greeting"]] * 2
    assert done.err == note
    assert '- greeting: "servus"' in git_in(source, "log", "-1", "--format=%b", _branches(source)[0])
    assert "servus" in "".join(git_in(source, "show", f"{branch}:README.md") for branch in _branches(source))


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


@pytest.mark.parametrize(
    ("version", "said", "subject"),
    [
        ("1.2.10", "1.2.3 -> 1.2.10", "Update to pair 1.2.10"),
        ("1.2", "1.2.3 -> 1.2, which is older", "Go back to pair 1.2"),
        ("0.9.0", "1.2.3 -> 0.9.0, which is older", "Go back to pair 0.9.0"),
        ("next", "1.2.3 -> next", "Update to pair next"),
    ],
)
def test_an_update_to_an_older_template_says_so(
    version: str, said: str, subject: str, cli: Cli, template: Path, source: Path
) -> None:
    text = (template / "template.yaml").read_text()
    (template / "template.yaml").write_text(text.replace("1.2.3", f'"{version}"'))
    (template / "source" / "start.sh").write_text("new\n")

    checked, done = cli("update", "demo", "--check", "-o", "json"), cli("update", "demo")

    assert checked.json["error"]["faults"] == [{"where": "acme/demo", "message": said}]
    assert f"{subject} is proposed." in done.out
    assert git_in(source, "log", "-1", "--format=%s", _branches(source)[0]) == subject


def test_a_check_says_what_to_type_with_all_that_it_was_told(
    cli: Cli, template: Path, source: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "a newer one"
    shutil.copytree(template, newer)
    (newer / "source" / "start.sh").write_text("new\n")
    flags = ["--template", str(newer), "--set", "greeting=good day"]
    flags += ["--forge", f"local:{source.parent.parent}", "--owner", "acme", "--repository", "acme/demo"]

    hint = cli("update", "demo", *flags, "--check", "-o", "json").json["error"]["hint"]

    assert shlex.split(hint) == ["kickstart", "update", "demo", *flags]


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


# In a clone


def _status(team: Path) -> list[str]:
    """Return what Git says of a work tree, its marker aside."""
    lines = git_in(team, "-c", "status.renames=false", "status", "--short").splitlines()
    return [line for line in lines if MARKER not in line]


def _kept(repository: Path) -> list[str]:
    return git_in(
        repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/kickstart"
    ).splitlines()


def test_a_clone_gets_the_merge_into_its_work_tree(
    cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    (template / "source" / "logo.png").write_bytes(b"\0\1\2")
    done = cli("update", f"{team}/")  # a first one, so that there is a binary file to change
    commit_all(team)
    _push(team, README_md="# demo\n\nhello\n\nBuild it.\n\nRun it with care.\n", own_txt="ours\n")
    (team / "untracked.txt").write_text("mine\n")
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))
    (template / "source" / "start.sh").chmod(0o755)
    (template / "source" / "logo.png").write_bytes(b"\0\1\3")
    (template / "source" / "new.txt").write_text("new\n")
    (template / "source" / "app.txt").unlink()
    (template / "gitops" / "application.yaml").write_text("new\n")
    before = git_in(source, "for-each-ref", "refs/heads")

    done = cli("update", f"{team}/", "-o", "json")

    (update,) = done.json["updates"]
    assert (done.code, done.json["outcome"], update["repository"]) == (0, "changed", "acme/demo")
    assert (update["branch"], update["commit"], update["pullRequest"]) == ("main", "", None)
    assert _status(team) == [
        "M  README.md",
        "D  app.txt",
        "M  logo.png",
        "A  new.txt",
        "M  start.sh",
        "?? untracked.txt",
    ]
    assert (team / "README.md").read_text() == "# demo\n\nhello\n\nBuild it twice.\n\nRun it with care.\n"
    assert (team / "logo.png").read_bytes() == b"\0\1\3"
    assert (team / "start.sh").stat().st_mode & 0o111
    assert (team / "own.txt").read_text() == "ours\n"
    assert git_in(source, "for-each-ref", "refs/heads") == before
    assert cli("update", f"{team}/", "--check").code == 8  # nothing is committed yet
    commit_all(team)
    assert cli("update", f"{team}/", "--check").code == 0


def test_a_conflict_outside_of_a_sparse_checkout_comes_into_sight(
    cli: Cli, template: Path, forge: Path, tmp_path: Path
) -> None:
    (template / "source" / "deep").mkdir()
    for name in ("deep/[ab].txt", "deep/a.txt"):
        (template / "source" / name).write_text("old\n")
    assert cli("create", "demo", "-t", template, "--owner", "acme").code == 0
    source = forge / "acme" / "demo.git"
    team = clone(source, tmp_path / "team")
    (team / "deep" / "[ab].txt").write_text("ours\n")
    commit_all(team)
    git_in(team, "push", "--quiet")
    (template / "source" / "deep" / "[ab].txt").write_text("theirs\n")
    git_in(tmp_path, "clone", "--quiet", "--sparse", source.as_uri(), "sparse")
    sparse = tmp_path / "sparse"

    done = cli("update", f"{sparse}/")

    assert done.code == 9
    assert _status(sparse) == ["UU deep/[ab].txt"]
    assert {"ours", "theirs"} <= set((sparse / "deep" / "[ab].txt").read_text().splitlines())
    assert not (sparse / "deep" / "a.txt").exists()


def test_what_lies_in_a_submodule_is_not_in_the_way(
    cli: Cli, template: Path, team: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "file").write_text("one\n")
    commit_all(library)
    git_in(team, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    git_in(team, "commit", "--quiet", "--message", "a submodule")
    (team / "library" / "file").write_text("being worked on\n")
    (template / "source" / "start.sh").write_text("new\n")

    done = cli("update", f"{team}/")
    git_in(team, "reset", "--quiet", "--hard")
    commit_all(team / "library")
    moved = cli("update", f"{team}/")

    assert (done.code, moved.code) == (0, 4), done.err
    assert (team / "library" / "file").read_text() == "being worked on\n"
    assert "library: is changed" in moved.err


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (("merge", "--quiet", "--no-commit", "--no-ff", "--strategy=ours", "other"), "merge"),
        (("revert", "--no-commit", "HEAD"), "revert"),
        (("rebase", "--quiet", "--exec", "false", "HEAD~"), "rebase"),
    ],
)
def test_a_clone_in_the_middle_of_something_is_left_alone(
    begin: tuple[str, ...], what: str, cli: Cli, template: Path, team: Path
) -> None:
    git_in(team, "switch", "--quiet", "--create", "other")
    git_in(team, "commit", "--quiet", "--allow-empty", "--message", "theirs")
    git_in(team, "switch", "--quiet", "main")
    git_in(team, "commit", "--quiet", "--allow-empty", "--message", "ours")
    subprocess.run(["git", "-C", str(team), *begin], capture_output=True, check=False)
    (template / "source" / "start.sh").write_text("new\n")

    refused, looked = cli("update", f"{team}/"), cli("update", f"{team}/", "--check")
    git_in(team, what, "--abort")
    done = cli("update", f"{team}/")

    assert (refused.code, looked.code, done.code) == (4, 8, 0), refused.err
    assert f"{team} is in the middle of a {what}\n" in refused.err
    assert f"git {what} --abort" in refused.err


@pytest.mark.parametrize(
    ("new", "there"),
    [
        ("local.txt", "local.txt"),
        ("notes/a.txt", "notes"),
        ("kept", "kept/local.txt"),
        ("loose.txt", "loose.txt"),
    ],
)
def test_what_git_does_not_know_is_never_replaced(
    cli: Cli, template: Path, team: Path, new: str, there: str
) -> None:
    _push(team, gitignore="local.txt\nnotes\n")
    git_in(team, "mv", "gitignore", ".gitignore")
    commit_all(team)
    (team / there).parent.mkdir(exist_ok=True)
    (team / there).write_text("mine\n")
    file = template / "source" / new
    file.parent.mkdir(exist_ok=True)
    file.write_text("the template's\n")
    before = _status(team)

    refused = cli("update", f"{team}/")
    after = _status(team)
    (team / there).rename(team.parent / "away")
    done = cli("update", f"{team}/")

    assert refused.code == 5
    assert f"  {there}: is not in Git, and would be replaced\n" in refused.err
    assert (team.parent / "away").read_text() == "mine\n"
    assert after == before
    assert done.code == 0, done.err
    assert (team / new).read_text() == "the template's\n"


def test_a_file_that_the_template_moves_takes_the_teams_changes_with_it(
    cli: Cli, template: Path, team: Path
) -> None:
    _push(team, README_md="# demo\n\nhello\n\nBuild it.\n\nRun it with care.\n")
    (template / "source" / "README.md").rename(template / "source" / "READ.md")

    done = cli("update", f"{team}/")

    assert done.code == 0
    assert _status(team) == ["A  READ.md", "D  README.md"]
    assert "Run it with care." in (team / "READ.md").read_text()


def test_conflicts_in_a_clone_are_for_git_to_resolve(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    _in_conflict(template, team)
    _push(team, start_sh=None)
    (template / "source" / "start.sh").write_text("#!/bin/sh\nnew\n")

    done = cli("update", f"{team}/")

    assert done.code == 9
    assert "acme/demo: README.md: the same lines were changed" in done.err
    assert "acme/demo: start.sh: was deleted by one side" in done.err
    assert "git add and git commit" in done.err
    text = (team / "README.md").read_text()
    assert {"<<<<<<< kickstart/team", "Build it ourselves.", "Build it twice."} <= set(text.splitlines())
    assert _status(team) == ["UU README.md", "DU start.sh"]
    assert git_in(team, "show", ":2:README.md").endswith("Build it ourselves.\n\nRun it.")
    with pytest.raises(subprocess.CalledProcessError):
        git_in(team, "commit", "--quiet", "--message", "too early")
    git_in(team, "reset", "--quiet", "--hard")
    assert _status(team) == []
    assert not (team / "start.sh").exists()


@pytest.mark.parametrize("flag", ["--check", "--dry-run"])
def test_a_look_changes_nothing_in_a_clone(
    flag: str, cli: Cli, template: Path, source: Path, team: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    (team / "README.md").write_text("not committed\n")
    before = snapshot(team), git_in(source, "for-each-ref")

    done = cli("update", f"{team}/", flag)

    assert done.code == (8 if flag == "--check" else 0)
    assert (snapshot(team), git_in(source, "for-each-ref")) == before


def test_what_is_not_committed_is_not_merged_over(cli: Cli, template: Path, source: Path, team: Path) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    (team / "README.md").write_text("not committed\n")
    before = git_in(team, "for-each-ref")

    done = cli("update", f"{team}/")

    assert done.code == 4
    assert "README.md: is changed" in done.err
    assert "git stash" in done.err
    assert (_status(team), (team / "README.md").read_text()) == (["M README.md"], "not committed\n")
    assert git_in(team, "for-each-ref") == before
    assert _kept(source) == []


def test_a_file_that_git_does_not_know_is_not_overwritten(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    (template / "source" / "new.txt").write_text("new\n")
    (team / "new.txt").write_text("mine\n")

    done = cli("update", f"{team}/")

    assert done.code == 5
    assert "new.txt" in done.err
    assert (team / "new.txt").read_text() == "mine\n"
    assert _status(team) == ["?? new.txt"]


@pytest.mark.parametrize("where", ["same clone", "another clone", "partial clone"])
def test_the_next_update_of_a_clone_starts_where_the_last_one_ended(
    where: str, cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    _push(team, README_md="# demo\n\nhello\n\nBuild it.\n\nRun it with care.\n")
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))
    assert cli("update", f"{team}/").code == 0
    commit_all(team)
    git_in(team, "push", "--quiet")
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it thrice."))
    folder = team
    if where == "another clone":
        folder = clone(source, tmp_path / "other")
    if where == "partial clone":
        folder = _partial(source, tmp_path / "other", "--filter=blob:none")

    done = cli("update", f"{folder}/")

    assert done.code == 0, done.err
    assert (folder / "README.md").read_text() == "# demo\n\nhello\n\nBuild it thrice.\n\nRun it with care.\n"
    assert _kept(folder) == _kept(source)[-1:] or set(_kept(folder)) == set(_kept(source))


@pytest.mark.parametrize("flag", ["--check", "--dry-run"])
def test_a_look_leaves_nothing_of_the_last_update_in_a_clone(
    flag: str, cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    assert cli("update", f"{team}/").code == 0
    commit_all(team)
    git_in(team, "push", "--quiet")
    other = clone(source, tmp_path / "other")
    (template / "source" / "start.sh").write_text("newer\n")
    before = _git_files(other)

    done = cli("update", f"{other}/", flag)

    assert done.code == (8 if flag == "--check" else 0), done.err
    assert _git_files(other) == before


def test_a_remote_is_found_however_its_name_is_spelt(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    spelt = "https://github.com/Acme/Demo.git"
    git_in(team, "remote", "set-url", "origin", spelt)
    git_in(team, "config", f"url.{source.as_uri()}.insteadOf", spelt)
    (template / "source" / "start.sh").write_text("new\n")

    done = cli("update", f"{team}/", "--forge", f"local:{source.parent.parent}")

    assert (done.code, done.err) == (0, "")
    assert _kept(source) == _kept(team) != []


def test_a_clone_of_a_fork_alone_starts_from_what_was_pushed_to_the_fork(
    cli: Cli, template: Path, source: Path, tmp_path: Path
) -> None:
    fork = tmp_path / "bob" / "demo.git"
    fork.parent.mkdir()
    git_in(tmp_path, "clone", "--quiet", "--bare", str(source), str(fork))
    mine = clone(fork, tmp_path / "mine")
    (template / "source" / "start.sh").write_text("new\n")

    first = cli("update", f"{mine}/")
    (push,) = (line for line in first.err.splitlines() if "git push REMOTE" in line)
    git_in(mine, "push", "--quiet", "origin", push.rpartition(" ")[2])
    commit_all(mine)
    git_in(mine, "push", "--quiet")
    (template / "source" / "start.sh").write_text("newer\n")
    other = clone(fork, tmp_path / "other")
    git_in(other, "remote", "add", "away", "file:///nowhere/carol/demo.git")
    second = cli("update", f"{other}/")

    assert (first.code, second.code) == (0, 0), second.err
    assert (other / "start.sh").read_text() == "newer\n"


def test_a_clone_that_may_not_push_says_what_the_next_update_needs(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    (source / "hooks").mkdir(exist_ok=True)
    (source / "hooks" / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (source / "hooks" / "pre-receive").chmod(0o755)

    done = cli("update", f"{team}/")

    assert done.code == 0
    assert "is kept in this clone alone" in done.err
    assert "git push REMOTE refs/kickstart/rendered/" in done.err
    assert _status(team) == ["M  start.sh"]
    assert _kept(source) == []


def test_a_clone_tells_by_itself_where_it_is_published(
    cli: Cli, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (template / "source" / "README.md").write_bytes(b"${{ values.name }}\n")
    elsewhere = f"local:{tmp_path / 'elsewhere'}"
    assert cli("create", "demo", "-t", template, "--owner", "acme", "--forge", elsewhere).code == 0
    folder = clone(tmp_path / "elsewhere" / "acme" / "demo-gitops.git", tmp_path / "gitops")
    git_in(folder, "remote", "rename", "origin", "upstream")
    git_in(folder, "remote", "add", "origin", "https://fork.example.com/someone/demo-gitops.git")
    git_in(folder, "switch", "--quiet", "--detach")
    (template / "gitops" / "application.yaml").write_text("repoURL: ${{ values.repository }}\nnew: true\n")
    monkeypatch.setenv("KICKSTART_HOME", str(tmp_path / "another-machine"))
    monkeypatch.chdir(folder)

    done = cli("update", ".", "-o", "json")

    assert done.code == 0, done.err
    assert done.json["updates"][0]["repository"] == "acme/demo-gitops"
    assert (folder / "application.yaml").read_text() == "repoURL: acme/demo\nnew: true\n"
    assert _kept(folder) == _kept(tmp_path / "elsewhere" / "acme" / "demo-gitops.git")


@pytest.mark.parametrize(
    "url", ["https://ada:pa55word@git.example.com/acme/demo.git", "work:acme/demo.git", None]
)
def test_a_clone_that_does_not_tell_its_forge_is_asked_for_it(
    url: str | None,
    cli: Cli,
    template: Path,
    source: Path,
    team: Path,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    git_in(team, *(("remote", "set-url", "origin", url) if url else ("remote", "remove", "origin")))
    known = cli("update", f"{team}/", "--check")
    monkeypatch.setenv("KICKSTART_HOME", str(tmp_path / "another-machine"))

    refused = cli("update", f"{team}/")
    told = cli("update", f"{team}/", "--check", "--forge", f"local:{home / 'data/forge'}")
    monkeypatch.setenv("KICKSTART_FORGE", "local")
    configured = cli("update", f"{team}/", "--check")

    assert (known.code, refused.code, told.code, configured.code) == (8, 2, 8, 8)
    assert "the clone does not tell which forge acme/demo is on" in refused.err
    assert "--forge github, with --github-url URL" in refused.err
    assert "pa55word" not in refused.err
    assert _status(team) == []


def test_a_clone_of_a_fork_on_github_is_rendered_for_github(
    cli: Cli, two: Path, forge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("create", "demo", "-t", two, "--owner", "acme").code == 0
    folder = clone(forge / "acme" / "demo-gitops.git", tmp_path / "work")
    git_in(folder, "remote", "set-url", "origin", "https://github.com/bob/demo-gitops.git")
    monkeypatch.setenv("KICKSTART_HOME", str(tmp_path / "another-machine"))

    done = cli("update", f"{folder}/", "--dry-run")

    assert done.code == 0, done.err
    assert "+repository: https://github.com/acme/demo.git" in [line.strip() for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda team: shutil.rmtree(team / ".git"), "is no clone with a commit"),
        (lambda team: (team / MARKER).unlink(), "is no clone of a repository that kickstart has made"),
    ],
    ids=["no repository", "no marker"],
)
def test_what_is_no_clone_of_ours_is_refused(
    make: Callable[[Path], object], words: str, cli: Cli, source: Path, team: Path
) -> None:
    make(team)

    done = cli("update", f"{team}/")

    assert done.code == 2
    assert words in done.err


def test_a_marker_in_conflict_is_told_from_a_repository_of_somebody_else(cli: Cli, team: Path) -> None:
    text = (team / MARKER).read_text()
    (team / MARKER).write_text(text.replace("digest: ", "<<<<<<< HEAD\ndigest: "))

    done = cli("update", f"{team}/")

    assert done.code == 5
    assert f"{team}/ has a .kickstart.yaml that cannot be read" in done.err
    assert "git log -p .kickstart.yaml" in done.err


def test_a_template_that_was_moved_is_asked_for(
    cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    template.rename(tmp_path / "moved")
    (tmp_path / "moved" / "source" / "start.sh").write_text("new\n")

    for target in ("demo", f"{team}/"):
        gone = cli("update", target, "--check")
        found = cli("update", target, "--check", "--template", tmp_path / "moved")

        assert (gone.code, found.code) == (2, 8)
        assert f"the template was in {template}, which is not there" in gone.err
        assert "--template TEMPLATE" in gone.err


def test_a_folder_inside_of_a_clone_is_refused(cli: Cli, team: Path) -> None:
    (team / "inside").mkdir()
    shutil.copy(team / MARKER, team / "inside" / MARKER)

    done = cli("update", f"{team}/inside")

    assert done.code == 2
    assert f"kickstart update {team}" in done.err


def test_an_old_git_is_named_before_anything_is_changed(template: Path, team: Path, tmp_path: Path) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    script = """
case "$*" in
  version) echo "git version 2.30.2";;
  *path-format*) echo "fatal: bad revision '--path-format=absolute'" >&2; exit 128;;
  *merge-tree*) echo "usage: git merge-tree <base-tree> <branch1> <branch2>" >&2; exit 129;;
  *) exec "$real" "$@";;
esac
"""
    old = wrap_git(tmp_path / "bin", script)

    proposed, merged = process("update", "demo", env=old), process("update", f"{team}/", env=old)

    for done in (proposed, merged):
        assert done.code == 4
        assert "an update needs Git 2.38 or newer, and this is Git 2.30.2; nothing was changed" in done.err
    assert _status(team) == []


def test_a_clone_is_of_one_repository(cli: Cli, team: Path) -> None:
    done = cli("update", f"{team}/", "--repository", "acme/demo-gitops")

    assert done.code == 2
    assert "is a clone of acme/demo, and not of acme/demo-gitops" in done.err


def test_a_clone_without_its_history_has_to_get_it(
    cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    _push(team, own_txt="ours\n")
    (template / "source" / "start.sh").write_text("new\n")
    git_in(tmp_path, "clone", "--quiet", "--depth=1", source.as_uri(), "shallow")

    without = cli("update", f"{tmp_path}/shallow")
    git_in(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    whole = cli("update", f"{tmp_path}/shallow")

    assert (without.code, whole.code) == (5, 0)
    assert "git fetch --unshallow" in without.err


def _partial(source: Path, to: Path, *how: str) -> Path:
    """Clone without what the history holds: Git fetches it where it is needed."""
    git_in(source, "config", "uploadpack.allowFilter", "true")
    git_in(to.parent, "clone", "--quiet", *how, source.as_uri(), to.name)
    return to


def _git_files(folder: Path) -> dict[str, bytes]:
    return {
        path: content
        for path, (_, _, content) in snapshot(folder / ".git").items()
        if path != "index"  # any look at the files renews it
    }


@pytest.mark.parametrize(
    "how",
    [("--filter=blob:none",), ("--filter=tree:0",), ("--filter=blob:none", "--sparse")],
    ids=["no files", "no folders", "sparse"],
)
def test_a_partial_clone_gets_what_its_history_lacks(
    how: tuple[str, ...], cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    (team / "deep" / "er").mkdir(parents=True)
    git_in(team, "mv", "README.md", "deep/er/README.md")
    moved = team / "deep" / "er" / "README.md"
    moved.write_text(moved.read_text().replace("Run it.", "Run it with care."))
    _push(team, start_sh="#!/bin/sh\nours\n", app_txt=None)
    (template / "source" / "README.md").write_bytes(README.replace(b"Build it.", b"Build it twice."))
    (template / "source" / "start.sh").write_text("#!/bin/sh\nnew\n")
    partial = _partial(source, tmp_path / "partial", *how)
    before = _git_files(partial)

    looked = cli("update", f"{partial}/", "--dry-run")
    untouched = _git_files(partial)
    done = cli("update", f"{partial}/")

    assert (looked.code, done.code) == (9, 9), looked.err + done.err
    assert untouched == before
    assert _status(partial) == ["M  deep/er/README.md", "UU start.sh"]
    assert git_in(partial, "show", ":1:start.sh") == "#!/bin/sh"
    assert "Build it twice.\n\nRun it with care." in git_in(partial, "show", ":deep/er/README.md")
    (partial / "start.sh").write_text("resolved\n")
    git_in(partial, "add", "start.sh")
    git_in(partial, "commit", "--quiet", "--message", "update")
    git_in(partial, "push", "--quiet")
    assert git_in(source, "ls-tree", "-r", "--name-only", "main").splitlines() == [
        *(".kickstart.yaml", "deep/er/README.md", "start.sh"),
    ]


def test_a_partial_clone_gets_all_that_it_lacks_at_once(
    cli: Cli, template: Path, source: Path, team: Path, tmp_path: Path
) -> None:
    for path in sorted(team.glob("[!.]*")):
        path.write_text("ours\n")
    commit_all(team)
    git_in(team, "push", "--quiet")
    (template / "source" / "new.txt").write_text("new\n")
    partial = _partial(source, tmp_path / "partial", "--filter=blob:none")
    log = tmp_path / "bin" / "log"

    env = wrap_git(tmp_path / "bin", 'echo "$*" >> "$here/log"; exec "$real" "$@"')
    done = process("update", f"{partial}/", "--check", env=env)

    assert done.code == 8, done.err
    assert len([line for line in log.read_text().splitlines() if " fetch " in line]) == 1


@pytest.mark.parametrize(
    ("lost", "code", "words"),
    [
        (
            ("remote", "set-url", "origin", "file:///nowhere/acme/demo.git"),
            2,
            "there is no repository acme/demo",
        ),
        (("config", "--unset", "remote.origin.promisor"), 4, "use a clone that has all files of its history"),
    ],
    ids=["unreachable", "forgotten"],
)
def test_what_a_partial_clone_cannot_get_is_told_before_anything_is_changed(
    lost: tuple[str, ...],
    code: int,
    words: str,
    cli: Cli,
    template: Path,
    source: Path,
    team: Path,
    tmp_path: Path,
) -> None:
    _push(team, start_sh="#!/bin/sh\nours\n")
    (template / "source" / "start.sh").write_text("#!/bin/sh\nnew\n")
    partial = _partial(source, tmp_path / "partial", "--filter=blob:none")
    git_in(partial, *lost)
    before = _git_files(partial)

    done = cli("update", f"{partial}/", "--forge", f"local:{source.parent.parent}")

    assert done.code == code, done.err
    assert words in done.err
    assert _status(partial) == []
    assert _git_files(partial) == before


def test_a_repository_with_ids_of_sha256_is_updated(
    cli: Cli, template: Path, source: Path, tmp_path: Path
) -> None:
    exported = subprocess.run(
        ["git", "-C", str(source), "fast-export", "--all"], capture_output=True, check=True
    ).stdout
    shutil.rmtree(source)
    git_in(source.parent, "init", "--quiet", "--bare", "--object-format=sha256", "-b", "main", source.name)
    subprocess.run(["git", "-C", str(source), "fast-import", "--quiet"], input=exported, check=True)
    team = clone(source, tmp_path / "team")
    (template / "source" / "start.sh").write_text("new\n")

    put = cli("update", f"{team}/")
    kept = _kept(source)
    proposed, checked = cli("update", "demo"), cli("update", "demo", "--check")

    assert (put.code, proposed.code, checked.code) == (0, 0, 0), put.err + proposed.err
    assert _status(team) == ["M  start.sh"]
    assert _proposed(source, "start.sh") == "new"
    assert len(kept[0].split()[0]) == 64
    git_in(source, "update-ref", "-d", kept[0].split()[1])
    git_in(source, "update-ref", "-d", f"refs/heads/{_branches(source)[0]}")
    assert cli("update", "demo").code == 0
    assert _kept(source) == kept


@pytest.mark.parametrize("there", ["start.sh", "deep"])
def test_a_submodule_of_the_teams_stays_where_the_template_has_files(
    there: str, cli: Cli, template: Path, forge: Path, tmp_path: Path
) -> None:
    (template / "source" / "deep").mkdir()
    for name in ("deep/one.txt", "deep/two.txt"):
        (template / "source" / name).write_text("old\n")
    assert cli("create", "demo", "-t", template, "--owner", "acme").code == 0
    source = forge / "acme" / "demo.git"
    team = clone(source, tmp_path / "team")
    git_in(team, "rm", "-r", "--quiet", there)
    git_in(team, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{there}")
    (team / there).mkdir(parents=True)
    git_in(team, "commit", "--quiet", "--message", "a submodule")
    git_in(team, "push", "--quiet")
    for name in ("deep/one.txt", "start.sh"):
        (template / "source" / name).write_text("new\n")

    proposed, put = cli("update", "demo", "-o", "json"), cli("update", f"{team}/", "-o", "json")

    assert (proposed.code, put.code) == (9, 9), proposed.err + put.err
    mine, others = sorted(("deep/one.txt", "start.sh"), key=lambda name: not name.startswith(there))
    (branch,) = _branches(source)
    for done in (proposed, put):
        words = "was changed by the template, and is in a submodule of the team's, which stays as it is"
        assert done.json["updates"][0]["conflicts"] == [{"where": mine, "message": words}]
        assert [file["path"] for file in done.json["updates"][0]["files"]] == [".kickstart.yaml", others]
    listed = git_in(source, "ls-tree", "-r", branch, there).splitlines()
    assert listed == [f"160000 commit {'1' * 40}\t{there}"]
    assert git_in(team, "ls-files", "--stage", there) == f"160000 {'1' * 40} 0\t{there}"


# What was proposed and is not merged


def test_a_check_tells_what_was_proposed_from_what_is_new(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    cli("update", "demo")
    (branch,) = _branches(source)

    text, waiting = cli("update", "demo", "--check"), cli("update", "demo", "--check", "-o", "json")
    (template / "gitops" / "application.yaml").write_text("new\n")
    newer = cli("update", "demo", "--check", "-o", "json")

    assert text.code == waiting.code == 0
    assert "acme/demo: an update is proposed, and not merged yet.\n" in text.out
    assert f"  branch {branch}\n" in text.out
    first, second = waiting.json["updates"]
    assert (waiting.json["outcome"], second["outcome"]) == ("proposed", "unchanged")
    assert (first["outcome"], first["branch"]) == ("proposed", branch)
    assert first["commit"] == git_in(source, "rev-parse", branch)
    assert newer.code == 8
    assert [fault["where"] for fault in newer.json["error"]["faults"]] == ["acme/demo-gitops"]


def test_what_was_proposed_is_new_again_when_the_template_or_the_team_went_on(
    cli: Cli, template: Path, source: Path, team: Path
) -> None:
    (template / "source" / "start.sh").write_text("new\n")
    cli("update", "demo")

    _push(team, start_sh="#!/bin/sh\n\nours\n")
    theirs = cli("update", "demo", "--check")
    git_in(team, "revert", "--no-edit", "HEAD")
    git_in(team, "push", "--quiet")
    as_before = cli("update", "demo", "--check")
    (template / "source" / "start.sh").write_text("newer\n")
    newer = cli("update", "demo", "--check")

    assert (theirs.code, as_before.code, newer.code) == (8, 0, 8)


def test_a_repository_that_the_template_does_not_publish_is_no_success(
    cli: Cli, template: Path, source: Path
) -> None:
    shutil.copytree(source, source.with_name("moved.git"))

    done = cli("update", "demo", "--repository", "acme/moved", "--check")

    assert done.code == 5
    assert "the template publishes no repository acme/moved" in done.err


# Secrets

SECRET = "correct horse battery staple"


@pytest.fixture
def secretive(cli: Cli, template: Path, forge: Path) -> Path:
    """The project `demo`, of a template that needs a secret which goes to no file."""
    (template / "template.yaml").write_text(WITH_SECRET)
    command = ("create", "demo", "-t", template, "--owner", "acme", "--values", "-")
    assert cli(*command, stdin=f"apiToken: {SECRET}\n").code == 0
    (template / "source" / "start.sh").write_text("new\n")
    return forge / "acme" / "demo.git"


def _objects(repository: Path) -> str:
    """Return everything that a repository holds, as text."""
    return git_in(repository, "log", "--all", "--patch", "--text", "--format=fuller")


@pytest.mark.parametrize("more", [(), ("--check",), ("--dry-run",)])
def test_a_secret_that_an_update_lacks_is_named_with_the_ways_to_give_it(
    more: tuple[str, ...], cli: Cli, secretive: Path
) -> None:
    before = git_in(secretive, "for-each-ref")

    done = cli("update", "demo", *more)

    assert done.code == 2
    assert "apiToken: is required; it is a secret, and kept nowhere" in done.err
    assert "--values -, or KICKSTART_PARAMETER_APITOKEN" in done.err
    assert git_in(secretive, "for-each-ref") == before


def test_a_secret_of_an_update_is_kept_nowhere(cli: Cli, secretive: Path, home: Path, tmp_path: Path) -> None:
    team = clone(secretive, tmp_path / "team")

    proposed = cli("update", "demo", "--values", "-", stdin=f"apiToken: {SECRET}\n")
    merged = cli("update", f"{team}/", "--values", "-", "-o", "json", stdin=f"apiToken: {SECRET}\n")

    assert (proposed.code, merged.code) == (0, 0)
    for done in (proposed, merged):
        assert appears_in(SECRET, done, home, tmp_path) == []
    assert "start.sh" in _objects(secretive)
    assert SECRET not in _objects(secretive) + _objects(team)


def test_a_template_that_comes_to_write_a_secret_is_refused(
    cli: Cli, template: Path, secretive: Path, tmp_path: Path
) -> None:
    leaking = WITH_SECRET.replace("greeting: ${{ parameters.greeting }}", "greeting: ${{ secrets.apiToken }}")
    (template / "template.yaml").write_text(leaking)
    team = clone(secretive, tmp_path / "team")
    before = git_in(secretive, "for-each-ref")

    for target in ("demo", f"{team}/"):
        done = cli("update", target, "--values", "-", stdin=f"apiToken: {SECRET}\n")

        assert done.code == 3
        assert "would write the secret 'apiToken' into README.md" in done.err
        assert SECRET not in done.out + done.err
    assert git_in(secretive, "for-each-ref") == before
    assert _status(team) == []


def test_what_a_team_has_written_is_not_shown_where_it_is_a_secret(
    cli: Cli, template: Path, secretive: Path, tmp_path: Path
) -> None:
    _push(clone(secretive, tmp_path / "team"), start_sh=f"#!/bin/sh\nTOKEN={SECRET}\n")

    done = cli("update", "demo", "--dry-run", "--values", "-", stdin=f"apiToken: {SECRET}\n")

    assert done.code == 9
    assert "TOKEN=***" in done.out
    assert SECRET not in done.out + done.err


def test_a_secret_is_given_once_for_both_versions(
    cli: Cli, template: Path, secretive: Path, tmp_path: Path
) -> None:
    shutil.copytree(template, tmp_path / "old")
    (tmp_path / "old" / "source" / "start.sh").write_text("#!/bin/sh\n")
    _rewritten(secretive, clone(secretive, tmp_path / "team"))

    done = cli(
        *("update", "demo", "--repository", "acme/demo", "--from", tmp_path / "old", "--values", "-"),
        stdin=f"apiToken: {SECRET}\n",
    )

    assert done.code == 0, done.err
    assert _proposed(secretive, "start.sh") == "new"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("{title: Token, ui:field: Secret, pattern: '^0'}", "'0123'"),
        ("{type: object, properties: {key: {type: string, ui:field: Secret}}, required: [key]}", "{key: 0x}"),
    ],
)
def test_a_secret_of_any_shape_is_given_once_for_both_versions(
    cli: Cli, template: Path, forge: Path, tmp_path: Path, schema: str, value: str
) -> None:
    plain = "{title: Token, type: string, ui:field: Secret, minLength: 4}"
    (template / "template.yaml").write_text(WITH_SECRET.replace(plain, schema))
    given = f"apiToken: {value}\n"
    create = ("create", "demo", "-t", template, "--owner", "acme", "--values", "-")
    assert cli(*create, stdin=given).code == 0
    shutil.copytree(template, tmp_path / "old")
    (template / "source" / "start.sh").write_text("new\n")
    repository = forge / "acme" / "demo.git"
    _rewritten(repository, clone(repository, tmp_path / "team"))

    update = ("update", "demo", "--repository", "acme/demo", "--from", tmp_path / "old", "--values", "-")
    done = cli(*update, stdin=given)

    assert done.code == 0, done.err
    assert _proposed(repository, "start.sh") == "new"


def test_on_a_terminal_only_the_secret_is_asked_for(secretive: Path) -> None:
    with terminal("update", "demo") as child:
        child.expect("Token")
        child.sendline(SECRET)
        child.expect("is proposed")
        child.expect(pexpect.EOF)
        child.close()

        assert child.exitstatus == 0
        assert "Greeting" not in (child.before or "")
