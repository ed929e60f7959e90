"""The actions that templates can use. The table names them; a module is imported when it is used."""

from __future__ import annotations

import importlib
from typing import cast

from kickstart.actions.base import Action

ACTIONS: dict[str, str] = {
    "argocd:bootstrap": "kickstart.actions.argocd:ArgocdBootstrap",
    "argocd:create-resources": "kickstart.actions.argocd:ArgocdCreateResources",
    "catalog:write": "kickstart.actions.catalog:CatalogWrite",
    "debug:log": "kickstart.actions.debug:DebugLog",
    "fetch:plain": "kickstart.actions.fetch:FetchPlain",
    "fetch:plain:file": "kickstart.actions.fetch:FetchPlainFile",
    "fetch:template": "kickstart.actions.fetch:FetchTemplate",
    "fetch:template:file": "kickstart.actions.fetch:FetchTemplateFile",
    "fs:delete": "kickstart.actions.fs:FsDelete",
    "fs:readdir": "kickstart.actions.fs:FsReaddir",
    "fs:rename": "kickstart.actions.fs:FsRename",
    "kubernetes:apply": "kickstart.actions.kubernetes:KubernetesApply",
    "kubernetes:create-namespace": "kickstart.actions.kubernetes:KubernetesCreateNamespace",
    "publish:github": "kickstart.actions.publish:PublishGithub",
}


def load(name: str) -> Action:
    """Return the action called `name`. Raises KeyError when there is none."""
    module, _, attribute = ACTIONS[name].partition(":")
    return cast(Action, getattr(importlib.import_module(module), attribute)())
