"""The push of a first commit to GitHub, by real Git over HTTP."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kickstart.errors import ConflictError, KickstartError, PreflightError, RemoteError
from kickstart.tools import Repository
from kickstart.tools.web import AGAIN
from kickstart.tree import Commit

# Seconds before each further attempt: GitHub answers a create before Git can see the repository.
PAUSES = (1, 2, 4, 8, 16)
_LATE = re.compile(r"Repository not found|repository '[^']*' not found|returned error: 404", re.I)
_PASSING = re.compile(
    r"returned error: (?:5\d\d|429)|RPC failed|unexpected disconnect|hung up|early EOF|Could not resolve"
    r"|Failed to connect|Connection (?:reset|refused|timed out)|Recv failure|Empty reply|curl \d+",
    re.I,
)
_REFUSED = re.compile(r"could not read (?:Username|Password)|Authentication failed|returned error: 40[13]")
_MAYBE = re.compile(rf"rejected|cannot lock ref|{_PASSING.pattern}", re.I)


def push(
    url: str,
    repository: Repository,
    commit: Commit,
    branch: str,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Push `commit` as the only one of `branch`; never by force.

    environment: what Git needs to be let in. Raises KickstartError by the reason that GitHub gives.
    """
    from kickstart.tools import git

    with tempfile.TemporaryDirectory(prefix="kickstart-") as folder:
        git_dir = Path(folder)
        git.init_bare(git_dir, branch, repository.name)
        git.import_commit(git_dir, commit, branch)
        for pause in (*PAUSES, None):
            said = git.push(git_dir, url, commit.id, branch, environment)
            if not said:
                return
            if _MAYBE.search(said) and git.remote_commit(url, branch, environment) == commit.id:
                return  # it was done, and the answer was lost
            reason = _waits_for(said)
            if pause is None or not reason:
                raise _refusal(said, repository)
            say(f"waiting {pause} s: {reason}")
            time.sleep(pause)


def _waits_for(said: str) -> str:
    """Return what may be over in a moment, or "" when another attempt is of no use."""
    if _REFUSED.search(said):
        return ""
    if _LATE.search(said):
        return "Git does not see the new repository yet"
    return "the push was interrupted" if _PASSING.search(said) else ""


def _refusal(said: str, repository: Repository) -> KickstartError:
    """Return what a failed push means: by name where GitHub's refusals have one."""
    words = _words(said)
    if re.search(r"refusing to allow .* (?:create or update|update) workflow", said):
        return PreflightError(
            f"the token may not publish workflows to {repository}: {words}",
            hint="give it the scope workflow (a fine-grained one: workflows, write), and " + AGAIN,
        )
    if "SAML SSO" in said or "single sign-on" in said:
        return PreflightError(
            f"the organisation of {repository} asks for single sign-on: {words}",
            hint="authorise the token for the organisation in its settings on GitHub, and " + AGAIN,
        )
    if "GH013" in said or "GH006" in said:
        return PreflightError(
            f"rules of GitHub refuse the push to {repository}: {words}",
            hint="let the rule admit you, or take out of the template what it refuses, and " + AGAIN,
        )
    if _REFUSED.search(said):
        return PreflightError(
            f"GitHub refuses the token for a push to {repository}",
            hint="it needs write access to contents (a classic one: the scope repo)",
        )
    if "fetch first" in said or "non-fast-forward" in said:
        return ConflictError(
            f"somebody has pushed to {repository} meanwhile", hint="look at it, or choose another name"
        )
    if _LATE.search(said):
        return RemoteError(f"Git does not see {repository}, which was created", hint=f"wait, and {AGAIN}")
    return RemoteError(f"git push to {repository} failed: {words}", hint=AGAIN)


def _words(said: str) -> str:
    """Return what a server's or Git's own lines say, without the frame that Git puts around them."""
    lines = [line.strip().removeprefix("remote:").strip(" -—\t") for line in said.splitlines()]
    told = [line for line in lines if line and not line.startswith(("To ", "error: failed to push"))]
    return " ".join(" ".join(told).split())[:600] or "no reason was given"
