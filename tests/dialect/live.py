"""Backstage's own code still says what was recorded, and takes our own template: make test-backstage."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kickstart import document
from kickstart.actions import exists, load
from kickstart.actions.portal_only import PORTAL_ONLY
from kickstart.errors import ParameterError, TemplateError
from kickstart.lint import lint
from kickstart.plan import build
from kickstart.template import catalog, conditions
from kickstart.template.dialect import host
from kickstart.template.dialect.engine import Backstage
from kickstart.template.dialect.renderer import Renderer
from kickstart.template.dialect.yaml_text import dump
from kickstart.template.parameters import Form
from kickstart.tools import Repository
from kickstart.tools.github.address import GithubAddress
from kickstart.wiring import names_of
from tests.dialect import portal, whole
from tests.dialect.randomly import entities, templates
from tests.dialect.record import answers, recorded, whole_answers, whole_recorded
from tests.dialect.test_recorded import GLOBALS, ours
from tests.unit.building import circumstances
from tests.unit.test_publish_others import MODULES

if portal.missing():
    pytest.skip(f"NOT TESTED AGAINST BACKSTAGE: {portal.missing()}", allow_module_level=True)


def test_the_engines_say_what_was_recorded() -> None:
    assert answers() == recorded()


def test_whole_templates_render_as_was_recorded() -> None:
    assert whole_answers() == whole_recorded()


def _is_about_hosts(answer: dict[str, Any]) -> bool:
    """Tell whether a portal's configuration lacks a host: here any one is accepted, on purpose."""
    return "No matching integration configuration" in answer.get("error", "")


def test_random_templates_render_the_same() -> None:
    seed = random.randrange(10**9)
    asked = list(templates(seed, 4000))
    renderer = Renderer(host.FILTERS, GLOBALS)

    found = portal.ask("engines.js", asked, portal.modules(portal.TODAY))

    wrong = [
        (case["source"], ours(case, renderer), theirs["today"])
        for case, theirs in zip(asked, found, strict=True)
        if ours(case, renderer) != theirs["today"].get("text") and not _is_about_hosts(theirs["today"])
    ]
    assert wrong == [], f"seed {seed}"
    assert sum("text" in each["today"] for each in found) > 500


def test_random_entities_are_written_the_same() -> None:
    seed = random.randrange(10**9)
    asked = list(entities(seed, 3000))

    found = portal.ask("yaml.js", asked, portal.modules(portal.TODAY))

    wrong = [
        (value, dump(value), theirs["text"])
        for value, theirs in zip(asked, found, strict=True)
        if dump(value) != theirs["text"]
    ]
    assert wrong == [], f"seed {seed}"


CONDITIONS = (
    "${{ parameters.a }}",
    "${{ parameters.b === 'x' }}",
    "parameters.c",
    "${{ not parameters.a and parameters.d }}",
    "${{ parameters.list }}",
    "${{ parameters.a | nope }}",
    "say ${{ parameters.a }}",
    "",
    " ",
    True,
    False,
    None,
    1,
)


def test_the_same_pages_of_a_form_are_shown() -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    jobs: list[dict[str, Any]] = []
    for _ in range(1000):
        names = [chance.sample("abcd", 2) for _ in range(4)]
        pages = [
            {
                "title": str(number),
                "when": chance.choice(CONDITIONS),
                "properties": {name: {"type": "string"} for name in each},
            }
            for number, each in enumerate(names)
        ]
        values = {name: chance.choice(["x", "", True, 0]) for name in "abcd" if chance.random() < 0.7}
        jobs.append({"values": {**values, "list": chance.choice([[], [1]])}, "pages": pages})

    found = portal.ask("pages.js", jobs, portal.modules(portal.TODAY))

    for job, theirs in zip(jobs, found, strict=True):
        shown = list(conditions.shown(job["pages"], job["values"]))
        assert [page in shown for page in job["pages"]] == theirs["visible"], f"seed {seed}: {job}"
        assert conditions.settled(job["pages"], job["values"])[0] == theirs["values"], f"seed {seed}: {job}"


OURS = portal.ROOT / "templates/rag-chatbot/template.yaml"
BASE: dict[str, Any] = {"name": "demo", "owner": "acme"}


def _variants() -> list[dict[str, Any]]:
    """Return values for our template: defaults, awkward text, and every choice that stands by itself."""
    source, _ = whole.filled(OURS, BASE)
    found = [BASE, {**BASE, "description": 'Answers "everything" & more: #1 {x}'}]
    for name, prop in Form(source.template.spec.parameters).properties.items():
        for choice in prop.schema.get("enum") or (
            [True, False] if prop.schema.get("type") == "boolean" else []
        ):
            try:
                whole.filled(OURS, {**BASE, name: choice})
            except ParameterError:
                continue  # needs others, which have no defaults
            found.append({**BASE, name: choice})
    return found


