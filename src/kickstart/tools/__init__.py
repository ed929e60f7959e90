"""The outside, as narrow as actions need it. The adapters are imported late, by `cli/connect.py`."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from kickstart.marker import Marker
from kickstart.tree import Commit, Tree

if TYPE_CHECKING:
    from kickstart.tools.things import Match, ReadAccess, Thing


class Repository(Struct, frozen=True):
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


class Found(Struct, frozen=True):
    """What a forge has at a repository's name. `reason` says why it is foreign.

    An empty one's marker knows the project and no digest.
    """

    state: State
    marker: Marker | None = None
    reason: str = ""
    archived: bool = False


class Publication(Struct, frozen=True):
    """What is going to be published, for a forge to say beforehand whether it may be."""

    repository: Repository
    visibility: str
    tree: Tree
    has_properties: bool = False


class People(Struct, frozen=True):
    """Who is asked about a pull request. teams: by their short names."""

    reviewers: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


class Address(Protocol):
    """Where a forge's repositories are: pure, so that a plan can promise it."""

    @property
    def name(self) -> str:
        """The forge as a user would name it."""
        ...

    @property
    def web(self) -> str:
        """The URL of its pages, without a slash at the end; empty where it has none."""
        ...

    @property
    def api(self) -> str:
        """The URL of its API, likewise."""
        ...

    def clone_url(self, repository: Repository) -> str:
        """Return the URL that `git clone` takes; it ends with `NAME.git`."""
        ...

    def ssh_url(self, repository: Repository) -> str | None:
        """Return the URL under which a key of `grant_read` opens it; None on a forge without such keys."""
        ...

    def contents_url(self, repository: Repository, branch: str) -> str:
        """Return the URL under which a file of `branch` is found by appending its path."""
        ...

    def proposal_url(self, repository: Repository, branch: str) -> str:
        """Return the URL under which the pull request of `branch` is found, before it has a number."""
        ...

    def issue_url(self, repository: Repository, title: str) -> str:
        """Return the URL under which the issue of that title is found, before it has a number."""
        ...


class Forge(Protocol):
    """Where repositories are published. Nothing that it did not make is ever changed."""

    @property
    def has_empty_repositories(self) -> bool:
        """Whether a repository can be there before its files are."""
        ...

    def begin(self, repository: Repository, project: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """Create `repository` without files, for `publish` to fill; may be called again.

        Only on a forge that has empty repositories. settings, and what is returned: as for `publish`.
        """
        ...

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

    def look(self, repository: Repository, thing: Thing) -> Match:
        """Tell how the repository has a thing; change nothing."""
        ...

    def make(self, repository: Repository, thing: Thing) -> str:
        """Make a thing as asked; may be called again. Only where `look` knows such things.

        Returns "", or what the reader has to know of it.
        """
        ...

    def grant_read(self, repository: Repository, title: str) -> ReadAccess | None:
        """Let a new key read the repository in place of the one that had `title` before.

        None on a forge where everybody may read. The private half is in what is returned, and
        nowhere else: whoever asks for it puts it where it is needed.
        """
        ...

    def grants_read(self, repository: Repository, title: str, fingerprint: str) -> bool:
        """Tell whether the key that `grant_read` made under `title` is still in force."""
        ...

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        """Archive a repository, or delete it for good. Returns facts: `archive` is where it is kept.

        The caller has made sure that it is ours.
        """
        ...

    def git_environment(self) -> Mapping[str, str]:
        """Return the variables with which `git` may speak to this forge: credentials stand nowhere else."""
        ...

    def fork(self, repository: Repository) -> Repository | None:
        """Return the user's own fork, or None where there is none yet.

        It is the repository itself where that is the user's own, and on a forge that has no forks.
        """
        ...

    def make_fork(self, repository: Repository, branch: str) -> Repository:
        """Make the fork, or bring `branch` of it up to date; may be called again. Returned as by `fork`."""
        ...

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str, *, draft: bool = False
    ) -> str | None:
        """Ask to merge `branch`, which was pushed before, into `base`.

        A fork's branch is OWNER:BRANCH, here and in `pull_requests`.
        Returns the address of the pull request, also of one that is open already; None on a forge
        that has no pull requests.
        """
        ...

    def pull_request(self, repository: Repository, branch: str, base: str) -> str | None:
        """Return the address of the open pull request from `branch` into `base`, or None."""
        ...

    def pull_requests(self, repository: Repository, branch: str) -> Sequence[str] | None:
        """Return the addresses of all pull requests of `branch`, the closed ones too.

        None on a forge that has no pull requests.
        """
        ...

    def is_unasked(self, repository: Repository, branch: str, base: str, people: People) -> bool:
        """Tell whether the open pull request of `branch` was made, and nobody was asked about it.

        So a run leaves it that ends between the two. Whoever was taken off it since, stays off.
        """
        ...

    def ask(self, repository: Repository, pull_request: str, people: People) -> str:
        """Ask people about what `open_pull_request` returned. Returns a note about who was not, or ""."""
        ...


