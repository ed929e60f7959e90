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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import starmap
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from kickstart import marker, redact
from kickstart.errors import ConflictError, KickstartError, ParameterError, PreflightError, RemoteError
from kickstart.tools import plumbing
from kickstart.tools.objects import Objects
from kickstart.tree import Commit, Edit, Entry, PathError, Tree

PATIENCE = 120.0  # seconds that others may be faster; 50 writers at once took 20 on two cores
LONGEST_PAUSE = 1.0  # seconds between two tries
RENDERED = "refs/kickstart/rendered/"
EDIT = "refs/kickstart/edit"

Files = Mapping[str, Entry]

# Compiled where Git has said something: most runs need none of them.
_RACE = r"fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value"
_PROTECTED = r"(?i)protected branch|hook declined|GH006|GH013|not allowed to push"
_FORBIDDEN = (
    r"(?i)authentication failed|could not read (username|password)|permission|access denied|"
    r"error: 40[13]|not authorized|publickey"
)
_ABSENT = r"not found|does not exist|does not appear to be a git repository|error: 404"


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
    objects: Objects = field(repr=False)
    _known: dict[tuple[str, ...], dict[str, Entry]] = field(default_factory=dict, repr=False)
    _brought: list[str] = field(default_factory=list, repr=False)

    def read(self, paths: Sequence[str] = (), commit: str = "") -> Mapping[str, Entry]:
        """Return the files at or below `paths`, or all, of a commit that is here."""
        asked = (commit or self.head, *paths)
        if asked not in self._known:
            self._known[asked] = self.objects.entries(asked[0], paths)
        return self._known[asked]

    def refresh(self) -> None:
        """Go on to what the branch is now."""
        head = self.fetch(f"refs/heads/{self.branch}")
        if head is None:
            raise RemoteError(
                f"{self.shown} has no branch {self.branch} any more", hint="look at its branches"
            )
        self.head = head

    def bring(self, *prefixes: str) -> None:
        """Bring all commits here whose references start so, at once: `fetch` asks nobody for them again."""
        # With a depth, Git ends with 1 and without a word where there are none.
        self._fetch(*(f"+{prefix}*:{prefix}*" for prefix in prefixes), accepted=(0, 1))
        self._brought += prefixes

    def fetch(self, ref: str) -> str | None:
        """Bring the commit of a reference here, and return its id, or None when there is none."""
        if ref.startswith(tuple(self._brought)):
            return self.objects.commit(ref)
        try:
            return self._fetched(ref)
        except _NoReferenceError:
            return None

    def branches(self, prefix: str, most: int) -> list[str]:
        """Return the branches that `bring` has brought whose references start so, the newest first."""
        how = ("--sort=-committerdate", f"--count={most}", "--format=%(refname:lstrip=2)", f"{prefix}*")
        return plumbing.git(f"--git-dir={self.git_dir}", "for-each-ref", *how).decode().splitlines()

    def holds(self, commit: str) -> bool:
        """Tell whether the branch holds a commit that is here.

        In a shallow copy, by what has come to the branch since that commit was made.
        """
        if (self.git_dir / "shallow").exists():
            fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
            # With its parent: Git cuts a merge off from both sides where one of them is too old.
            _remote(self, *fetch, "--depth=2", self.url, commit)
            since = min(int(line.split()[0]) for line in self._revisions("--timestamp", commit, self.head))
            _remote(self, *fetch, f"--shallow-since={since}", self.url, f"refs/heads/{self.branch}")
        return not self._revisions("--max-count=1", commit, f"^{self.head}")

    def rendered(self, digest: str) -> Rendered | None:
        """Find the commit that holds exactly what a template made, proved by `digest`.

        An update keeps it under a reference of its own; the first one is a root of the history.
        """
        found = self._proved(digest, "--max-parents=0", self.head)
        kept = None if found else self.fetch(rendered_ref(digest))
        if kept:
            found = self._proved(digest, "--no-walk", kept)
        if found is None and self._deepen():
            found = self._proved(digest, "--max-parents=0", self.head)
        return found

    def store(self, edit: Edit, author: str, at: datetime, beside: Mapping[str, Commit] | None = None) -> str:
        """Make a commit on top of `head`, here, and return its id.

        Whatever the edit does not name stays as it is, also what no tree may hold. beside: commits that
        are stored as well, by their references.
        """
        return plumbing.fast_import(self.git_dir, self.stream(edit, author, at, beside or {}))

    def stream(self, edit: Edit, author: str, at: datetime, beside: Mapping[str, Commit]) -> Iterator[bytes]:
        """Yield what `git fast-import` stores: no filter, hook or attribute has a say.

        References are of the repository that reads it; what is published is decided by the push.
        """
        stamp = Commit(Tree(), "", author, at).stamp
        put = {path: entry for path, entry in edit.changes.items() if entry is not None}
        yield b"feature done\n"
        yield _commit(EDIT, "mark :1\n", stamp, edit.message, self.head)
        for path in sorted({*edit.changes} - {*put}):
            yield f"D {plumbing.quoted(path)}\n".encode("utf-8", "surrogateescape")
        yield from starmap(plumbing.file_command, put.items())
        for reference, commit in beside.items():
            yield _commit(reference, "", commit.stamp, commit.text, "0" * len(self.head))  # a root
            yield from starmap(plumbing.file_command, commit.tree.items())
        yield b"get-mark :1\n"

    def push(self, commit: str, branch: str, also: Collection[str] = ()) -> str:
        """Publish a commit, and references that are here as well, never by force; all or none.

        Returns "", or why not when somebody else was faster.
        """
        commits = {f"refs/heads/{branch}": commit, **{reference: reference for reference in also}}
        # The hooks of the user's own repositories are not about this one.
        quietly = [f"--git-dir={self.git_dir}", "push", "--quiet", "--no-verify"]
        quietly += ["--atomic"] if also else []
        pairs = [f"{id_}:{reference}" for reference, id_ in commits.items()]
        try:
            plumbing.git(*quietly, "--", self.url, *pairs, environment=self.environment)
        except plumbing.GitError as error:
            said = redact.urls(error.said)
            if not re.search(_RACE, said):
                raise _refused(self.shown, branch, said) from None
            return _reason(said)
        return ""

    def _proved(self, digest: str, *commits: str) -> Rendered | None:
        """Return that of some commits which holds what `digest` is about."""
        log = (f"--git-dir={self.git_dir}", "-c", "log.showSignature=false", "log")
        listed = plumbing.git(*log, "--format=%H%x00%an <%ae>%x00%aI", *commits).decode("utf-8", "replace")
        for line in listed.splitlines():
            commit, author, at = line.split("\0")
            try:
                tree = Tree(self.objects.entries(commit))
            except PathError:  # nothing that a template made
                continue
            if marker.without(tree).digest() == digest:
                return Rendered(commit, tree, author, datetime.fromisoformat(at))
        return None

    def _revisions(self, *which: str) -> list[str]:
        return plumbing.git(f"--git-dir={self.git_dir}", "rev-list", *which).decode().splitlines()

    def _deepen(self) -> bool:
        """Bring the whole history here. Tells whether there was more of it."""
        if not (self.git_dir / "shallow").exists():
            return False
        whole = ("fetch", "--quiet", "--no-tags", "--unshallow", self.url)
        _remote(self, *whole, f"refs/heads/{self.branch}")
        return True

    def _fetched(self, ref: str) -> str:
        self._fetch(ref)
        return self.objects.commit("FETCH_HEAD") or ""

    def _fetch(self, *refs: str, accepted: Sequence[int] = (0,)) -> None:
        depth = ["--depth=1"] if (self.git_dir / "shallow").exists() else []
        command = ("fetch", "--quiet", *depth, "--no-tags", "--no-recurse-submodules")
        _remote(self, *command, self.url, *refs, accepted=accepted)


