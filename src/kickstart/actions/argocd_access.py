"""Effects after which Argo CD can read a GitOps repository."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from kickstart.actions.base import Change, Effect, Inspection, why_not_ours
from kickstart.actions.kubernetes import PROJECT, REPOSITORY, ApplyManifest, chosen
from kickstart.errors import ConflictError, PreflightError
from kickstart.naming import owner_name_problem, repository_name_problem
from kickstart.tools import Address, Cluster, Manifest, Ref, Repository, State, Tools
from kickstart.tools.kinds import APPLICATION, NAMESPACE, SECRET
from kickstart.tools.things import ReadAccess

SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105 - a label, not a secret
# Annotations of a Secret by which a deploy key is found again on the forge.
KEY_TITLE = "kickstart/deploy-key"
KEY_FINGERPRINT = "kickstart/deploy-key-fingerprint"


@dataclass(frozen=True, slots=True)
class RepositoryAccess(Effect):
    """Makes sure, before anything is written, that Argo CD will be able to read the repository.

    ssh_url: the URL for which kickstart would make a key, if there is one.
    """

    url: str
    namespace: str
    is_public: bool
    ssh_url: str = ""

    @property
    def target(self) -> str:
        return f"access of Argo CD to {self.url}"

    def inspect(self, tools: Tools) -> Inspection:
        _require_reachable(self.url)
        _require_argocd(tools, self.namespace)
        if self.is_public:
            return Inspection(Change.NONE, "it is public")
        secrets = _opening(chosen(tools), self.namespace, self.url)
        if secrets is None:
            return Inspection(Change.NONE, f"not checked: you may not list Secrets in {self.namespace}")
        if secrets:
            return _opened_by(secrets[0])
        is_web = self.url.startswith(("http://", "https://"))
        how = "--username USER --password TOKEN" if is_web else "--ssh-private-key-path FILE"
        key = (
            f"let the template name {self.ssh_url}, for which a key is made "
            "(rag-chatbot: --set gitopsAccess=deployKey); "
        )
        raise PreflightError(
            f"Argo CD could not read {self.url}: it is not public, and Argo CD has no credentials for it",
            hint=f"argocd repo add {self.url} {how}; "
            f"{key if self.ssh_url else ''}or leave the cluster alone with --no-bootstrap",
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


@dataclass(frozen=True, slots=True)
class RepositoryKey(Effect):
    """Gives Argo CD a new key that reads one repository of the project's, unless a Secret opens it.

    The private half goes from the forge into the Secret, and nowhere else.
    """

    url: str
    namespace: str
    project: str
    repository: Repository
    marks: Mapping[str, str]

    @property
    def target(self) -> str:
        return f"access of Argo CD to {self.url}"

    def inspect(self, tools: Tools) -> Inspection:
        _require_argocd(tools, self.namespace)
        secrets = _opening(chosen(tools), self.namespace, self.url)
        if secrets is None:
            return Inspection(
                Change.NONE,
                f"not checked, and no key is made: you may not list Secrets in {self.namespace}",
            )
        own = self._own(secrets)
        if own is None and secrets:
            return _opened_by(secrets[0])
        found = tools.forge.inspect(self.repository)
        is_there = found.state is not State.ABSENT  # else it is published first
        if own is not None and is_there and self._is_in_force(own, tools):
            return _opened_by(own)
        why = why_not_ours(found, self.repository, self.project)
        if is_there and why:
            return Inspection(Change.CONFLICT, f"Argo CD has no credentials, and is given no key: {why}")
        secret = self._secret(_PLACEHOLDER, "")  # no key is made to see whether it could be kept
        tried = secret.inspect(tools)
        if tried.change is Change.CONFLICT:
            return Inspection(Change.CONFLICT, f"{secret.target}: {tried.detail}")
        if own is not None:
            return Inspection(Change.UPDATE, "a new deploy key: the last one is no longer in force")
        return Inspection(Change.CREATE, "a read-only deploy key")

    def apply(self, tools: Tools) -> Mapping[str, str]:
        why = why_not_ours(tools.forge.inspect(self.repository), self.repository, self.project)
        if why:
            raise ConflictError(
                f"Argo CD is given no key for {self.repository}: {why}", hint="choose another name"
            )
        cluster = chosen(tools)
        own = self._own(_opening(cluster, self.namespace, self.url) or [])
        title = _annotations(own)[KEY_TITLE] if own else _title(cluster, self.namespace)
        access = tools.forge.grant_read(self.repository, title)
        if access is None:  # everybody may read there
            return {}
        if not same_url(access.url, self.url):
            raise PreflightError(
                f"{self.repository} is read at {access.url}, where {self.url} was promised",
                hint="let the template name that URL, and give Argo CD a key with: argocd repo add",
            )
        return {**self._secret(access, title).apply(tools), "fingerprint": access.fingerprint}

    def _own(self, secrets: list[Manifest]) -> Manifest | None:
        """Return the Secret of an earlier run."""
        return next((each for each in secrets if self._is_own(_annotations(each))), None)

    def _is_own(self, annotations: Mapping[str, str]) -> bool:
        return annotations.get(PROJECT) == self.project and {KEY_TITLE, KEY_FINGERPRINT} <= {*annotations}

    def _is_in_force(self, own: Manifest, tools: Tools) -> bool:
        key = _annotations(own)
        return tools.forge.grants_read(self.repository, key[KEY_TITLE], key[KEY_FINGERPRINT])

    def _secret(self, access: ReadAccess, title: str) -> ApplyManifest:
        content = {"sshPrivateKey": access.private_key.get_secret_value()}
        manifest = repository_secret(self.project, self.namespace, self.url, content)
        manifest["metadata"]["annotations"] = {KEY_TITLE: title, KEY_FINGERPRINT: access.fingerprint}
        return ApplyManifest(manifest, self.project, self.marks)


_PLACEHOLDER = ReadAccess("", SecretStr(""), "")


def repository_secret(project: str, namespace: str, url: str, content: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret by which Argo CD has credentials for one repository."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    content = {"type": "git", "url": url, **content}
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {
            "name": f"{project}-repository-{digest}",
            "namespace": namespace,
            "labels": {SECRET_TYPE: "repository"},
        },
        "data": {name: b64encode(value.encode()).decode() for name, value in content.items()},
    }


def repository_at(address: Address, url: str) -> Repository | None:
    """Return the repository of a forge whose URL, for the web or for SSH, is `url`."""
    owner, name = (["", "", *re.split("[:/]", url.rstrip("/").removesuffix(".git"))])[-2:]
    if owner_name_problem(owner) or repository_name_problem(name):
        return None
    repository = Repository(owner, name)
    known = (address.clone_url(repository), address.ssh_url(repository))
    return repository if any(each and same_url(each, url) for each in known) else None


def same_url(one: str, other: str) -> bool:
    """Tell whether Argo CD takes two URLs for the same repository."""
    return _plain(one) == _plain(other)


def _require_reachable(url: str) -> None:
    if urlsplit(url).scheme == "file":
        raise PreflightError(
            f"Argo CD could not read {url}: it is a folder of this machine",
            hint="publish to a server that the cluster reaches, or leave it alone with --no-bootstrap",
        )


def _require_argocd(tools: Tools, namespace: str) -> None:
    cluster = chosen(tools)
    if APPLICATION not in cluster.served():
        raise PreflightError(
            f"Argo CD is not on the cluster {cluster.name}: it does not know {APPLICATION}",
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


def _title(cluster: Cluster, namespace: str) -> str:
    """Return a title for a key that no other cluster's has, whatever users call them."""
    try:
        found = cluster.get(Ref(NAMESPACE, namespace)) or {"metadata": {}}
    except PreflightError:  # it may not be looked at
        found = {"metadata": {}}
    return f"Argo CD in {namespace} ({found['metadata'].get('uid') or cluster.name})"


