"""Findings in the form that code hosts show beside the lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kickstart.lint.finding import RULES, Finding


def sarif(findings: Iterable[Finding], version: str) -> dict[str, Any]:
    """Return findings as SARIF 2.1.0, which code hosts show beside the lines."""
    listed = list(findings)
    rules = sorted({finding.rule for finding in listed})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kickstart",
                        "version": version,
                        "rules": [{"id": rule, "help": {"text": RULES[rule]}} for rule in rules],
                    }
                },
                "results": [
                    {
                        "ruleId": finding.rule,
                        "level": finding.level,
                        "message": {"text": f"{finding.message} ({finding.fix})"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": finding.file},
                                    "region": {"startLine": max(1, finding.line)},
                                }
                            }
                        ],
                    }
                    for finding in listed
                ],
            }
        ],
    }
