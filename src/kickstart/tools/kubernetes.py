"""A Kubernetes cluster, by the paths of its API and the connection that a kubeconfig describes.

The client library finds the cluster and signs in. Objects are plain mappings here, since most of
their kinds are of operators that no library knows.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client
from kubernetes.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    new_client_from_config,
)
from msgspec import Struct
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from yaml import YAMLError

from kickstart.errors import (
    ConflictError,
    Fault,
    FindingsError,
    KickstartError,
    PreflightError,
    RemoteError,
)
from kickstart.tools import Kind, Manifest, Ref, Trial

MANAGER = "kickstart"
TIMEOUT = urllib3.Timeout(connect=5, read=20)  # seconds
# Everything that is sent may be sent again: an apply says how things shall be, and so does a deletion.
RETRIES = urllib3.Retry(
    total=4,
    connect=1,
    read=2,
    other=0,  # a certificate does not become better
    backoff_factor=0.2,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    retry_after_max=20,
)
# All groups, versions and kinds in one answer. Kubernetes 1.30, the oldest that is supported, gives it.
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_UNDECLARED = "field not declared in schema"
WATCH_PAUSE = 1.0  # seconds before a broken watch begins again


class _Resource(Struct, frozen=True):
    """Where a kind is found on the API."""

    path: str
    plural: str
    namespaced: bool


class KubernetesCluster(Struct):
    """The cluster behind one context of a kubeconfig, or the one that this process runs in."""

    name: str
    _configuration: Any
    _pool: Any
    _resources: dict[Kind, _Resource] = {}

    def version(self) -> str:
        return str(self._json("GET", "/version")["gitVersion"])

    def served(self) -> Collection[Kind]:
        if not self._resources:
            self._discover()
        return self._resources.keys()

    def try_apply(self, manifest: Manifest) -> Trial:
        existing = self.get(Ref.of(manifest))
        try:
            result = self._apply(manifest, dryRun="All")
        except _FieldConflictError as error:
            return Trial(existing, None, error.fields)
        return Trial(existing, result)

    def apply(self, manifest: Manifest) -> Manifest:
        try:
            return self._apply(manifest)
        except _FieldConflictError as error:
            faults = [Fault(path, f"is set by {owner}") for path, owner in error.fields]
            raise ConflictError(
                f"{Ref.of(manifest)} is partly somebody else's",
                faults=faults,
                hint="nothing is taken over by force; choose another name, or let its owner give it up",
            ) from error

    def get(self, ref: Ref) -> Manifest | None:
        try:
            return cast(Manifest, self._json("GET", self._path(ref), about=str(ref)))
        except _NotFoundError:
            return None

    def objects(self, kind: Kind, namespace: str = "", *, labels: str = "") -> list[Manifest]:
        query = {"labelSelector": labels} if labels else {}
        answer = self._json("GET", self._path(Ref(kind, "", namespace)), query, about=kind.kind)
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
                for event in self._events(path, version, left):
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
            except (KickstartError, HTTPError) as error:
                # An API server that starts may refuse what it permits a moment later.
                if time.monotonic() + WATCH_PAUSE >= until:
                    raise _lost(error, self.name) from error
            if time.monotonic() - began < WATCH_PAUSE:
                time.sleep(max(0, min(WATCH_PAUSE, until - time.monotonic())))

    def change(self, ref: Ref, patch: Manifest) -> None:
        query, content = {"fieldManager": MANAGER}, "application/merge-patch+json"
        try:
            self._json("PATCH", self._path(ref), query, body=patch, content=content, about=str(ref))
        except _NotFoundError:  # it has gone meanwhile
            return

    def delete(self, ref: Ref, *, orphan: bool = False) -> None:
        policy = "Orphan" if orphan else "Background"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            self._json("DELETE", self._path(ref), body=body, about=str(ref))
        except _NotFoundError:
            return

    def may(self, verb: str, kind: Kind, namespace: str = "") -> bool:
        attributes = {"verb": verb, "group": kind.group, "resource": self._resource(kind).plural}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self._json("POST", path, body=review)["status"]["allowed"])

    # The API

    def _snapshot(self, path: str, kind: Kind) -> tuple[str, dict[tuple[str, str], Manifest]]:
        """Return all objects, and the version from which a watch goes on."""
        answer = self._json("GET", path, about=kind.kind)
        return answer["metadata"]["resourceVersion"], {_key(each): each for each in _whole(answer, kind)}

    def _apply(self, manifest: Manifest, **query: str) -> Manifest:
        ref = Ref.of(manifest)
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **query}
        content = "application/apply-patch+yaml"
        made = self._json("PATCH", self._path(ref), query, body=manifest, content=content, about=str(ref))
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
            answer = self._json("GET", root, accept=DISCOVERY)
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

    def _events(self, path: str, version: str, seconds: float) -> Iterator[Mapping[str, Any]]:
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds) + 1),
        }
        # A bookmark comes every minute: a connection that is silent for longer is broken.
        response = self._send("GET", path, query, read=min(seconds, 90), stream=True)
        try:
            if response.status != 200:
                self._refuse(response.status, response.read(), path)
            torn = b""
            while chunk := response.read1(65536):
                *lines, torn = (torn + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        except urllib3.exceptions.ReadTimeoutError:
            return  # nothing happened for as long as was asked for
        finally:
            response.close()

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        about: str = "",
    ) -> Any:
        response = self._send(method, path, query or {}, body=body, content=content, accept=accept)
        if response.status >= 400:
            self._refuse(response.status, response.data, about or path)
        try:
            return json.loads(response.data)
        except ValueError as error:
            raise RemoteError(
                f"the cluster {self.name} answers with something that is not Kubernetes' API",
                hint="check the server's address in your kubeconfig",
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        read: float = 0,
        stream: bool = False,
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": MANAGER}
        # Asked anew each time: a token from a file or a program is renewed by the library.
        for auth in self._configuration.auth_settings().values():
            headers[auth["key"]] = auth["value"]
        try:
            return self._pool.request(
                method,
                f"{self._configuration.host}{path}?{urlencode(query)}".rstrip("?"),
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=5, read=read) if read else TIMEOUT,
                retries=False if stream else RETRIES,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise self._unreachable(error) from error

    # What went wrong

    def _unreachable(self, error: HTTPError) -> KickstartError:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        host = self._configuration.host
        if isinstance(reason, SSLError):
            return PreflightError(
                f"the certificate of {host} is not to be trusted: {_words(reason)}",
                hint="check certificate-authority of this cluster in your kubeconfig",
            )
        return RemoteError(
            f"the cluster {self.name} at {host} cannot be reached: {_words(reason)}",
            hint="check that it runs and that your network leads there, and run the same command again",
        )

    def _refuse(self, status: int, content: bytes, about: str) -> None:
        said = _status(content)
        message = said.get("message") or f"HTTP {status}"
        causes = (said.get("details") or {}).get("causes") or ()
        if status == 401:
            raise PreflightError(
                f"the cluster {self.name} does not accept your credentials",
                hint="sign in again; `kubectl auth whoami` shows whether it worked",
            )
        if status == 403:
            raise PreflightError(
                f"you lack a permission on the cluster {self.name}",
                faults=[Fault("", message)],
                hint="ask an administrator for it, or use another context",
            )
        if status == 404:
            raise _NotFoundError(about, said)
        if status == 409:
            fields = [
                (each.get("field", "").lstrip("."), _owner(each.get("message", "")))
                for each in causes
                if each.get("reason") == "FieldManagerConflict"
            ]
            if fields:
                raise _FieldConflictError(tuple(fields))
        # An apply with an unknown field is answered with 500, as if the server were at fault.
        if status in {400, 422} or _UNDECLARED in message:
            faults = [Fault(each.get("field", ""), each.get("message", "")) for each in causes]
            raise FindingsError(
                f"the cluster {self.name} refuses {about}",
                faults=faults or [Fault("", message)],
                hint="correct the manifest; an unknown field may also mean an operator that is too old",
            )
        raise RemoteError(
            f"the cluster {self.name} failed: {about}: {message}", hint="run the same command again"
        )


class _NotFoundError(PreflightError):
    """404: of an object that does not exist, or of the namespace that it would be in."""

    def __init__(self, about: str, said: Mapping[str, Any]) -> None:
        details = said.get("details") or {}
        if details.get("kind") == "namespaces":
            super().__init__(
                f"{about} cannot be made: there is no namespace '{details.get('name')}'",
                hint=f"kubectl create namespace {details.get('name')}",
            )
        else:
            super().__init__(f"{about} does not exist", hint="kickstart doctor says what is missing")


class _FieldConflictError(Exception):
    """Fields that other managers set to other values."""

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(fields)
        self.fields = fields


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
        # The library checks little of what it reads.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PreflightError(
            f"the kubeconfig {files} cannot be used: {reason}",
            hint="kubectl config view shows how it is read",
        ) from error
    return KubernetesCluster(chosen, api.configuration, api.rest_client.pool_manager)


def _around_us() -> KubernetesCluster:
    configuration = client.Configuration()
    try:
        load_incluster_config(configuration)
    except ConfigException as error:
        raise PreflightError(
            f"the service account of this pod cannot be used: {error}", hint="--kubeconfig FILE"
        ) from error
    return KubernetesCluster(
        "around this pod", configuration, client.ApiClient(configuration).rest_client.pool_manager
    )


def _lost(error: Exception, name: str) -> KickstartError:
    if isinstance(error, KickstartError):
        return error
    return RemoteError(
        f"the connection to the cluster {name} broke: {error}", hint="run the same command again"
    )


def _whole(answer: Mapping[str, Any], kind: Kind) -> list[Manifest]:
    """Return the objects of a list, which leaves out what they have in common."""
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **each} for each in answer["items"]]


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _same_kind(one: Kind, other: Kind) -> bool:
    return one.group == other.group and one.kind == other.kind


def _status(content: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _owner(message: str) -> str:
    """Return the manager of `conflict with "kubectl" using argoproj.io/v1alpha1`."""
    parts = message.split('"')
    return parts[1] if len(parts) > 1 else message


def _words(error: BaseException) -> str:
    """Return the last cause of an error of the network, in few words."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = getattr(error, "strerror", None) or getattr(error, "verify_message", None) or str(error)
    return str(text).rpartition("Failed to establish a new connection: ")[2].strip()
