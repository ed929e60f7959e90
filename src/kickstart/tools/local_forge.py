"""A forge in a folder: bare repositories that `git clone` reads. It needs no account and no network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from kickstart import folders, marker
from kickstart.errors import RemoteError
from kickstart.tools import Found, People, Publication, Repository, State, objects, plumbing
from kickstart.tools.folders import umask
from kickstart.tree import Commit, Tree

if TYPE_CHECKING:
    from kickstart.tools.things import Match, ReadAccess, Thing


class LocalAddress(Struct, frozen=True):
    """OWNER/NAME.git below a folder."""

    folder: Path

    web: ClassVar[str] = ""
    api: ClassVar[str] = ""

    @property
    def name(self) -> str:
        return f"the local forge {self.folder}"

    def path(self, repository: Repository) -> Path:
        """Return the bare repository's folder."""
        return self.folder / repository.owner / f"{repository.name}.git"

    def clone_url(self, repository: Repository) -> str:
        return self.path(repository).as_uri()

    def ssh_url(self, repository: Repository) -> None:
        return None

    def contents_url(self, repository: Repository, branch: str) -> str:
        return f"{self.clone_url(repository)}/blob/{branch}"

    def proposal_url(self, repository: Repository, branch: str) -> str:
        return self.clone_url(repository)

    def issue_url(self, repository: Repository, title: str) -> str:
        return self.clone_url(repository)


class LocalForge(Struct, frozen=True):
    """Publishes to a folder. A repository appears complete, by one rename, or not at all."""

    address: LocalAddress
    has_empty_repositories: ClassVar[bool] = False

    def begin(self, repository: Repository, project: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        raise NotImplementedError("a repository appears here with its files")

    def preflight(self, publications: Sequence[Publication]) -> Sequence[str]:
        return []

    def inspect(self, repository: Repository) -> Found:
        path = self.address.path(repository)
        obstacle = folders.obstacle(path.parent)
        if obstacle is not None:
            return Found(State.FOREIGN, reason=f"{obstacle} is not a folder")
        try:
            path.lstat()  # lexists would say of a folder that may not be looked into that nothing is there
        except FileNotFoundError:
            return Found(State.ABSENT)
        content = plumbing.read_file(path, "HEAD", marker.FILE_NAME)
        if content is None:
            return Found(State.FOREIGN, reason=f"{path} was not made by kickstart")
        mark = marker.read(content)
        if mark is None:
            return Found(State.FOREIGN, reason=f"{path} has a {marker.FILE_NAME} that cannot be read")
        return Found(State.OURS, mark)

    def differences(self, repository: Repository, branch: str, settings: Mapping[str, Any]) -> Sequence[str]:
        return []  # a folder knows no more than a branch and a description, which a team may change

    def read(self, repository: Repository) -> Tree:
        return objects.read_tree(self.address.path(repository), "HEAD")

    def publish(
        self, repository: Repository, commit: Commit, branch: str, settings: Mapping[str, Any]
    ) -> Mapping[str, str]:
        from kickstart.tools import git

        path = self.address.path(repository)
        path.parent.mkdir(parents=True, exist_ok=True)
        with folders.staged(path.parent, f".kickstart-{repository.name}.git.") as staging:
            git.init_bare(staging, branch, str(settings.get("description") or repository.name))
            git.import_commit(staging, commit, branch)
            staging.chmod(0o777 & ~umask())
            try:
                staging.rename(path)
            except OSError as error:
                if os.path.lexists(path):
                    raise RemoteError(
                        f"{path} came into being meanwhile", hint="run the same command again"
                    ) from error
                raise
        return {"path": str(path), "commit": commit.id}

    def look(self, repository: Repository, thing: Thing) -> Match:
        from kickstart.tools.things import Match

        return Match.UNKNOWN

    def make(self, repository: Repository, thing: Thing) -> str:
        raise NotImplementedError("a folder has files and branches, and no more")

    def grant_read(self, repository: Repository, title: str) -> ReadAccess | None:
        return None

    def grants_read(self, repository: Repository, title: str, fingerprint: str) -> bool:
        return True

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        path = self.address.path(repository)
        # Out of the way first, by one rename: whoever is killed while deleting leaves no half of it.
        archive = self.address.folder / ".archive" / repository.owner
        archive.mkdir(parents=True, exist_ok=True)
        kept = archive / f"{repository.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.git"
        path.rename(kept)
        if not purge:
            return {"archive": str(kept)}
        shutil.rmtree(kept)
        return {}

    def git_environment(self) -> Mapping[str, str]:
        return {}

    def fork(self, repository: Repository) -> Repository:
        return repository

    def make_fork(self, repository: Repository, branch: str) -> Repository:
        return repository

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str, *, draft: bool = False
    ) -> str | None:
        return None

    def pull_request(self, repository: Repository, branch: str, base: str) -> str | None:
        return None

    def pull_requests(self, repository: Repository, branch: str) -> None:
        return None

    def is_unasked(self, repository: Repository, branch: str, base: str, people: People) -> bool:
        return False

    def ask(self, repository: Repository, pull_request: str, people: People) -> str:
        return ""
