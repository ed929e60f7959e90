"""The fake is held to GitHub's own description: here is the check that this is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import github_api
from scripts.npm import UnavailableError
from tests.cli.support import Cli
from tests.github import contract
from tests.github.fake import ROUTES, FakeGithub
from tests.github.support import SETTINGS, create, one_repository


@pytest.fixture
def checked() -> contract.Contract:
    try:
        return contract.Contract(contract.document(github_api.description()))
    except UnavailableError as error:
        pytest.skip(f"GitHub's requests and answers are NOT checked against its description: {error}")


def test_every_exchange_is_as_the_description_says(
    cli: Cli, github: FakeGithub, tmp_path: Path, checked: contract.Contract
) -> None:
    github.contract = checked
    template = one_repository(tmp_path / "shop", **SETTINGS)
    create(cli, template)
    github.repositories["acme/demo"].variables["REGION"] = "us"
    create(cli, template)

    assert checked.checked == github.count("rest")
    assert checked.checked > 20
    assert checked.findings == []


def test_the_fake_knows_no_operation_that_github_does_not_have(checked: contract.Contract) -> None:
    described = {
        f"{verb.upper()} {path}" for path, verbs in checked.document["paths"].items() for verb in verbs
    }

    assert ROUTES.keys() - described == set()


@pytest.mark.parametrize(
    ("operation", "query", "body", "status", "answer", "finding"),
    [
        ("GET /users", {"x": "1"}, None, 200, [], "no query parameter x"),
        ("POST /user/repos", {}, {"name": 1}, 401, {}, "body: name"),
        ("POST /user/repos", {}, {"name": "x", "colour": "red"}, 401, {}, "no field colour"),
        ("GET /user", {}, None, 201, {}, "does not answer 201"),
        ("GET /user/memberships/orgs/{org}", {}, None, 200, {"state": "active"}, '"role" is a required'),
        ("GET /nowhere", {}, None, 200, {}, "no such operation"),
    ],
)
def test_what_the_description_does_not_have_is_found(
    checked: contract.Contract,
    operation: str,
    query: dict[str, str],
    body: object,
    status: int,
    answer: object,
    finding: str,
) -> None:
    checked.check(operation, query, body, status, answer)

    assert any(finding in each for each in checked.findings), checked.findings
