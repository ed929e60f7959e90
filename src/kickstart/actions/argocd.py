"""Actions and effects by which Argo CD starts to follow a GitOps repository."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from kickstart.actions.argocd_access import (
    RepositoryAccess,
    RepositoryCredentials,
    RepositoryKey,
    repository_at,
    repository_secret,
    same_url,
)
from kickstart.actions.base import AbsentError, Effect, Given, Model, Nothing, Promise
from kickstart.actions.kubernetes import LEFT_OUT, REPOSITORY, ApplyManifest, documents
from kickstart.tools.kinds import ARGOCD
from kickstart.tree import Tree, normal_path

IN_CLUSTER = "https://kubernetes.default.svc"
FINALIZER = "resources-finalizer.argocd.argoproj.io"


class _Access(Model):
    """How Argo CD may read the GitOps repository."""

    repo_url: str = Field(description="The URL from which Argo CD reads the GitOps repository.")
    repo_visibility: Literal["private", "public", "internal"] = Field(
        default="private",
        description=(
            "Who can read it. If not everyone, Argo CD must have credentials, or is given these. Where "
            "`repoUrl` is the SSH URL of a repository of the project's on GitHub, it is given a deploy key."
        ),
    )
    username: str = Field(default="", description="The user of `password`.")
    password: SecretStr | None = Field(default=None, description="A password or token that may read it.")
    ssh_private_key: SecretStr | None = Field(default=None, description="Or a key that may read it.")


class ArgocdBootstrap:
    """Apply a folder of Argo CD manifests, after making sure that Argo CD can read the repository.

    Projects come first, then Applications and ApplicationSets. Skipped where no cluster was chosen. The
    step's condition is `${{ environment.parameters.bootstrap }}`, so that a portal skips it as well.
    """

    name: ClassVar[str] = "argocd:bootstrap"

    class Input(_Access):
        """What to apply. The namespace of Argo CD is the user's choice, whatever the manifests say."""

        path: str = Field(
            default=".", description="The folder of the workspace; folders below are left alone."
        )

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        if not given.argocd_namespace:
            return Promise(messages=(LEFT_OUT,))
        manifests = _manifests(given.tree, normal_path(input.path), given.argocd_namespace)
        return Promise(effects=_effects(given, input, manifests))


class ArgocdCreateResources:
    """Create an Argo CD project and an Application that follows a folder of a repository."""

    name: ClassVar[str] = "argocd:create-resources"

    class Input(_Access):
        """The Application. Which Argo CD it is made in is the user's choice."""

        app_name: str = Field(description="The Application's name.")
        argo_instance: str | None = Field(default=None, description="Ignored: the user's choice holds.")
        namespace: str = Field(description="The namespace that is deployed to.")
        path: str = Field(description="The folder of the repository that is deployed.")
        label_value: str | None = Field(default=None, description="The label `backstage-name`.")
        project_name: str | None = Field(default=None, description="The project's name.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        if not given.argocd_namespace:
            return Promise(messages=(LEFT_OUT,))
        project = input.project_name or input.app_name
        destination = {"server": IN_CLUSTER, "namespace": input.namespace}
        manifests = [
            {
                "apiVersion": ARGOCD,
                "kind": "AppProject",
                "metadata": {
                    "name": project,
                    "namespace": given.argocd_namespace,
                    "finalizers": [FINALIZER],
                },
                "spec": {"sourceRepos": [input.repo_url], "destinations": [destination]},
            },
            {
                "apiVersion": ARGOCD,
                "kind": "Application",
                "metadata": {
                    "name": input.app_name,
                    "namespace": given.argocd_namespace,
                    "labels": {"backstage-name": input.label_value or input.app_name},
                    "finalizers": [FINALIZER],
                },
                "spec": {
                    "project": project,
                    "source": {"repoURL": input.repo_url, "path": input.path},
                    "destination": destination,
                    "revisionHistoryLimit": 10,
                    "syncPolicy": {
                        "automated": {"allowEmpty": True, "prune": True, "selfHeal": True},
                        "syncOptions": [
                            "CreateNamespace=false",
                            "FailOnSharedResource=true",
                            "ServerSideApply=true",
                        ],
                        "retry": {
                            "limit": 10,
                            "backoff": {"duration": "5s", "factor": 2, "maxDuration": "5m"},
                        },
                    },
                },
            },
        ]
        return Promise(effects=_effects(given, input, manifests))


def _effects(given: Given, access: _Access, manifests: list[dict[str, Any]]) -> tuple[Effect, ...]:
    url, address = access.repo_url, given.address
    repository = repository_at(address, url)
    ssh_url = address.ssh_url(repository) if repository else None
    is_ssh = ssh_url is not None and same_url(ssh_url, url)
    # Objects stay the same repository's when Argo CD begins to read it by SSH.
    marks = {REPOSITORY: address.clone_url(repository) if repository and is_ssh else url}
    content = _credentials(access)
    first: Effect
    if content:
        manifest = repository_secret(given.project, given.argocd_namespace, url, content)
        first = RepositoryCredentials(manifest, given.project, marks)
    elif repository and is_ssh and access.repo_visibility != "public":
        first = RepositoryKey(url, given.argocd_namespace, given.project, repository, marks)
    else:
        is_public = access.repo_visibility == "public"
        first = RepositoryAccess(url, given.argocd_namespace, is_public, ssh_url or "")
    return (first, *(ApplyManifest(each, given.project, marks) for each in manifests))


def _credentials(access: _Access) -> dict[str, str]:
    if access.ssh_private_key:
        return {"sshPrivateKey": access.ssh_private_key.get_secret_value()}
    if access.password:
        return {"username": access.username, "password": access.password.get_secret_value()}
    return {}


def _manifests(tree: Tree, folder: str, namespace: str) -> list[dict[str, Any]]:
    """Return the manifests of a folder, those first that others refer to."""
    found = []
    for path, entry in sorted(tree.under(folder).items()):
        if "/" in path or not path.endswith((".yaml", ".yml")):
            continue
        for each in documents(entry.content.decode("utf-8", "replace"), path):
            if each["apiVersion"] == ARGOCD:
                each["metadata"] = {**each["metadata"], "namespace": namespace}
            found.append(each)
    if not found:
        raise AbsentError(f"there is no manifest in {folder or 'the workspace'}")
    return sorted(found, key=lambda each: each["kind"] in {"Application", "ApplicationSet"})
