"""What `create` checks of charts and manifests, before anything is written."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kickstart.cli.console import Console
from kickstart.errors import Fault, FindingsError, PreflightError
from kickstart.naming import counted
from kickstart.run import Pending
from kickstart.settings import Home
from kickstart.tree import Tree

if TYPE_CHECKING:
    from kickstart.checks.charts import Engine
    from kickstart.checks.findings import Report

# Files of Backstage's and ours have an apiVersion too, and no cluster ever gets them.
_OBJECT = re.compile(rb"^apiVersion: *(?!(scaffolder\.)?backstage\.io/|kickstart/)\S", re.M)


# What no cluster takes, whatever else is on it. Of a portal's template more is not known: what it
# refers to may be made elsewhere, and what it allows may be meant.
_CERTAIN = frozenset({"yaml", "schema", "object", "chart"})
_MOST_SHOWN = 5


def check(pending: Sequence[Pending], home: Home, console: Console, *, for_portal: bool) -> None:
    """Check what would be written. Raises FindingsError; what was not checked becomes a note.

    Only what is on this machine is used: creating a project needs no network for its checks.
    for_portal: the template is a portal's, which would publish it unseen; less is a reason to stop.
    """
    deployable = [each for each in pending if is_deployable(each.effect.tree)]
    if not deployable:  # and nothing more is imported
        return
    from kickstart.checks import repository
    from kickstart.cli import checking

    engine, trouble = _engine()
    known = checking.schemas([], home, offline=True)
    wanted = repository.Wanted(parallel=os.cpu_count() or 1)
    faults: list[Fault] = []
    for each in deployable:
        report = repository.check(each.effect.tree, known, engine, wanted)
        doubts: list[Fault] = []
        for finding in report.errors:
            said = f"{finding.rule.id}: {finding.object or 'file'}: {finding.message}"
            is_certain = finding.rule.id.partition("/")[0] in _CERTAIN
            # A pull request's files are a part of a repository: the rest may be there already.
            may_be = (for_portal or each.effect.published is None) and not is_certain
            (doubts if may_be else faults).append(Fault(finding.place, said))
        for note in (*_notes(report, each.effect.target, trouble), *_doubts(doubts)):
            console.say(f"Note: {note}")
    if faults:
        raise FindingsError(
            f"what the template makes would not work in a cluster: {counted(len(faults), 'error')}",
            hint="docs/reference/rules.md explains each rule; to create it all the same: --no-validate",
            faults=faults,
        )


def _doubts(doubts: Sequence[Fault]) -> list[str]:
    lines = [str(each) for each in doubts[:_MOST_SHOWN]]
    left = len(doubts) - len(lines)
    return [*lines, f"{left} more like these: kickstart validate shows them"] if left else lines


def is_deployable(tree: Tree) -> bool:
    """Tell whether a tree holds a chart, or anything that looks like an object of a cluster."""
    return any(
        path.rpartition("/")[2] == "Chart.yaml" or _OBJECT.search(entry.content)
        for path, entry in tree.items()
        if path.endswith((".yaml", ".yml")) and not path.startswith(".") and "/." not in path
    )


def _engine() -> tuple[Engine | None, str]:
    """Return the Helm to render with, or else why there is none."""
    from kickstart.cli import checking

    try:
        return checking.engine(None), "no Helm"
    except PreflightError as error:
        return None, error.message


def _notes(report: Report, target: str, trouble: str) -> list[str]:
    kinds = sum(each.about == "kind" for each in report.unchecked)
    missing = [trouble] if report.charts and not report.engine else []
    parts = sum(each.about == "chart" and "its chart is not here" in each.reason for each in report.unchecked)
    missing += [f"{counted(parts, 'file')} of a chart that is not here"] if parts else []
    missing += [f"no definitions of {counted(kinds, 'kind')}"] if kinds else []
    notes = []
    if missing:
        notes.append(
            f"{target} was NOT CHECKED in full ({', '.join(missing)}): see kickstart validate --help"
        )
    warnings = len(report.findings) - len(report.errors)
    if warnings:
        notes.append(f"{target} has {counted(warnings, 'warning')}: kickstart validate shows them")
    return notes
