"""A developer's clone of a published repository: what is merged into its work tree, and nowhere else."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kickstart import redact
from kickstart.errors import ConflictError, Fault, ParameterError, PreflightError
from kickstart.tools import plumbing
from kickstart.tools.merge import refuse_old_git
from kickstart.tools.objects import Objects
from kickstart.tools.working_copy import EDIT, WorkingCopy, unreachable
from kickstart.tree import Commit, Edit

_TRUE = {"true", "yes", "on", "1"}
_BEGUN = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(slots=True)
class Clone(WorkingCopy):
    """A clone's newest commit, in a repository beside it that borrows its objects.

    Nothing is written to the clone before `put`. own: the clone's `.git`. remote: where the repository
    is published, as the clone calls it; "" where it knows none. asked: the remotes that may have what the
    clone has not. urls: of all remotes.
    """

    folder: Path = Path()
    own: Path = Path()
    remote: str = ""
    asked: Sequence[str] = ()
    urls: Sequence[str] = ()

    @property
    def is_shallow(self) -> bool:
        """Whether the clone has only a part of the history."""
        return (self.git_dir / "shallow").exists()

    def bring(self, *prefixes: str) -> None:
        """Leave it where it is: `fetch` brings the one thing that is missing, if any."""

    def fetch(self, ref: str) -> str | None:
        """Return the commit of a reference that the clone has, or a remote; then it is brought beside."""
        found = self._commit(ref)
        for remote in () if found else self.asked:
            try:
                found = found or self._brought_from(remote, ref)
            except plumbing.GitError as error:
                if remote == self.remote:
                    raise unreachable(self.shown, error) from None
        return found

    def _brought_from(self, remote: str, ref: str) -> str | None:
        rows = (line.split("\t") for line in self._git("ls-remote", "--", remote, ref).decode().splitlines())
        found = next((id_ for id_, name in rows if name == ref), None)
        if found:
            fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
            self._git(*fetch, "--", remote, ref, environment=_into(self.git_dir))
        return found

    def refuse_changes(self) -> None:
        """Raise PreflightError where a file differs from the newest commit; Git has to know it.

        So it does where the next commit would end something else that was begun.
        """
        begun = next((what for name, what in _BEGUN.items() if (self.own / name).exists()), None)
        if begun:
            raise PreflightError(
                f"{self.folder} is in the middle of a {begun}",
                hint=f"end it, or go back to before: git {begun} --abort",
            )
        # What lies in a submodule is no part of a commit here, and none of ours to touch.
        how = ("--no-renames", "--untracked-files=no", "--ignore-submodules=dirty")
        said = self._git("status", "--porcelain", "-z", *how)
        changed = [line[3:].decode("utf-8", "replace") for line in said.split(b"\0") if line]
        if changed:
            raise PreflightError(
                f"{self.folder} has changes that are not committed",
                faults=[Fault(path, "is changed") for path in changed],
                hint="commit them, or put them aside: git stash",
            )

    def put(self, edit: Edit, beside: Mapping[str, Commit], stages: Sequence[bytes]) -> None:
        """Make index and work tree what an edit makes of the newest commit; nothing is committed.

        beside: commits that the clone gets as well, by their references. stages: of what is in conflict,
        the rows of the index. Raises ConflictError, with no file changed, where a file is in the way that
        Git does not know.
        """
        self._refuse_what_is_in_the_way(edit)
        rows = [stage.partition(b"\t") for stage in stages]
        blobs = self.objects.contents([row[0].split()[1].decode() for row in rows])
        stream = [
            *self.stream(edit, "kickstart <>", datetime.fromtimestamp(0, UTC), beside),
            *(b"blob\ndata %d\n%s\n" % (len(blob), blob) for blob in blobs),
            f"reset {EDIT}\nfrom {'0' * len(self.head)}\n".encode(),
        ]
        commit = plumbing.fast_import(self.own, stream)
        try:
            self._git("read-tree", "-m", "-u", self.head, commit)
        except plumbing.GitError as error:
            raise ConflictError(
                f"{self.folder} cannot take the update: {error}", hint="move that away, and run this again"
            ) from None
        if rows:
            self._show({row[2] for row in rows})
            # Out with the files, in with their versions: `git status` knows what is to be resolved.
            gone = [b"0 %s\t%s\0" % (b"0" * len(self.head), path) for path in {row[2] for row in rows}]
            there = [stage + b"\0" for stage in stages]
            self._git("update-index", "-z", "--index-info", input=b"".join((*gone, *there)))

    def _show(self, paths: Collection[bytes]) -> None:
        """Bring to the work tree what is in conflict there, also of a sparse checkout."""
        names = [os.fsdecode(path) for path in paths]
        away = [name for name in names if not os.path.lexists(self.folder / name)]
        hidden = self._git("--literal-pathspecs", "ls-files", "-z", "--", *away) if away else b""
        if hidden:
            self._git("update-index", "--no-skip-worktree", "-z", "--stdin", input=hidden)
            self._git("checkout-index", "-z", "--stdin", input=hidden)

    def _refuse_what_is_in_the_way(self, edit: Edit) -> None:
        """Raise ConflictError for files that Git does not know: ignored ones it would replace unasked."""
        listed = self._git("ls-files", "-z").decode("utf-8", "surrogateescape").split("\0")
        known = {each for each in listed if each}
        added = [path for path, entry in edit.changes.items() if entry is not None and path not in known]
        found = dict.fromkeys(place for path in added if (place := self._unknown_at(path, known)))
        if found:
            raise ConflictError(
                f"{self.folder} cannot take the update: it has files in the way that Git does not know",
                faults=[Fault(place, "is not in Git, and would be replaced") for place in found],
                hint="move them away, and run the same command again",
            )

    def _unknown_at(self, path: str, known: Collection[str]) -> str:
        """Return what stands where a file is to be, at it or above it, and is not known; "" for nothing."""
        parts = path.split("/")
        for place in ("/".join(parts[: count + 1]) for count in range(len(parts))):
            there = self.folder / place
            if there.is_dir() and not there.is_symlink():
                if place == path:
                    inside = (each for each in there.rglob("*") if each.is_symlink() or not each.is_dir())
                    names = (each.relative_to(self.folder).as_posix() for each in inside)
                    return next((name for name in names if name not in known), "")
            elif os.path.lexists(there):
                return "" if place in known else place
            else:
                break
        return ""

    def publish(self, references: Sequence[str]) -> str:
        """Push references of the clone to where it is published. Returns "", or why not."""
        if not self.remote:
            return f"the clone has no remote for {self.shown}"
        try:
            self._git("push", "--quiet", "--no-verify", self.remote, *references)
        except plumbing.GitError as error:
            return redact.urls(str(error))
        return ""

    def _commit(self, ref: str) -> str | None:
        found = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accepted=(0, 1))
        return found.decode().strip() or None

    def _deepen(self) -> bool:
        return False  # how much history a clone has, is its owner's to say

    def _git(
        self,
        *arguments: str,
        input: bytes = b"",
        accepted: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        command = ("-C", str(self.folder), *plumbing.ALONE, *arguments)
        return plumbing.git(*command, input=input, accepted=accepted, environment=environment)


@contextmanager
def borrowed(folder: Path, shown: str) -> Iterator[Clone]:
    """Read a clone of the repository that is published as `shown`.

    Raises ParameterError where it is none, PreflightError where Git cannot read or write what it takes.
    """
    try:
        asked = (
            *("--show-toplevel", "--absolute-git-dir", "--git-path", "objects", "--git-path", "shallow"),
            "--show-object-format",
        )
        both = ("HEAD^{commit}", "--abbrev-ref", "HEAD")
        said = plumbing.git("-C", str(folder), "rev-parse", "--path-format=absolute", *asked, *both)
        remotes = plumbing.git(
            *("-C", str(folder), "config", "-z", "--get-regexp", r"^remote\..*\.(url|promisor)$"),
            accepted=(0, 1),
        )
    except plumbing.GitError as error:
        refuse_old_git()
        if "safe.directory" in error.said:
            raise PreflightError(f"{folder} cannot be read: {error}", hint=plumbing.trusting(error)) from None
        raise ParameterError(
            f"{folder} is no clone with a commit: {error}", hint="clone it with git"
        ) from None
    top, own, objects, shallow, kind, head, branch = (
        said.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    )
    if Path(top).resolve() != folder.resolve():
        raise ParameterError(
            f"{folder} is a folder of the clone {top}", hint=f"kickstart update {shlex.quote(top)}"
        )
    settings = list(_settings(remotes.decode("utf-8", "surrogateescape")))
    remote, url = _published(settings, shown)
    place = Path(tempfile.mkdtemp(prefix="kickstart-"))
    git_dir = place / "copy.git"
    try:
        plumbing.git("init", "--bare", "--quiet", "--template=", f"--object-format={kind}", str(git_dir))
        (git_dir / "objects" / "info").mkdir(exist_ok=True)
        (git_dir / "objects" / "info" / "alternates").write_text(f"{objects}\n", "utf-8", "surrogateescape")
        if Path(shallow).is_file():
            shutil.copyfile(shallow, git_dir / "shallow")
        promised = [remote for remote, key, value in settings if key == "promisor" and value in _TRUE]
        bring = partial(_bring, folder, shown, git_dir, promised) if promised else None
        with Objects(git_dir, bring) as reading:
            copy = Clone(git_dir, shown, url, branch, head, {}, reading)
            copy.folder, copy.own, copy.remote = folder, Path(own), remote
            # A clone of a fork alone may find there what somebody has pushed to it.
            copy.asked = [remote] if remote else [each for each, key, _ in settings if key == "url"]
            copy.urls = [value for _, key, value in settings if key == "url"]
            yield copy
    except plumbing.GitError as error:
        raise PreflightError(
            f"{folder} cannot be updated: {error}", hint="use a clone that has all files of its history"
        ) from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def forge_of(url: str, repository: str) -> str | None:
    """Return the forge where a clone's repository is published, as --forge names it; None: who knows."""
    if re.match(r"(https://|ssh://)?([^/@]+@)?github\.com[:/]", url):
        return "github:https://github.com"  # whichever Enterprise the settings name
    folder = unquote(urlsplit(url).path) if url.startswith("file:") else url
    is_ours = folder.startswith("/") and folder.endswith(f"/{repository}.git")
    return f"local:{folder.removesuffix(f'/{repository}.git')}" if is_ours else None


