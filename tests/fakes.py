"""The outside, in memory: it counts its writes, and can be told to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kickstart import marker
from kickstart.errors import RemoteError
from kickstart.tools import Found, Publication, Repository, State, Tools
from kickstart.tools.things import Match, ReadAccess, Thing
from kickstart.tree import Commit, Tree


@dataclass(frozen=True)
class FakeAddress:
    """A forge at forge.test."""

    name: str = "the fake forge"

    def clone_url(self, repository: Repository) -> str:
        return f"https://forge.test/{repository}.git"

    def contents_url(self, repository: Repository, branch: str) -> str:
        return f"https://forge.test/{repository}/blob/{branch}"


@dataclass
class FakeForge:
    """Repositories by `owner/name`. `failing`: names at which the next publish fails once.

    begun: the projects of empty repositories.
    """

    repositories: dict[str, Tree] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    things: dict[str, list[Thing]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    writes: int = 0

    def preflight(self, publications: Sequence[Publication]) -> Sequence[str]:
        return [f"as ada, for {len(publications)}"]

    def inspect(self, repository: Repository) -> Found:
        tree = self.repositories.get(str(repository))
        begun = self.begun.get(str(repository))
        if tree is None and begun:
            return Found(State.EMPTY, marker.Marker(begun, str(repository), {}, ""))
        if tree is None:
            return Found(State.ABSENT)
        mark = marker.read(tree[marker.FILE_NAME].content) if marker.FILE_NAME in tree else None
        if mark is None:
            return Found(State.FOREIGN, reason="was not made by kickstart")
        return Found(State.OURS, mark)

    def differences(self, repository: Repository, branch: str, settings: Mapping[str, Any]) -> Sequence[str]:
        there = self.settings.get(str(repository), settings)
        return [name for name, value in settings.items() if there.get(name) != value]

    def read(self, repository: Repository) -> Tree:
        return self.repositories[str(repository)]

    def publish(
        self, repository: Repository, commit: Commit, branch: str, settings: Mapping[str, Any]
    ) -> Mapping[str, str]:
        name = str(repository)
        if name in self.failing:
            self.failing.discard(name)
            raise RemoteError(f"{name}: the connection was lost")
        self.writes += 1
        self.repositories[name] = commit.tree
        self.commits[name] = commit
        self.settings[name] = settings
        return {"commit": commit.id, "branch": branch}

    def look(self, repository: Repository, thing: Thing) -> Match:
        made = self.things.get(str(repository), [])
        return Match.SAME if thing in made else Match.ABSENT

    def make(self, repository: Repository, thing: Thing) -> None:
        self.writes += 1
        self.things.setdefault(str(repository), []).append(thing)

    def grant_read(self, repository: Repository, title: str) -> ReadAccess | None:
        return None

    def grants_read(self, repository: Repository, title: str, fingerprint: str) -> bool:
        return True

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        self.writes += 1
        del self.repositories[str(repository)]
        return {}

    def git_environment(self) -> Mapping[str, str]:
        return {}

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str
    ) -> str | None:
        return None


@dataclass
class FakeFolders:
    """Folders by their path."""

    trees: dict[Path, Tree] = field(default_factory=dict)
    writes: int = 0

    def read(self, folder: Path) -> Tree | None:
        return self.trees.get(folder)

    def write(self, folder: Path, tree: Tree) -> None:
        self.writes += 1
        self.trees[folder] = tree


def fake_tools() -> tuple[Tools, FakeForge, FakeFolders]:
    """Return tools with nothing in them, and what is behind them."""
    forge, folders = FakeForge(), FakeFolders()
    return Tools(forge, folders), forge, folders
