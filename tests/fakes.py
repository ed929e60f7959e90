"""The outside, in memory: it counts its writes, and can be told to fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from kickstart import marker
from kickstart.errors import ConflictError, PreflightError, RemoteError
from kickstart.tools import Found, Kind, Manifest, People, Publication, Ref, Repository, State, Tools, Trial
from kickstart.tools.things import Match, ReadAccess, Thing
from kickstart.tree import Commit, Tree


@dataclass(frozen=True)
class FakeAddress:
    """A forge at forge.test."""

    name: str = "the fake forge"
    web: str = "https://forge.test"
    api: str = "https://api.forge.test"

    def clone_url(self, repository: Repository) -> str:
        return f"https://forge.test/{repository}.git"

    def ssh_url(self, repository: Repository) -> str:
        return f"git@forge.test:{repository}.git"

    def contents_url(self, repository: Repository, branch: str) -> str:
        return f"https://forge.test/{repository}/blob/{branch}"

    def proposal_url(self, repository: Repository, branch: str) -> str:
        return f"https://forge.test/{repository}/pulls/{branch}"

    def issue_url(self, repository: Repository, title: str) -> str:
        return f"https://forge.test/{repository}/issues/{title}"


@dataclass
class FakeForge:
    """Repositories by `owner/name`. `failing`: names at which the next publish fails once.

    begun: the projects of empty repositories. keys: the fingerprint of each, by repository and title.
    """

    repositories: dict[str, Tree] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    things: dict[str, list[Thing]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    writes: int = 0

    has_empty_repositories: bool = True

    def begin(self, repository: Repository, project: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        self.writes += 1
        self.begun[str(repository)] = project
        return {}

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

    def make(self, repository: Repository, thing: Thing) -> str:
        self.writes += 1
        self.things.setdefault(str(repository), []).append(thing)
        return ""

    def grant_read(self, repository: Repository, title: str) -> ReadAccess | None:
        self.writes += 1
        fingerprint = self.keys[str(repository), title] = f"SHA256:{self.writes}"
        private = SecretStr(f"the private half of {fingerprint}")
        return ReadAccess(f"git@forge.test:{repository}.git", private, fingerprint)

    def grants_read(self, repository: Repository, title: str, fingerprint: str) -> bool:
        return self.keys.get((str(repository), title)) == fingerprint

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        self.writes += 1
        del self.repositories[str(repository)]
        return {}

    def git_environment(self) -> Mapping[str, str]:
        return {}

    def fork(self, repository: Repository) -> Repository | None:
        return repository

    def make_fork(self, repository: Repository, branch: str) -> Repository:
        return repository

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str, *, draft: bool = False
    ) -> str | None:
        return None

    def pull_request(self, repository: Repository, branch: str, base: str) -> str | None:
        return None

    def pull_requests(self, repository: Repository, branch: str) -> Sequence[str] | None:
        return None

    def is_unasked(self, repository: Repository, branch: str, base: str, people: People) -> bool:
        return False

    def ask(self, repository: Repository, pull_request: str, people: People) -> str:
        return ""


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


@dataclass
class FakeCluster:
    """Objects by what they are. tests/cluster/test_contract.py compares it with a real API server.

    kinds: those that are served. denied: kinds that may not be touched. rivals: fields of an object
    that somebody else has set to another value, with who.
    """

    kinds: set[Kind] = field(default_factory=set)
    found: dict[Ref, dict[str, Any]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    rivals: dict[Ref, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    git_version: str = "v1.37.2"
    name: str = "the fake cluster"
    writes: int = 0

    def version(self) -> str:
        return self.git_version

    def served(self) -> Collection[Kind]:
        return self.kinds

    def try_apply(self, manifest: Manifest) -> Trial:
        ref = self._permitted(Ref.of(manifest))
        existing = self.get(ref)
        if ref in self.rivals:
            return Trial(existing, None, self.rivals[ref])
        return Trial(existing, self._applied(existing or {}, manifest))

    def apply(self, manifest: Manifest) -> Manifest:
        trial = self.try_apply(manifest)
        if trial.result is None:
            raise ConflictError(f"{Ref.of(manifest)} is partly somebody else's")
        self.writes += trial.result != trial.existing
        self.found[Ref.of(manifest)] = dict(trial.result)
        return trial.result

    def get(self, ref: Ref) -> Manifest | None:
        return deepcopy(self.found.get(self._permitted(ref)))

    def objects(self, kind: Kind, namespace: str = "", *, labels: str = "") -> list[Manifest]:
        self._permitted(Ref(kind, ""))
        return [
            deepcopy(each)
            for ref, each in sorted(self.found.items(), key=lambda item: str(item[0]))
            if ref.kind == kind and namespace in {"", ref.namespace} and _matches(each, labels)
        ]

    def watch(self, kind: Kind, namespace: str, *, seconds: float) -> Iterator[list[Manifest]]:
        yield self.objects(kind, namespace)

    def change(self, ref: Ref, patch: Manifest) -> None:
        if self._permitted(ref) in self.found:
            self.found[ref] = _merged(self.found[ref], patch)

    def delete(self, ref: Ref, *, orphan: bool = False) -> None:
        self.found.pop(self._permitted(ref), None)

    def may(self, verb: str, kind: Kind, namespace: str = "") -> bool:
        return kind.kind not in self.denied

    def _permitted(self, ref: Ref) -> Ref:
        if ref.kind not in self.kinds:
            raise PreflightError(f"the cluster {self.name} does not know {ref.kind}")
        if ref.kind.kind in self.denied:
            raise PreflightError(f"you lack a permission on the cluster {self.name}")
        return ref

    def _applied(self, existing: Manifest, manifest: Manifest) -> dict[str, Any]:
        merged = _merged(existing, manifest)
        managers = [*(merged["metadata"].get("managedFields") or ())]
        if not any(each["manager"] == "kickstart" for each in managers):
            managers.append({"manager": "kickstart", "operation": "Apply"})
        uid = f"uid-{len(self.found)}"
        merged["metadata"] = {"uid": uid, **merged["metadata"], "managedFields": managers}
        return merged


def _merged(old: Manifest, new: Manifest) -> dict[str, Any]:
    """Merge mappings; everything else is replaced."""
    merged = deepcopy(dict(old))
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else deepcopy(value)
    return merged


def _matches(manifest: Manifest, labels: str) -> bool:
    """Tell whether labels are as asked for: `a=b,c=d`, or `a in (b,c)`."""
    given = manifest["metadata"].get("labels") or {}
    name, among, values = labels.partition(" in ")
    if among:
        return given.get(name) in values.strip("()").split(",")
    pairs = [each.partition("=") for each in labels.split(",") if each]
    return all(given.get(key) == value for key, _, value in pairs)


def fake_tools() -> tuple[Tools, FakeForge, FakeFolders]:
    """Return tools with nothing in them, and what is behind them."""
    forge, folders = FakeForge(), FakeFolders()
    return Tools(forge, folders), forge, folders
