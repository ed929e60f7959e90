"""A user's own fork of a repository on GitHub."""

from __future__ import annotations

import time
from collections.abc import Callable

from kickstart.errors import ConflictError, RemoteError
from kickstart.tools import Repository
from kickstart.tools.github.api import Api, RefusedError
from kickstart.tools.github.push import PAUSES
from kickstart.tools.web import AGAIN


def of(api: Api, repository: Repository) -> Repository | None:
    """Return the fork, the repository itself where it is the user's own, or None."""
    own = Repository(api.identity().login, repository.name)
    if own.owner.lower() == repository.owner.lower():
        return repository
    found = api.get(f"/repos/{own}") or {}
    parent = str((found.get("parent") or {}).get("full_name", ""))
    return own if parent.lower() == str(repository).lower() else None


def make(api: Api, repository: Repository, branch: str, say: Callable[[str], None]) -> Repository:
    """Make the fork, which GitHub returns as well where it is there, and bring `branch` up to date."""
    if of(api, repository) == repository:
        return repository
    made = api.write("POST", f"/repos/{repository}/forks", {})
    # It has another name where the user has something else of that name.
    owner, _, name = str(made["full_name"]).partition("/")
    fork = Repository(owner, name)
    for pause in (*PAUSES, None):
        try:
            api.send("POST", f"/repos/{fork}/merge-upstream", {"branch": branch})
        except RefusedError as refused:
            if refused.status == 409:
                raise ConflictError(
                    f"{branch} of {fork} has commits of its own: {refused.said}",
                    hint=f"bring it to where {repository} is, and {AGAIN}",
                ) from None
            if refused.status not in {404, 422}:
                raise refused.error from None
        else:
            return fork
        if pause:
            say(f"waiting {pause} s: GitHub has not made {fork} yet")
            time.sleep(pause)
    raise RemoteError(f"GitHub has not made {fork}, with its branch {branch}", hint=f"wait, and {AGAIN}")
