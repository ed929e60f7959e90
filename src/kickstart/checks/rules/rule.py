"""How a rule is written: a small function from objects to what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from kickstart.checks.findings import Rule
from kickstart.checks.manifest import Manifest, Path
from kickstart.checks.rules.objects import Objects


class Fault(Struct, frozen=True):
    """What a rule finds: an object, the path in it, and a sentence."""

    manifest: Manifest
    path: Path
    message: str


Check = Callable[[Objects], Iterator[Fault]]

CHECKS: list[tuple[Rule, Check]] = []


def rule(id: str, severity: str, summary: str, *, reason: str, fix: str) -> Callable[[Check], Check]:
    """Make a function a rule. `summary` completes the sentence "This rule finds ..."."""

    def register(check: Check) -> Check:
        CHECKS.append((Rule(id, severity, summary, reason, fix), check))
        return check

    return register
