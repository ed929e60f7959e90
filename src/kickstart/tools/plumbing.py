"""Reading Git repositories with `git` itself: no client library, so that a preview stays light."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kickstart import redact
from kickstart.errors import ParameterError, PreflightError, RemoteError
from kickstart.naming import closest
from kickstart.tree import EXECUTABLE, LINK, Entry

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
# Of a server that has gone silent, not of one that is slow: Git's own signs of life are a byte a second.
_SILENCE = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60")  # seconds
# For repositories of a moment: no program of the URL's choice, and nothing to tidy up afterwards.
ALONE = ("-c", "protocol.ext.allow=never", "-c", "maintenance.auto=false", *_SILENCE)
# What Git says of a name, and of a commit, that the other side does not have, or gives to nobody.
_NO_SUCH_REF = r"couldn't find remote ref|not our ref|does not allow request for unadvertised object"
MOST_REFS = 10  # of a repository, in one message
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20"  # nobody is there to answer; seconds


def git(
    *arguments: str,
    input: bytes = b"",
    environment: Mapping[str, str] | None = None,
    accepted: Sequence[int] = (0,),
) -> bytes:
    """Run one `git` command and return its output.

    Raises GitError, PreflightError without Git or with a configuration that it cannot read.

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
        if re.search(r"^(fatal|error): bad config", said, re.M):  # that is no answer to what was asked
            raise PreflightError(f"Git cannot read its configuration: {reason(said)}", hint="correct it")
        raise GitError(reason(said) or f"git {arguments[0]} failed", said)
    return done.stdout


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a `git` command that is spoken with. Raises PreflightError without Git."""
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            ["git", *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **QUIET}
        )
    except FileNotFoundError as error:
        raise no_git() from error


def trusting(error: GitError) -> str:
    """Return what to type after Git has refused a repository that belongs to another user."""
    found = re.search(r"git config .*safe\.directory .*", error.said)
    return f"if you trust it: {found[0].strip()}" if found else "let it belong to you"


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
    return PreflightError("git is not installed", hint="install Git 2.31 or newer, and run this again")


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


def fetch_commit(url: str, ref: str, git_dir: Path, environment: Mapping[str, str] | None = None) -> None:
    """Bring one commit of `url` here without its history, as FETCH_HEAD of the new repository `git_dir`.

    ref: a branch, a tag or a full commit id; "" stands for the default branch. environment: what Git
    needs to be let in. Nothing is checked out, and no hook, filter or submodule of the other side comes
    into play. Raises ParameterError for a ref that is not there, RemoteError, PreflightError.
    """
    try:
        git("init", "--bare", "--quiet", "--template=", str(git_dir))
        depth = () if _lent(url, git_dir) else ("--depth=1",)
        git(
            *(f"--git-dir={git_dir}", *ALONE, "fetch", "--quiet", "--no-tags", *depth),
            *("--no-recurse-submodules", "--", url, ref or "HEAD"),
            environment={**_ssh(url), **(environment or {})},
        )
    except GitError as error:
        if "No space left on device" in error.said:
            raise PreflightError(
                "the disk is full", hint="free some space, and run the same command again"
            ) from None
        if ref and re.search(_NO_SUCH_REF, error.said):
            raise _no_such_ref(url, ref, environment or {}) from None
        shown = f"'{ref}' of {redact.urls(url)}" if ref else redact.urls(url)
        here = _here(url)
        raise RemoteError(
            f"{shown} cannot be fetched: git fetch failed: {redact.urls(str(error))}",
            hint="it is a partial clone: name the repository that it was cloned from"
            if here and _is_partial(here)
            else "check the URL and your access",
        ) from None


def _no_such_ref(url: str, ref: str, environment: Mapping[str, str]) -> ParameterError:
    """Return the error for a ref that a repository does not have, with those that may be meant."""
    try:
        listed = git(
            *(*ALONE, "ls-remote", "--quiet", "--heads", "--tags", "--refs", "--", url),
            environment={**_ssh(url), **environment},
        )
    except GitError:  # then nobody can say which ones there are
        listed = b""
    rows = (line.partition("\t")[2] for line in listed.decode("utf-8", "replace").splitlines())
    names = [row.removeprefix("refs/heads/").removeprefix("refs/tags/") for row in rows]
    hints = []
    if names:
        # Branches come first, and of tags the newest are at the end.
        shown = (
            names if len(names) <= MOST_REFS else [*names[: MOST_REFS // 2], "...", *names[-MOST_REFS // 2 :]]
        )
        hints.append(f"it has {', '.join(shown)}")
    if re.fullmatch("[0-9a-f]{4,39}", ref):
        hints.append("a commit is named by all of its 40 digits")
    return ParameterError(
        f"{redact.urls(url)} has no branch, tag or commit '{ref}'{closest(ref, names)}",
        hint="; ".join(hints) or "check its name",
    )


def _ssh(url: str) -> dict[str, str]:
    """Return what has SSH give up on a silent host, unless the user has chosen how it is called."""
    is_ssh = url.startswith(("ssh://", "git+ssh://")) or re.match(r"[^/:]+:(?!//)", url)
    if not is_ssh or {"GIT_SSH_COMMAND", "GIT_SSH"} & os.environ.keys():
        return {}
    chosen = git("config", "--get", "core.sshCommand", accepted=(0, 1))
    return {} if chosen else {"GIT_SSH_COMMAND": _SSH}


def _lent(url: str, git_dir: Path) -> bool:
    """Let a whole repository on this machine lend its objects to `git_dir`, so that none is copied."""
    lender = _here(url)
    if lender is None or (lender / "shallow").exists() or _is_partial(lender):
        return False
    (git_dir / "objects" / "info").mkdir(exist_ok=True)
    (git_dir / "objects" / "info" / "alternates").write_text(f"{lender / 'objects'}\n", "utf-8")
    return True


def _here(url: str) -> Path | None:
    """Return where a repository on this machine has its objects, or None for any other."""
    place = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
    places = (place, place / ".git") if place else ()
    return next((each for each in places if (each / "objects").is_dir()), None)


def _is_partial(git_dir: Path) -> bool:
    """Tell whether a repository is a partial clone, which lacks some of its objects."""
    return any((git_dir / "objects" / "pack").glob("*.promisor"))


def fast_import(git_dir: Path, stream: Iterable[bytes]) -> str:
    """Store what a stream for `git fast-import` says, less its end, and return the answer to its question."""
    # As a pack, however small: its objects need not be written one by one.
    command = (f"--git-dir={git_dir}", "-c", "fastimport.unpackLimit=1", "fast-import")
    return (
        git(*command, "--quiet", "--force", "--done", input=b"".join((*stream, b"done\n"))).decode().strip()
    )


def file_command(path: str, entry: Entry) -> bytes:
    """Return what tells `git fast-import` to put a file at a path."""
    mode = {EXECUTABLE: b"100755", LINK: b"120000"}.get(entry.mode, b"100644")
    head = b"M %s inline %s\n" % (mode, quoted(path).encode("utf-8", "surrogateescape"))
    return head + b"data %d\n%s\n" % (len(entry.content), entry.content)


def quoted(path: str) -> str:
    """Quote a path as `git fast-import` reads it; a path holds no newline."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
