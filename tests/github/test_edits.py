"""Previews, promotions and updates on a GitHub: pushed over HTTP, proposed as pull requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.gitops import ONE, TWO
from tests.cli.support import Cli, clone, git, git_in, write_files
from tests.github.fake import FakeGithub, Fault

PREVIEW = ["preview", "create", "shop", "--pr", "42", "--image-digest", ONE]
CI = ["--forge", "github", "--repository", "acme/shop-gitops"]


@pytest.fixture
def gitops(cli: Cli, github: FakeGithub) -> Path:
    """The GitOps repository of the project `shop`, as GitHub has it."""
    assert cli("create", "shop", "--forge", "github", "--owner", "acme", "--quiet").code == 0
    return github.repositories["acme/shop-gitops"].git_dir


def _files(repository: Path, revision: str) -> list[str]:
    return git("-C", repository, "ls-tree", "-r", "--name-only", revision).splitlines()


def test_a_preview_comes_and_goes_by_commits(cli: Cli, gitops: Path) -> None:
    before = git("-C", gitops, "rev-parse", "main^{tree}")

    created = cli(*PREVIEW, *CI)
    there = _files(gitops, "main")
    deleted = cli("preview", "delete", "shop", "--pr", "42", *CI)

    assert (created.code, deleted.code) == (0, 0), created.err + deleted.err
    assert "previews/pr-42/values.yaml" in there
    assert git("-C", gitops, "rev-parse", "main^{tree}") == before


def test_a_proposal_is_one_pull_request_however_often_it_is_made(
    cli: Cli, github: FakeGithub, gitops: Path
) -> None:
    first, again = (cli(*PREVIEW, *CI, "--pull-request", "-o", "json").json for _ in range(2))
    other = cli(*PREVIEW[:-1], TWO, *CI, "--pull-request", "-o", "json").json

    pulls = github.repositories["acme/shop-gitops"].pulls
    assert [each["outcome"] for each in (first, again, other)] == ["proposed", "unchanged", "proposed"]
    assert [each["pullRequest"] for each in (first, again, other)] == [
        pulls[0]["html_url"],
        pulls[0]["html_url"],
        pulls[1]["html_url"],
    ]
    assert (pulls[0]["title"], pulls[0]["base"]["ref"], pulls[0]["head"]["ref"], len(pulls)) == (
        "Preview pull request 42 with sha256:111111111111",
        "main",
        first["branch"],
        2,
    )


def _merge(github: FakeGithub, repository: Path, work: Path, branch: str) -> Path:
    """Merge a pull request as GitHub's first button does, and return a clone that has the merge."""
    folder = clone(repository, work)
    git_in(folder, "merge", "--quiet", "--no-ff", "--message", "Merge", f"origin/{branch}")
    git_in(folder, "push", "--quiet")
    for each in github.repositories.values():
        for pull in each.pulls:
            pull["state"] = "closed"
    return folder


def test_a_preview_that_was_merged_and_removed_is_proposed_again(
    cli: Cli, github: FakeGithub, gitops: Path, tmp_path: Path
) -> None:
    first = cli(*PREVIEW, *CI, "--pull-request", "-o", "json").json
    work = _merge(github, gitops, tmp_path / "work", first["branch"])
    assert cli("preview", "delete", "shop", "--pr", "42", *CI).code == 0

    again, waiting = (cli(*PREVIEW, *CI, "--pull-request", "-o", "json").json for _ in range(2))

    pulls = github.repositories["acme/shop-gitops"].pulls
    assert [each["outcome"] for each in (again, waiting)] == ["proposed", "unchanged"]
    assert again["branch"] == waiting["branch"] != first["branch"]
    assert [pull["state"] for pull in pulls] == ["closed", "open"]
    assert waiting["pullRequest"] == pulls[1]["html_url"]
    git_in(work, "pull", "--quiet")
    git_in(work, "merge", "--quiet", f"origin/{again['branch']}")
    assert "previews/pr-42/values.yaml" in _files(work, "HEAD")


def test_an_update_that_was_merged_and_taken_back_is_new_again(
    cli: Cli, github: FakeGithub, two: Path, tmp_path: Path
) -> None:
    create = ("create", "demo", "-t", two, "--forge", "github", "--owner", "acme", "--quiet")
    update = ("update", "demo", "--repository", "acme/demo", "-o", "json")
    assert cli(*create).code == 0
    write_files(two / "skeleton", {"empty": b"no more\n"})
    (first,) = cli(*update).json["updates"]
    git_dir = github.repositories["acme/demo"].git_dir
    work = _merge(github, git_dir, tmp_path / "work", first["branch"])
    merged = cli(*update, "--check")
    git_in(work, "revert", "--no-edit", "--mainline", "1", "HEAD")
    git_in(work, "push", "--quiet")

    checked = cli(*update, "--check")
    (again,) = cli(*update).json["updates"]
    waiting = cli(*update, "--check")

    assert (merged.json["outcome"], checked.code, waiting.code) == ("unchanged", 8, 0)
    assert (again["outcome"], waiting.json["outcome"]) == ("proposed", "proposed")
    assert again["branch"] != first["branch"]
    assert git("-C", git_dir, "show", f"{again['branch']}:empty") == "no more"


