"""The outside, as narrow as actions need it. The adapters are imported late, by `cli/connect.py`."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kickstart.marker import Marker
from kickstart.tree import Commit, Tree


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's full name on a forge."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


class State(enum.Enum):
    """What stands at a repository's name."""

    ABSENT = "absent"
    EMPTY = "empty"  # made by a run of ours that did not get as far as its files
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Found:
    """What a forge has at a repository's name. `reason` says why it is foreign.

    An empty one's marker knows the project and no digest.
    """

    state: State
    marker: Marker | None = None
    reason: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """What is going to be published, for a forge to say beforehand whether it may be."""

    repository: Repository
    visibility: str
    tree: Tree


class Address(Protocol):
    """Where a forge's repositories are: pure, so that a plan can promise it."""

    @property
    def name(self) -> str:
        """The forge as a user would name it."""
        ...

    def clone_url(self, repository: Repository) -> str:
        """Return the URL that `git clone` takes; it ends with `NAME.git`."""
        ...

    def contents_url(self, repository: Repository, branch: str) -> str:
        """Return the URL under which a file of `branch` is found by appending its path."""
        ...


class Forge(Protocol):
    """Where repositories are published. Nothing that it did not make is ever changed."""

    def preflight(self, publications: Sequence[Publication]) -> Sequence[str]:
        """Return what the user should know about who publishes; look, and change nothing.

        Raises PreflightError with everything that is missing for it.
        """
        ...

    def inspect(self, repository: Repository) -> Found:
        """Look, and change nothing."""
        ...

    def differences(self, repository: Repository, branch: str, settings: Mapping[str, Any]) -> Sequence[str]:
        """Return which settings of a repository of ours are not as asked, in the reader's words."""
        ...

    def read(self, repository: Repository) -> Tree:
        """Return the newest commit's files on the default branch."""
        ...

    def publish(
        self, repository: Repository, commit: Commit, branch: str, settings: Mapping[str, Any]
    ) -> Mapping[str, str]:
        """Create `repository` with one commit; may be called again after an interruption.

        settings: what a forge may know of a repository besides its files, by Backstage's names. Those
        of a repository of ours that has its files already are made as asked, and nothing else.
        Returns facts that could not be promised. The fact `note` is for the reader: what the forge
        would not do, and why.
        """
        ...

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        """Archive a repository, or delete it for good. Returns facts: `archive` is where it is kept.

        The caller has made sure that it is ours.
        """
        ...

    def git_environment(self) -> Mapping[str, str]:
        """Return the variables with which `git` may speak to this forge: credentials stand nowhere else."""
        ...

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str
    ) -> str | None:
        """Ask to merge `branch`, which was pushed before, into `base`.

        Returns the address of the pull request, also of one that is open already; None on a forge
        that has no pull requests.
        """
        ...


class Folders(Protocol):
    """Plain folders on this machine."""

    def read(self, folder: Path) -> Tree | None:
        """Return a folder's files without its `.git`, or None when it does not exist."""
        ...

    def write(self, folder: Path, tree: Tree) -> None:
        """Make `folder` hold exactly `tree`, all of it or nothing of it."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything outside that effects may use."""

    forge: Forge
    folders: Folders
