from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, Result, fetch, publish, write_template
from tests.github.fake import FakeGithub
from tests.github.fake import Fault as GithubFault
from tests.github.support import create
from tests.portal.conftest import TOKEN
from tests.portal.fake import FakePortal, Fault

ENTITY: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "${{ parameters.name }}"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team"},
}
REGISTER: dict[str, Any] = {
    "id": "register",
    "action": "catalog:register",
    "input": {"repoContentsUrl": "${{ steps.publish.output.repoContentsUrl }}"},
}


def template(folder: Path, entity: Mapping[str, Any] = ENTITY, **more: Any) -> Path:
    """Write a template that publishes a component and registers it."""
    write = {"id": "write", "action": "catalog:write", "input": {"entity": entity}}
    step = {**REGISTER, "input": {**REGISTER["input"], **more}}
    return write_template(folder, [fetch(), write, publish(), step])


def url(github: FakeGithub) -> str:
    return f"{github.url}/acme/demo/tree/main/catalog-info.yaml"


def test_what_is_published_is_registered_once(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path
) -> None:
    made = template(tmp_path / "x")

    planned = create(cli, made, "--dry-run")
    written = list(portal.locations)
    done = create(cli, made, "--output", "json")
    again = create(cli, made)

    assert f"create  catalog location {url(github)} (on {portal.url})" in planned.out
    assert written == []
    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert done.json["changes"][1]["facts"] == {"entityRef": "component:default/demo"}
    assert portal.targets == [url(github)]
    assert f"unchanged  catalog location {url(github)}" in again.err
    assert portal.requests == [
        *["GET /locations"] * 2,
        *("POST /locations?dryRun=true", "POST /locations", "GET /locations"),
    ]


def test_a_location_that_the_token_may_not_see_is_no_failure(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path
) -> None:
    portal.blind = True
    create(cli, template(tmp_path / "x"))

    again = create(cli, template(tmp_path / "x"))

    assert again.code == 0, again.err
    assert portal.requests[-1] == "POST /locations"
    assert portal.targets == [url(github)]


def test_an_answer_that_was_lost_leaves_nothing_to_do(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path
) -> None:
    portal.faults = [Fault("POST /locations", at_the_end=True, after=True)]

    failed = create(cli, template(tmp_path / "x"))
    again = create(cli, template(tmp_path / "x"))

    assert failed.code == 6
    assert f"{portal.url} did not answer POST /api/catalog/locations: " in failed.err
    assert again.code == 0, again.err
    assert portal.targets == [url(github)]


def test_what_the_portal_cannot_read_is_not_registered_until_it_can(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path
) -> None:
    readable, portal.files = portal.files, lambda url: None

    refused = create(cli, template(tmp_path / "x"))
    optional = create(cli, template(tmp_path / "x", optional=True))
    registered = list(portal.targets)
    portal.files = readable
    again = create(cli, template(tmp_path / "x"))

    assert refused.code == 6
    assert f"cannot read {url(github)}: InputError: NotFoundError: Unable to read url" in refused.err
    assert "see that the portal has access to that repository, and run the same command again" in refused.err
    assert optional.code == 0, optional.err
    assert f"Note: {url(github)} is not registered: {portal.url} cannot read {url(github)}: " in optional.err
    assert registered == []
    assert again.code == 0, again.err
    assert portal.targets == [url(github)]


def test_an_entity_that_the_portal_names_otherwise_is_told(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path
) -> None:
    readable = portal.files
    portal.files = lambda url: (readable(url) or "").replace("name: demo", "name: other")

    done = create(cli, template(tmp_path / "x"))

    assert done.code == 0, done.err
    assert f"{portal.url} knows component:default/demo as component:default/other" in done.err