def test_an_update_is_a_pull_request_and_starts_where_the_last_one_ended(
    cli: Cli, github: FakeGithub, two: Path
) -> None:
    create = ("create", "demo", "-t", two, "--forge", "github", "--owner", "acme", "--quiet")
    assert cli(*create).code == 0
    write_files(two / "skeleton", {"empty": b"no more\n"})

    done = cli("update", "demo", "--repository", "acme/demo", "-o", "json")

    assert done.code == 0, done.out
    (update,) = done.json["updates"]
    repository = github.repositories["acme/demo"]
    assert (done.code, update["outcome"]) == (0, "proposed"), done.err
    assert [pull["html_url"] for pull in repository.pulls] == [update["pullRequest"]]
    assert git("-C", repository.git_dir, "show", f"{update['branch']}:empty") == "no more"
    kept = git("-C", repository.git_dir, "for-each-ref", "--format=%(refname)", "refs/kickstart")
    assert kept.startswith("refs/kickstart/rendered/")
    checked = cli("update", "demo", "--repository", "acme/demo", "--check", "-o", "json")
    assert (checked.code, checked.json["outcome"]) == (0, "proposed")
    assert checked.json["updates"][0]["pullRequest"] == update["pullRequest"]
    repository.pulls[0]["state"] = "closed"
    closed = cli("update", "demo", "--repository", "acme/demo", "--check")
    assert closed.code == 0
    assert "no pull request is open for it" in closed.out


@pytest.mark.parametrize(
    ("at", "status", "code", "said"),
    [
        ("GET .*info/refs$", 403, 4, "acme/shop-gitops cannot be read"),
        ("GET .*info/refs$", 404, 2, "there is no repository acme/shop-gitops, or you cannot see it"),
        ("receive-pack", 403, 4, "acme/shop-gitops cannot be written"),
        ("receive-pack", 500, 6, "acme/shop-gitops took no commit on main"),
    ],
)
def test_what_github_refuses_becomes_what_to_do_next(
    at: str, status: int, code: int, said: str, cli: Cli, github: FakeGithub, gitops: Path
) -> None:
    before = git("-C", gitops, "rev-parse", "main")
    github.faults = [Fault(at, status, "no", lasting=True)]

    done = cli(*PREVIEW, *CI)

    assert done.code == code
    assert said in done.err
    assert "ghp_ada" not in done.out + done.err
    assert git("-C", gitops, "rev-parse", "main") == before


def test_an_update_names_the_earlier_ones_that_are_still_open(
    cli: Cli, github: FakeGithub, two: Path
) -> None:
    create = ("create", "demo", "-t", two, "--forge", "github", "--owner", "acme", "--quiet")
    assert cli(*create).code == 0
    said = []
    for text in (b"one\n", b"two\n", b"three\n"):
        write_files(two / "skeleton", {"empty": text})
        said.append(cli("update", "demo", "--repository", "acme/demo"))
        if text == b"one\n":
            github.repositories["acme/demo"].pulls[0]["state"] = "closed"

    _, second, third = (pull["html_url"] for pull in github.repositories["acme/demo"].pulls)
    notes = [[line for line in done.out.splitlines() if "instead of" in line] for done in said]
    assert [done.code for done in said] == [0, 0, 0]
    assert notes == [[], [], [f"  instead of {second}, which is still open: close it"]]
    assert third in said[-1].out
    again = cli("update", "demo", "--repository", "acme/demo", "-o", "json")
    assert [each["replaces"] for each in again.json["updates"]] == [[second]]


def test_a_pipeline_learns_where_an_update_of_one_repository_is_proposed(
    cli: Cli, github: FakeGithub, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ("create", "demo", "-t", two, "--forge", "github", "--owner", "acme", "--quiet")
    assert cli(*create).code == 0
    work = clone(github.repositories["acme/demo"].git_dir, tmp_path / "work")
    (work / "empty").write_text("ours\n")
    git_in(work, "commit", "--quiet", "--all", "--message", "ours")
    git_in(work, "push", "--quiet")
    write_files(two / "skeleton", {"empty": b"no more\n"})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    done = cli("update", "demo", "--repository", "acme/demo", "-o", "json")

    lines = (tmp_path / "output").read_text().splitlines()
    given = {name.partition("<<")[0]: value for name, value in zip(lines[::3], lines[1::3], strict=True)}
    (update,) = done.json["updates"]
    assert done.code == 9
    assert given == {
        "outcome": "failed",
        "changed": "true",
        "exit-code": "9",
        "repository": "acme/demo",
        "branch": update["branch"],
        "commit": update["commit"],
        "pull-request": update["pullRequest"],
    }
