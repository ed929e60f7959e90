"""What became of a published repository since it was rendered."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from kickstart import marker
from kickstart.errors import RemoteError
from kickstart.tools import plumbing
from kickstart.tools.working_copy import rendered_ref

_WORDS = {"A": "create", "D": "delete"}


class Drift(Struct, frozen=True):
    """Commits since the marker was last written, and how the files differ, by path."""

    commits: int
    files: Mapping[str, str]


def drift(shown: str, url: str, digest: str, environment: Mapping[str, str]) -> Drift:
    """Compare a repository with its own files as they were rendered. Raises RemoteError.

    shown: the repository as errors name it. digest: of what was rendered, by the marker.
    environment: what Git needs to be let in.
    """
    place = Path(tempfile.mkdtemp(prefix="kickstart-"))
    try:
        # Trees tell what differs: contents are fetched where they are read, and nowhere else.
        plumbing.git(
            *("-c", "protocol.ext.allow=never", "clone", "--quiet", "--bare", "--filter=blob:none"),
            *("--single-branch", "--no-tags", "--template=", "--", url, str(place / "copy.git")),
            environment=environment,
        )
        return _drift(place / "copy.git", url, digest, environment)
    except plumbing.GitError as error:
        raise RemoteError(f"{shown} cannot be read: {error}", hint="run the same command again") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _drift(git_dir: Path, url: str, digest: str, environment: Mapping[str, str]) -> Drift:
    def git(*arguments: str) -> str:
        said = plumbing.git(f"--git-dir={git_dir}", *arguments, environment=environment)
        return said.decode("utf-8", "surrogateescape")

    written = git("log", "-1", "--first-parent", "--format=%H", "HEAD", "--", marker.FILE_NAME).strip()
    try:
        # An update was merged with what the team had: what was rendered is kept beside the history.
        git("fetch", "--quiet", "--no-tags", "--filter=blob:none", url, rendered_ref(digest))
        rendered = "FETCH_HEAD"
    except plumbing.GitError:
        rendered = written
    fields = git("diff-tree", "-r", "-z", "--no-renames", "--name-status", rendered, "HEAD").split("\0")
    files = {path: _WORDS.get(sign, "update") for sign, path in zip(fields[::2], fields[1::2], strict=False)}
    return Drift(int(git("rev-list", "--count", f"{written}..HEAD")), dict(sorted(files.items())))
