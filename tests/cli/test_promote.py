"""Promotion: the digest of one environment for another, and nothing else."""

from __future__ import annotations

import pytest

from tests.cli.gitops import ONE, TWO, GitOps, gitops, published_shop
from tests.cli.support import Cli, git_in

__all__ = ["gitops", "published_shop"]

PROMOTE = ["promote", "shop", "--from", "dev", "--to", "stage"]


def _built(gitops: GitOps, image: str = ONE) -> str:
    """Write a digest for dev as the pipeline does, and return the commit."""
    text = gitops.read("helm/images/dev.yaml")
    start = text.index("  digest:")
    return gitops.write("helm/images/dev.yaml", f'{text[:start]}  digest: "{image}"\n')


def test_only_the_digest_moves(cli: Cli, gitops: GitOps) -> None:
    by_hand = '# ours\nimage:   # below\n    digest:  ""   # the one\nextra: [1,  2]\n'
    gitops.write("helm/images/stage.yaml", by_hand)
    before = _built(gitops)

    done = cli(*PROMOTE, "-o", "json")

    assert (done.code, done.json["outcome"]) == (0, "changed")
    assert (done.json["from"], done.json["to"], done.json["digest"]) == ("dev", "stage", ONE)
    assert gitops.changed(before) == ["M helm/images/stage.yaml"]
    assert gitops.read("helm/images/stage.yaml") == by_hand.replace('""', f'"{ONE}"')
    assert git_in(gitops.repository, "log", "-1", "--format=%s%n%b", "main") == (
        f"Promote sha256:111111111111 from dev to stage\n{ONE}"
    )


def test_an_executable_file_stays_one(cli: Cli, gitops: GitOps) -> None:
    _built(gitops)
    cli("preview", "create", "shop", "--pr", "42", "--image-digest", ONE)
    files = ["helm/images/stage.yaml", "previews/pr-42/values.yaml"]
    git_in(gitops.folder, "pull", "--quiet")
    git_in(gitops.folder, "update-index", "--chmod=+x", *files)
    git_in(gitops.folder, "commit", "--quiet", "--message", "from a share")
    git_in(gitops.folder, "push", "--quiet")

    done = [cli(*PROMOTE), cli("preview", "create", "shop", "--pr", "42", "--image-digest", TWO)]

    assert [each.code for each in done] == [0, 0]
    listed = git_in(gitops.repository, "ls-tree", "main", *files)
    assert [line.split()[0] for line in listed.splitlines()] == ["100755"] * 2


def test_the_same_image_again_is_unchanged(cli: Cli, gitops: GitOps) -> None:
    _built(gitops)
    cli(*PROMOTE)
    before = gitops.head

    done = cli(*PROMOTE)

    assert (done.code, done.out) == (0, "acme/shop-gitops is unchanged.\n")
    assert gitops.head == before


def test_a_proposal_is_made_once_for_each_image(cli: Cli, gitops: GitOps) -> None:
    _built(gitops)
    first = cli(*PROMOTE, "--pull-request", "-o", "json").json
    again = cli(*PROMOTE, "--pull-request", "-o", "json").json
    before = _built(gitops, TWO)
    other = cli(*PROMOTE, "--pull-request", "-o", "json").json

    assert [each["outcome"] for each in (first, again, other)] == ["proposed", "unchanged", "proposed"]
    assert gitops.head == before
    assert ONE in gitops.read("helm/images/stage.yaml", first["branch"])
    assert TWO in gitops.read("helm/images/stage.yaml", other["branch"])


def test_unknown_environments_are_all_named(cli: Cli, gitops: GitOps) -> None:
    done = cli("promote", "shop", "--from", "def", "--to", "production", "-o", "json")

    assert done.code == 2
    error = done.json["error"]
    assert [(fault["where"], fault["message"]) for fault in error["faults"]] == [
        ("--from", "there is no environment 'def' (did you mean 'dev'?)"),
        ("--to", "there is no environment 'production'"),
    ]
    assert error["hint"] == "known are dev, prod, stage"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", "dev", "--to", "dev"], 2, "--to: 'dev' is where the image comes from"),
        (["--from", "pr-42", "--to", "dev"], 2, "there is no environment 'pr-42'"),
        (["--from", "../dev", "--to", "stage"], 2, "there is no environment '../dev'"),
        (["--from", "stage", "--to", "prod"], 4, "stage has no image yet"),
    ],
)
def test_what_cannot_be_promoted_is_refused(
    arguments: list[str], code: int, said: str, cli: Cli, gitops: GitOps
) -> None:
    _built(gitops)
    cli("preview", "create", "shop", "--pr", "42", "--image-digest", ONE)
    before = gitops.head

    done = cli("promote", "shop", *arguments)

    assert (done.code, gitops.head) == (code, before)
    assert said in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image: old\n", "helm/images/stage.yaml:1: has something else at image.digest"),
        ("image: {digest: latest}\n", "helm/images/stage.yaml holds no digest: 'latest' is not of the form"),
        ("image: [\n", "helm/images/stage.yaml:2: while parsing"),
        ("- image\n", "helm/images/stage.yaml is not a mapping"),
        (
            "image: {digest: &all ''}\nother: *all\n",
            "helm/images/stage.yaml:1: cannot be changed at image.digest alone",
        ),
    ],
)
def test_a_file_that_would_be_spoilt_is_named_and_left_alone(
    text: str, said: str, cli: Cli, gitops: GitOps
) -> None:
    _built(gitops)
    before = gitops.write("helm/images/stage.yaml", text)

    done = cli(*PROMOTE)

    assert (done.code, gitops.head) == (5, before)
    assert said in done.err


def test_a_dry_run_shows_the_line_and_writes_nothing(cli: Cli, gitops: GitOps) -> None:
    before = _built(gitops)

    done = cli(*PROMOTE, "--dry-run")

    assert f'+  digest: "{ONE}"' in [line.strip() for line in done.out.splitlines()]
    assert gitops.head == before


def test_nobody_is_taken_for_an_owner_on_github(cli: Cli) -> None:
    done = cli(*("promote", "unknown", "--from", "dev", "--to", "prod", "--forge", "github"))

    assert done.code == 2
    assert "no run on this machine has made 'unknown'" in done.err
    assert "--owner OWNER" in done.err
