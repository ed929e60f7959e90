"""What `validate` and `create` share: from options to checks, and from findings to text and JSON."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from kickstart import settings
from kickstart.checks.catalog import RULES
from kickstart.checks.charts import Engine
from kickstart.checks.findings import Finding, Report
from kickstart.checks.schemas import Location, Schemas
from kickstart.cli.console import Console
from kickstart.errors import ParameterError
from kickstart.naming import closest, counted
from kickstart.settings import Home
from kickstart.tools import Cluster

# Never by the name of kickstart itself: on the public index that is a program of somebody else's.
NO_HELM = "install helm (or, beside kickstart: pip install helm-python-sdk), or name one: --helm PATH"


def engine(program: str | None) -> Engine | None:
    """Return the Helm to render with; None where there is none. Raises PreflightError for one that fails.

    A program that is named wins over one on the PATH, and that over the engine in a Python package.
    """
    from kickstart.tools import helm

    named = program or os.environ.get("KICKSTART_HELM")
    found = named or shutil.which("helm")
    if found:
        return helm.HelmProgram(Path(shutil.which(found) or found).expanduser().absolute())
    try:
        return helm.HelmLibrary()
    except ImportError:
        return None


def schemas(locations: Sequence[str], home: Home, *, offline: bool, kubeconfig: str | None = None) -> Schemas:
    """Return the schemas of all kinds. Raises PreflightError for a location that is none.

    offline: only what is on this machine already. kubeconfig: of the location `cluster`.
    """
    from kickstart.tools import schemas as tools

    cache = home.cache / "schemas"
    given = list(locations) or [
        part for part in os.environ.get("KICKSTART_SCHEMA_LOCATION", "").split(",") if part
    ]
    fetched = cache / "fetched"
    found: list[Location] = []
    for spec in given:
        kind, _, context = spec.partition(":")
        if kind == "cluster":
            cluster = None if offline else _cluster(context, kubeconfig, home)
            found.append(tools.ClusterLocation(cluster))
        else:
            found.append(tools.location(spec, fetched, offline=offline))
    return Schemas(
        found or [tools.released(fetched, offline=offline)], tools.FolderStore(cache / "converted")
    )


def _cluster(context: str, kubeconfig: str | None, home: Home) -> Cluster:
    from kickstart.cli import connect

    flags = {"context": context or None, "kubeconfig": kubeconfig}
    return connect.cluster(settings.resolve(flags, os.environ, Path.cwd(), home.config))


def rules(given: Iterable[str], option: str) -> frozenset[str]:
    """Return the ids of rules that were named, by their own name or their area's. Raises ParameterError."""
    found: set[str] = set()
    for name in given:
        matching = {each for each in RULES if each == name or each.startswith(f"{name}/")}
        if not matching:
            raise ParameterError(
                f"there is no rule '{name}'{closest(name, list(RULES))}",
                hint=f"{option} RULE or AREA, as image/tag or image; kickstart validate --list-rules",
            )
        found |= matching
    return frozenset(found)


def versions(given: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return versions of Kubernetes as `1.37`. Raises ParameterError."""
    found = []
    for text in given:
        match = re.fullmatch(r"v?(\d+\.\d+)(\.\d+)?", text)
        if match is None or match[1] not in known:
            raise ParameterError(
                f"Kubernetes '{text}' is not known", hint=f"--kube-version takes {known[0]} to {known[-1]}"
            )
        found.append(match[1])
    return tuple(sorted(set(found), key=list(known).index))


def draw(report: Report, console: Console) -> None:
    """Print what was found, by file, and what was not looked at."""
    explained: set[str] = set()
    for file, found in groupby(report.findings, key=lambda each: each.file):
        console.print(console.paint(file, "bold"))
        for each in found:
            _draw_finding(each, console)
            if each.rule.id not in explained:  # once is enough
                explained.add(each.rule.id)
                console.print(f"       {console.paint(each.rule.fix, 'dim')}")
        console.print()
    for line in summary(report):
        console.print(line)


def _draw_finding(each: Finding, console: Console) -> None:
    severity = console.paint(each.rule.severity, "red" if each.rule.severity == "error" else "yellow")
    place = f"{each.line:>5}" if each.line else "    -"
    where = f" in {', '.join(each.environments)}" if each.environments else ""
    subject = f"{each.object}: " if each.object else ""
    path = f" ({each.path})" if each.path else ""
    console.print(f"{place}  {severity}  {each.rule.id}  {subject}{each.message}{path}{where}")


def summary(report: Report) -> list[str]:
    """Return in sentences how much was looked at, and what was not."""
    rendered = ""
    if report.engine:
        rendered = f", {counted(report.environments, 'environment')} rendered by {report.engine}"
    versions = f" for Kubernetes {' and '.join(report.versions)}" if report.versions else ""
    lines = [
        f"Checked {counted(report.objects, 'object')} of {counted(report.kinds, 'kind')}{versions}{rendered}."
    ]
    if report.suppressed:
        lines.append(f"{counted(report.suppressed, 'finding')} ignored by a comment with its reason.")
    if report.unchecked:
        lines.append("NOT CHECKED:")
        lines += [f"  {each.what}: {each.reason}" for each in report.unchecked]
    return lines


def counts(report: Report) -> str:
    """Return `2 errors, 1 warning`."""
    errors = len(report.errors)
    found = (("error", errors), ("warning", len(report.findings) - errors))
    return ", ".join(counted(count, name) for name, count in found if count)


def body(report: Report) -> dict[str, Any]:
    """Return a report as JSON: docs/reference/output.schema.json describes it."""
    return {
        "engine": report.engine,
        "kubernetesVersions": list(report.versions),
        "charts": list(report.charts),
        "environments": report.environments,
        "objects": report.objects,
        "kinds": report.kinds,
        "suppressed": report.suppressed,
        "findings": [finding(each) for each in report.findings],
        "notChecked": [
            {"about": each.about, "what": each.what, "reason": each.reason} for each in report.unchecked
        ],
    }


def finding(each: Finding) -> dict[str, Any]:
    """Return a finding as JSON."""
    return {
        "rule": each.rule.id,
        "level": each.rule.severity,
        "message": each.message,
        "fix": each.rule.fix,
        "file": each.file,
        "line": each.line,
        "object": each.object,
        "path": each.path,
        "environments": list(each.environments),
    }
