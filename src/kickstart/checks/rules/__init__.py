"""Our own rules: what no schema knows."""

from __future__ import annotations

from collections.abc import Iterator

from kickstart.checks.findings import Rule
from kickstart.checks.rules import (  # noqa: F401 - importing a module registers its rules
    argo,
    naming,
    operators,
    references,
    rights,
    traffic,
    workloads,
)
from kickstart.checks.rules.objects import Objects
from kickstart.checks.rules.rule import CHECKS, Fault

RULES: dict[str, Rule] = {rule.id: rule for rule, _ in CHECKS}


def judge(objects: Objects) -> Iterator[tuple[Rule, Fault]]:
    """Yield what the rules find in the objects of one environment."""
    for rule, check in CHECKS:
        for fault in check(objects):
            yield rule, fault
