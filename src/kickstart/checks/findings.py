"""What checks find, and what they could not look at."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

ERROR = "error"  # a cluster refuses it, or it cannot work, or it gives away more than it should
WARNING = "warning"  # it works, and hurts later


class Rule(Struct, frozen=True):
    """One thing that is looked at. `reason` and `fix` stand in docs/reference/rules.md."""

    id: str
    severity: str
    summary: str
    reason: str
    fix: str


class Finding(Struct, frozen=True):
    """One thing to correct. `line` is 0 where only the file is known."""

    rule: Rule
    message: str
    file: str
    line: int = 0
    object: str = ""
    path: str = ""
    environments: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Unchecked(Struct, frozen=True):
    """Something that was not looked at, and why. `about` is chart, kind or rule."""

    about: str
    what: str
    reason: str


class Report(Struct, frozen=True):
    """What was found in a tree, and how much was looked at."""

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    engine: str = ""  # which Helm rendered, with its version; "" where no chart was rendered
    versions: tuple[str, ...] = ()  # of Kubernetes
    charts: tuple[str, ...] = ()
    environments: int = 0
    objects: int = 0
    kinds: int = 0
    suppressed: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.rule.severity == ERROR)


class Collector(Struct):
    """Collects findings of many environments, each of them once."""

    wanted: frozenset[str] | None = None  # rules; None is all of them
    unwanted: frozenset[str] = frozenset()
    _findings: dict[Finding, list[str]] = {}
    _unchecked: set[Unchecked] = set()
    suppressed: int = 0

    def add(self, finding: Finding, environment: str = "") -> None:
        """Add a finding, unless its rule is not wanted."""
        rule = finding.rule.id
        if (self.wanted is not None and rule not in self.wanted) or rule in self.unwanted:
            return
        environments = self._findings.setdefault(replace(finding, environments=()), [])
        if environment and environment not in environments:
            environments.append(environment)

    def leave(self, about: str, what: str, reason: str) -> None:
        """Say that something was not looked at."""
        self._unchecked.add(Unchecked(about, what, reason))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, by file and line."""
        found: Iterable[Finding] = (
            replace(each, environments=tuple(environments)) for each, environments in self._findings.items()
        )
        return tuple(sorted(found, key=lambda each: (each.file, each.line, each.rule.id, each.message)))

    @property
    def unchecked(self) -> tuple[Unchecked, ...]:
        return tuple(sorted(self._unchecked, key=lambda each: (each.about, each.what, each.reason)))
