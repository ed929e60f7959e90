"""Templates and plans for tests, made of the few lines that a test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kickstart import actions, document
from kickstart.actions.base import Given, Promise
from kickstart.plan import Circumstances, Plan, build
from kickstart.template import catalog
from kickstart.template.cache import CodeCache
from kickstart.template.catalog import Source
from kickstart.template.engine import Engine
from kickstart.template.parameters import Form
from kickstart.template.parameters import Given as Value
from kickstart.tree import Entry, Tree
from tests.fakes import FakeAddress

AUTHOR = "Ada Lovelace <ada@example.com>"
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` below `folder`, and return it."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def tree(files: Mapping[str, str]) -> Tree:
    """Return a tree of plain text files."""
    return Tree({path: Entry(content.encode()) for path, content in files.items()})


def source(
    folder: Path,
    steps: Sequence[Mapping[str, Any]] = (),
    *,
    properties: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    files: Mapping[str, str | bytes] | None = None,
) -> Source:
    """Return a template of `steps`, whose one page has `properties`; `files` lie beside it."""
    spec: dict[str, Any] = {"type": "service", "steps": list(steps)}
    if properties:
        spec["parameters"] = {"properties": dict(properties)}
    if output:
        spec["output"] = dict(output)
    body = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "shop"},
        "spec": spec,
    }
    write(folder, {"template.yaml": document.dump(body), **(files or {})})
    return catalog.load(folder / "template.yaml", folder, "./shop", "")


def plan(source: Source, **values: Any) -> Plan:
    """Return the plan of a template with `values` as parameters, for the project `demo`."""
    form = Form(source.template.spec.parameters)
    parameters = form.resolve({name: Value(value, "values.yaml") for name, value in values.items()})
    return build(source, parameters, circumstances())


def circumstances() -> Circumstances:
    """Return what a plan depends on besides its template, always the same."""
    cache = CodeCache(None, "")
    engines = Engine(cache, strict=False), Engine(cache, strict=True)
    return Circumstances("demo", FakeAddress(), AUTHOR, AT, *engines)


def promise(action: str, folder: Path, workspace: Tree, /, **input: Any) -> Promise:
    """Return what one action promises, with `folder` as its template's and `workspace` before it."""
    loaded = actions.load(action)
    return loaded.promise(given(folder, workspace), loaded.Input.model_validate(input))


def given(folder: Path, workspace: Tree) -> Given:
    """Return what a promise may depend on."""
    found = source(folder) if not (folder / "template.yaml").exists() else None
    return Given(
        tree=workspace,
        source=found or catalog.load(folder / "template.yaml", folder, "./shop", ""),
        engine=Engine(CodeCache(None, ""), strict=True),
        address=FakeAddress(),
        project="demo",
        author=AUTHOR,
        at=AT,
        parameters={"name": "demo"},
        argocd_namespace="argocd",
    )


def texts(tree: Mapping[str, Entry] | None) -> dict[str, str]:
    """Return the files of a tree as text."""
    return {path: entry.content.decode() for path, entry in (tree or {}).items()}
