"""How healthy a project is: what Argo CD says of its Applications, and why something is not.

Pure: it reads manifests, and asks nobody. Since Argo CD 3 an Application does not say how healthy each of
its resources is unless Argo CD is told to keep that, so that the objects themselves are read for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kickstart.tools import Kind, Manifest, Ref
from kickstart.tools.kinds import CLAIM, POD

HEALTHY, PROGRESSING, DEGRADED, UNKNOWN = "Healthy", "Progressing", "Degraded", "Unknown"
SYNCED = "Synced"
GPU = "nvidia.com/gpu"

# What Argo CD says where the destination cluster does not know a kind.
_UNKNOWN_KIND = ("could not find the requested resource", "no matches for kind", "CRD is installed")
_UNREADABLE = (
    "authentication required",
    "repository not found",
    "Repository not found",
    "authorization failed",
)
_NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


class Resource(Struct, frozen=True):
    """One object of an Application. health: empty where nobody knows it."""

    ref: Ref
    sync: str = ""
    health: str = ""
    message: str = ""


class Application(Struct, frozen=True):
    """What Argo CD says of one Application. here: it deploys to the cluster that Argo CD runs in."""

    name: str
    namespace: str
    here: bool
    sync: str
    health: str
    message: str
    resources: tuple[Resource, ...]

    @property
    def is_healthy(self) -> bool:
        """Tell whether everything is deployed and works."""
        return self.sync == SYNCED and self.health == HEALTHY


class Trouble(Struct, frozen=True):
    """The first thing that keeps a project from being healthy. cause: what it is for, where that is known."""

    where: str
    message: str
    cause: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.message))) + (
            f" ({self.cause})" if self.cause else ""
        )


def application(manifest: Manifest) -> Application:
    """Read an Application as Argo CD keeps it."""
    status = manifest.get("status") or {}
    destination = manifest["spec"].get("destination") or {}
    health = status.get("health") or {}
    results = {_key(each): each.get("message", "") for each in _results(status)}
    resources = tuple(
        Resource(
            Ref(_kind(each), each.get("name", ""), each.get("namespace", "")),
            each.get("status", ""),
            (each.get("health") or {}).get("status", ""),
            (each.get("health") or {}).get("message", "") or results.get(_key(each), ""),
        )
        for each in status.get("resources") or ()
    )
    return Application(
        manifest["metadata"]["name"],
        destination.get("namespace", ""),
        destination.get("server", "https://kubernetes.default.svc") == "https://kubernetes.default.svc"
        and destination.get("name", "in-cluster") == "in-cluster",
        (status.get("sync") or {}).get("status", UNKNOWN),
        health.get("status", UNKNOWN),
        _message(status),
        resources,
    )


def is_of(manifest: Manifest, applications: Iterable[str], sets: Iterable[str]) -> bool:
    """Tell whether an Application is one of those named, or was made by one of those ApplicationSets."""
    meta = manifest["metadata"]
    owners = {each["name"] for each in meta.get("ownerReferences") or () if each["kind"] == "ApplicationSet"}
    return meta["name"] in set(applications) or bool(owners & set(sets))


def with_objects(found: Application, objects: Sequence[Manifest]) -> Application:
    """Fill in the health of resources that Argo CD does not tell, from the objects themselves."""
    known = {Ref.of(each): each for each in objects}
    resources = tuple(
        each if each.health or each.ref not in known else _examined(each, known[each.ref])
        for each in found.resources
    )
    return Application(
        found.name, found.namespace, found.here, found.sync, found.health, found.message, resources
    )


def trouble(found: Application, objects: Sequence[Manifest] = ()) -> Trouble | None:
    """Return the first thing that is wrong with an Application, the root before its consequences.

    objects: what lives in its namespace, as far as it may be looked at.
    """
    if found.is_healthy:
        return None
    if any(text in found.message for text in _UNREADABLE):
        return Trouble(f"Application {found.name}", found.message, "Argo CD cannot read the repository")
    for each in found.resources:
        if any(text in each.message for text in _UNKNOWN_KIND):
            cause = f"the cluster does not know {each.ref.kind}: kickstart doctor says what to install"
            return Trouble(str(each.ref), each.message, cause)
    if any(text in found.message for text in _UNKNOWN_KIND):
        cause = "the cluster does not know a kind: kickstart doctor says what to install"
        return Trouble(f"Application {found.name}", found.message, cause)
    for manifest in sorted(objects, key=_rank):
        seen = _trouble_of(manifest)
        if seen:
            return seen
    for each in (
        resource
        for status in (DEGRADED, "Missing", PROGRESSING)
        for resource in found.resources
        if resource.health == status
    ):
        return Trouble(str(each.ref), each.message or each.health)
    return Trouble(f"Application {found.name}", found.message or f"{found.sync}, {found.health}")


def kinds_to_look_at(found: Application) -> list[Kind]:
    """Return the kinds whose objects tell why an Application is not healthy."""
    silent = (each.ref.kind for each in found.resources if not each.health)
    return list(dict.fromkeys([POD, CLAIM, *silent]))


def tree(applications: Sequence[Application]) -> Iterator[str]:
    """Yield the lines of a table: each Application, below it what is not as it shall be."""
    rows: list[tuple[str, str, str, str]] = []
    for each in applications:
        rows.append((each.name, each.sync, each.health, "" if each.is_healthy else each.message))
        for resource in each.resources:
            name = f"  {resource.ref.kind.kind} {resource.ref.name}"
            rows.append(
                (
                    name,
                    resource.sync,
                    resource.health or "-",
                    resource.message if resource.health not in {"", HEALTHY} else "",
                )
            )
    widths = [max((len(row[index]) for row in rows), default=0) for index in range(3)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=True)]
        yield "  ".join([*cells, row[3]]).rstrip()


def _examined(resource: Resource, manifest: Manifest) -> Resource:
    seen = _trouble_of(manifest)
    if seen:
        return Resource(resource.ref, resource.sync, DEGRADED, seen.message)
    progress = _progress(manifest)
    if progress:
        return Resource(resource.ref, resource.sync, PROGRESSING, progress)
    return Resource(resource.ref, resource.sync, HEALTHY, "")


def _progress(manifest: Manifest) -> str:
    """Say what an object still waits for, or nothing."""
    status = manifest.get("status") or {}
    wanted = (manifest.get("spec") or {}).get("replicas")
    if manifest["kind"] in {"Deployment", "StatefulSet"}:
        ready = status.get("readyReplicas", 0)
        return f"{ready} of {wanted} ready" if ready < (1 if wanted is None else wanted) else ""
    ready_condition = _condition(manifest, "Ready")
    if ready_condition.get("status") in {"False", "Unknown"}:
        return str(ready_condition.get("message") or ready_condition.get("reason") or "not ready")
    return ""


def _trouble_of(manifest: Manifest) -> Trouble | None:
    find = {
        "Pod": _pod_trouble,
        "PersistentVolumeClaim": _claim_trouble,
        "ExternalSecret": _external_secret_trouble,
        "SecretStore": _external_secret_trouble,
    }.get(manifest["kind"])
    return find(manifest) if find else None


def _pod_trouble(pod: Manifest) -> Trouble | None:
    where = str(Ref.of(pod))
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        message = str(scheduled.get("message", ""))
        cause = "no node has a free GPU" if GPU in message else "no node can take it"
        if "unbound" in message and "PersistentVolumeClaim" in message:
            cause = "its volume is not bound: is there a storage class?"
        return Trouble(where, message, cause)
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _NO_IMAGE:
            said = waiting.get("message") or waiting["reason"]
            return Trouble(where, said, f"the image {each.get('image', '')} cannot be pulled")
        if waiting.get("reason") == "CrashLoopBackOff":
            meta, container = pod["metadata"], each["name"]
            command = f"kubectl -n {meta.get('namespace', '')} logs {meta['name']} -c {container} -p"
            return Trouble(where, f"the container {container} keeps ending", f"its last words: {command}")
    return None


def _claim_trouble(claim: Manifest) -> Trouble | None:
    if (claim.get("status") or {}).get("phase") != "Pending":
        return None
    name = (claim.get("spec") or {}).get("storageClassName")
    cause = f"nothing provides the storage class {name}" if name else "there is no default storage class"
    return Trouble(str(Ref.of(claim)), "is not bound", cause)


def _external_secret_trouble(manifest: Manifest) -> Trouble | None:
    ready = _condition(manifest, "Ready")
    if ready.get("status") != "False":
        return None
    cause = (
        "the store cannot be used"
        if manifest["kind"] == "SecretStore"
        else "the secret is not in the store, or may not be read"
    )
    return Trouble(str(Ref.of(manifest)), str(ready.get("message") or ready.get("reason") or ""), cause)


def _rank(manifest: Manifest) -> tuple[int, str, str]:
    """Order roots before consequences: without its secrets no pod starts.

    A volume comes after the pods: most storage classes provide none before a pod has a node, and a pod that
    waits for one says so itself.
    """
    order = ("SecretStore", "ExternalSecret", "Pod", "PersistentVolumeClaim")
    kind = manifest["kind"]
    return (order.index(kind) if kind in order else len(order), kind, manifest["metadata"]["name"])


def _message(status: Mapping[str, Any]) -> str:
    """Return what Argo CD says is wrong: an error of its own first, then what the last operation says."""
    errors = [
        each["message"] for each in status.get("conditions") or () if each.get("type", "").endswith("Error")
    ]
    operation = status.get("operationState") or {}
    failed = operation.get("phase") in {"Failed", "Error", "Running"}
    said = [
        *errors,
        operation.get("message", "") if failed else "",
        (status.get("health") or {}).get("message", ""),
    ]
    return next((each for each in said if each), "")


def _results(status: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    result = (status.get("operationState") or {}).get("syncResult") or {}
    return [each for each in result.get("resources") or () if each.get("status") != SYNCED]


def _key(resource: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(resource.get(name, "")) for name in ("group", "kind", "namespace", "name"))


def _kind(resource: Mapping[str, Any]) -> Kind:
    group, version = resource.get("group", ""), resource.get("version", "")
    return Kind(f"{group}/{version}" if group else version, resource.get("kind", ""))


def _condition(manifest: Manifest, type_: str) -> Mapping[str, Any]:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == type_), {})
