"""From settings to tools: the only importer of the adapters, and late."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kickstart import folders, redact
from kickstart.errors import ParameterError, RemoteError, TemplateError
from kickstart.settings import Home, Setting, Settings
from kickstart.tools import Address, Cluster, Portal, Repository, Tools, plumbing
from kickstart.tree import PathError, Tree

if TYPE_CHECKING:
    from kickstart.template.elsewhere import Checkout
    from kickstart.tools.merge import Merged
    from kickstart.tools.working_copy import WorkingCopy

# Where a file of certificates is named, by Python's and Git's custom: one holds for both.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO")


def forget_callers_repository() -> None:
    """Drop the variables by which a Git hook would turn our `git` to its own repository."""
    for name in plumbing.MISLEADING:
        os.environ.pop(name, None)


def forge(spec: str, home: Home, *, renew_secrets: bool = False) -> tuple[Address, Tools]:
    """Return the address book and the tools of the forge called `spec`.

    renew_secrets: set those again that exist already.
    """
    from kickstart.tools.folders import LocalFolders
    from kickstart.tools.local_forge import LocalAddress, LocalForge

    kind, _, place = spec.partition(":")
    if kind == "local":
        folder = Path(place).expanduser().absolute() if place else home.data / "forge"
        address = LocalAddress(folder)
        return address, Tools(LocalForge(address), LocalFolders())
    if kind == "github":
        from kickstart.cli import credentials
        from kickstart.tools.github.address import PUBLIC, parse
        from kickstart.tools.github.forge import GithubForge

        github = parse(place or PUBLIC)
        found = partial(credentials.find, github.host, os.environ)
        made = GithubForge(github, found, ca=_certificates(), say=_say, renew_secrets=renew_secrets)
        return github, Tools(made, LocalFolders())
    raise ParameterError(
        f"there is no forge '{spec}'", hint="--forge github; or a folder: --forge local, or --forge local:DIR"
    )


def portal() -> Portal | None:
    """Return the portal that the environment names, if it does. Asks nothing of it.

    It is no setting: a project file may be somebody else's, and would choose who gets the token.
    """
    url, token = os.environ.get("KICKSTART_PORTAL_URL"), os.environ.get("KICKSTART_PORTAL_TOKEN", "").strip()
    if not url:
        return None
    from kickstart.cli import console
    from kickstart.tools.portal import BackstagePortal, parse

    if console.current is not None:
        console.current.hide([token])
    return BackstagePortal(parse(url), token, _certificates())


def _certificates() -> str | None:
    return next(filter(None, map(os.environ.get, CERTIFICATES)), None)


def forge_spec(forge: str, url: Setting | None) -> str:
    """Return the forge with its address in one word, as the journal keeps it."""
    if url is None:
        return forge
    if forge == "github":
        return f"github:{url.value}"
    if url.source.startswith("--") and not forge.startswith("github"):
        raise ParameterError(f"--github-url does not go with the forge {forge}", hint="--forge github")
    return forge


def _say(text: str) -> None:
    from kickstart.cli import console

    if console.current is not None:
        console.current.say(text)


def cluster(settings: Settings, context: str = "") -> Cluster:
    """Return the cluster of `context`, else of the settings, else of the current context.

    Asks nothing of it.
    """
    from kickstart.tools import kubernetes

    kubeconfig = settings.get("kubeconfig") or os.environ.get("KUBECONFIG")
    return kubernetes.connect(kubeconfig, context or settings.get("context"))


def author() -> tuple[str, bool]:
    """Return the author of commits, and whether Git knows one."""
    known = plumbing.identity()
    if known:
        return known, True
    login = _login()
    return f"{login} <{login}@localhost>", False


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user, as in many containers
        return "local"


def default_owner() -> str:
    """Return the owner of local repositories when nobody names one: the login name."""
    from kickstart.naming import owner_from_login

    return owner_from_login(_login())


def checkout(home: Home) -> Checkout:
    """Return a function that brings one commit of a Git repository here, once."""

    def bring(url: str, ref: str) -> tuple[Path, str]:
        from kickstart.tools.folders import LocalFolders
        from kickstart.tools.objects import Objects

        store = home.cache / "repositories" / hashlib.sha256(url.encode()).hexdigest()[:32]
        # Pinned, and here: no network. A reference is a template's, and could be any path.
        if re.fullmatch("[0-9a-f]{40}", ref) and (store / ref).is_dir():
            return store / ref, ref
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with folders.staged(store, ".fetch-") as git_dir:
                plumbing.fetch_commit(url, ref, git_dir)
                with Objects(git_dir) as objects:
                    commit = objects.commit("FETCH_HEAD")
                    if commit is None:
                        raise TemplateError(f"'{ref}' of {redact.urls(url)} is no commit")
                    if not (store / commit).is_dir():
                        LocalFolders().keep(store / commit, Tree(objects.entries(commit)))
        except PathError as error:
            raise TemplateError(f"{redact.urls(url)} holds what no template may: {error}") from error
        except plumbing.GitError as error:
            raise RemoteError(
                f"{redact.urls(url)} cannot be read: {error}", hint="name a repository that has all its files"
            ) from error
        return store / commit, commit

    return bring


def origin(folder: Path) -> str:
    """Return the address that a repository was cloned from, as its configuration has it; "" for none."""
    try:
        return plumbing.git("-C", str(folder), "config", "--get", "remote.origin.url").decode().strip()
    except plumbing.GitError:
        return ""


@contextmanager
def working_copy(address: Address, tools: Tools, repository: Repository) -> Iterator[WorkingCopy]:
    """Bring the newest commit of a published repository here, to read it and to add to it."""
    from kickstart.tools import working_copy

    url, environment = address.clone_url(repository), tools.forge.git_environment()
    with working_copy.cloned(str(repository), url, environment) as copy:
        yield copy


def merge(copy: WorkingCopy, base: Tree, template: Tree) -> Merged:
    """Merge what a template made before and makes now into a working copy's commit."""
    from kickstart.tools import merge

    return merge.merge(copy.git_dir, copy.objects, base, copy.head, template)