class Rendered(Struct, frozen=True):
    """What a template made of a repository, with the id, the author and the time of that commit."""

    commit: str
    tree: Tree
    author: str
    at: datetime


def rendered_ref(digest: str) -> str:
    """Return the reference under which what a template made is kept, outside of all branches."""
    return RENDERED + digest.rpartition(":")[2]


def proposals(name: str) -> str:
    """Return how the references of all proposals start that are about `name`, as in an Edit."""
    return f"refs/heads/kickstart/{name}-"


@contextmanager
def cloned(shown: str, url: str, environment: Mapping[str, str]) -> Iterator[WorkingCopy]:
    """Bring the newest commit of the default branch here, and clear it away afterwards.

    shown: the repository as errors name it. Raises ParameterError where there is none, ConflictError
    where it is empty, PreflightError without access, RemoteError otherwise.
    """
    place = Path(tempfile.mkdtemp(prefix="kickstart-"))
    git_dir = place / "copy.git"
    # What is on this machine lends its objects, all of them; of all else the newest are brought.
    lender = unquote(urlsplit(url).path) if url.startswith("file:") else ""
    how = ("--shared", "--", lender) if lender else ("--depth=1", "--", url)
    try:
        with Objects(git_dir) as objects:
            copy = WorkingCopy(git_dir, shown, url, "", "", environment, objects)
            command = ("clone", "--quiet", "--bare", "--single-branch", "--no-tags", "--template=")
            _remote(copy, *command, *how, str(git_dir))
            try:
                both = ("rev-parse", "HEAD^{commit}", "--abbrev-ref", "HEAD")
                copy.head, copy.branch = plumbing.git(f"--git-dir={git_dir}", *both).decode().split()
            except plumbing.GitError as error:
                raise ConflictError(f"{shown} is empty", hint="publish it: kickstart create NAME") from error
            yield copy
    except plumbing.GitError as error:  # it lacks what its own commits name
        raise unreachable(shown, error) from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Made(Struct, frozen=True):
    """An edit, the files it was made on, and where it is now. No branch: there was nothing to do.

    pushed: now; an edit that was proposed before has a commit all the same.
    """

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
    copy: WorkingCopy,
    paths: Sequence[str],
    make: Callable[[Files], Edit],
    author: str,
    at: datetime,
    beside: Mapping[str, Commit] | None = None,
) -> Made:
    """Push what `make` makes of the files at `paths` as a branch of its own.

    beside: other commits to push with it, by their references. The same edit of the same files gets the
    same branch: made again, it is found.
    """
    files = copy.read(paths)
    edit = make(files)
    if not edit.changes:
        return Made(edit, files)
    branch, there = proposal(copy, edit, files)
    if there:
        return Made(edit, files, branch, there)
    made = copy.store(edit, author, at, beside)
    return Made(edit, files, branch, made, pushed=not copy.push(made, branch, beside or ()))


