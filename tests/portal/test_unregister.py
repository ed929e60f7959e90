from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tests.github.fake import FakeGithub
from tests.github.support import create
from tests.portal.conftest import TOKEN
from tests.portal.fake import FakePortal, Fault
from tests.portal.test_register import template, url


@pytest.fixture
def registered(cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path) -> list[str]:
    """Create a project that is registered, among descriptions that are not its own."""
    others = [f"{github.url}/acme/{name}/tree/main/catalog-info.yaml" for name in ("demo2", "demo-gitops")]
    for each in others:
        portal.answer(
            "POST", "/api/catalog/locations", TOKEN, json.dumps({"type": "url", "target": each}).encode()
        )
    assert create(cli, template(tmp_path / "x")).code == 0
    assert url(github) in portal.targets
    portal.requests.clear()
    return others


def test_a_project_leaves_the_portal_before_its_repositories_go(
    cli: Cli, github: FakeGithub, portal: FakePortal, registered: list[str]
) -> None:
    planned = cli("delete", "demo", "--dry-run")
    kept = list(portal.targets)
    done = cli("delete", "demo", "--yes")
    again = cli("delete", "demo", "--yes")

    assert planned.out.startswith(f"delete  catalog of {portal.url} ({url(github)})\n")
    assert url(github) in kept
    assert done.code == 0
    assert done.err.startswith(f"deleted  catalog of {portal.url}\narchived  repository acme/demo")
    assert portal.targets == registered
    assert again.code == 0
    assert f"unchanged  catalog of {portal.url} (has none of it)" in again.out
    assert [each.rpartition("/")[0] for each in portal.requests] == [
        *["GET "] * 3,
        "DELETE /locations",
        "GET ",
    ]


def test_what_a_repository_of_somebody_elses_describes_stays(
    cli: Cli, github: FakeGithub, portal: FakePortal, registered: list[str]
) -> None:
    del github.repositories["acme/demo"]
    before = list(portal.targets)

    assert cli("delete", "demo", "--yes").code == 0

    assert portal.targets == before


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault("DELETE", 404, "NotFoundError"), 0), (Fault("DELETE", after=True), 6), (Fault("DELETE", 503), 6)],
)
def test_an_answer_that_is_lost_is_made_up_for_by_the_same_command(
    cli: Cli, github: FakeGithub, portal: FakePortal, registered: list[str], fault: Fault, code: int
) -> None:
    portal.faults.append(fault)

    first = cli("delete", "demo", "--yes")
    second = cli("delete", "demo", "--yes")

    assert (first.code, second.code) == (code, 0), first.err + second.err
    assert portal.targets == registered
    assert github.repositories["acme/demo"].flags["archived"]


def test_a_token_that_may_not_leaves_the_repositories_as_they_are(
    cli: Cli, github: FakeGithub, portal: FakePortal, registered: list[str]
) -> None:
    portal.forbidden = True

    refused = cli("delete", "demo", "--yes")

    assert refused.code == 4
    assert f"{portal.url} does not permit DELETE /api/catalog/locations/" in refused.err
    assert not github.repositories["acme/demo"].flags["archived"]


def test_without_a_portal_the_run_says_what_one_goes_on_reading(
    cli: Cli, github: FakeGithub, registered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_URL")

    done = cli("delete", "demo", "--yes")

    assert done.code == 0
    assert f"Note: a portal may go on reading {url(github)}" in done.err
    assert "export KICKSTART_PORTAL_URL" in done.err


def test_a_project_on_this_machine_needs_no_portal_to_be_deleted(
    cli: Cli, portal: FakePortal, tmp_path: Path
) -> None:
    assert cli("create", "demo", "-t", template(tmp_path / "x"), "--forge", "local").code == 0
    portal.requests.clear()

    done = cli("delete", "demo", "--yes")

    assert (done.code, portal.requests) == (0, [])
    assert "catalog" not in done.err
