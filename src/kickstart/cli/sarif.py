"""Findings as SARIF 2.1.0, which code hosts show beside the lines."""

from __future__ import annotations

import json
from typing import Any

from kickstart import __version__
from kickstart.checks.findings import Finding, Report, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report) -> str:
    """Return a report as one SARIF document."""
    used = {each.rule.id: each.rule for each in sorted(report.findings, key=lambda each: each.rule.id)}
    positions = {name: index for index, name in enumerate(used)}
    run = {
        "tool": {
            "driver": {
                "name": "kickstart",
                "version": __version__,
                "rules": [_rule(rule) for rule in used.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": f"Not checked: {each.what}: {each.reason}"}}
                    for each in report.unchecked
                ],
            }
        ],
        "results": [_result(each, positions[each.rule.id]) for each in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"Finds {rule.summary}."},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(each: Finding, position: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(each.file)}}
    if each.line:
        place["region"] = {"startLine": each.line}
    where = f" in {', '.join(each.environments)}" if each.environments else ""
    subject = f"{each.object}: " if each.object else ""
    return {
        "ruleId": each.rule.id,
        "ruleIndex": position,
        "level": each.rule.severity,
        "message": {"text": f"{subject}{each.message}{where}. {each.rule.fix}"},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file)