@pytest.mark.parametrize(
    ("fault", "code", "said", "hint"),
    [
        (Fault("GET", 401), 4, "refuses the token of KICKSTART_PORTAL_TOKEN", "with a token of the portal"),
        (Fault("GET", 403), 4, "does not permit GET /api/catalog/locations", "give the token of"),
        (Fault("GET", 404), 4, "does not answer GET /api/catalog/locations as a portal's", "backend.baseUrl"),
        (Fault("GET", 302), 4, "does not answer GET /api/cat", "backend.baseUrl"),
        (Fault("GET", text="<html>"), 4, "does not answer GET /api/cat", "backend.baseUrl"),
        (Fault("GET", text='{"a": 1}'), 4, "does not answer GET /api/cat", "backend.baseUrl"),
        (Fault("GET", 500), 6, "answers 500 to GET /api/catalog/locations: Error: it broke", "same command"),
        (Fault("GET", 429), 6, "answers 429 to", "run the same command again"),
        (Fault("GET", 0), 6, "did not answer GET /api/catalog/locations: ", "check KICKSTART_PORTAL_URL"),
        (Fault("GET", seconds=1), 6, "did not answer GET /api/catalog/locations: ", "and the network"),
    ],
    ids=lambda value: f"{value.status}{value.text}" if isinstance(value, Fault) else "",
)
def test_a_portal_that_cannot_be_used_stops_create_before_the_first_write(
    cli: Cli,
    github: FakeGithub,
    portal: FakePortal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    code: int,
    said: str,
    hint: str,
) -> None:
    monkeypatch.setattr("kickstart.tools.portal.TIMEOUT", 0.5)
    portal.faults = [fault]

    stopped = create(cli, template(tmp_path / "x"))
    written = github.writes()
    again = create(cli, template(tmp_path / "x"))

    assert stopped.code == code
    assert f"{portal.url} {said}" in stopped.err
    assert hint in stopped.err
    assert written == []
    assert again.code == 0, again.err


def test_a_portal_that_is_not_there_stops_create_before_the_first_write(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PORTAL_URL", "http://127.0.0.1:1")

    stopped = create(cli, template(tmp_path / "x"))

    assert stopped.code == 6
    assert "http://127.0.0.1:1 did not answer GET /api/catalog/locations: " in stopped.err
    assert github.writes() == []


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault("POST", 403, "NotAllowedError", "Unauthorized"), 4, "does not permit POST /api/catalog/loc"),
        (Fault("POST /locations?", 503), 6, "answers 503 to POST /api/catalog/locations"),
        (Fault("POST /locations", 400, "InputError", "no", at_the_end=True), 6, "refuses POST /api/catalog"),
        (Fault("POST /locations?", text='{"entities": [{}]}'), 4, "as a portal's catalog does"),
    ],
    ids=lambda value: value.at if isinstance(value, Fault) else "",
)
def test_a_failure_after_the_first_write_converges(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, fault: Fault, code: int, said: str
) -> None:
    portal.faults = [fault]

    stopped = create(cli, template(tmp_path / "x"))
    again = create(cli, template(tmp_path / "x"))

    assert stopped.code == code
    assert said in stopped.err
    assert again.code == 0, again.err
    assert portal.targets == [url(github)]
    assert sum("/orgs/acme/repos" in each for each in github.writes()) == 1


def test_the_token_is_in_no_text_and_no_file(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, home: Path
) -> None:
    portal.tokens = {"another"}  # the answer repeats the one that was sent

    results = [
        create(cli, template(tmp_path / "x"), *more) for more in ([], ["--verbose"], ["--output", "json"])
    ]
    portal.tokens = {TOKEN}
    portal.faults = [Fault("POST", 500, "Error", f"this is {TOKEN}")]
    results += [create(cli, template(tmp_path / "x")), create(cli, template(tmp_path / "x"))]

    assert [each.code for each in results] == [4, 4, 4, 6, 0]
    assert "Failed user token verification of ***" in results[0].err
    assert not [each for each in results if TOKEN in each.out + each.err]
    files = [file for place in (home, github.folder) for file in place.rglob("*") if file.is_file()]
    assert len(files) > 5
    assert not [file for file in files if TOKEN.encode() in file.read_bytes()]


