"""A Kubernetes cluster: its objects by the paths of its API, and how a kubeconfig leads there.

The client library finds the cluster and signs in. Objects are plain mappings here, since most of
their kinds are of operators that no library knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from kubernetes import client
from kubernetes.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    new_client_from_config,
)
from msgspec import Struct
from yaml import YAMLError

from kickstart.errors import ConflictError, Fault, KickstartError, PreflightError
from kickstart.tools import Kind, Manifest, Ref, Trial
from kickstart.tools.kubernetes_api import MANAGER, Api, FieldConflictError, NotFoundError

# All groups, versions and kinds in one answer. Kubernetes 1.30, the oldest that is supported, gives it.
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
WATCH_PAUSE = 1.0  # seconds before a broken watch begins again


class _Resource(Struct, frozen=True):
    """Where a kind is found on the API."""

    path: str
    plural: str
    namespaced: bool


class KubernetesCluster(Struct):
    """The cluster behind one context of a kubeconfig, or the one that this process runs in."""

    _api: Api
    _resources: dict[Kind, _Resource] = {}

    @property
    def name(self) -> str:
        return self._api.name

    def version(self) -> str:
        return str(self._api.ask("GET", "/version")["gitVersion"])

    def served(self) -> Collection[Kind]:
        if not self._resources:
            self._discover()
        return self._resources.keys()

    def try_apply(self, manifest: Manifest) -> Trial:
        existing = self.get(Ref.of(manifest))
        try:
            result = self._apply(manifest, dryRun="All")
        except FieldConflictError as error:
            return Trial(existing, None, error.fields)
        return Trial(existing, result)

    def apply(self, manifest: Manifest) -> Manifest:
        try:
            return self._apply(manifest)
        except FieldConflictError as error:
            faults = [Fault(path, f"is set by {owner}") for path, owner in error.fields]
            raise ConflictError(
                f"{Ref.of(manifest)} is partly somebody else's",
                faults=faults,
                hint="nothing is taken over by force; choose another name, or let its owner give it up",
            ) from error

    def get(self, ref: Ref) -> Manifest | None:
        try:
            return cast(Manifest, self._api.ask("GET", self._path(ref), about=str(ref)))
        except NotFoundError:
            return None

    def objects(self, kind: Kind, namespace: str = "", *, labels: str = "") -> list[Manifest]:
        query = {"labelSelector": labels} if labels else {}
        answer = self._api.ask("GET", self._path(Ref(kind, "", namespace)), query, about=kind.kind)
        return _whole(answer, kind)

    def watch(self, kind: Kind, namespace: str, *, seconds: float) -> Iterator[list[Manifest]]:
        until = time.monotonic() + seconds
        path = self._path(Ref(kind, "", namespace))
        version, objects = self._snapshot(path, kind)
        yield list(objects.values())
        while (left := until - time.monotonic()) > 0:
            began = time.monotonic()
            try:
                if not version:
                    version, objects = self._snapshot(path, kind)
                    yield list(objects.values())
                for event in self._api.events(path, version, left):
                    if event["type"] == "ERROR":  # most often 410: the version is too old to go on from
                        version = ""
                        break
                    changed = event["object"]
                    version = changed["metadata"]["resourceVersion"]
                    if event["type"] == "BOOKMARK":
                        continue
                    if event["type"] == "DELETED":
                        objects.pop(_key(changed), None)
                    else:
                        objects[_key(changed)] = changed
                    yield list(objects.values())
            except KickstartError:
                # An API server that starts may refuse what it permits a moment later.
                if time.monotonic() + WATCH_PAUSE >= until:
                    raise
            if time.monotonic() - began < WATCH_PAUSE:
                time.sleep(max(0, min(WATCH_PAUSE, until - time.monotonic())))

    def change(self, ref: Ref, patch: Manifest) -> None:
        query, content = {"fieldManager": MANAGER}, "application/merge-patch+json"
        try:
            self._api.ask("PATCH", self._path(ref), query, body=patch, content=content, about=str(ref))
        except NotFoundError:  # it has gone meanwhile
            return

    def delete(self, ref: Ref, *, orphan: bool = False) -> None:
        policy = "Orphan" if orphan else "Background"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            self._api.ask("DELETE", self._path(ref), body=body, about=str(ref))
        except NotFoundError:
            return

    def may(self, verb: str, kind: Kind, namespace: str = "") -> bool:
        attributes = {"verb": verb, "group": kind.group, "resource": self._resource(kind).plural}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self._api.ask("POST", path, body=review)["status"]["allowed"])

    # Where kinds are found

    def _snapshot(self, path: str, kind: Kind) -> tuple[str, dict[tuple[str, str], Manifest]]:
        """Return all objects, and the version from which a watch goes on."""
        answer = self._api.ask("GET", path, about=kind.kind)
        return answer["metadata"]["resourceVersion"], {_key(each): each for each in _whole(answer, kind)}

    def _apply(self, manifest: Manifest, **query: str) -> Manifest:
        ref = Ref.of(manifest)
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **query}
        content = "application/apply-patch+yaml"
        made = self._api.ask("PATCH", self._path(ref), query, body=manifest, content=content, about=str(ref))
        return cast(Manifest, made)

    def _path(self, ref: Ref) -> str:
        resource = self._resource(ref.kind)
        namespace = f"/namespaces/{quote(ref.namespace)}" if resource.namespaced and ref.namespace else ""
        name = f"/{quote(ref.name)}" if ref.name else ""
        return f"{resource.path}{namespace}/{resource.plural}{name}"

    def _resource(self, kind: Kind) -> _Resource:
        if kind not in self._resources:  # also when it came into being after the last look
            self._discover()
        try:
            return self._resources[kind]
        except KeyError:
            others = [each.api_version for each in self._resources if _same_kind(each, kind)]
            serves = f"; it serves {', '.join(others)}" if others else ""
            raise PreflightError(
                f"the cluster {self.name} does not know {kind}{serves}",
                hint="install what defines it; kickstart doctor says what is missing",
            ) from None

    def _discover(self) -> None:
        found: dict[Kind, _Resource] = {}
        for root in ("/api", "/apis"):
            answer = self._api.ask("GET", root, accept=DISCOVERY)
            if answer.get("kind") != "APIGroupDiscoveryList":
                raise PreflightError(
                    f"the cluster {self.name} runs Kubernetes {self.version()}",
                    hint="kickstart needs 1.30 or later",
                )
            for group in answer["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for each in version["resources"]:
                        kind = each.get("responseKind", {}).get("kind")
                        if kind:
                            found[Kind(api_version, kind)] = _Resource(
                                f"{root}/{api_version}", each["resource"], each["scope"] == "Namespaced"
                            )
        self._resources = found


def connect(kubeconfig: str | None = None, context: str | None = None) -> KubernetesCluster:
    """Return the cluster of a context; of the current one, or the one around us, when none is named.

    kubeconfig: files separated as in KUBECONFIG. Nothing is asked of the cluster yet. Raises
    PreflightError.
    """
    files = kubeconfig or str(Path("~/.kube/config").expanduser())
    exists = any(Path(each).is_file() for each in files.split(os.pathsep))
    if not exists and not kubeconfig and not context and SERVICE_ACCOUNT.is_file():
        return _around_us()
    if not exists:
        raise PreflightError(
            f"there is no kubeconfig: {files} does not exist",
            hint="name one with --kubeconfig FILE or KUBECONFIG",
        )
    try:
        known, current = list_kube_config_contexts(files)
        names = [str(each["name"]) for each in known]
        chosen = context or str((current or {}).get("name", ""))
        if chosen not in names:
            raise PreflightError(
                f"the kubeconfig has no context '{chosen}'", hint=f"its contexts are: {', '.join(names)}"
            )
        api = new_client_from_config(files, context=chosen)
    except (ConfigException, YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        # The library checks little of what it reads: where it stumbles, what it says is about itself.
        stumbled = isinstance(error, (TypeError, KeyError, AttributeError))
        reason = "it is no kubeconfig" if stumbled or not str(error) else str(error).splitlines()[0]
        raise PreflightError(
            f"the kubeconfig {files} cannot be used: {reason}",
            hint="kubectl config view shows how it is read",
        ) from error
    return KubernetesCluster(Api(chosen, api.configuration, api.rest_client.pool_manager))


def _around_us() -> KubernetesCluster:
    configuration = client.Configuration()
    try:
        load_incluster_config(configuration)
    except ConfigException as error:
        raise PreflightError(
            f"the service account of this pod cannot be used: {error}", hint="--kubeconfig FILE"
        ) from error
    pool = client.ApiClient(configuration).rest_client.pool_manager
    return KubernetesCluster(Api("around this pod", configuration, pool))


def _whole(answer: Mapping[str, Any], kind: Kind) -> list[Manifest]:
    """Return the objects of a list, which leaves out what they have in common."""
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **each} for each in answer["items"]]


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _same_kind(one: Kind, other: Kind) -> bool:
    return one.group == other.group and one.kind == other.kind
