"""Git through GitPython: making repositories, and pushing to them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

try:
    import git
except ImportError as error:  # GitPython looks for the program when it is imported
    from kickstart.tools.plumbing import no_git

    raise no_git() from error

from kickstart import redact
from kickstart.errors import PreflightError, RemoteError
from kickstart.tools import plumbing
from kickstart.tree import Commit


def init_bare(folder: Path, branch: str, description: str) -> None:
    """Make `folder` an empty bare repository whose default branch is `branch`."""
    # No template: it would bring sample hooks, or hooks of the user's that are meant for work trees.
    _run(
        "init",
        "--bare",
        "--quiet",
        "--template=",
        f"--initial-branch={branch}",
        "--object-format=sha1",
        str(folder),
    )
    (folder / "description").write_text(description + "\n", "utf-8")


def import_commit(git_dir: Path, commit: Commit, branch: str) -> None:
    """Store a root commit as `branch`, in one process and without a work tree.

    No index, filter, hook or attribute is involved, so that every byte is stored as it is. Raises
    RemoteError when Git makes of it something other than was promised.
    """
    with tempfile.TemporaryFile() as stream:
        _write_import(cast(BinaryIO, stream), commit, branch)
        stream.seek(0)
        # One pack: fewer than a hundred objects would else be written, and synced, each by itself.
        where = (f"--git-dir={git_dir}", "-c", "fastimport.unpackLimit=1")
        # Its only output is the answer to get-mark, so that no other process need ask for the id.
        stored = _run(*where, "fast-import", "--quiet", "--done", stdin=cast(BinaryIO, stream))
    if stored != commit.id:
        raise RemoteError(f"Git stored the commit {stored} where {commit.id} was promised")


def push(git_dir: Path, url: str, commit: str, branch: str, environment: Mapping[str, str]) -> str:
    """Push a commit to a branch, never by force. Returns "", or what Git said about its refusal."""
    try:
        # The hooks of the user's own repositories are not about this one.
        quietly = (f"--git-dir={git_dir}", *plumbing.ALONE, "push", "--quiet", "--no-verify", "--")
        _execute(*quietly, url, f"{commit}:refs/heads/{branch}", more=environment)
    except git.GitCommandError as error:
        return redact.urls(_said(error)) or "no reason was given"
    return ""


def remote_commit(url: str, branch: str, environment: Mapping[str, str]) -> str | None:
    """Return the commit that a branch elsewhere has, or None where that cannot be learnt."""
    try:
        listed = _execute(*plumbing.ALONE, "ls-remote", "--", url, f"refs/heads/{branch}", more=environment)
    except git.GitCommandError:
        return None
    return listed.partition("\t")[0] or None


def _write_import(stream: BinaryIO, commit: Commit, branch: str) -> None:
    message = commit.text.encode()
    stream.write(b"feature done\n")
    stream.write(f"commit refs/heads/{branch}\nmark :1\n".encode())
    stream.write(f"author {commit.stamp}\ncommitter {commit.stamp}\n".encode())
    stream.write(b"data %d\n%s\n" % (len(message), message))
    for path, entry in commit.tree.items():
        stream.write(plumbing.file_command(path, entry))
    stream.write(b"get-mark :1\ndone\n")


def _run(*arguments: str, stdin: BinaryIO | None = None, more: Mapping[str, str] | None = None) -> str:
    try:
        return _execute(*arguments, stdin=stdin, more=more)
    except git.GitCommandError as error:
        said = _said(error)
        if "No space left on device" in said or "Out of diskspace" in said:
            folder = next((each.partition("=")[2] for each in arguments if each.startswith("--git-dir=")), "")
            place = f" for {Path(folder).parent}" if folder else ""
            raise PreflightError(
                f"the disk is full{place}", hint="free some space, and run the same command again"
            ) from None
        reason = redact.urls(plumbing.reason(said) or "no reason was given")
        command = next(each for each in arguments if not each.startswith("-") and "=" not in each)
        raise RemoteError(f"git {command} failed: {reason}", hint="run the same command again") from None


def _execute(*arguments: str, stdin: BinaryIO | None = None, more: Mapping[str, str] | None = None) -> str:
    environment = {**plumbing.QUIET, **(more or {})}
    return str(git.Git().execute(["git", *arguments], istream=stdin, env=environment)).strip()


def _said(error: git.GitCommandError) -> str:
    """Return what Git itself said: the error's text holds the whole command line, URLs included."""
    return str(error.stderr or "").removeprefix("\n  stderr: ").strip("'\" \n")
