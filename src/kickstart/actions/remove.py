"""The effect that takes a project's repository away: into an archive, or for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kickstart.actions.base import Change, Effect, Inspection, why_not_ours
from kickstart.errors import ConflictError
from kickstart.tools import Repository, State, Tools


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
        kept = why_not_ours(found, self.repository, self.project)
        if kept:
            return Inspection(Change.NONE, f"is kept: {kept}")
        if self.purge:
            return Inspection(Change.DELETE, "with everything in it")
        if found.archived:
            return Inspection(Change.NONE, "is archived")
        return Inspection(Change.ARCHIVE)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        kept = why_not_ours(tools.forge.inspect(self.repository), self.repository, self.project)
        if kept:  # somebody else has put it there since
            raise ConflictError(f"{self.repository} is kept: {kept}", hint="look at it before you go on")
        return tools.forge.remove(self.repository, purge=self.purge)
