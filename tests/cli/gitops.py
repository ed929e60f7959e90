"""A published project with a GitOps repository, made once and copied for each test."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from kickstart.cli import main
from tests.cli.support import git_in

ONE = f"sha256:{'1' * 64}"
TWO = f"sha256:{'2' * 64}"


@dataclass(frozen=True, slots=True)
class GitOps:
    """The GitOps repository of the project `shop`, as it is on the forge. folder: for work trees."""

    repository: Path
    folder: Path

    @property
    def head(self) -> str:
        return git_in(self.repository, "rev-parse", "main")

    @property
    def tree(self) -> str:
        return git_in(self.repository, "rev-parse", "main^{tree}")

    def files(self, revision: str = "main") -> list[str]:
        return git_in(self.repository, "ls-tree", "-r", "--name-only", revision).splitlines()

    def read(self, path: str, revision: str = "main") -> str:
        command = ["git", "-C", str(self.repository), "cat-file", "blob", f"{revision}:{path}"]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    def changed(self, since: str, revision: str = "main") -> list[str]:
        """Return what changed since a commit, as `A path`."""
        listed = git_in(self.repository, "diff", "--name-status", "--no-renames", since, revision)
        return [line.replace("\t", " ") for line in listed.splitlines()]

    def write(self, path: str, text: str | None) -> str:
        """Commit a file as somebody of the team does; None removes it. Returns the commit."""
        if not self.folder.exists():
            git_in(self.repository, "clone", "--quiet", str(self.repository), str(self.folder))
        git_in(self.folder, "pull", "--quiet", "--ff-only")
        if text is None:
            git_in(self.folder, "rm", "--quiet", path)
        else:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(text.encode())
            git_in(self.folder, "add", path)
        git_in(self.folder, "commit", "--quiet", "--message", f"Change {path}")
        git_in(self.folder, "push", "--quiet")
        return self.head

    def hook(self, name: str, script: str) -> None:
        """Let the forge answer a push as `script` says."""
        file = self.repository / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


@pytest.fixture(scope="session")
def published_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A KICKSTART_HOME in which the project `shop` is published; nobody writes to it."""
    place = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KICKSTART_HOME", str(place))
        patch.chdir(tmp_path_factory.mktemp("here"))
        assert (
            main(["create", "shop", "--owner", "acme", "--quiet", "--set", "environments=dev,stage,prod"])
            == 0
        )
    return place


@pytest.fixture
def gitops(published_shop: Path, home: Path, tmp_path: Path) -> GitOps:
    """The project `shop`, as the last run of this test's home made it."""
    shutil.copytree(published_shop, home, dirs_exist_ok=True, symlinks=True)
    return GitOps(home / "data" / "forge" / "acme" / "shop-gitops.git", tmp_path / "team")


def forget(home: Path) -> None:
    """Let this machine know nothing of earlier runs."""
    shutil.rmtree(home / "state", ignore_errors=True)
