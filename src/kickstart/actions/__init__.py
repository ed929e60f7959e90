"""The actions that templates can use. The table names them; a module is imported when it is used."""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from kickstart.actions.base import Action, repository_from
from kickstart.tools import Repository

ACTIONS: dict[str, str] = {
    "argocd:bootstrap": "kickstart.actions.argocd:ArgocdBootstrap",
    "argocd:create-resources": "kickstart.actions.argocd:ArgocdCreateResources",
    "catalog:fetch": "kickstart.actions.catalog:CatalogFetch",
    "catalog:register": "kickstart.actions.catalog:CatalogRegister",
    "catalog:write": "kickstart.actions.catalog:CatalogWrite",
    "debug:log": "kickstart.actions.debug:DebugLog",
    "debug:wait": "kickstart.actions.debug:DebugWait",
    "fetch:cookiecutter": "kickstart.actions.fetch_cookiecutter:FetchCookiecutter",
    "fetch:plain": "kickstart.actions.fetch_plain:FetchPlain",
    "fetch:plain:file": "kickstart.actions.fetch_plain:FetchPlainFile",
    "fetch:template": "kickstart.actions.fetch:FetchTemplate",
    "fetch:template:file": "kickstart.actions.fetch:FetchTemplateFile",
    "fs:delete": "kickstart.actions.fs:FsDelete",
    "fs:readdir": "kickstart.actions.fs:FsReaddir",
    "fs:rename": "kickstart.actions.fs:FsRename",
    "github:actions:dispatch": "kickstart.actions.github_things:GithubActionsDispatch",
    "github:autolinks:create": "kickstart.actions.github_things:GithubAutolinksCreate",
    "github:branch-protection:create": "kickstart.actions.github_things:GithubBranchProtectionCreate",
    "github:deployKey:create": "kickstart.actions.github_things:GithubDeployKey",
    "github:environment:create": "kickstart.actions.github_things:GithubEnvironment",
    "github:issues:create": "kickstart.actions.github_things:GithubIssuesCreate",
    "github:issues:label": "kickstart.actions.github_things:GithubIssuesLabel",
    "github:pages:enable": "kickstart.actions.github_things:GithubPagesEnable",
    "github:repo:create": "kickstart.actions.github_repo:GithubRepoCreate",
    "github:repo:push": "kickstart.actions.github_repo:GithubRepoPush",
    "github:webhook": "kickstart.actions.github_things:GithubWebhook",
    "kubernetes:apply": "kickstart.actions.kubernetes:KubernetesApply",
    "kubernetes:create-namespace": "kickstart.actions.kubernetes:KubernetesCreateNamespace",
    "publish:azure": "kickstart.actions.publish_others:PublishAzure",
    "publish:bitbucket": "kickstart.actions.publish_others:PublishBitbucket",
    "publish:bitbucketCloud": "kickstart.actions.publish_others:PublishBitbucketCloud",
    "publish:bitbucketServer": "kickstart.actions.publish_others:PublishBitbucketServer",
    "publish:gerrit": "kickstart.actions.publish_others:PublishGerrit",
    "publish:gitea": "kickstart.actions.publish_others:PublishGitea",
    "publish:github": "kickstart.actions.publish:PublishGithub",
    "publish:github:pull-request": "kickstart.actions.pull_request:PublishGithubPullRequest",
    "publish:gitlab": "kickstart.actions.publish_others:PublishGitlab",
    "workspace:template": "kickstart.actions.workspace:WorkspaceTemplate",
    "workspace:template:file": "kickstart.actions.workspace:WorkspaceTemplateFile",
}
ENTRY_POINTS = "kickstart.actions"


def exists(name: str) -> bool:
    """Tell whether there is an action called `name`, here or in an installed package."""
    return name in ACTIONS or name in plugged_in()


@cache
def plugged_in() -> dict[str, str]:
    """Return the actions that installed packages bring by entry points. Slow: it searches them all."""
    from importlib.metadata import entry_points

    return {each.name: each.value for each in entry_points(group=ENTRY_POINTS)}


def why_absent(name: str) -> str:
    """Say of an action that does not exist here whether a portal has it, or which one may be meant."""
    if is_portals(name):
        return f"only a portal has the action '{name}'"
    return f"there is no action '{name}'{nearest(name)}"


def is_portals(name: str) -> bool:
    """Tell whether `name` is an action of a known module of Backstage's that is not here."""
    from kickstart.actions.portal_only import PORTAL_ONLY

    return name in PORTAL_ONLY and not exists(name)


def nearest(name: str) -> str:
    """Return " (did you mean 'x'?)" for the action that a misspelt name means, or an empty string.

    What begins with another owner's prefix is no slip of the pen: `gitlab:x` never means `github:x`.
    """
    from difflib import SequenceMatcher

    from kickstart.actions.portal_only import PORTAL_ONLY
    from kickstart.naming import closest

    def is_kin(each: str) -> bool:
        owners, rests = zip(each.partition(":")[::2], name.partition(":")[::2], strict=True)
        return SequenceMatcher(None, *owners).ratio() > _KIN and SequenceMatcher(None, *rests).ratio() > _NEAR

    return closest(name, filter(is_kin, sorted({*ACTIONS, *plugged_in(), *PORTAL_ONLY})))


_KIN = 0.75  # gitlab and github are less, fech and fetch are more
_NEAR = 0.6  # what follows has to be near too: bitbucket:repo:push does not mean bitbucket:pipelines:run


def repository(name: str, repo_url: str) -> Repository | None:
    """Return the repository that the action called `name` takes an address for.

    None for an action of a plug-in, whose addresses are its own. Raises InputError.
    """
    if name not in ACTIONS:
        return None
    read = getattr(load(name), "repository", repository_from)
    return cast(Repository, read(repo_url))


def owners(name: str) -> tuple[str, ...]:
    """Return which parts of a repository's address own it, for the action called `name`."""
    return getattr(load(name), "needs", ("owner",)) or ("owner",)


def load(name: str) -> Action:
    """Return the action called `name`. Raises KeyError when there is none."""
    module, _, attribute = (ACTIONS.get(name) or plugged_in()[name]).partition(":")
    return cast(Action, getattr(importlib.import_module(module), attribute)())
