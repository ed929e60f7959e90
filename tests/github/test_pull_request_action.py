from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, LocalForge, commit_all, fetch, git, publish, write_template
from tests.github.fake import FakeGithub, Fault
from tests.github.support import create, start

STEP: dict[str, Any] = {
    "id": "propose",
    "action": "publish:github:pull-request",
    "input": {
        "repoUrl": "github.com?owner=acme&repo=shop",
        "branchName": "add-readme",
        "title": "Add a README",
        "description": "It says what this is.",
        "targetPath": "docs",
        "filesToDelete": ["OLD.md"],
    },
}


def template(folder: Path, **more: Any) -> Path:
    return write_template(folder, [fetch(), {**STEP, "input": {**STEP["input"], **more}}])


def files(git_dir: Path, branch: str) -> list[str]:
    return git(f"--git-dir={git_dir}", "ls-tree", "-r", "--name-only", branch).split()


@pytest.fixture
def shop(github: FakeGithub) -> Path:
    """Somebody's repository."""
    return github.add("acme", "shop", {"app.py": b"x", "docs/OLD.md": b"old"}).git_dir


def test_a_branch_is_pushed_and_a_pull_request_opened_once(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    made = template(tmp_path / "x")

    planned = create(cli, made, "--dry-run")
    done = create(cli, made, "--output", "json")
    again = create(cli, made)

    assert "create  pull request add-readme of acme/shop" in planned.out
    assert (done.code, again.code) == (0, 0), done.err + again.err
    [change] = done.json["changes"]
    assert change["facts"] == {"pullRequest": f"{github.url}/acme/shop/pull/1"}
    assert "unchanged" in again.out
    assert files(shop, "add-readme") == ["app.py", "docs/README.md"]
    assert files(shop, "main") == ["app.py", "docs/OLD.md"]
    [pull] = github.repositories["acme/shop"].pulls
    assert (pull["title"], pull["body"]) == ("Add a README", "It says what this is.")
    assert (pull["head"]["ref"], pull["base"]["ref"]) == ("add-readme", "main")


def test_a_branch_with_other_files_is_a_conflict_or_added_to(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    create(cli, template(tmp_path / "x"))
    git("clone", "--quiet", "--branch", "add-readme", shop, tmp_path / "clone")
    (tmp_path / "clone/docs/README.md").write_text("theirs\n")
    commit_all(tmp_path / "clone")
    git("-C", tmp_path / "clone", "push", "--quiet")

    refused = create(cli, template(tmp_path / "x"))
    added = create(cli, template(tmp_path / "x", update=True))

    assert refused.code == 5
    assert "the branch is there with other files" in refused.err
    assert added.code == 0, added.err
    assert git(f"--git-dir={shop}", "show", "add-readme:docs/README.md") == "# demo"
    assert git(f"--git-dir={shop}", "rev-list", "--count", "main..add-readme") == "3"
    assert len(github.repositories["acme/shop"].pulls) == 1


ASKED: dict[str, Any] = {
    "draft": True,
    "reviewers": ["grace"],
    "teamReviewers": ["acme/platform"],
    "assignees": ["ada"],
}


def test_a_draft_is_opened_and_people_are_asked(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    github.organisations["acme"].members["grace"] = "member"
    made = template(tmp_path / "x", **ASKED)

    done = create(cli, made, "--output", "json")
    written = github.writes()
    again = create(cli, made)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    [change] = done.json["changes"]
    assert change["facts"] == {"pullRequest": f"{github.url}/acme/shop/pull/1"}
    [pull] = github.repositories["acme/shop"].pulls
    assert pull["draft"] is True
    assert [each["login"] for each in pull["requested_reviewers"]] == ["grace"]
    assert [each["slug"] for each in pull["requested_teams"]] == ["platform"]
    assert [each["login"] for each in pull["assignees"]] == ["ada"]
    assert github.writes() == written


def test_a_run_that_ended_before_it_asked_anybody_is_finished_by_the_next(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    github.organisations["acme"].members["grace"] = "member"
    create(cli, template(tmp_path / "x"))  # opens it, and has nobody to ask

    done = create(cli, template(tmp_path / "x", **ASKED), "--output", "json")
    written = github.writes()
    again = create(cli, template(tmp_path / "x", **ASKED), "--output", "json")

    assert (done.code, again.code) == (0, 0), done.err + again.err
    [change] = done.json["changes"]
    assert (change["change"], change["detail"]) == ("update", "nobody was asked about it")
    [pull] = github.repositories["acme/shop"].pulls
    assert [each["login"] for each in pull["requested_reviewers"]] == ["grace"]
    assert [each["login"] for each in pull["assignees"]] == ["ada"]
    assert again.json["outcome"] == "unchanged"
    assert github.writes() == written


def test_nobody_is_asked_who_has_answered(cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path) -> None:
    create(cli, template(tmp_path / "x"))
    github.repositories["acme/shop"].reviewers = ["grace"]

    again = create(cli, template(tmp_path / "x", reviewers=["grace"]), "--output", "json")

    assert again.json["outcome"] == "unchanged"
    assert github.repositories["acme/shop"].pulls[0]["requested_reviewers"] == []


def test_whoever_cannot_be_asked_is_a_note(cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path) -> None:
    done = create(cli, template(tmp_path / "x", **{**ASKED, "assignees": ["ada", "nobody"]}))

    assert done.code == 0, done.err
    assert "the reviewers were not asked: GitHub refuses POST" in done.err
    assert "Reviews may only be requested from collaborators." in done.err
    assert "GitHub ignores the assignees nobody" in done.err
    [pull] = github.repositories["acme/shop"].pulls
    assert [each["slug"] for each in pull["requested_teams"]] == ["platform"]
    assert [each["login"] for each in pull["assignees"]] == ["ada"]


def test_where_the_plan_has_no_drafts_it_is_opened_all_the_same(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    github.free_plan = True

    done = create(cli, template(tmp_path / "x", draft=True))

    assert done.code == 0, done.err
    assert "the pull request is no draft: Draft pull requests are not supported" in done.err
    [pull] = github.repositories["acme/shop"].pulls
    assert pull["draft"] is False


def test_what_the_base_has_already_is_not_proposed(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    github.add("acme", "shop", {"docs/README.md": b"# demo\n"})

    done = create(cli, template(tmp_path / "x"), "--dry-run")

    assert "unchanged  pull request add-readme of acme/shop (main has it already)" in done.out


def test_a_run_killed_before_its_pull_request_is_open_is_finished_by_the_same_command(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    made = template(tmp_path / "x")
    started = start(made)

    def kill(request: int) -> None:
        if any(each.path.endswith("/git-receive-pack") for each in github.requests):  # it is pushed
            os.kill(started.pid, signal.SIGKILL)

    github.on_request = kill
    github.faults = [Fault("POST /repos/acme/shop/pulls", 0)]  # which so never arrives
    assert started.wait(60) == -signal.SIGKILL
    github.on_request = lambda request: None
    commit = git(f"--git-dir={shop}", "rev-parse", "add-readme")
    planned = create(cli, made, "--dry-run")
    finished = create(cli, made)
    again = create(cli, made)

    assert "create  pull request add-readme of acme/shop (of a branch that is there)" in planned.out
    assert (finished.code, again.code) == (0, 0), finished.err + again.err
    assert len(github.repositories["acme/shop"].pulls) == 1
    assert git(f"--git-dir={shop}", "rev-parse", "add-readme") == commit
    assert "unchanged  pull request" in again.err


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_pull_request_that_the_team_closed_stays_closed(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path, is_gone: bool
) -> None:
    made = template(tmp_path / "x", createWhenEmpty=True)
    create(cli, made)
    [pull] = github.repositories["acme/shop"].pulls
    pull["state"] = "closed"
    if is_gone:  # merged, and its branch deleted
        git(f"--git-dir={shop}", "update-ref", "refs/heads/main", "refs/heads/add-readme")
        git(f"--git-dir={shop}", "update-ref", "-d", "refs/heads/add-readme")

    again = create(cli, made)

    assert again.code == 0, again.err
    assert "unchanged  pull request" in again.err
    assert len(github.repositories["acme/shop"].pulls) == 1


def test_nothing_is_proposed_to_a_repository_that_was_published_with_it(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    shop = {**publish("shop", "."), "id": "shop"}
    whole = {**STEP, "input": {**STEP["input"], "targetPath": ".", "filesToDelete": []}}

    done = create(cli, write_template(tmp_path / "x", [fetch(), shop, whole]))

    assert done.code == 0, done.err
    assert "Note: add-readme is not proposed: main of acme/shop has it already" in done.err
    assert github.repositories["acme/shop"].pulls == []


def test_an_empty_one_is_opened_where_the_template_asks_for_it(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    shop = github.add("acme", "shop", {"docs/README.md": b"# demo\n"})
    made = template(tmp_path / "x", createWhenEmpty=True)

    done = create(cli, made)
    again = create(cli, made)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert len(shop.pulls) == 1
    assert git(f"--git-dir={shop.git_dir}", "rev-list", "--count", "main..add-readme") == "1"
    assert git(f"--git-dir={shop.git_dir}", "diff", "main", "add-readme") == ""
    assert "unchanged  pull request" in again.err


def test_one_without_files_needs_none_in_the_workspace(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path
) -> None:
    step = {**STEP, "input": {**STEP["input"], "createWhenEmpty": True, "filesToDelete": []}}

    done = create(cli, write_template(tmp_path / "x", [step]))

    assert done.code == 0, done.err
    assert len(github.repositories["acme/shop"].pulls) == 1


@pytest.mark.parametrize("fork", [False, True])
def test_its_outputs_lead_to_it_and_label_it(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork: bool
) -> None:
    monkeypatch.setattr("kickstart.tools.github.forks.time.sleep", lambda seconds: None)
    label = {
        "action": "github:issues:label",
        "input": {
            "repoUrl": STEP["input"]["repoUrl"],
            "number": "${{ steps.propose.output.pullRequestNumber }}",
            "labels": ["template"],
        },
    }
    made = template(tmp_path / "x", forceFork=fork)
    content = json.loads((made / "template.yaml").read_text())
    content["spec"]["steps"].append(label)
    content["spec"]["output"] = {
        "links": [{"title": "Review it", "url": "${{ steps.propose.output.remoteUrl }}"}]
    }
    (made / "template.yaml").write_text(json.dumps(content))

    planned = create(cli, made, "--dry-run")
    done = create(cli, made, "--output", "json")
    again = create(cli, made)

    branch = "~:add-readme" if fork else "add-readme"
    assert f"create  labels of the pull request {branch} of acme/shop" in planned.out
    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert done.json["links"][0]["url"] == f"{github.url}/acme/shop/pulls?q=is%3Apr+head%3Aadd-readme"
    assert github.repositories["acme/shop"].labels["1"] == {"template"}
    assert f"unchanged  labels of the pull request {branch}" in again.err


def test_a_fork_of_the_users_own_gets_the_branch_where_that_is_asked_for(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kickstart.tools.github.forks.time.sleep", lambda seconds: None)
    made = template(tmp_path / "x", forceFork=True)

    planned = create(cli, made, "--dry-run")
    forked = "ada/shop" in github.repositories
    done = create(cli, made)
    again = create(cli, made)

    assert "create  pull request add-readme of acme/shop" in planned.out
    assert not forked
    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert "waiting 1 s: GitHub has not made ada/shop yet" in done.err
    assert files(github.repositories["ada/shop"].git_dir, "add-readme") == ["app.py", "docs/README.md"]
    assert git(f"--git-dir={shop}", "branch", "--list").split() == ["*", "main"]
    [pull] = github.repositories["acme/shop"].pulls
    assert (pull["head"]["label"], pull["base"]["ref"]) == ("ada:add-readme", "main")
    assert "unchanged  pull request add-readme of acme/shop" in again.err


def added(git_dir: Path, clone: Path, name: str) -> str:
    """Push a file as somebody else, and return the commit."""
    if not clone.exists():
        git("clone", "--quiet", git_dir, clone)
    (clone / name).write_text("new\n")
    commit = commit_all(clone)
    git("-C", clone, "push", "--quiet")
    return commit


def test_a_fork_is_brought_up_to_date_or_it_is_a_conflict(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kickstart.tools.github.forks.time.sleep", lambda seconds: None)
    create(cli, template(tmp_path / "x", forceFork=True))
    fork = github.repositories["ada/shop"].git_dir
    newest = added(shop, tmp_path / "clone", "new.py")

    updated = create(cli, template(tmp_path / "x", forceFork=True, branchName="next"))
    main = git(f"--git-dir={fork}", "rev-parse", "main")
    added(fork, tmp_path / "own", "own.py")
    added(shop, tmp_path / "clone", "newer.py")
    refused = create(cli, template(tmp_path / "x", forceFork=True, branchName="more"))

    assert updated.code == 0, updated.err
    assert main == newest
    assert refused.code == 5
    assert "main of ada/shop has commits of its own: There are merge conflicts" in refused.err


def test_ones_own_repository_needs_no_fork(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    github.add("ada", "shop", {"app.py": b"x"})

    done = create(
        cli,
        template(tmp_path / "x", forceFork=True, filesToDelete=[], repoUrl="github.com?owner=ada&repo=shop"),
    )

    assert done.code == 0, done.err
    [pull] = github.repositories["ada/shop"].pulls
    assert pull["head"]["label"] == "ada:add-readme"


def test_an_existing_pull_request_is_found_when_its_answer_was_lost(
    cli: Cli, github: FakeGithub, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kickstart.tools.github.retry.time.sleep", lambda seconds: None)
    github.faults = [Fault("POST /repos/acme/shop/pulls", 502, after=True)]

    done = create(cli, template(tmp_path / "x"))

    assert done.code == 0, done.err
    assert len(github.repositories["acme/shop"].pulls) == 1


def test_on_a_local_forge_the_branch_is_pushed_and_a_note_says_so(
    cli: Cli, local_forge: LocalForge, tmp_path: Path
) -> None:
    shop = {**publish("shop", "."), "id": "shop"}
    made = write_template(tmp_path / "x", [fetch(), shop, STEP])

    done = cli("create", "demo", "--template", made)

    assert done.code == 0, done.err
    assert "has no pull requests: merge the branch add-readme yourself" in done.err
    assert "docs/README.md" in files(local_forge.path("shop"), "add-readme")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"branchName": "a..b"}, "branchName 'a..b' is not a branch name"),
        ({"targetBranchName": "-x"}, "targetBranchName '-x' is not a branch name"),
        ({"sourcePath": "nothing", "filesToDelete": []}, "there is nothing to propose in nothing"),
    ],
)
def test_a_wrong_input_is_told(
    cli: Cli, github: FakeGithub, tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    done = create(cli, template(tmp_path / "x", **more))

    assert done.code == 3
    assert message in done.err
