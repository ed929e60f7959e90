"""One branch that several steps protect: the rules of the last one stand, as in a portal.

Each sets all rules, so that each would differ from what another has set, at every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec.structs import replace as struct_replace

from kickstart.actions.base import Effect

if TYPE_CHECKING:
    from kickstart.tools.things import Protection

_SIGNING = "requiredCommitSigning"  # of which no later step relieves a branch


def combined(effects: Sequence[Effect]) -> list[Effect]:
    """Return effects of which no two protect the same branch."""
    if not any(map(_protection, effects)):  # by itself, publishing protects a branch once
        return list(effects)
    from kickstart.actions.github_things import Provide
    from kickstart.actions.publish import Publish

    branches = {each.repository: each.branch for each in effects if isinstance(each, Publish)}

    def place(effect: Effect) -> str:
        if isinstance(effect, Publish) and effect.settings.get("protectDefaultBranch"):
            return f"{effect.repository}@{effect.branch}".lower()
        found = _protection(effect)
        if found and isinstance(effect, Provide):
            return f"{effect.repository}@{found.branch or branches.get(effect.repository, '')}".lower()
        return ""

    places = [place(each) for each in effects]
    last = {at: index for index, at in enumerate(places)}
    signed = {at for each, at in zip(effects, places, strict=True) if _signs(each)}
    made: list[Effect] = []
    for index, (effect, at) in enumerate(zip(effects, places, strict=True)):
        found = _protection(effect)
        if at and index != last[at]:
            if isinstance(effect, Publish):
                made.append(replace(effect, settings={**effect.settings, "protectDefaultBranch": False}))
        elif found and isinstance(effect, Provide) and at in signed:
            rules = {**found.rules, _SIGNING: True}
            made.append(replace(effect, thing=struct_replace(found, rules=rules)))
        else:
            made.append(effect)
    return made


def _protection(effect: Effect) -> Protection | None:
    """Return the protection that a step of its own makes, if it makes one."""
    thing = getattr(effect, "thing", None)
    if thing is None:
        return None
    from kickstart.tools.things import Protection  # few plans have one

    return thing if isinstance(thing, Protection) else None


def _signs(effect: Effect) -> bool:
    rules = getattr(_protection(effect), "rules", None) or getattr(effect, "settings", None) or {}
    return bool(rules.get(_SIGNING))