class Folders(Protocol):
    """Plain folders on this machine."""

    def read(self, folder: Path) -> Tree | None:
        """Return a folder's files without its `.git`, or None when it does not exist."""
        ...

    def write(self, folder: Path, tree: Tree) -> None:
        """Make `folder` hold exactly `tree`, all of it or nothing of it."""
        ...


Manifest = Mapping[str, Any]


class Kind(Struct, frozen=True):
    """A kind of object, in the version that is spoken of."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """The API group; empty for the core of Kubernetes."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} ({self.api_version})"


class Ref(Struct, frozen=True):
    """One object. namespace: empty for objects outside of namespaces."""

    kind: Kind
    name: str
    namespace: str = ""

    @classmethod
    def of(cls, manifest: Manifest) -> Ref:
        """Return the object that a complete manifest describes."""
        meta = manifest["metadata"]
        return cls(Kind(manifest["apiVersion"], manifest["kind"]), meta["name"], meta.get("namespace", ""))

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}".replace(" /", " ")


class Trial(Struct, frozen=True):
    """What applying a manifest would do.

    existing: the object now. result: the object then, None where conflicts stop it. conflicts: each
    field that somebody else sets to another value, with who does.
    """

    existing: Manifest | None
    result: Manifest | None
    conflicts: tuple[tuple[str, str], ...] = ()


class Cluster(Protocol):
    """A Kubernetes cluster. Objects are applied as the field manager `kickstart`, and never by force.

    Everything raises PreflightError for what this machine or the user's rights lack, and RemoteError
    for what may pass.
    """

    @property
    def name(self) -> str:
        """The cluster as a user would name it."""
        ...

    def version(self) -> str:
        """Return the version of Kubernetes, as in v1.37.2."""
        ...

    def served(self) -> Collection[Kind]:
        """Return every kind in every version that the cluster serves."""
        ...

    def try_apply(self, manifest: Manifest) -> Trial:
        """Say what `apply` would do, and change nothing. Raises FindingsError for a refused manifest."""
        ...

    def apply(self, manifest: Manifest) -> Manifest:
        """Make the object have the fields of `manifest`, and return it. Raises ConflictError."""
        ...

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None when there is none."""
        ...

    def objects(self, kind: Kind, namespace: str = "", *, labels: str = "") -> list[Manifest]:
        """Return the objects of a kind; of all namespaces when none is named."""
        ...

    def watch(self, kind: Kind, namespace: str, *, seconds: float) -> Iterator[list[Manifest]]:
        """Yield all objects of a kind in a namespace, at once and after every change, for so long.

        One stream: it goes on by itself where a connection broke or the API server was away.
        """
        ...

    def change(self, ref: Ref, patch: Manifest) -> None:
        """Merge some fields into an object, whoever set them before; one that has gone stays gone."""
        ...

    def delete(self, ref: Ref, *, orphan: bool = False) -> None:
        """Ask for an object's deletion; its finalizers may take time.

        What it owns goes with it, or with `orphan` stays, without an owner.
        """
        ...

    def may(self, verb: str, kind: Kind, namespace: str = "") -> bool:
        """Tell whether the user is permitted to do `verb` with a kind."""
        ...


class Portal(Protocol):
    """A Backstage portal with its catalog.

    Everything raises PreflightError for what this machine or the token lacks, and RemoteError for
    what may pass.
    """

    @property
    def name(self) -> str:
        """The portal as a user would name it."""
        ...

    def entities(self, references: Sequence[str]) -> list[Mapping[str, Any] | None]:
        """Return the entity of each complete reference, or None where the catalog has none."""
        ...

    def locations(self) -> Mapping[str, str]:
        """Return the id under which the catalog has each description's URL, of those that it shows us."""
        ...

    def register(self, url: str) -> list[Mapping[str, Any]]:
        """Have the catalog read that description; may be called again. Returns the entities in it.

        Nothing is registered that the portal cannot read.
        """
        ...

    def unregister(self, location: str) -> None:
        """Have the catalog forget the description with that id, and what is in it; may be called again."""
        ...


class Tools(Struct, frozen=True):
    """Everything outside that effects may use.

    cluster: the one that was asked for, if one was. portal: the one that is configured, if one is.
    """

    forge: Forge
    folders: Folders
    cluster: Cluster | None = None
    portal: Portal | None = None
