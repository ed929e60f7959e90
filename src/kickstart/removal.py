"""Taking a project off a cluster, in the order in which nothing is left behind.

ApplicationSets first, or they would make their Applications again; then Applications, of which Argo CD
deletes what they deployed; then what Argo CD needed for that. Only what kickstart made, and what an
ApplicationSet of its making made, is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from kickstart import health
from kickstart.actions.argocd import FINALIZER
from kickstart.actions.base import Change, Effect, Inspection
from kickstart.actions.kubernetes import chosen, marks, of_project
from kickstart.errors import Fault, NotHealthyError, ParameterError, PreflightError
from kickstart.tools import Cluster, Kind, Manifest, Ref, Tools
from kickstart.tools.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, CLAIM, NAMESPACE, SECRET

APPROVED = "argocd.argoproj.io/deletion-approved"  # an annotation: Argo CD may delete what asks first


class Removal(Struct, frozen=True):
    """One object that goes. data: what would be lost with it."""

    ref: Ref
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveCluster(Effect):
    """Takes everything of a project off a cluster, and waits until it is gone."""

    project: str
    cluster: str
    argocd_namespace: str
    delete_data: bool
    seconds: float

    @property
    def target(self) -> str:
        return f"{self.project} on the cluster {self.cluster}"

    def inspect(self, tools: Tools) -> Inspection:
        cluster = chosen(tools)
        removals = find(cluster, self.argocd_namespace, self.project)
        require(cluster, removals, delete_data=self.delete_data)
        if not removals:
            return Inspection(Change.NONE, "is not there")
        return Inspection(Change.DELETE, ", ".join(str(each.ref) for each in removals))

    def apply(self, tools: Tools) -> Mapping[str, str]:
        cluster = chosen(tools)
        removals = find(cluster, self.argocd_namespace, self.project)
        gone = list(remove(cluster, self.project, removals, self.seconds, delete_data=self.delete_data))
        return {"deleted": ", ".join(map(str, gone))}


def find(cluster: Cluster, argocd_namespace: str, project: str) -> list[Removal]:
    """Return everything of a project on a cluster, in the order in which it goes."""
    if APPLICATION not in cluster.served():
        return []

    def ours(kind: Kind, namespace: str = "") -> list[Manifest]:
        return of_project(cluster, kind, namespace, project)

    sets = ours(APPLICATION_SET, argocd_namespace)
    named = [each["metadata"]["name"] for each in ours(APPLICATION, argocd_namespace)]
    made_by = [each["metadata"]["name"] for each in sets]
    applications = [
        each for each in cluster.objects(APPLICATION, argocd_namespace) if health.is_of(each, named, made_by)
    ]
    namespaces = ours(NAMESPACE)
    return [
        *(Removal(Ref.of(each)) for each in sets),
        *(Removal(Ref.of(each), _guarded(each)) for each in applications),
        *(Removal(Ref.of(each)) for each in ours(APP_PROJECT, argocd_namespace)),
        *(Removal(Ref.of(each)) for each in ours(SECRET, argocd_namespace)),
        *(Removal(Ref.of(each), _claims(cluster, each["metadata"]["name"])) for each in namespaces),
    ]


def require(cluster: Cluster, removals: Sequence[Removal], *, delete_data: bool) -> None:
    """Raise for data that nobody has said may go, and for rights that are missing. Reads only."""
    if not delete_data:
        faults = [Fault(str(each.ref), f"holds {', '.join(each.data)}") for each in removals if each.data]
        if faults:
            raise ParameterError(
                "data would be lost; nothing was deleted",
                faults=faults,
                hint="to delete it as well: --delete-data",
            )
    kinds = dict.fromkeys((each.ref.kind, each.ref.namespace) for each in removals)
    lacking = [
        Fault(f"{kind.kind}s", f"you may not {verb} them" + (f" in {namespace}" if namespace else ""))
        for kind, namespace in kinds
        for verb in ("delete", "patch")[: 2 if kind == APPLICATION else 1]
        if not cluster.may(verb, kind, namespace)
    ]
    if lacking:
        raise PreflightError(
            f"you lack permissions on the cluster {cluster.name}; nothing was deleted",
            faults=lacking,
            hint="ask an administrator for them, or use another --context",
        )


def remove(
    cluster: Cluster, project: str, removals: Sequence[Removal], seconds: float, *, delete_data: bool
) -> Iterator[Ref]:
    """Delete what was found, and yield each object once it is gone.

    What does not go in time stops only what has to wait for it. Raises NotHealthyError at the end with
    everything that is still there.
    """
    until = time.monotonic() + seconds
    stuck: list[Fault] = []
    for each in removals:
        if each.ref.kind == APPLICATION:  # found again also when what made it is gone
            cluster.change(each.ref, {"metadata": marks(project)})
    for kind in (APPLICATION_SET, APPLICATION, APP_PROJECT, SECRET, NAMESPACE):
        refs = [each.ref for each in removals if each.ref.kind == kind]
        if stuck and kind in {APP_PROJECT, SECRET}:  # Argo CD still needs them for what is left
            continue
        for ref in refs:
            if kind == APPLICATION:
                _let_argocd_clean_up(cluster, ref, delete_data)
            cluster.delete(ref, orphan=kind == APPLICATION_SET)
        left: dict[str, Manifest] = {}
        yield from _gone(cluster, refs, until, left)
        stuck += [Fault(str(Ref.of(each)), _why(each)) for each in left.values()]
    if stuck:
        raise NotHealthyError(
            f"not everything was gone after {seconds:.0f} seconds",
            faults=stuck,
            hint="look at what is named, and run the same command again; --timeout waits longer",
        )


def _gone(cluster: Cluster, refs: Sequence[Ref], until: float, left: dict[str, Manifest]) -> Iterator[Ref]:
    """Yield each object as soon as it is gone; put into `left` what is not when time is over."""
    waiting = {ref.name: ref for ref in refs}
    if not waiting:
        return
    kind, namespace = refs[0].kind, refs[0].namespace
    for objects in cluster.watch(kind, namespace, seconds=max(until - time.monotonic(), 0)):
        there = {each["metadata"]["name"]: each for each in objects}
        for name in waiting.keys() & there.keys():
            _end_sync(cluster, there[name])
        for name in [name for name in waiting if name not in there]:
            yield waiting.pop(name)
        left.clear()
        left.update({name: there[name] for name in waiting})
        if not waiting:
            return


def _let_argocd_clean_up(cluster: Cluster, ref: Ref, delete_data: bool) -> None:
    """Make Argo CD delete what an Application deployed, before the Application goes."""
    found = cluster.get(ref)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return
    finalizers = found["metadata"].get("finalizers") or []
    patch: dict[str, Any] = {}
    if delete_data:  # else Argo CD asks first, should there be data that it did not tell of
        patch["annotations"] = {APPROVED: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if not any(each.startswith(FINALIZER) for each in finalizers):
        patch["finalizers"] = [*finalizers, FINALIZER]
    if patch:
        cluster.change(ref, {"metadata": patch})


def _end_sync(cluster: Cluster, manifest: Manifest) -> None:
    """Stop the sync of an Application, before whose end Argo CD deletes nothing of it.

    One that waits for something to become healthy may never end.
    """
    operation = (manifest.get("status") or {}).get("operationState") or {}
    if operation.get("phase") == "Running":
        cluster.change(Ref.of(manifest), {"status": {"operationState": {"phase": "Terminating"}}})


def _guarded(application: Manifest) -> tuple[str, ...]:
    """Return what Argo CD would ask about before it deletes it."""
    resources = (application.get("status") or {}).get("resources") or ()
    return tuple(_shown(each) for each in resources if each.get("requiresDeletionConfirmation"))


def _claims(cluster: Cluster, namespace: str) -> tuple[str, ...]:
    claims = cluster.objects(CLAIM, namespace)
    return tuple(f"PersistentVolumeClaim {each['metadata']['name']}" for each in claims)


def _shown(resource: Mapping[str, Any]) -> str:
    return f"{resource.get('kind', '')} {resource.get('namespace', '')}/{resource.get('name', '')}"


def _why(manifest: Manifest) -> str:
    """Say what an object that does not go waits for."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    said = [
        each["message"]
        for each in conditions
        if each.get("type", "").startswith(("DeletionError", "Namespace"))
    ]
    said = [each for each in said if each]
    finalizers = (
        manifest["metadata"].get("finalizers") or (manifest.get("spec") or {}).get("finalizers") or []
    )
    waits = f"waits for {', '.join(finalizers)}" if finalizers else "is still there"
    return "; ".join([*said[:1], waits])
