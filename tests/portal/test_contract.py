"""The fake is held to Backstage's own description: here is the check that this is so."""

from __future__ import annotations

import pytest

from scripts import portal_api
from scripts.npm import UnavailableError
from tests.github import contract


@pytest.fixture
def described() -> contract.Contract:
    try:
        return contract.Contract(contract.document(portal_api.description()))
    except UnavailableError as error:
        pytest.skip(f"a portal's requests and answers are NOT checked against its description: {error}")


LOCATION = {"type": "url", "target": "https://x/y.yaml"}


@pytest.mark.parametrize(
    ("operation", "query", "body", "status", "answer", "finding"),
    [
        ("POST /locations", {"dry": "true"}, LOCATION, 201, {}, "no query parameter dry"),
        ("POST /locations", {}, {"type": "url"}, 201, {}, '"target" is a required property'),
        ("POST /locations", {}, {**LOCATION, "owner": "x"}, 201, {}, "no field owner"),
        ("POST /locations", {}, LOCATION, 201, {"location": LOCATION}, '"entities" is a required'),
        ("POST /locations", {}, LOCATION, 409, {"message": "x"}, '"error" is a required property'),
        ("GET /locations", {}, None, 200, [LOCATION], '"data" is a required property'),
        ("POST /entities/by-refs", {}, {"refs": []}, 200, {"items": []}, '"entityRefs" is a required'),
        ("POST /entities/by-refs", {}, {"entityRefs": []}, 200, [], "is not of type"),
        ("GET /nowhere", {}, None, 200, {}, "no such operation"),
    ],
)
def test_what_the_description_does_not_have_is_found(
    described: contract.Contract,
    operation: str,
    query: dict[str, str],
    body: object,
    status: int,
    answer: object,
    finding: str,
) -> None:
    described.check(operation, query, body, status, answer)

    assert any(finding in each for each in described.findings), described.findings