def test_our_own_template_is_valid_in_a_portal_and_renders_the_same(tmp_path: Path) -> None:
    here = replace(circumstances(), address=GithubAddress())
    names = {"publishSource": "demo", "publishGitops": "demo-gitops"}
    promised = {
        step: {"remoteUrl": here.address.clone_url(Repository("acme", name))} for step, name in names.items()
    }
    variants = _variants()

    found = whole.theirs([(OURS, values) for values in variants], tmp_path, promised, strict=True)

    assert len(variants) > 15
    for values, theirs in zip(variants, found, strict=True):
        source, parameters = whole.filled(OURS, values)
        plan = build(source, parameters, here)
        assert theirs["error"] is None, values
        ours = {path: whole.shown(entry.content, entry.mode) for path, entry in plan.workspace.items()}
        assert theirs["files"] == ours, values
        assert len(theirs["inputs"]["publish:github"]) == 2


TEMPLATE: dict[str, Any] = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {
        "name": "t",
        "title": "T",
        "tags": ["a"],
        "labels": {"a": "b"},
        "links": [{"url": "https://x"}],
    },
    "spec": {
        "type": "service",
        "owner": "ada",
        "lifecycle": "production",
        "presentation": {"buttonLabels": {"createButtonText": "Go"}},
        "parameters": [{"title": "P", "properties": {"name": {"type": "string"}}}],
        "steps": [{"id": "a", "name": "A", "action": "debug:log", "input": {"message": "x"}, "if": "y"}],
        "output": {
            "links": [{"title": "L", "url": "https://x", "icon": "i", "if": "y", "entityRef": "component:a"}],
            "text": [{"title": "T", "icon": "i", "content": "c", "if": True}],
            "more": "x",
        },
    },
}


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from _places(item, (*at, key))


def _with(place: tuple[Any, ...], wrong: Any) -> dict[str, Any]:
    entity = copy.deepcopy(TEMPLATE)
    part: Any = entity
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = wrong
    return entity


# Where ours takes more than a portal's catalog, or less, on purpose.
DIFFERENT: dict[tuple[Any, ...], tuple[Any, ...]] = {
    ("spec", "steps", 0, "if"): (3,),  # a number is true or false
    ("spec", "parameters"): (None,),  # as if it were not there
    ("spec", "parameters", 0, "title"): (3, None, [], {}),  # the form shows no page for them
    ("spec", "steps", 0, "action"): ("",),  # which the first run would find
}


def test_lint_refuses_what_a_portals_catalog_refuses(tmp_path: Path) -> None:
    values: tuple[Any, ...] = (3, "", None, [], {})
    wrong = [
        (place, value, _with(place, value))
        for place in _places(TEMPLATE)
        for value in values
        if place[:4] != ("spec", "parameters", 0, "properties") and place[:5] != ("spec", "steps", 0, "input")
    ]

    found = portal.ask("valid.js", [entity for _, _, entity in wrong], portal.modules(portal.TODAY))

    differing = [
        (place, value, theirs["error"])
        for (place, value, entity), theirs in zip(wrong, found, strict=True)
        if _is_taken(entity, tmp_path / "template.yaml") != (theirs["error"] is None)
        and value not in DIFFERENT.get(place, ())
    ]
    assert differing == []
    assert sum(theirs["error"] is not None for theirs in found) > 80


def _is_taken(entity: dict[str, Any], file: Path) -> bool:
    file.write_text(document.dump(entity))
    try:
        source = catalog.load(file, file.parent, str(file.parent), "")
    except TemplateError:
        return False
    return not [each for each in lint(source, Backstage()) if each.level == "error"]


def test_our_actions_know_the_inputs_and_outputs_of_backstages() -> None:
    [theirs] = portal.ask("inputs.js", [], portal.modules(portal.TODAY))
    ours = {name: load(name) for name in theirs if exists(name)}
    known = {name: action.Input.model_json_schema() for name, action in ours.items()}

    missing = {name: {*theirs[name]["names"]} - {*inputs["properties"]} for name, inputs in known.items()}
    required = {
        name: {*theirs[name]["required"]} ^ {*inputs.get("required", [])} for name, inputs in known.items()
    }
    outputs = {name: {*theirs[name]["outputs"]} - {*names_of(each.Output)} for name, each in ours.items()}

    assert {name: inputs for name, inputs in missing.items() if inputs} == {}
    assert {name: unknown for name, unknown in outputs.items() if unknown} == {}
    assert {*theirs} - PORTAL_ONLY == {*known}
    # A list that may be empty: what it is without has one meaning.
    assert {name: inputs for name, inputs in required.items() if inputs} == {
        "workspace:template": {"copyWithoutTemplating"}
    }


def test_other_forges_take_what_their_modules_take() -> None:
    [theirs] = portal.ask("inputs.js", [], portal.modules(portal.TODAY))
    compared = [name for name in MODULES if name in theirs]
    # The one needs what nobody publishes, the other has had no release for this generation.
    assert {*MODULES} - {*compared} == {"publish:bitbucketCloud", "publish:bitbucket"}

    for name in compared:
        inputs, required, outputs = MODULES[name]
        assert {*theirs[name]["names"]} == inputs, name
        assert {*theirs[name]["required"]} == required, name
        assert {*theirs[name]["outputs"]} - {"remoteUrl", "repoContentsUrl", "commitHash"} == outputs, name
