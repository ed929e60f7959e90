"""Backstage's own actions get from the fake portal what ours get: make test-backstage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from kickstart.actions.base import InputError
from kickstart.actions.catalog import CatalogFetch, CatalogRegister
from kickstart.tools import Tools
from kickstart.tools.portal import BackstagePortal
from kickstart.tree import Tree
from tests.dialect import portal as backstage
from tests.fakes import FakeFolders, FakeForge
from tests.portal.conftest import TOKEN
from tests.portal.fake import FakePortal, running
from tests.portal.test_fetch import CASES, SHOP, WRONG
from tests.unit.building import given, tree

if backstage.missing():
    pytest.skip(f"NOT TESTED AGAINST BACKSTAGE: {backstage.missing()}", allow_module_level=True)

SCRIPT = Path(__file__).parent / "backstage/actions.js"
GENERATED = {"kind": "Location", "metadata": {"name": "generated-1"}}
API = {"kind": "API", "metadata": {"name": "Shop-API", "namespace": "Web"}}
URL = "https://github.com/acme/shop/blob/main"


def theirs(action: str, portal: FakePortal, *inputs: dict[str, Any]) -> list[dict[str, Any]]:
    jobs = [{"action": action, "input": each, "url": portal.url, "token": TOKEN} for each in inputs]
    return backstage.ask(str(SCRIPT), jobs, backstage.modules(backstage.TODAY))


def ours(portal: FakePortal, folder: Path, input: dict[str, Any]) -> dict[str, Any] | None:
    asked = replace(given(folder, Tree()), portal=BackstagePortal(portal.url, TOKEN))
    try:
        return dict(CatalogFetch().promise(asked, CatalogFetch.Input.model_validate(input)).output)
    except InputError:
        return None


def test_entities_are_those_that_backstage_gives(tmp_path: Path) -> None:
    inputs = [each for each, _ in [*CASES, *WRONG]]
    with running() as portal:
        portal.entities["component:default/shop"] = SHOP

        found = theirs("catalog:fetch", portal, *inputs)

        for asked, each in zip(inputs, found, strict=True):
            assert ours(portal, tmp_path, asked) == each.get("output"), (asked, each)
    assert ["error" in each for each in found] == [*[False] * len(CASES), *[True] * len(WRONG)]


@pytest.mark.parametrize("entities", [[SHOP], [API, SHOP], [API], [GENERATED, API], [GENERATED]])
@pytest.mark.parametrize(
    "input",
    [
        {"repoContentsUrl": URL},
        {"repoContentsUrl": URL, "catalogInfoPath": "/deep/catalog.yaml"},
        {"catalogInfoUrl": f"{URL}/other.yaml"},
    ],
)
def test_a_location_is_registered_as_backstage_does(
    tmp_path: Path, entities: list[dict[str, Any]], input: dict[str, Any]
) -> None:
    text = yaml.safe_dump_all(entities)
    with running() as portal, running() as other:
        portal.files = other.files = lambda url: text

        [found] = theirs("catalog:register", portal, input)
        asked = replace(given(tmp_path, tree({})), portal=BackstagePortal(other.url, TOKEN))
        promise = CatalogRegister().promise(asked, CatalogRegister.Input.model_validate(input))
        assert promise.effect is not None
        facts = promise.effect.apply(Tools(FakeForge(), FakeFolders(), portal=asked.portal))

    assert found["output"] == {"catalogInfoUrl": promise.output["catalogInfoUrl"], **facts}
    assert portal.locations == other.locations


def test_what_cannot_be_read_is_an_error_unless_it_is_optional() -> None:
    with running() as portal:
        refused, optional = theirs(
            "catalog:register", portal, {"repoContentsUrl": URL}, {"repoContentsUrl": URL, "optional": True}
        )

    assert "400" in refused["error"]
    assert optional == {
        "output": {"catalogInfoUrl": "https://github.com/acme/shop/tree/main/catalog-info.yaml"}
    }
