"""Reading Git repositories with `git` itself: no client library, so that a preview stays light."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from kickstart.errors import PreflightError
from kickstart.tree import EXECUTABLE, LINK, Entry, Tree

# A caller inside a Git hook has these set, and they would turn every command to its repository.
# `cli/connect.py` forgets them, for this process and so for every `git` below it.
MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_DEFAULT_HASH",
    "GIT_QUARANTINE_PATH",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_PREFIX",
)


class GitError(Exception):
    """`git` said no; the text is its own line about why, `said` all that it printed about it."""

    def __init__(self, text: str, said: str = "") -> None:
        super().__init__(text)
        self.said = said


QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def git(
    *arguments: str,
    input: bytes = b"",
    environment: Mapping[str, str] | None = None,
    accepted: Sequence[int] = (0,),
) -> bytes:
    """Run one `git` command and return its output. Raises GitError, PreflightError without Git.

    accepted: the exit codes of a run that is no failure.
    """
    everything = {**os.environ, **QUIET, **(environment or {})}
    try:
        done = subprocess.run(
            ["git", *arguments], input=input, capture_output=True, env=everything, check=False
        )
    except FileNotFoundError as error:
        raise no_git() from error
    if done.returncode not in accepted:
        said = done.stderr.decode("utf-8", "replace")
        raise GitError(reason(said) or f"git {arguments[0]} failed", said)
    return done.stdout


def configuration(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give `git` these settings for one command, after those it has already.

    They stand in the environment of that process only: in no file, and in no list of processes.
    """
    given = os.environ.get("GIT_CONFIG_COUNT", "0")
    first = int(given) if given.isdigit() else 0
    variables = {"GIT_CONFIG_COUNT": str(first + len(entries))}
    for number, (key, value) in enumerate(entries.items(), start=first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def reason(said: str) -> str:
    """Return the line of Git's messages that says why it failed, or "" when there is none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = next((line for line in lines if line.startswith(("fatal: ", "error: "))), "")
    return (fatal or (lines or [""])[-1]).removeprefix("fatal: ").removeprefix("error: ")


def no_git() -> PreflightError:
    """Return the error for a machine without Git."""
    return PreflightError("git is not installed", hint="install Git 2.28 or newer, and run this again")


def identity() -> str | None:
    """Return who Git takes the user for, as "Name <address>", or None when it does not know."""
    try:
        # useConfigOnly: without it Git makes an address up from the host's name.
        line = git("-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT").decode("utf-8", "replace")
    except GitError:
        return None
    return line.rpartition(">")[0] + ">"


def read_file(git_dir: Path, revision: str, path: str) -> bytes | None:
    """Return one file of a revision, or None when it, the revision or the repository is not there."""
    try:
        return git(f"--git-dir={git_dir}", "cat-file", "blob", f"{revision}:{path}")
    except GitError:
        return None


def read_tree(git_dir: Path, revision: str) -> Tree:
    """Return all files of a revision, byte for byte; submodules are left out."""
    return Tree(read_entries(git_dir, revision))


def read_entries(git_dir: Path, revision: str, paths: Sequence[str] = ()) -> dict[str, Entry]:
    """Return the files of a revision at or below `paths`, or all of them, whatever their names are."""
    listing = git(f"--git-dir={git_dir}", "ls-tree", "-r", "-z", "--full-tree", revision, "--", *paths)
    rows = []
    for row in listing.split(b"\0"):
        if row:
            fields, _, path = row.partition(b"\t")
            mode, kind, object_id = fields.split(b" ")
            if kind == b"blob":
                rows.append((int(mode, 8), object_id, os.fsdecode(path)))
    content = git(
        f"--git-dir={git_dir}", "cat-file", "--batch", input=b"".join(row[1] + b"\n" for row in rows)
    )
    entries: dict[str, Entry] = {}
    position = 0
    for entry_mode, _, name in rows:
        end = content.index(b"\n", position)
        size = int(content[position:end].rsplit(b" ", 1)[1])
        body = content[end + 1 : end + 1 + size]
        position = end + size + 2
        entries[name] = Entry(body, entry_mode)
    return entries


def file_command(path: str, entry: Entry) -> bytes:
    """Return what tells `git fast-import` to put a file at a path."""
    mode = {EXECUTABLE: b"100755", LINK: b"120000"}.get(entry.mode, b"100644")
    head = b"M %s inline %s\n" % (mode, quoted(path).encode("utf-8", "surrogateescape"))
    return head + b"data %d\n%s\n" % (len(entry.content), entry.content)


def quoted(path: str) -> str:
    """Quote a path as `git fast-import` reads it; a path holds no newline."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
