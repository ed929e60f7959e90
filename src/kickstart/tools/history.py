"""What became of a published repository since it was rendered."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kickstart import marker
from kickstart.errors import RemoteError
from kickstart.tools import plumbing

_WORDS = {"A": "create", "D": "delete"}


@dataclass(frozen=True, slots=True)
class Drift:
    """Commits since the marker was last written, and how the files differ, by path."""

    commits: int
    files: Mapping[str, str]


def drift(shown: str, url: str, environment: Mapping[str, str]) -> Drift:
    """Compare a repository with its own files as they were rendered. Raises RemoteError.

    shown: the repository as errors name it. environment: what Git needs to be let in.
    """
    place = Path(tempfile.mkdtemp(prefix="kickstart-"))
    try:
        # Trees tell what differs: contents are fetched where they are read, and nowhere else.
        plumbing.git(
            *("-c", "protocol.ext.allow=never", "clone", "--quiet", "--bare", "--filter=blob:none"),
            *("--single-branch", "--no-tags", "--template=", "--", url, str(place / "copy.git")),
            environment=environment,
        )
        return _drift(place / "copy.git", environment)
    except plumbing.GitError as error:
        raise RemoteError(f"{shown} cannot be read: {error}", hint="run the same command again") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _drift(git_dir: Path, environment: Mapping[str, str]) -> Drift:
    def git(*arguments: str) -> str:
        said = plumbing.git(f"--git-dir={git_dir}", *arguments, environment=environment)
        return said.decode("utf-8", "surrogateescape")

    rendered = git("log", "-1", "--first-parent", "--format=%H", "HEAD", "--", marker.FILE_NAME).strip()
    fields = git("diff-tree", "-r", "-z", "--no-renames", "--name-status", rendered, "HEAD").split("\0")
    files = {path: _WORDS.get(sign, "update") for sign, path in zip(fields[::2], fields[1::2], strict=False)}
    commits = int(git("rev-list", "--count", f"{rendered}..HEAD"))
    return Drift(commits, dict(sorted(files.items())))
