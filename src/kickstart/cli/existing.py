"""What exists of a project: which repositories its last run published, and what they are now."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from kickstart import journal, naming, settings
from kickstart.cli import connect
from kickstart.errors import ParameterError
from kickstart.settings import Home, Settings
from kickstart.tools import Address, Cluster, Found, Repository, State, Tools

# Of a project that no run on this machine has made: the names that kickstart's own template gives.
SUFFIXES = ("", "-gitops")


class Place(Struct, frozen=True):
    """A repository's name, and what stands there. is_ours: it belongs to the project."""

    repository: Repository
    found: Found
    is_ours: bool

    @property
    def state(self) -> str:
        """In one word: absent, empty, ours, archived or foreign."""
        if not self.is_ours:
            return "absent" if self.found.state is State.ABSENT else "foreign"
        return "archived" if self.found.archived else self.found.state.value

    @property
    def detail(self) -> str:
        """Why it is not the project's, or ""."""
        if self.state != "foreign":
            return ""
        mark = self.found.marker
        return f"belongs to the project {mark.project}" if mark else self.found.reason


class Located(Struct, frozen=True):
    """Where a project is: as flags say, else where its last run on this machine published it.

    events: the journal of that run; empty where there is none.
    """

    project: str
    settings: Settings
    home: Home
    forge: str
    address: Address
    tools: Tools
    events: Sequence[Mapping[str, Any]]

    @property
    def planned(self) -> Mapping[str, Any]:
        """What the last run had planned."""
        return self.events[0] if self.events else {}

    def repositories(self) -> list[Repository]:
        """Return the project's repositories by their names. Raises ParameterError without an owner."""
        owner = self.settings.values.get("owner")
        recorded = _recorded(self.planned)
        if recorded and not (owner and owner.source.startswith("--")):
            return recorded
        if owner is None and self.forge.startswith("github"):  # a login here says nothing about one there
            raise ParameterError(
                f"no run on this machine has made '{self.project}'", hint="name its owner: --owner OWNER"
            )
        name = str(owner.value) if owner else connect.default_owner()
        problem = naming.owner_name_problem(name)
        if problem:
            raise ParameterError(f"the owner '{name}' {problem}", hint="name it: --owner OWNER")
        return [Repository(name, f"{self.project}{suffix}") for suffix in SUFFIXES]


class Existing(Located, frozen=True, kw_only=True):
    """A project as it is."""

    places: Sequence[Place]

    def cluster(self) -> tuple[Cluster | None, str]:
        """Return the cluster that a flag or a setting names, else that of the last run, and where Argo CD is.

        Without any, the project is on none.
        """
        context, namespace = self.settings.values.get("context"), self.settings.values["argocd-namespace"]
        recorded = str(self.planned.get("cluster") or "")
        if context is None and not recorded:
            return None, ""
        place = str(self.planned.get("argocdNamespace") or "") if namespace.source == "default" else ""
        chosen = str(context.value) if context else recorded
        return connect.cluster(self.settings, chosen), place or str(namespace.value)


def locate(project: str, flags: Mapping[str, Any]) -> Located:
    """Resolve flags, settings and the journal to the forge that a project is on."""
    connect.forget_callers_repository()
    home = settings.home(os.environ)
    resolved = settings.resolve(flags, os.environ, Path.cwd(), home.config)
    events = _last_run(journal.read(home.state, project))
    forge = resolved.values["forge"]
    recorded = events[0].get("forge", forge.value) if events else forge.value
    spec = str(forge.value if forge.source.startswith("--") else recorded)
    spec = connect.forge_spec(spec, resolved.values.get("github-url"))
    address, tools = connect.forge(spec, home)
    return Located(project, resolved, home, spec, address, tools, events)


def find(project: str, flags: Mapping[str, Any]) -> Existing:
    """Look at a project's repositories: where the flags say, else where the last run published them.

    Raises ParameterError where neither a run nor a repository of that project is known.
    """
    problem = naming.project_name_problem(project)
    if problem:
        raise ParameterError(f"the name '{project}' {problem}")
    at = locate(project, flags)
    repositories = at.repositories()
    places = [_look(project, repository, at.tools) for repository in repositories]
    if not at.events and not any(place.is_ours for place in places):
        looked = ", ".join(str(each) for each in repositories)
        raise ParameterError(
            f"there is no project '{project}' on {at.address.name}: looked for {looked}",
            hint="name the owner and the forge: --owner OWNER --forge FORGE",
        )
    return Existing(**asdict(at), places=places)


def _look(project: str, repository: Repository, tools: Tools) -> Place:
    found = tools.forge.inspect(repository)
    is_ours = found.marker is not None and found.marker.project == project
    return Place(repository, found, is_ours)


def _last_run(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what the journal has of the newest run, from what it planned on."""
    starts = [index for index, event in enumerate(events) if event["event"] == "planned"]
    return list(events[starts[-1] :]) if starts else []


def _recorded(planned: Mapping[str, Any]) -> list[Repository]:
    """Return the repositories that a run published; what is no such name is left out."""
    starts = ("repository ", "empty repository ")  # the second makes what the first fills
    targets = [str(each) for each in planned.get("targets") or ()]
    names = [each.removeprefix(start) for each in targets for start in starts if each.startswith(start)]
    found = []
    for owner, slash, name in (each.partition("/") for each in dict.fromkeys(names)):
        if slash and not naming.owner_name_problem(owner) and not naming.repository_name_problem(name):
            found.append(Repository(owner, name))
    return found
