"""Published repositories changed by commits: without a work tree, and never by force.

An edit is a function of the files that it finds. Whoever was faster is found first, and the edit is
made again on top of that: nobody's commit is lost, and the history stays linear.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kickstart.errors import ConflictError, KickstartError, ParameterError, PreflightError, RemoteError
from kickstart.tools import plumbing
from kickstart.tree import Edit, Entry

PATIENCE = 120.0  # seconds that others may be faster; 50 writers at once took 20 on two cores
LONGEST_PAUSE = 1.0  # seconds between two tries

Files = Mapping[str, Entry]

_RACE = re.compile(r"fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value")
_PROTECTED = re.compile(r"protected branch|hook declined|GH006|GH013|not allowed to push", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"authentication failed|could not read (username|password)|permission|access denied|"
    r"error: 40[13]|not authorized|publickey",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"not found|does not exist|does not appear to be a git repository|error: 404")


@dataclass(slots=True)
class WorkingCopy:
    """The newest commit of one branch, in a bare repository of its own.

    environment: with what `git` may speak to the forge. head: the commit that edits are made on.
    """

    git_dir: Path
    shown: str
    url: str
    branch: str
    head: str
    environment: Mapping[str, str] = field(repr=False)

    def read(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Return the files at or below `paths`, or all."""
        return plumbing.read_entries(self.git_dir, self.head, paths)

    def refresh(self) -> None:
        """Go on to what the branch is now."""
        self.head = self._fetched(f"refs/heads/{self.branch}")

    def has_branch(self, branch: str) -> bool:
        """Tell whether the forge has `branch`."""
        return bool(_remote(self, "ls-remote", "--", self.url, f"refs/heads/{branch}").strip())

    def store(self, edit: Edit, author: str, at: datetime) -> str:
        """Make a commit on top of `head`, here, and return its id."""
        from kickstart.tools import git

        return git.import_edit(self.git_dir, edit, self.head, author, at)

    def push(self, commit: str, branch: str) -> str:
        """Publish a commit. Returns "", or why not when somebody else was faster."""
        from kickstart.tools import git

        said = git.push(self.git_dir, self.url, commit, branch, self.environment)
        if said and not _RACE.search(said):
            raise _refused(self.shown, branch, said)
        return _reason(said)

    def _fetched(self, ref: str) -> str:
        _remote(self, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", self.url, ref)
        return _id(self.git_dir, "FETCH_HEAD")


@contextmanager
def cloned(shown: str, url: str, environment: Mapping[str, str]) -> Iterator[WorkingCopy]:
    """Bring the newest commit of the default branch here, and clear it away afterwards.

    shown: the repository as errors name it. Raises ParameterError where there is none, ConflictError
    where it is empty, PreflightError without access, RemoteError otherwise.
    """
    place = Path(tempfile.mkdtemp(prefix="kickstart-"))
    try:
        copy = WorkingCopy(place / "copy.git", shown, url, "", "", environment)
        _remote(
            copy,
            *("clone", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags", "--template="),
            *("--", url, str(copy.git_dir)),
        )
        copy.branch = plumbing.git(f"--git-dir={copy.git_dir}", "symbolic-ref", "--short", "HEAD").decode()
        copy.branch = copy.branch.strip()
        try:
            copy.head = _id(copy.git_dir, "HEAD")
        except plumbing.GitError as error:
            raise ConflictError(f"{shown} is empty", hint="publish it: kickstart create NAME") from error
        yield copy
    finally:
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Made:
    """An edit, the files it was made on, and where it is now. No branch: there was nothing to do."""

    edit: Edit
    before: Files
    branch: str = ""
    commit: str = ""
    pushed: bool = False


def commit(
    copy: WorkingCopy, paths: Sequence[str], make: Callable[[Files], Edit], author: str, at: datetime
) -> Made:
    """Commit what `make` makes of the files at `paths` to the copy's branch.

    Raises RemoteError when others were faster all the time.
    """
    deadline = time.monotonic() + PATIENCE
    pause = 0.05
    while True:
        files = copy.read(paths)
        edit = make(files)
        if not edit.changes:
            return Made(edit, files)
        made = copy.store(edit, author, at)
        lost = copy.push(made, copy.branch)
        if not lost:
            return Made(edit, files, copy.branch, made, pushed=True)
        if time.monotonic() > deadline:
            raise RemoteError(
                f"others changed {copy.shown} faster for {PATIENCE:.0f} seconds: {lost}",
                hint="run the same command again",
            )
        time.sleep(random.uniform(0, pause))  # noqa: S311 - to part writers, not to hide anything
        pause = min(pause * 2, LONGEST_PAUSE)
        copy.refresh()


def propose(
    copy: WorkingCopy, paths: Sequence[str], make: Callable[[Files], Edit], author: str, at: datetime
) -> Made:
    """Push what `make` makes of the files at `paths` as a branch of its own.

    The same edit of the same files gets the same branch: made again, it is found.
    """
    files = copy.read(paths)
    edit = make(files)
    if not edit.changes:
        return Made(edit, files)
    branch = f"kickstart/{edit.name}-{_fingerprint(edit, files)}"
    if copy.has_branch(branch):
        return Made(edit, files, branch)
    made = copy.store(edit, author, at)
    return Made(edit, files, branch, made, pushed=not copy.push(made, branch))


def _fingerprint(edit: Edit, files: Files) -> str:
    total = hashlib.sha256(edit.intent.encode())
    for path in sorted(edit.changes):
        before = files.get(path)
        total.update(f"\0{path}\0".encode() + (before.content if before else b""))
    return total.hexdigest()[:10]


def _id(git_dir: Path, revision: str) -> str:
    return (
        plumbing.git(f"--git-dir={git_dir}", "rev-parse", "--verify", f"{revision}^{{commit}}")
        .decode()
        .strip()
    )


def _remote(copy: WorkingCopy, *arguments: str) -> bytes:
    """Run a command that speaks to the forge, and say in our words what it may answer."""
    place = [] if arguments[0] == "clone" else [f"--git-dir={copy.git_dir}"]
    try:
        return plumbing.git(
            *place, "-c", "protocol.ext.allow=never", *arguments, environment=copy.environment
        )
    except plumbing.GitError as error:
        raise _unreachable(copy.shown, error) from None


def _unreachable(shown: str, error: plumbing.GitError) -> KickstartError:
    if _FORBIDDEN.search(error.said):
        return PreflightError(
            f"{shown} cannot be read: {error}", hint="check that your credentials may read it"
        )
    if _ABSENT.search(error.said):
        return ParameterError(
            f"there is no repository {shown}, or you cannot see it",
            hint="name the right one: --repository OWNER/NAME, and --forge",
        )
    return RemoteError(f"{shown} cannot be read: {error}", hint="run the same command again")


def _reason(said: str) -> str:
    """Return why a push was refused: the words in brackets behind the branch."""
    rejected = next((line for line in said.splitlines() if line.strip().startswith("! [")), "")
    return rejected.partition("(")[2].rstrip(")") or plumbing.reason(said)


def _refused(shown: str, branch: str, said: str) -> KickstartError:
    reason = _reason(said)
    if _PROTECTED.search(said):
        return PreflightError(
            f"{shown} takes no commit on {branch}: {reason}", hint="propose it instead: --pull-request"
        )
    if _FORBIDDEN.search(said):
        return PreflightError(
            f"{shown} cannot be written: {reason}", hint="check that your credentials may write contents"
        )
    return RemoteError(f"{shown} took no commit on {branch}: {reason}", hint="run the same command again")
