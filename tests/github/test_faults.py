"""Each fault at each request: the run succeeds, or says what to do and the same command completes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tests.github.fake import FakeGithub, Fault
from tests.github.support import create, start

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
MAX_REQUESTS = 60  # of one run; more than there are, so that the loop ends by itself
# Faults that pass, at each request.
PASSING = {
    "answered by 500": Fault(status=500),
    "dropped after its effect": Fault(status=0, after=True),
}
# Those that do not, with the exit code that they end with.
LASTING = {
    "dropped after its effect": (Fault(status=0, after=True), 6),
    "refused": (Fault(status=403, message="Resource not accessible by personal access token"), 4),
}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no wait take its time, and return those there were."""
    waited: list[float] = []
    monkeypatch.setattr("kickstart.tools.github.retry.time.sleep", waited.append)
    return waited


def fresh(github: FakeGithub) -> None:
    github.repositories.clear()
    github.requests.clear()
    github.faults.clear()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_is_waited_for_at_every_request(
    cli: Cli, two: Path, github: FakeGithub, kind: str
) -> None:
    create(cli, two)
    expected, requests = github.heads(), len(github.requests)

    for number in range(1, requests + 1):
        fresh(github)
        github.faults = [replace(PASSING[kind], number=number)]
        done = create(cli, two)

        assert done.code == 0, f"request {number}: {done.err}"
        assert github.heads() == expected
        assert "unchanged" in create(cli, two, "--dry-run").out, f"request {number} left something undone"


@pytest.mark.slow
@pytest.mark.parametrize("kind", LASTING)
def test_after_a_fault_that_lasts_the_same_command_completes(
    cli: Cli, two: Path, github: FakeGithub, kind: str
) -> None:
    fault, code = LASTING[kind]
    create(cli, two)
    expected, requests = github.heads(), [str(each) for each in github.requests]

    for number, request in enumerate(requests, start=1):
        fresh(github)
        github.faults = [replace(fault, number=number, lasting=True)]
        failed = create(cli, two)
        github.faults.clear()
        again = create(cli, two)

        where = f"request {number}, {request}: {failed.err}"
        if failed.code == 0:  # a look that a run can do without, or a push that is seen to have arrived
            assert "memberships" in request or "git-receive-pack" in request, where
        else:
            assert failed.code == code, where
            assert "Hint: " in failed.err, where
        assert again.code == 0, where + again.err
        assert github.heads() == expected, where


@pytest.mark.slow
def test_a_run_killed_at_any_request_is_finished_by_the_same_command(
    cli: Cli, two: Path, github: FakeGithub
) -> None:
    create(cli, two)
    expected, requests = github.heads(), len(github.requests)

    for number in range(1, requests + 1):
        fresh(github)
        started = start(two)

        def kill(request: int, number: int = number, pid: int = started.pid) -> None:
            if request == number:
                os.kill(pid, signal.SIGKILL)

        github.on_request = kill
        assert started.wait(60) == -signal.SIGKILL
        github.on_request = lambda request: None
        left = {name: commit for name, commit in github.heads().items() if commit}
        again = create(cli, two)

        assert again.code == 0, f"request {number}: {again.err}"
        assert left.items() <= expected.items()
        assert github.heads() == expected
        assert "unchanged" in create(cli, two, "--dry-run").out, f"request {number} left something undone"


@pytest.mark.parametrize(
    ("fault", "code", "shown"),
    [
        (Fault(status=503), 6, "POST /orgs/acme/repos: too many 503 error responses"),
        (Fault(status=429, headers={"Retry-After": "7"}), 6, "waiting 7 s: secondary rate limit"),
        (Fault(status=429), 6, "waiting 60 s: secondary rate limit"),
        (Fault(status=429, headers={"Retry-After": "3600"}), 6, "wait for 60 minutes"),
        (Fault(status=401, message="Bad credentials"), 4, "refuses the token of GH_ENTERPRISE_TOKEN"),
        (Fault(status=404, message="Not Found"), 4, "GitHub does not let you create acme/demo: Not Found"),
        (Fault(status=422, message="Visibility can't be private"), 2, "Visibility can't be private"),
    ],
)
def test_what_lasts_ends_with_a_code_and_what_to_do(
    cli: Cli, two: Path, github: FakeGithub, fault: Fault, code: int, shown: str
) -> None:
    github.faults = [replace(fault, at="POST /orgs/acme/repos", lasting=True)]
    done = create(cli, two)
    github.faults = []
    again = create(cli, two)

    assert (done.code, again.code) == (code, 0)
    assert shown in done.err
    assert "Hint: " in done.err