def _settings(listed: str) -> Iterator[tuple[str, str, str]]:
    """Yield remote, key and value of what `git config -z` lists; a key without a value is true."""
    for row in filter(None, listed.split("\0")):
        name, sign, value = row.partition("\n")
        remote, _, key = name.removeprefix("remote.").rpartition(".")
        yield remote, key, value if sign else "true"


def _published(settings: Sequence[tuple[str, str, str]], repository: str) -> tuple[str, str]:
    """Return the remote at which a repository is published, with its URL, whatever it is called."""
    for remote, key, value in settings:
        url = value.rstrip("/").removesuffix(".git").replace(":", "/")
        if key == "url" and url.lower().endswith(f"/{repository}".lower()):  # GitHub takes any
            return remote, value
    return "", ""


def _into(git_dir: Path) -> dict[str, str]:
    """Return what has Git in the clone write the objects that it fetches to the repository beside it."""
    return {"GIT_OBJECT_DIRECTORY": str(git_dir / "objects")}


def _bring(folder: Path, shown: str, git_dir: Path, remotes: Sequence[str], ids: Sequence[str]) -> None:
    """Bring objects that a partial clone lacks from those that promised them, to the repository beside it.

    Git does so by itself when it misses one, but one by one, and into the clone. Whom it asks, and how it
    is let in, the clone's own settings say. Raises KickstartError where nobody can be reached.
    """
    quietly = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    # What is here helps nobody to choose: each object is named.
    fetch = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", *quietly, "--filter=blob:none", "--stdin")
    failed = None
    for remote in remotes:
        try:
            plumbing.git(
                *("-C", str(folder), *plumbing.ALONE, *fetch, "--", remote),
                input="".join(f"{id_}\n" for id_ in ids).encode(),
                environment=_into(git_dir),
            )
        except plumbing.GitError as error:
            if "not our ref" not in error.said:  # a history that was rewritten and cleared away there
                failed = unreachable(shown, error)
        else:
            return
    if failed:
        raise failed
