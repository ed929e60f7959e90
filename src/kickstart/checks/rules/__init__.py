"""Our own rules: what no schema knows."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

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


class Unjudged(Struct, frozen=True):
    """Why a rule could not look at all objects."""

    reason: str


def judge(objects: Objects) -> Iterator[tuple[Rule, Fault | Unjudged]]:
    """Yield what the rules find in the objects of one environment."""
    for rule, check in CHECKS:
        try:
            for fault in check(objects):
                yield rule, fault
        except Exception as error:  # of a field of a type that no schema allows
            yield rule, Unjudged(f"{type(error).__name__}: {error}"[:120])
