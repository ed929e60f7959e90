"""Actions and effects by which Argo CD starts to follow a GitOps repository."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from kickstart.actions.base import Change, Effect, Given, InputError, Inspection, Model, Promise
from kickstart.actions.kubernetes import LEFT_OUT, REPOSITORY, ApplyManifest, chosen, documents
from kickstart.errors import PreflightError
from kickstart.tools import Kind, Manifest, Ref, Tools
from kickstart.tree import Tree, normal_path

ARGOCD = "argoproj.io/v1alpha1"
IN_CLUSTER = "https://kubernetes.default.svc"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105 - a label, not a secret
SECRET = Kind("v1", "Secret")
NAMESPACE = Kind("v1", "Namespace")


class _Nothing(Model):
    """No output."""


class _Access(Model):
    """How Argo CD may read the GitOps repository."""

    repo_url: str = Field(description="The URL from which Argo CD reads the GitOps repository.")
    repo_visibility: Literal["private", "public", "internal"] = Field(
        default="private",
        description="Who can read it. If not everyone, Argo CD must have credentials, or is given these.",
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

    Output: ClassVar[type[Model]] = _Nothing

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

    Output: ClassVar[type[Model]] = _Nothing

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


@dataclass(frozen=True, slots=True)
class RepositoryAccess(Effect):
    """Makes sure, before anything is written, that Argo CD will be able to read the repository."""

    url: str
    namespace: str
    is_public: bool

    @property
    def target(self) -> str:
        return f"access of Argo CD to {self.url}"

    def inspect(self, tools: Tools) -> Inspection:
        cluster = chosen(tools)
        _require_reachable(self.url)
        _require_argocd(tools, self.namespace)
        if self.is_public:
            return Inspection(Change.NONE, "it is public")
        try:
            labels = f"{SECRET_TYPE} in (repository,repo-creds)"
            secrets = cluster.objects(SECRET, self.namespace, labels=labels)
        except PreflightError:  # most users may not look at Secrets there
            return Inspection(Change.NONE, f"not checked: you may not list Secrets in {self.namespace}")
        for secret in secrets:
            if _opens(secret, self.url):
                return Inspection(Change.NONE, f"by the Secret {secret['metadata']['name']}")
        raise PreflightError(
            f"Argo CD could not read {self.url}: it is not public, and Argo CD has no credentials for it",
            hint=f"argocd repo add {self.url} --username USER --password TOKEN; "
            "or leave the cluster alone with --no-bootstrap",
        )

    def apply(self, tools: Tools) -> Mapping[str, str]:
        return {}  # there is nothing to do, or `inspect` has raised


@dataclass(frozen=True, slots=True)
class RepositoryCredentials(ApplyManifest):
    """Gives Argo CD credentials for one repository."""

    def inspect(self, tools: Tools) -> Inspection:
        _require_reachable(self.marks[REPOSITORY])
        _require_argocd(tools, self.ref.namespace)
        return super(RepositoryCredentials, self).inspect(tools)


def _effects(given: Given, access: _Access, manifests: list[dict[str, Any]]) -> tuple[Effect, ...]:
    marks = {REPOSITORY: access.repo_url}
    first: Effect = RepositoryAccess(
        access.repo_url, given.argocd_namespace, access.repo_visibility == "public"
    )
    if access.password or access.ssh_private_key:
        first = RepositoryCredentials(_credentials(given, access), given.project, marks)
    return (first, *(ApplyManifest(each, given.project, marks) for each in manifests))


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
        raise InputError(f"there is no manifest in {folder or 'the workspace'}")
    return sorted(found, key=lambda each: each["kind"] in {"Application", "ApplicationSet"})


def _credentials(given: Given, access: _Access) -> Manifest:
    digest = hashlib.sha256(access.repo_url.encode()).hexdigest()[:8]
    content = {"type": "git", "url": access.repo_url}
    if access.ssh_private_key:
        content["sshPrivateKey"] = access.ssh_private_key.get_secret_value()
    elif access.password:
        content |= {"username": access.username, "password": access.password.get_secret_value()}
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {
            "name": f"{given.project}-repository-{digest}",
            "namespace": given.argocd_namespace,
            "labels": {SECRET_TYPE: "repository"},
        },
        "data": {name: b64encode(value.encode()).decode() for name, value in content.items()},
    }


def _require_reachable(url: str) -> None:
    if urlsplit(url).scheme == "file":
        raise PreflightError(
            f"Argo CD could not read {url}: it is a folder of this machine",
            hint="publish to a server that the cluster reaches, or leave it alone with --no-bootstrap",
        )


def _require_argocd(tools: Tools, namespace: str) -> None:
    cluster = chosen(tools)
    if Kind(ARGOCD, "Application") not in cluster.served():
        raise PreflightError(
            f"Argo CD is not on the cluster {cluster.name}: it does not know {Kind(ARGOCD, 'Application')}",
            hint="install Argo CD, or choose another --context",
        )
    try:
        found = cluster.get(Ref(NAMESPACE, namespace))
    except PreflightError:  # it may not be looked at
        return
    if found is None:
        raise PreflightError(
            f"the cluster {cluster.name} has no namespace '{namespace}' for Argo CD",
            hint="name the namespace of Argo CD with --argocd-namespace",
        )


def _opens(secret: Manifest, url: str) -> bool:
    """Tell whether a Secret of Argo CD's holds credentials for `url`, or for all that starts like it."""
    value = b64decode((secret.get("data") or {}).get("url", "")).decode("utf-8", "replace")
    template = (secret["metadata"].get("labels") or {}).get(SECRET_TYPE) == "repo-creds"
    return bool(value) and (
        _plain(url).startswith(_plain(value)) if template else _plain(url) == _plain(value)
    )


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").lower()