def test_a_wait_is_shown_with_its_reason(cli: Cli, two: Path, github: FakeGithub, waits: list[float]) -> None:
    github.faults = [
        Fault("POST /orgs/acme/repos", 403, SECONDARY, {"Retry-After": "12"}),
        Fault("PUT /repos/acme/demo/branches", 403, SECONDARY),
        Fault("GET /user$", 503),
    ]

    done = create(cli, two)

    assert done.code == 0
    assert [wait for wait in waits if wait > 0] == [12, 60]
    assert "waiting 12 s: secondary rate limit\n" in done.err
    assert "waiting 60 s: secondary rate limit\n" in done.err


def test_a_wait_that_is_too_long_is_left_to_the_user(cli: Cli, two: Path, github: FakeGithub) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
    github.faults = [Fault("POST", 403, "API rate limit exceeded for user ID 1.", headers)]

    done = create(cli, two)

    assert done.code == 6
    assert "GitHub asks for a pause of 1" in done.err
    assert "wait for 30 minutes, and run the same command again" in done.err


def test_the_first_push_waits_until_git_sees_the_repository(
    cli: Cli, two: Path, github: FakeGithub, waits: list[float]
) -> None:
    github.invisible_for = 3

    done = create(cli, two)

    assert done.code == 0
    assert waits == [1, 2, 4]
    assert "waiting 1 s: Git does not see the new repository yet" in done.err


def test_a_repository_that_git_never_sees_fails_after_a_bounded_wait(
    cli: Cli, two: Path, github: FakeGithub, waits: list[float]
) -> None:
    github.invisible_for = 99

    done = create(cli, two)
    github.invisible_for = 0
    again = create(cli, two)

    assert (done.code, again.code) == (6, 0)
    assert sum(waits) == 31
    assert "Git does not see acme/demo, which was created" in done.err


@pytest.mark.parametrize("after", [False, True])
def test_a_create_whose_answer_was_lost_is_recognised(
    cli: Cli, two: Path, github: FakeGithub, after: bool
) -> None:
    github.faults = [Fault("POST /orgs/acme/repos", 502, after=after)]

    done = create(cli, two)

    assert done.code == 0
    assert len(github.repositories) == 2
    assert [str(each) for each in github.requests if each.status == 422] == ["POST /orgs/acme/repos"] * after


@pytest.mark.parametrize(
    ("said", "code", "shown"),
    [
        ("error: GH013: Repository rule violations found for refs/heads/main.", 4, "rules of GitHub refuse"),
        ("error: GH006: Protected branch update failed for refs/heads/main.", 4, "rules of GitHub refuse"),
        ("ERROR: The 'acme' organization has enabled or enforced SAML SSO.", 4, "asks for single sign-on"),
        ("out of memory", 6, "git push to acme/demo failed: out of memory"),
    ],
)
def test_a_refused_push_is_told_by_its_name_and_resumed(
    cli: Cli, two: Path, github: FakeGithub, said: str, code: int, shown: str
) -> None:
    github.push_refusal = said
    done = create(cli, two)
    github.push_refusal = ""
    again = create(cli, two)

    assert (done.code, again.code) == (code, 0)
    assert shown in done.err


def test_a_token_that_is_revoked_midway_is_told_as_such(cli: Cli, two: Path, github: FakeGithub) -> None:
    grant = github.tokens["ghp_ada"]

    def revoke(number: int) -> None:
        if any(str(each) == "POST /orgs/acme/repos" for each in github.requests):
            github.tokens.clear()

    github.on_request = revoke
    done = create(cli, two)
    github.on_request = lambda number: None
    github.tokens["ghp_ada"] = grant
    again = create(cli, two)

    assert (done.code, again.code) == (4, 0)
    assert "GitHub refuses the token for a push to acme/demo" in done.err


def test_single_sign_on_is_told_with_its_address(cli: Cli, two: Path, github: FakeGithub) -> None:
    url = "https://github.test/orgs/acme/sso?authorization_request=x"
    message = "Resource protected by organization SAML enforcement."
    headers = {"X-GitHub-SSO": f"required; url={url}"}
    github.faults = [Fault("GET /user/memberships", 403, message, headers, lasting=True)]

    done = create(cli, two)

    assert done.code == 4
    assert f"authorise it here, and run the same command again: {url}" in done.err
    assert github.writes() == []


def test_a_host_that_does_not_answer_is_told_as_such(
    cli: Cli, two: Path, github: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.stop()

    done = create(cli, two)

    assert done.code == 6
    assert "did not answer GET /user" in done.err
    assert "Connection refused" in done.err
