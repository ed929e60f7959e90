"""The effect that takes a project's repository away: into an archive, or for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kickstart.actions.base import Change, Effect, Inspection
from kickstart.errors import ConflictError
from kickstart.tools import Found, Repository, State, Tools


@dataclass(frozen=True, slots=True)
class Remove(Effect):
    """Archives a repository of the project's, or deletes it. What its marker does not prove ours stays."""

    repository: Repository
    project: str
    purge: bool

    @property
    def target(self) -> str:
        return f"repository {self.repository}"

    def inspect(self, tools: Tools) -> Inspection:
        found = tools.forge.inspect(self.repository)
        if found.state is State.ABSENT:
            return Inspection(Change.NONE, "is not there")
        kept = self._why_kept(found)
        if kept:
            return Inspection(Change.NONE, f"is kept: {kept}")
        if self.purge:
            return Inspection(Change.DELETE, "with everything in it")
        if found.archived:
            return Inspection(Change.NONE, "is archived")
        return Inspection(Change.ARCHIVE)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        kept = self._why_kept(tools.forge.inspect(self.repository))
        if kept:  # somebody else has put it there since
            raise ConflictError(f"{self.repository} is kept: {kept}", hint="look at it before you go on")
        return tools.forge.remove(self.repository, purge=self.purge)

    def _why_kept(self, found: Found) -> str:
        if found.marker is None:
            return found.reason or "it is not there"
        if found.marker.project != self.project:
            return f"it belongs to the project {found.marker.project}"
        if found.marker.repository.lower() != str(self.repository).lower():
            return f"it is a copy of {found.marker.repository}"
        return ""
