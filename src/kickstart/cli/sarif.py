"""Findings as SARIF 2.1.0, which code hosts show beside the lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kickstart import __version__
from kickstart.cli.console import json_for

if TYPE_CHECKING:
    from kickstart import lint
    from kickstart.checks.findings import Finding, Report, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def of_report(report: Report) -> str:
    """Return what checks found as one SARIF document."""
    rules = {each.rule.id: _rule(each.rule) for each in report.findings}
    left = [f"Not checked: {each.what}: {each.reason}" for each in report.unchecked]
    results = [
        _result(each.rule.id, each.rule.severity, _text(each), each.file, each.line)
        for each in report.findings
    ]
    return _document(rules, results, left)


def of_template(findings: Iterable[lint.Finding]) -> str:
    """Return what lint found as one SARIF document."""
    listed = list(findings)
    rules = {each.rule: {"id": each.rule, "help": {"text": each.fix}} for each in listed}
    results = [
        _result(each.rule, each.level, f"{each.message} ({each.fix})", each.file, each.line)
        for each in listed
    ]
    return _document(rules, results, ())


def _document(
    rules: Mapping[str, Mapping[str, Any]], results: Iterable[Mapping[str, Any]], left: Sequence[str]
) -> str:
    positions = {name: index for index, name in enumerate(sorted(rules))}
    run = {
        "tool": {
            "driver": {
                "name": "kickstart",
                "version": __version__,
                "rules": [rules[name] for name in positions],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "note", "message": {"text": text}} for text in left],
            }
        ],
        "results": [{**each, "ruleIndex": positions[each["ruleId"]]} for each in results],
    }
    whole = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_for(sys.stdout.encoding, json.dumps(whole, indent=2, ensure_ascii=False))


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"Finds {rule.summary}."},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity},
    }


def _text(each: Finding) -> str:
    where = f" in {', '.join(each.environments)}" if each.environments else ""
    subject = f"{each.object}: " if each.object else ""
    return f"{subject}{each.message}{where}. {each.rule.fix}"


def _result(rule: str, level: str, text: str, file: str, line: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(file)}}
    if line:
        place["region"] = {"startLine": line}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
