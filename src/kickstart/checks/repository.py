"""From the files of a repository to a report: charts rendered for every environment, and plain manifests."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from kickstart.checks import cel, charts, rules
from kickstart.checks.catalog import RULES
from kickstart.checks.charts import Chart, Engine, Environment
from kickstart.checks.findings import Collector, Finding, Report, Rule
from kickstart.checks.manifest import Manifest, ManifestError, Path, documents, external, load
from kickstart.checks.rules.objects import Elsewhere, Objects
from kickstart.checks.schemas import Problem, Schemas, Unknown
from kickstart.tree import Tree

# Objects that are files only: no cluster ever gets them.
_NOT_FOR_CLUSTERS = re.compile(
    r"(scaffolder\.)?backstage\.io/|kustomize\.config\.k8s\.io/|kind\.x-k8s\.io/|skaffold/|kickstart/|"
    r"config\.kubernetes\.io/|audit\.k8s\.io/|apiserver\.config\.k8s\.io/|kubelet\.config\.k8s\.io/|client\.authentication"
)
_LIKE_AN_OBJECT = re.compile(r"""^\s*["']?(apiVersion|kind)["']?\s*:""", re.M)
_CHECKED_ENDINGS = (".yaml", ".yml", ".json")


class Wanted(Struct, frozen=True):
    """What to check. Empty means everything, and for versions the oldest and newest that are known."""

    environments: frozenset[str] = frozenset()
    versions: tuple[str, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    parallel: int = 4


_EVERYTHING = Wanted()


def environments(tree: Tree) -> set[str]:
    """Return the names of all environments of all charts."""
    return {each.name for chart in charts.find(tree) for each in chart.environments if each.name}


def check(tree: Tree, schemas: Schemas, engine: Engine | None, wanted: Wanted = _EVERYTHING) -> Report:
    """Check everything in `tree` that a cluster would get. Without an engine no chart is rendered."""
    return _Check(tree, schemas, engine, wanted).report()


class _Deployed(Struct, frozen=True):
    """A chart in an environment, as Helm renders it for each version of Kubernetes."""

    chart: Chart
    environment: Environment
    rendered: Mapping[str, tuple[str, str]]  # version -> text, error


@dataclass
class _Check:
    """One run: what it is given, and what it has found so far."""

    tree: Tree
    schemas: Schemas
    engine: Engine | None
    wanted: Wanted
    objects: int = 0
    kinds: set[tuple[str, str]] = field(default_factory=set)
    _used: set[str] = field(default_factory=set)
    _parsed: dict[str, Any] = field(default_factory=dict)
    _judged: dict[tuple[str, Path, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.collector = Collector(self.wanted.select, self.wanted.ignore)
        known = self.schemas.builtin.versions
        self.versions = self.wanted.versions or (known[0], known[-1])
        self.charts = charts.find(self.tree)

    def report(self) -> Report:
        """Run all checks."""
        for folder in charts.without_metadata(self.tree):
            self._find("chart/metadata", "has templates and values.yaml, and no Chart.yaml", folder or ".")
        plain = self._plain_manifests()
        deployed = self._deployed()
        everything = Elsewhere(each for found in plain.values() for each in found)
        for manifests in plain.values():
            declared = set().union(*(external(each.text) for each in manifests))
            self._judge(manifests, everything, self.versions, declared)
        for each in deployed:
            self._judge_deployed(each, everything)
        return Report(
            findings=self.collector.findings,
            unchecked=self.collector.unchecked,
            engine=self.engine.name if self.engine and deployed else "",
            versions=tuple(each for each in self.schemas.builtin.versions if each in self._used),
            charts=tuple(each.folder or "." for each in self.charts),
            environments=len(deployed),
            objects=self.objects,
            kinds=len(self.kinds),
            suppressed=self.collector.suppressed,
        )

    # Files to objects

    def _plain_manifests(self) -> dict[str, list[Manifest]]:
        """Return the objects outside of charts, by folder."""
        inside = [each.folder for each in self.charts] + charts.without_metadata(self.tree)
        found: dict[str, list[Manifest]] = {}
        for path, entry in self.tree.items():
            hidden = any(part.startswith(".") for part in path.split("/"))
            in_chart = any(not folder or path.startswith(f"{folder}/") for folder in inside)
            if entry.is_link or hidden or in_chart or not path.endswith(_CHECKED_ENDINGS):
                continue
            if "templates" in path.split("/")[:-1] and b"{{" in entry.content:
                self.collector.leave("chart", path, "is for Helm, and its chart is not here")
                continue
            for manifest in self._manifests_in(path, entry.content):
                found.setdefault(posixpath.dirname(path), []).append(manifest)
        return found

    def _manifests_in(self, path: str, content: bytes) -> Iterator[Manifest]:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            if len(self.tree) == 1 or b"apiVersion:" in content:
                self._find("yaml/syntax", "is not UTF-8 text", path)
            return
        if "apiVersion" not in text and len(self.tree) > 1:
            return
        for line, part in documents(text):
            try:
                value = load(part)
            except ManifestError as error:
                if len(self.tree) == 1 or _LIKE_AN_OBJECT.search(part):  # other YAML is not ours to judge
                    self._find(error.rule, error.message, path, line + error.line - 1)
                continue
            for within, each in _objects_in(value):
                if not _NOT_FOR_CLUSTERS.match(str(each["apiVersion"])):
                    yield Manifest(each, part, path, line, within=within)

    def _deployed(self) -> list[_Deployed]:
        jobs = [
            (chart, environment)
            for chart in self.charts
            for environment in chart.environments
            if not self.wanted.environments or environment.name in self.wanted.environments
        ]
        engine = self.engine
        if engine is None:
            for chart, environment in jobs:
                name = f" in {environment.name}" if environment.name else ""
                self.collector.leave(
                    "chart", f"the chart {chart.folder or '.'}{name}", "there is no Helm to render it"
                )
            return []
        if not engine.knows_capabilities:
            for chart in {chart.folder: chart for chart, _ in jobs}.values():
                self._say_gaps(chart)
        kinds = self.schemas.kinds()
        api_versions = sorted({api for api, _ in kinds} | {f"{api}/{kind}" for api, kind in kinds})
        with ThreadPoolExecutor(self.wanted.parallel) as pool:
            return list(pool.map(lambda job: self._render(engine, job[0], job[1], api_versions), jobs))

    def _say_gaps(self, chart: Chart) -> None:
        """Say what an engine that knows no cluster leaves out of a chart."""
        if chart.asks_for_capabilities:
            self.collector.leave(
                "chart",
                f"branches of {chart.folder or '.'} that look at .Capabilities",
                "this engine cannot be told what a cluster has; use a helm program",
            )
        if b"kubeVersion" in chart.files["Chart.yaml"].content:
            self.collector.leave(
                "chart", f"kubeVersion of {chart.folder or '.'}", "this engine does not compare it"
            )

    def _render(
        self, engine: Engine, chart: Chart, environment: Environment, api_versions: Sequence[str]
    ) -> _Deployed:
        """Render for the versions that were named, else for the oldest it admits and the newest."""
        namespace = f"{chart.name}-{environment.name}" if environment.name else chart.name

        def render(version: str) -> tuple[str, str]:
            return engine.render(
                chart.name, chart.files, environment.values, namespace, version, api_versions
            )

        if self.wanted.versions:
            return _Deployed(chart, environment, {version: render(version) for version in self.versions})
        rendered = {}
        for version in self.schemas.builtin.versions:
            rendered = {version: render(version)}
            if "is incompatible with Kubernetes" not in rendered[version][1]:
                break
        newest = self.versions[-1]
        if newest not in rendered:
            rendered[newest] = render(newest)
        return _Deployed(chart, environment, rendered)

    # Objects to findings

    def _judge_deployed(self, deployed: _Deployed, others: Elsewhere) -> None:
        chart, environment = deployed.chart, deployed.environment
        for name in chart.missing_dependencies:
            self._find(
                "chart/dependencies",
                f"charts/ does not hold the dependency '{name}'",
                posixpath.join(chart.folder, "Chart.yaml"),
            )
        by_text: dict[str, list[str]] = {}
        for version, (text, error) in deployed.rendered.items():
            if error:
                self._say_render_error(chart, environment, error)
            else:
                by_text.setdefault(text, []).append(version)
        for text, versions in by_text.items():
            manifests = list(self._rendered_manifests(chart, environment, text))
            declared = external(text)
            for path in ("values.yaml", *environment.values):
                if path in chart.files:
                    declared |= external(chart.files[path].content.decode("utf-8", "replace"))
            self._judge(manifests, others, versions, declared, environment.name, chart)

    def _rendered_manifests(self, chart: Chart, environment: Environment, text: str) -> Iterator[Manifest]:
        for template, line, part in charts.sources(text):
            if part not in self._parsed:
                try:
                    self._parsed[part] = load(part)
                except ManifestError as error:
                    self._parsed[part] = error
            value = self._parsed[part]
            file = posixpath.join(chart.folder, template or "Chart.yaml")
            if isinstance(value, ManifestError):
                near = self._locate(chart, Manifest({}, part, file, line, True), value.line)
                self._find(value.rule, value.message, file, near, environment=environment.name)
                continue
            found = list(_objects_in(value))
            if value is not None and not found:
                self._find(
                    "yaml/no-object",
                    "a document has no apiVersion and kind",
                    file,
                    environment=environment.name,
                )
            for within, each in found:
                yield Manifest(each, part, file, line, rendered=True, within=within)

    def _judge(
        self,
        manifests: Sequence[Manifest],
        others: Elsewhere,
        versions: Sequence[str],
        declared: set[tuple[str, str]],
        environment: str = "",
        chart: Chart | None = None,
    ) -> None:
        self.objects += len(manifests)
        self._used |= set(versions)
        for manifest in manifests:
            for problem in self._problems(manifest, versions):
                self._fault(RULES[problem.rule], manifest, problem.path, problem.message, environment, chart)
            for name, reason in manifest.ignored.items():
                if not reason:
                    text = f"the comment that switches {name} off gives no reason"
                    self._fault(RULES["ignore/reason"], manifest, (), text, environment, chart)
        for rule, fault in rules.judge(Objects(manifests, others, declared)):
            if isinstance(fault, rules.Unjudged):
                where = chart.folder if chart else posixpath.dirname(manifests[0].file)
                about = " in ".join(filter(None, (f"{rule.id}, for {where or '.'}", environment)))
                self.collector.leave("rule", about, fault.reason)
            else:
                self._fault(rule, fault.manifest, fault.path, fault.message, environment, chart)

    def _problems(self, manifest: Manifest, versions: Sequence[str]) -> Iterator[Problem]:
        """Yield what schemas and CEL rules say; equal text gets the same answer without asking again."""
        for version in versions:
            key = (manifest.text, manifest.within, version)
            if key not in self._judged:
                self._judged[key] = self.schemas.problems(manifest, version)
            found = self._judged[key]
            if isinstance(found, Unknown):
                about = f"{manifest.kind} in {manifest.api_version}"
                self.collector.leave("kind", about, found.reason)
                return
            self.kinds.add((manifest.api_version, manifest.kind))
            yield from found
        for each in cel.evaluate(self.schemas.rules(manifest), manifest.value):
            if isinstance(each, cel.Unevaluated):
                self.collector.leave("rule", f"a rule of {manifest.kind}: {each.rule}", each.reason)
            else:
                yield each

    def _fault(
        self, rule: Rule, manifest: Manifest, path: Path, message: str, environment: str, chart: Chart | None
    ) -> None:
        if rule.id in manifest.ignored:
            self.collector.suppressed += 1
            return
        line = manifest.line_of(path)
        line = self._locate(chart, manifest, line) if chart else manifest.line + line - 1
        where = ".".join(str(part) for part in path)
        finding = Finding(rule, message, manifest.file, line, str(manifest), where)
        self.collector.add(finding, environment)

    def _locate(self, chart: Chart, manifest: Manifest, line: int) -> int:
        """Return the line of the template that made a rendered line, or its nearest ancestor."""
        lines = manifest.text.splitlines()[:line]
        wanted: list[str] = []
        indent = None
        for text in reversed(lines):
            depth = len(text) - len(text.lstrip())
            if text.strip() and not text.lstrip().startswith("#") and (indent is None or depth < indent):
                wanted.append(text.strip())
                indent = depth
        return chart.locate(manifest.file[len(chart.folder) :].lstrip("/"), wanted)

    def _say_render_error(self, chart: Chart, environment: Environment, error: str) -> None:
        values = [path for path in environment.values if path.startswith("values-")] or ["values.yaml"]
        if "specifications of the schema" in error:
            for text in _schema_errors(error):
                self._find(
                    "chart/values",
                    text,
                    posixpath.join(chart.folder, values[0]),
                    environment=environment.name,
                )
            return
        if "missing in charts/ directory" in error and chart.missing_dependencies:
            return  # said already, with the file
        place = re.search(r"[\w.-]+/((?:[\w.-]+/)*(?:templates|charts)/[^\s:]+)(?::(\d+))?", error)
        file, line = (place[1], int(place[2] or 0)) if place else ("Chart.yaml", 0)
        rule = "yaml/syntax" if "YAML parse error" in error else "chart/render"
        self._find(rule, _shortened(error), posixpath.join(chart.folder, file), line, environment.name)

    def _find(self, rule: str, message: str, file: str, line: int = 0, environment: str = "") -> None:
        self.collector.add(Finding(RULES[rule], message, file, line), environment)


def _objects_in(value: Any, within: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the objects of a document with where each is: itself, or the items of a List."""
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("apiVersion"), str)
        or not isinstance(value.get("kind"), str)
    ):
        return
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        for index, each in enumerate(value["items"]):
            yield from _objects_in(each, (*within, "items", index))
    else:
        yield within, value


def _schema_errors(error: str) -> list[str]:
    """Return each violation that Helm lists, as `at '/path': reason`."""
    found = [
        line.strip().removeprefix("- ") for line in error.splitlines() if line.strip().startswith("- at ")
    ]
    return found or [_shortened(error)]


def _shortened(error: str) -> str:
    text = " ".join(error.split())
    return text if len(text) <= 500 else f"{text[:480]} ..."
