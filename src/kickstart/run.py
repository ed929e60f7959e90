"""The only loops with effects: look at everything, then do what differs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from kickstart.actions.base import Change, Effect, Inspection
from kickstart.errors import ConflictError, Fault, KickstartError
from kickstart.journal import Journal
from kickstart.tools import Tools


class Pending(Struct, frozen=True):
    """An effect and what it found."""

    effect: Effect
    inspection: Inspection

    @property
    def change(self) -> Change:
        return self.inspection.change


class Outcome(Struct, frozen=True):
    """How far one effect is: about to be applied, or done with its facts."""

    pending: Pending
    done: bool
    facts: dict[str, Any] = {}


def preflight(effects: Iterable[Effect], tools: Tools) -> list[str]:
    """Return what the forge says about who publishes. Raises PreflightError with all that is missing."""
    publications = [each.publication for each in effects if each.publication is not None]
    return list(tools.forge.preflight(publications)) if publications else []


def preview(effects: Iterable[Effect], tools: Tools) -> list[Pending]:
    """Return what every effect would do. Reads only; conflicts are results like any other."""
    return [Pending(effect, effect.inspect(tools)) for effect in effects]


def refuse_conflicts(pending: Sequence[Pending], *, hint: str) -> None:
    """Raise ConflictError with everything that stands in the way."""
    conflicts = [each for each in pending if each.change is Change.CONFLICT]
    if conflicts:
        faults = [Fault(each.effect.target, each.inspection.detail) for each in conflicts]
        raise ConflictError("something else is already there; nothing was written", faults=faults, hint=hint)


def apply(pending: Sequence[Pending], tools: Tools, journal: Journal | None) -> Iterator[Outcome]:
    """Apply what differs, in order. The caller has refused conflicts before.

    Stops at the first failure; what was done stays, and the same command goes on from there. Without a
    journal nothing is remembered.
    """
    for each in pending:
        if each.change is Change.NONE:
            yield Outcome(each, done=True)
            continue
        yield Outcome(each, done=False)
        target, change = each.effect.target, each.change.value
        _record(journal, "started", target=target, change=change)
        try:
            facts = dict(each.effect.apply(tools))
        except Exception as error:
            _record(journal, "failed", target=target, error=_said(error))
            raise
        _record(journal, "done", target=target, change=change, facts=facts)
        yield Outcome(each, done=True, facts=facts)


def _said(error: Exception) -> str:
    """Return what is kept of an error: what somebody else's says could hold a secret."""
    if isinstance(error, KickstartError):
        return error.message
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    return type(error).__name__


def _record(journal: Journal | None, event: str, **fields: Any) -> None:
    if journal is not None:
        journal.record(event, **fields)
