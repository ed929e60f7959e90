"""Charts in a tree: where they are, in which environments they are deployed, and what Helm makes of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kickstart.checks.manifest import ManifestError, documents, load, mapping, mappings
from kickstart.tree import Tree


class Chart(Struct, frozen=True):
    """A chart in a folder of a tree ("" is the tree itself)."""

    folder: str
    name: str
    files: Tree

    @property
    def environments(self) -> list[Environment]:
        """Every environment that has a values file of its own; without one, the chart's defaults.

        values-prod.yaml goes together with images/prod.yaml, which pipelines write.
        """
        found = []
        for path in self.files:
            if match := re.fullmatch(r"values-([a-z0-9][a-z0-9-]*)\.ya?ml", path):
                images = [f"images/{match[1]}.yaml"] if f"images/{match[1]}.yaml" in self.files else []
                found.append(Environment(match[1], (path, *images)))
        return found or [Environment("", ())]

    @property
    def missing_dependencies(self) -> list[str]:
        """Names of the charts that Chart.yaml depends on and charts/ does not hold."""
        wanted = [str(each.get("name", "")) for each in mappings(_metadata(self.files).get("dependencies"))]
        held = {path.split("/")[1] for path in self.files if path.startswith("charts/")}
        return [
            name
            for name in wanted
            if name not in held
            and not any(re.fullmatch(rf"{re.escape(name)}-\d.*\.tgz", each) for each in held)
        ]

    @property
    def asks_for_capabilities(self) -> bool:
        """Tell whether a template looks at the cluster's version or kinds."""
        return any(
            b".Capabilities" in entry.content for path, entry in self.files.items() if "templates/" in path
        )

    def locate(self, template: str, lines: Sequence[str]) -> int:
        """Return the line of a template that made a rendered line; 0 where that is not clear.

        lines: the rendered line, then those of its ancestors, the nearest first.
        """
        entry = self.files.get(template)
        if entry is None:
            return 0
        text = [line.strip() for line in entry.content.decode("utf-8", "replace").splitlines()]
        for wanted in lines:
            key = re.match(r"(?:- )?[\w./-]+:", wanted)
            for candidate in (wanted, key[0] if key else wanted):
                found = [
                    number
                    for number, line in enumerate(text, 1)
                    if line == candidate or (candidate.endswith(":") and line.startswith(candidate))
                ]
                if len(found) == 1:
                    return found[0]
        return 0


class Environment(Struct, frozen=True):
    """A name, and the values files on top of values.yaml; the last one wins."""

    name: str
    values: tuple[str, ...]


class Engine(Protocol):
    """A Helm."""

    @property
    def name(self) -> str:
        """What ran, with its version, as `helm 4.3.1 (/usr/bin/helm)`."""
        ...

    @property
    def knows_capabilities(self) -> bool:
        """Tell whether it can be told which kinds and version a cluster has."""
        ...

    def render(
        self,
        name: str,
        files: Tree,
        values: Sequence[str],
        namespace: str,
        version: str,
        kinds: Sequence[str],
    ) -> tuple[str, str]:
        """Return what Helm makes of a chart's files, or else what it says.

        values: files in the chart, the last one wins. version: of Kubernetes, as 1.37.
        kinds: `group/version` and `group/version/Kind` of what the cluster has besides its own.
        """
        ...


def find(tree: Tree) -> list[Chart]:
    """Return the charts in a tree, but not those inside another one's charts/."""
    folders = [posixpath.dirname(path) for path in tree if posixpath.basename(path) == "Chart.yaml"]
    charts: list[Chart] = []
    for folder in sorted(folders, key=lambda each: each.count("/") + bool(each)):
        if any(_inside(folder, posixpath.join(each.folder, "charts")) for each in charts):
            continue
        files = Tree(tree.under(folder))
        name = str(_metadata(files).get("name") or posixpath.basename(folder) or "chart")
        charts.append(Chart(folder, name, files))
    return charts


def without_metadata(tree: Tree) -> list[str]:
    """Return folders that look like charts and have no Chart.yaml, so that no Helm renders them."""
    folders = {posixpath.dirname(posixpath.dirname(path)) for path in tree if _is_template(path)}
    return sorted(
        folder
        for folder in folders
        if posixpath.join(folder, "values.yaml") in tree and posixpath.join(folder, "Chart.yaml") not in tree
    )


def _is_template(path: str) -> bool:
    return posixpath.basename(posixpath.dirname(path)) == "templates" and path.endswith(
        (".yaml", ".yml", ".tpl")
    )


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _metadata(files: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return mapping(load(files["Chart.yaml"].content.decode("utf-8", "replace")))
    except (ManifestError, KeyError):
        return {}


def sources(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield each document that Helm printed: its template (relative to the chart), line and text."""
    for line, part in documents(text):
        match = re.search(r"^# Source: [^/\n]+/(\S+)$", part, re.M)
        yield (match[1] if match else ""), line, part
