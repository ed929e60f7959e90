"""Runs a whole template here and in Backstage, and returns what can be compared."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kickstart import document
from kickstart.plan import Circumstances, build
from kickstart.template import catalog
from kickstart.template.dialect.engine import Backstage
from kickstart.template.parameters import Form, Given, Parameters
from tests.dialect import portal
from tests.fakes import FakeAddress

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
USER = {
    "ref": "user:default/ada",
    "entity": {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": "ada", "namespace": "default"},
        "spec": {"profile": {"displayName": "Ada", "email": "ada@example.com"}, "memberOf": []},
    },
}


def filled(template: Path, values: Mapping[str, Any]) -> tuple[catalog.Source, Parameters]:
    """Return a template and its parameters, as a portal's form fills them."""
    source = catalog.load(template, template.parent, str(template.parent), "")
    form = Form(source.template.spec.parameters)
    return source, form.resolve({name: Given(value, "test") for name, value in values.items()})


def ours(template: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the files that a plan has, and the inputs of the steps that only a portal could do."""
    source, parameters = filled(template, values)
    engine = Backstage()
    given = Circumstances("demo", FakeAddress(), "Ada <ada@example.com>", AT, engine, engine)
    plan = build(source, parameters, given)
    inputs: dict[str, list[Any]] = {}
    for step in plan.missing:
        inputs.setdefault(step.action, []).extend(step.inputs)
    return {
        "files": {path: shown(entry.content, entry.mode) for path, entry in plan.workspace.items()},
        "inputs": inputs,
        "links": [dict(link) for link in plan.links],
        "texts": [dict(text) for text in plan.texts],
    }


def theirs(
    jobs: list[tuple[Path, Mapping[str, Any]]],
    out: Path,
    outputs: Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
) -> list[dict[str, Any]]:
    """Return the same from Backstage's own code, for several templates at once.

    outputs: of steps that reach outside, by their id. strict: their inputs are checked as well.
    """
    asked = []
    for index, (template, values) in enumerate(jobs):
        source, parameters = filled(template, values)
        asked.append(
            {
                "template": str(template),
                "entity": document.load(source.text),
                "outputs": outputs or {},
                "strict": strict,
                "parameters": parameters.values,
                "secrets": {name: each.get_secret_value() for name, each in parameters.secrets.items()},
                "user": USER,
                "out": str(out / str(index)),
            }
        )
    answers = portal.ask("workflow.js", asked, portal.modules(portal.TODAY))
    return [
        {
            "error": answer.get("error"),
            "files": _files(out / str(index)),
            "inputs": answer["inputs"],
            "output": answer.get("output"),
        }
        for index, answer in enumerate(answers)
    ]


def _files(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for directory, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            path = Path(directory, name)
            if path.is_symlink():
                found[str(path.relative_to(folder))] = shown(os.fsencode(os.readlink(path)), 0o120000)
            elif path.is_file():
                mode = 0o100755 if path.stat().st_mode & 0o100 else 0o100644
                found[str(path.relative_to(folder))] = shown(path.read_bytes(), mode)
    return dict(sorted(found.items()))


def shown(content: bytes, mode: int) -> str:
    """Return a file in a form that JSON holds and a reader can compare."""
    try:
        return f"{mode:o} {content.decode()}"
    except UnicodeDecodeError:
        return f"{mode:o} base64 {base64.b64encode(content).decode()}"