def test_a_password_of_a_netrc_is_not_sent_instead_of_the_token(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login ada password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert create(cli, template(tmp_path / "x")).code == 0


def test_a_portal_that_asks_for_no_token_gets_none(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_TOKEN")
    asked = create(cli, template(tmp_path / "x"))
    portal.tokens = set()

    done = create(cli, template(tmp_path / "x"))

    assert asked.code == 4
    assert f"{portal.url} asks for a token" in asked.err
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("backstage", "'backstage' is not the URL of a portal"),
        ("http://[", "'http://[' is not the URL of a portal"),
        ("https://ada:secret@x", "the URL of a portal may hold no user or password"),
        ("http://backstage.example.com", "would send the token unencrypted"),
    ],
)
def test_a_wrong_address_is_told(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("KICKSTART_PORTAL_URL", value)

    refused = cli("create", "demo", "--template", template(tmp_path / "x"))

    assert refused.code == 2
    assert said in refused.err
    assert "secret" not in refused.err


def test_the_address_of_the_api_is_taken_as_well(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PORTAL_URL", f"{portal.url}/api/catalog/")

    assert create(cli, template(tmp_path / "x")).code == 0
    assert portal.targets == [url(github)]


def test_a_project_file_cannot_name_the_portal(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_URL")
    folder = Path.cwd() / ".kickstart"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"portal-url: {portal.url}\n")

    refused = create(cli, template(tmp_path / "x"))

    assert refused.code == 2
    assert "portal-url" in refused.err
    assert portal.requests == []


def test_without_a_portal_nothing_is_registered_and_the_plan_says_so(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    done = create(cli, template(tmp_path / "x"), "--dry-run")

    assert done.code == 0, done.err
    assert f"not registered, since no portal is configured: {url(github)}" in said(done)


LINKS = [
    {"title": "Repository", "url": "${{ steps.publish.output.remoteUrl }}"},
    {"title": "Component", "entityRef": "${{ steps.register.output.entityRef }}"},
    {"title": "System", "entityRef": "system:default/shop"},
]


@pytest.mark.parametrize(
    ("where", "titles"),
    [
        ("no portal", ["Repository", "System"]),
        ("portal", ["Repository", "Component", "System"]),
        ("local forge", ["Repository", "System"]),
    ],
)
def test_a_link_to_an_entity_that_nobody_registers_is_left_out(
    where: str,
    titles: list[str],
    cli: Cli,
    github: FakeGithub,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    made = template(tmp_path / "x")
    whole = json.loads((made / "template.yaml").read_text())
    whole["spec"]["output"] = {"links": LINKS}
    (made / "template.yaml").write_text(json.dumps(whole))
    if where != "no portal":
        request.getfixturevalue("portal")
    forge = ("--forge", f"local:{tmp_path}/forge") if where == "local forge" else ()

    done = create(cli, made, "--output", "json", *forge)

    assert [link["title"] for link in done.json["links"]] == titles, done.err


def test_a_folder_of_repositories_is_nothing_that_a_portal_could_read(
    cli: Cli, portal: FakePortal, tmp_path: Path
) -> None:
    done = cli("create", "demo", "--template", template(tmp_path / "x"), "--dry-run")

    assert done.code == 0, done.err
    assert "not registered, since no portal could read it: file:///" in said(done)
    assert portal.requests == []


def said(result: Result) -> str:
    return " ".join((result.out + result.err).split())


def test_a_run_that_fails_before_has_registered_nothing(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.faults = [GithubFault("POST /orgs/acme/repos", 403)]
    monkeypatch.setattr("kickstart.tools.github.retry.ATTEMPTS", 0)

    assert create(cli, template(tmp_path / "x")).code == 4
    assert portal.targets == []
