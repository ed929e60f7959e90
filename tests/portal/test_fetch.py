from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kickstart.actions.catalog import CatalogFetch
from kickstart.cli.connect import CERTIFICATES
from kickstart.tools.portal import BackstagePortal
from kickstart.tree import Tree
from tests.cli.support import Cli, fetch, publish, write_template
from tests.github.fake import FakeGithub
from tests.github.support import certified, create
from tests.portal.conftest import TOKEN
from tests.portal.fake import FakePortal, Fault, running
from tests.unit.building import given

SHOP: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop", "namespace": "default", "annotations": {"team": "blue"}},
    "spec": {"owner": "group:default/web"},
}
READ: dict[str, Any] = {
    "id": "read",
    "action": "catalog:fetch",
    "input": {"entityRef": "component:Shop"},
}
VALUES = {
    "owner": "${{ steps.read.output.entity.spec.owner }}",
    "team": "${{ steps.read.output.entity.metadata.annotations.team }}",
}
README = {"README.md.j2": b"${{ values.owner }}, ${{ values.team }}\n"}


# live.py asks Backstage's own action the same.
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"entityRef": "component:default/shop"}, {"entity": SHOP}),
    ({"entityRef": "shop", "defaultKind": "Component"}, {"entity": SHOP}),
    ({"entityRefs": ["component:shop"]}, {"entities": [SHOP]}),
    ({"entityRefs": []}, {"entities": []}),
    ({"entityRefs": ["api:x", "component:shop"], "optional": True}, {"entities": [None, SHOP]}),
    ({"entityRef": "shop", "defaultKind": "api", "optional": True}, {"entity": None}),
    (
        {
            "entityRef": "component:shop",
            "entityRefs": ["shop"],
            "defaultKind": "group",
            "optional": True,
        },
        {"entity": SHOP, "entities": [None]},
    ),
    (
        {"entityRef": "component:shop", "defaultNamespace": "other", "optional": True},
        {"entity": None},
    ),
    ({"optional": True}, {}),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"entityRef": "component:none"}, "has no entity component:none"),
    ({"entityRefs": ["component:shop", "api:b"]}, "has no entity api:b"),
    ({"entityRef": "shop"}, "'shop' has no kind"),
    ({"entityRef": "a:b:c"}, "is not of the form [kind:][namespace/]name"),
    ({"entityRef": ""}, "entityRef or entityRefs is required"),
]


def template(folder: Path, dialect: str = "kickstart", **input: Any) -> Path:
    read = {**READ, "input": input or READ["input"]}
    metadata = {"name": "small", "annotations": {"kickstart/dialect": dialect}}
    return write_template(folder, [read, fetch(VALUES), publish()], files=README, metadata=metadata)


@pytest.fixture(autouse=True)
def shop(portal: FakePortal) -> None:
    portal.entities["component:default/shop"] = SHOP


@pytest.mark.parametrize("dialect", ["kickstart", "backstage"])
def test_an_entity_shapes_the_files_that_are_rendered(
    cli: Cli, portal: FakePortal, tmp_path: Path, dialect: str
) -> None:
    done = cli("render", "demo", "--template", template(tmp_path / "x", dialect), "--output-dir", "out")

    assert done.code == 0, done.err
    assert Path("out/demo/README.md").read_text() == "group:default/web, blue\n"
    assert portal.requests == ["POST /entities/by-refs"]


def test_a_dry_run_reads_too_and_says_from_where(cli: Cli, portal: FakePortal, tmp_path: Path) -> None:
    planned = cli("create", "demo", "--template", template(tmp_path / "x"), "--dry-run")

    assert planned.code == 0, planned.err
    assert f"read from {portal.url}: component:Shop" in planned.out


@pytest.mark.parametrize(("input", "output"), CASES)
def test_entities_are_given_as_a_portal_gives_them(
    portal: FakePortal, tmp_path: Path, input: dict[str, Any], output: dict[str, Any]
) -> None:
    asked = replace(given(tmp_path, Tree()), portal=BackstagePortal(portal.url, TOKEN))

    found = CatalogFetch().promise(asked, CatalogFetch.Input.model_validate(input))

    assert found.output == output


@pytest.mark.parametrize(("input", "said"), WRONG)
def test_an_entity_that_cannot_be_read_is_told_with_its_step(
    cli: Cli, portal: FakePortal, tmp_path: Path, input: dict[str, Any], said: str
) -> None:
    refused = cli("create", "demo", "--template", template(tmp_path / "x", **input))

    assert refused.code == 3
    assert "step 'read' (catalog:fetch) cannot be done" in refused.err
    assert said in refused.err


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault("POST", 401), 4), (Fault("POST", 500), 6), (Fault("POST", 400), 6)]
)
def test_a_portal_that_refuses_stops_the_plan(
    cli: Cli, github: FakeGithub, portal: FakePortal, tmp_path: Path, fault: Fault, code: int
) -> None:
    portal.faults = [fault]

    stopped = create(cli, template(tmp_path / "x"))

    assert stopped.code == code
    assert portal.url in stopped.err
    assert github.requests == []


