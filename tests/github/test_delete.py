from __future__ import annotations

from pathlib import Path

import pexpect
import pytest

from kickstart import journal
from kickstart.actions.remove import Remove
from kickstart.errors import ConflictError
from kickstart.marker import FILE_NAME, Marker
from kickstart.tools import Repository
from kickstart.tree import Tree
from tests.cli.support import Cli, LocalForge, git, terminal
from tests.fakes import fake_tools
from tests.github.fake import FakeGithub, Grant
from tests.github.support import TOKEN, create


@pytest.fixture
def created(cli: Cli, two: Path, local_forge: LocalForge) -> LocalForge:
    assert cli("create", "demo", "--template", two).code == 0
    return local_forge


def test_repositories_are_archived_the_last_one_first(cli: Cli, two: Path, created: LocalForge) -> None:
    commits = created.commits()

    done = cli("delete", "demo", "--yes")

    assert done.code == 0
    assert done.err == "archived  repository acme/demo-gitops\narchived  repository acme/demo\n"
    assert created.commits() == {}
    kept = sorted(created.folder.glob(".archive/acme/*.git"))
    assert [git(f"--git-dir={each}", "rev-list", "--all") for each in kept] == [
        commits["demo.git"],
        commits["demo-gitops.git"],
    ]
    assert f"repository acme/demo is kept in {kept[0]}" in done.out
    assert cli("create", "demo", "--template", two).code == 0  # the names are free again
    assert created.commits() == commits


def test_purge_deletes_for_good(cli: Cli, created: LocalForge) -> None:
    done = cli("delete", "demo", "--yes", "--purge")

    assert done.code == 0
    assert done.err == "deleted  repository acme/demo-gitops\ndeleted  repository acme/demo\n"
    assert [path for path in created.folder.rglob("*") if path.is_file()] == []


def test_a_dry_run_shows_and_keeps(cli: Cli, created: LocalForge) -> None:
    commits = created.commits()

    done = cli("delete", "demo", "--dry-run", "--purge")

    assert done.code == 0
    assert "delete  repository acme/demo (with everything in it)" in done.out
    assert created.commits() == commits


def test_without_a_terminal_it_is_not_done_unasked(cli: Cli, created: LocalForge) -> None:
    commits = created.commits()

    done = cli("delete", "demo")

    assert done.code == 2
    assert "Hint: the same command with --yes" in done.err
    assert created.commits() == commits


@pytest.mark.parametrize(("answer", "gone"), [("demo", True), ("yes", False), ("", False)])
def test_the_name_is_asked_for(created: LocalForge, answer: str, gone: bool) -> None:
    with terminal("delete", "demo") as child:
        child.expect_exact("Type demo to go on")
        child.sendline(answer)
        child.expect_exact("archived" if gone else "Nothing was changed.")
        child.expect(pexpect.EOF)

    assert (created.commits() == {}) == gone


def test_what_is_not_the_projects_is_kept(cli: Cli, two: Path, created: LocalForge) -> None:
    cli("create", "other", "--template", two)
    created.path("demo").rename(created.path("gone"))
    created.path("other").rename(created.path("demo"))

    done = cli("delete", "demo", "--yes", "--output", "json")

    assert done.code == 0
    assert [(each["change"], each["detail"]) for each in done.json["removals"]] == [
        ("archive", ""),
        ("unchanged", "is kept: it belongs to the project other"),
    ]
    assert created.path("demo").exists()


def test_a_copy_under_another_name_is_kept(cli: Cli, created: LocalForge, home: Path) -> None:
    created.path("demo").rename(created.folder / "acme/copy.git")
    (created.folder / "copier").mkdir()
    (created.folder / "acme/copy.git").rename(created.folder / "copier/demo.git")

    done = cli("delete", "demo", "--owner", "copier", "--yes")

    assert done.code == 0
    assert "is kept: it is a copy of acme/demo" in done.out
    assert (created.folder / "copier/demo.git").exists()


def test_a_second_time_there_is_nothing_to_do(cli: Cli, created: LocalForge, home: Path) -> None:
    cli("delete", "demo", "--yes")

    done = cli("delete", "demo", "--output", "json")

    assert (done.code, done.json["outcome"]) == (0, "unchanged")
    events = [event["event"] for event in journal.read(home / "state", "demo")]
    assert events.count("removing") == events.count("removed") == 1


def test_on_github_repositories_are_archived_and_stay_so(cli: Cli, two: Path, github: FakeGithub) -> None:
    create(cli, two)
    heads = github.heads()

    done = cli("delete", "demo", "--yes")
    again = cli("delete", "demo", "--yes")
    status = cli("status", "demo")
    created = create(cli, two)

    assert (done.code, again.code) == (0, 0)
    assert all(repo.flags["archived"] for repo in github.repositories.values())
    assert github.heads() == heads
    assert again.err == ""
    assert "archived  acme/demo" in status.out
    assert created.code == 5
    assert "repository acme/demo: is archived" in created.err
    assert "Hint: choose another name, or unarchive it in its settings; " in created.err
    assert "kickstart delete demo --purge\n" in created.err


@pytest.mark.parametrize("may", [True, False])
def test_on_github_purge_needs_a_scope_of_its_own(cli: Cli, two: Path, github: FakeGithub, may: bool) -> None:
    create(cli, two)
    github.tokens[TOKEN] = Grant("ada", frozenset({"repo", "workflow"} | ({"delete_repo"} if may else set())))

    done = cli("delete", "demo", "--yes", "--purge")

    assert done.code == (0 if may else 4)
    assert len(github.repositories) == (0 if may else 2)
    assert ("it needs delete_repo" in done.err) == (not may)


def test_an_empty_one_of_an_interrupted_run_is_taken_away_too(
    cli: Cli, two: Path, github: FakeGithub
) -> None:
    create(cli, two)
    github.repositories.clear()
    github.add("acme", "demo", description="kickstart is publishing the project demo here")

    done = cli("delete", "demo", "--yes")

    assert done.code == 0
    assert github.repositories["acme/demo"].flags["archived"] is True


def test_what_took_the_place_since_it_was_looked_at_is_kept() -> None:
    tools, forge, _ = fake_tools()
    mark = Marker("other", "acme/demo", {}, "sha256:0")
    forge.repositories["acme/demo"] = Tree({FILE_NAME: mark.entry()})

    with pytest.raises(ConflictError, match="acme/demo is kept: it belongs to the project other"):
        Remove(Repository("acme", "demo"), "demo", purge=True).apply(tools)
    assert forge.writes == 0
