"""Backstage's own code still says what was recorded, and takes our own template: make test-backstage."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from kickstart.errors import ParameterError
from kickstart.plan import build
from kickstart.template.dialect import host
from kickstart.template.dialect.renderer import Renderer
from kickstart.template.parameters import Form
from kickstart.tools import Repository
from tests.dialect import portal, whole
from tests.dialect.randomly import templates
from tests.dialect.record import answers, recorded, whole_answers, whole_recorded
from tests.dialect.test_recorded import GLOBALS, ours
from tests.unit.building import circumstances

if portal.missing():
    pytest.skip(f"NOT TESTED AGAINST BACKSTAGE: {portal.missing()}", allow_module_level=True)


def test_the_engines_say_what_was_recorded() -> None:
    assert answers() == recorded()


def test_whole_templates_render_as_was_recorded() -> None:
    assert whole_answers() == whole_recorded()


def test_random_templates_render_the_same() -> None:
    seed = random.randrange(10**9)
    asked = list(templates(seed, 4000))
    renderer = Renderer(host.FILTERS, GLOBALS)

    found = portal.ask("engines.js", asked, portal.modules(portal.TODAY))

    wrong = [
        (case["source"], ours(case, renderer), theirs["today"])
        for case, theirs in zip(asked, found, strict=True)
        if ours(case, renderer) != theirs["today"].get("text")
    ]
    assert wrong == [], f"seed {seed}"
    assert sum("text" in each["today"] for each in found) > 500


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
    address = circumstances().address
    names = {"publishSource": "demo", "publishGitops": "demo-gitops"}
    promised = {
        step: {"remoteUrl": address.clone_url(Repository("acme", name))} for step, name in names.items()
    }
    variants = _variants()

    found = whole.theirs([(OURS, values) for values in variants], tmp_path, promised, strict=True)

    assert len(variants) > 15
    for values, theirs in zip(variants, found, strict=True):
        source, parameters = whole.filled(OURS, values)
        plan = build(source, parameters, circumstances())
        assert theirs["error"] is None, values
        ours = {path: whole.shown(entry.content, entry.mode) for path, entry in plan.workspace.items()}
        assert theirs["files"] == ours, values
        assert len(theirs["inputs"]["publish:github"]) == 2