def test_the_certificate_of_a_portal_has_to_be_trusted(
    portal: FakePortal, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    pair = certified(tmp_path)
    with running(certificate=pair) as other:
        other.entities = portal.entities
        monkeypatch.setenv("KICKSTART_PORTAL_URL", other.url)

        untrusted = cli("create", "demo", "--template", template(tmp_path / "x"), "--dry-run")
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        trusted = cli("create", "demo", "--template", template(tmp_path / "x"), "--dry-run")

    assert untrusted.code == 4
    assert f"the certificate of {other.url} is not trusted" in untrusted.err
    assert trusted.code == 0, trusted.err


def test_a_portals_template_is_shown_without_a_step_that_the_portal_does_not_answer(
    cli: Cli, portal: FakePortal, tmp_path: Path
) -> None:
    portal.faults = [Fault("POST", 503, times=2)]
    made = template(tmp_path / "x", "backstage", entityRef="component:shop")

    planned = cli("create", "demo", "--template", made, "--dry-run")
    refused = cli("create", "demo", "--template", made)

    assert planned.code == 0, planned.err
    assert f"left to a portal ({portal.url} answers 503" in planned.out
    assert refused.code == 6
    assert f"{portal.url} answers 503 to POST /api/catalog/entities/by-refs" in refused.err


def test_without_a_portal_the_step_is_left_to_one(
    cli: Cli, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_URL")
    whole = {"owner": "${{ steps.read.output.entity }}", "team": "blue"}
    made = write_template(tmp_path / "x", [READ, fetch(whole), publish()], files=README)

    planned = cli("create", "demo", "--template", made, "--dry-run")
    cli("render", "demo", "--template", made, "--output-dir", "out")
    refused = cli("create", "demo", "--template", made)

    assert Path("out/demo/README.md").read_text() == "<read.entity>, blue\n"
    assert "left to a portal (no portal is configured: KICKSTART_PORTAL_URL)" in planned.out
    assert refused.code == 3
    assert "no portal is configured: KICKSTART_PORTAL_URL" in refused.err


def test_without_a_portal_an_entity_that_need_not_be_there_is_not(
    cli: Cli, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_URL")
    read = {**READ, "input": {"entityRefs": ["component:a", "b"], "defaultKind": "api", "optional": True}}
    steps = [
        {**READ, "id": "check", "input": {"entityRef": "component:shop", "optional": True}},
        fetch(templateFileExtension=True) | {"if": "${{ not steps.check.output.entity }}"},
        fetch(url="./gone") | {"id": "other", "if": "${{ steps.check.output.entity }}"},
        read,
        {
            "id": "say",
            "action": "debug:log",
            "input": {"message": "${{ steps.read.output.entities | dump }}"},
        },
        publish(),
    ]
    files = {"README.md.njk": b"of ${{ values.name }}\n"}
    made = write_template(tmp_path / "x", steps, files=files, metadata={"name": "x", "title": "X"})
    command = ("create", "demo", "--template", made, "--owner", "acme")

    planned, created = cli(*command, "--dry-run"), cli(*command)

    assert "[null,null]" in planned.out
    assert (planned.code, created.code) == (0, 0), planned.err + created.err
    assert "left to a portal" not in planned.out
    assert "README.md" in planned.out
    note = "since none is configured: KICKSTART_PORTAL_URL"
    for said in (planned.out, created.err):
        assert f"Note: step 'check': planned as in a portal that has no component:shop, {note}" in said
        assert f"Note: step 'read': planned as in a portal that has no component:a, b, {note}" in said


def test_a_step_that_fails_without_such_an_entity_is_left_to_a_portal(
    cli: Cli, portal: FakePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KICKSTART_PORTAL_URL")
    read = {**READ, "input": {**READ["input"], "optional": True}}
    address = {"repoUrl": "github.com?owner=${{ steps.read.output.entity.metadata.name }}&repo=demo"}
    steps = [read, fetch(), {"id": "publish", "action": "publish:github", "input": address}]
    made = write_template(tmp_path / "x", steps, metadata={"name": "x", "title": "X"})

    planned = cli("create", "demo", "--template", made, "--dry-run")
    refused = cli("create", "demo", "--template", made)

    assert planned.code == 0, planned.err
    assert "left to a portal (needs what read would bring)" in planned.out
    assert refused.code == 3
    assert "spec.steps.2.action: needs what read would bring" in refused.err