def _opening(cluster: Cluster, namespace: str, url: str) -> list[Manifest] | None:
    """Return the Secrets of Argo CD's that open `url`; None where the user may not look."""
    try:
        found = cluster.objects(SECRET, namespace, labels=f"{SECRET_TYPE} in (repository,repo-creds)")
    except PreflightError:  # most users may not look at Secrets there
        return None
    return [each for each in found if _opens(each, url)]


def _opened_by(secret: Manifest) -> Inspection:
    return Inspection(Change.NONE, f"by the Secret {secret['metadata']['name']}")


def _opens(secret: Manifest, url: str) -> bool:
    """Tell whether a Secret of Argo CD's holds credentials for `url`, or for all that starts like it."""
    value = b64decode((secret.get("data") or {}).get("url", "")).decode("utf-8", "replace")
    template = (secret["metadata"].get("labels") or {}).get(SECRET_TYPE) == "repo-creds"
    return bool(value) and (_plain(url).startswith(_plain(value)) if template else same_url(value, url))


def _annotations(secret: Manifest) -> Mapping[str, str]:
    return secret["metadata"].get("annotations") or {}


def _plain(url: str) -> str:
    """Return a URL as Argo CD compares it: `git@host:path` is `ssh://git@host/path`."""
    plain = url.rstrip("/").removesuffix(".git").lower()
    return re.sub(r"^([^/:@]+@[^/:@]+):", r"ssh://\1/", plain)
