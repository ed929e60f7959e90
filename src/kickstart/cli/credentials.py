"""Where the credentials for a GitHub are found on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from kickstart.cli import console
from kickstart.errors import PreflightError
from kickstart.tools.github.credentials import App, Credentials, Token

# Those of GitHub's own command line, in its order. The first are for github.com and ghe.com, which are
# GitHub's own.
PUBLIC_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
APP = "KICKSTART_GITHUB_APP"


def find(host: str, environment: Mapping[str, str]) -> Credentials:
    """Return the credentials for `host`, and have the console never print them.

    A token in the environment comes before the store of `gh`, and that before a GitHub App. A token
    for GitHub's own hosts is sent to no other. Raises PreflightError where there are none.
    """
    is_public = host == "github.com" or host.endswith(".ghe.com")
    names = PUBLIC_TOKENS if is_public else ENTERPRISE_TOKENS
    token = next((Token(environment[name].strip(), name) for name in names if environment.get(name)), None)
    found = token or _from_gh(host) or _app(environment)
    if found is None:
        raise PreflightError(
            f"there are no credentials for {host}",
            hint=f"export {names[-1]}=...; or run: gh auth login --hostname {host}",
        )
    if console.current is not None:
        console.current.hide([found.value if isinstance(found, Token) else found.key])
    return found


def _from_gh(host: str) -> Token | None:
    try:
        done = subprocess.run(
            ["gh", "auth", "token", "--hostname", host],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    value = done.stdout.strip()
    return Token(value, "gh auth login") if done.returncode == 0 and value else None


def _app(environment: Mapping[str, str]) -> App | None:
    id_ = environment.get(f"{APP}_ID")
    if not id_:
        return None
    installation = environment.get(f"{APP}_INSTALLATION_ID", "")
    key, file = environment.get(f"{APP}_PRIVATE_KEY", ""), environment.get(f"{APP}_PRIVATE_KEY_FILE")
    if not key and file:
        try:
            key = Path(file).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise PreflightError(
                f"{file} cannot be read: {reason}", hint=f"{APP}_PRIVATE_KEY_FILE names the App's PEM file"
            ) from error
    if not installation.isdigit() or not key:
        raise PreflightError(
            f"{APP}_ID alone does not make a GitHub App",
            hint=f"set {APP}_INSTALLATION_ID to a number, and {APP}_PRIVATE_KEY_FILE",
        )
    return App(id_, int(installation), key, f"{APP}_ID")