def _commit(reference: str, mark: str, stamp: str, message: str, parent: str) -> bytes:
    text = message.encode()
    head = f"commit {reference}\n{mark}author {stamp}\ncommitter {stamp}\n".encode()
    return head + b"data %d\n%s\nfrom %s\n" % (len(text), text, parent.encode())


def proposal(copy: WorkingCopy, edit: Edit, files: Files) -> tuple[str, str | None]:
    """Return the branch by which an edit of these files is proposed, and its commit if it is there.

    The same edit has the same branch, unless that was merged before: then somebody has taken it back, and
    a branch that holds nothing new would propose nothing.
    """
    merged: list[str] = []
    while True:
        branch = _branch_of(edit, files, merged)
        there = copy.fetch(f"refs/heads/{branch}")
        if there is None or not copy.holds(there):
            return branch, there
        merged.append(there)


def _branch_of(edit: Edit, files: Files, merged: Sequence[str]) -> str:
    total = hashlib.sha256(edit.intent.encode())
    for path in sorted(edit.changes):
        before = files.get(path)
        total.update(f"\0{path}\0".encode() + (before.content if before else b""))
    for commit in merged:
        total.update(commit.encode())
    return proposals(edit.name).removeprefix("refs/heads/") + total.hexdigest()[:10]


def _remote(copy: WorkingCopy, *arguments: str, accepted: Sequence[int] = (0,)) -> bytes:
    """Run a command that speaks to the forge, and say in our words what it may answer."""
    place = [] if arguments[0] == "clone" else [f"--git-dir={copy.git_dir}"]
    try:
        return plumbing.git(
            *place, *plumbing.ALONE, *arguments, environment=copy.environment, accepted=accepted
        )
    except plumbing.GitError as error:
        if "couldn't find remote ref" in error.said:
            raise _NoReferenceError from None
        raise unreachable(copy.shown, error) from None


class _NoReferenceError(Exception):
    """The forge has no such reference."""


def unreachable(shown: str, error: plumbing.GitError) -> KickstartError:
    """Return the error for a repository of which Git could not read."""
    if "safe.directory" in error.said:
        return PreflightError(f"{shown} cannot be read: {error}", hint=plumbing.trusting(error))
    if re.search(_FORBIDDEN, error.said):
        return PreflightError(
            f"{shown} cannot be read: {error}", hint="check that your credentials may read it"
        )
    if re.search(_ABSENT, error.said):
        return ParameterError(
            f"there is no repository {shown}, or you cannot see it",
            hint="check its name, its owner and the forge",
        )
    return RemoteError(f"{shown} cannot be read: {error}", hint="run the same command again")


def _reason(said: str) -> str:
    """Return why a push was refused: the words in brackets behind the branch."""
    rejected = next((line for line in said.splitlines() if line.strip().startswith("! [")), "")
    return rejected.partition("(")[2].rstrip(")") or plumbing.reason(said)


def _refused(shown: str, branch: str, said: str) -> KickstartError:
    reason = _reason(said)
    if re.search(_PROTECTED, said):
        return PreflightError(
            f"{shown} takes no commit on {branch}: {reason}", hint="propose it instead: --pull-request"
        )
    if re.search(_FORBIDDEN, said):
        return PreflightError(
            f"{shown} cannot be written: {reason}", hint="check that your credentials may write contents"
        )
    return RemoteError(f"{shown} took no commit on {branch}: {reason}", hint="run the same command again")
