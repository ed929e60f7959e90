"""Taking a project off a cluster. There is no Argo CD here: the tests clean up as it would."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kickstart import removal
from kickstart.errors import NotHealthyError, ParameterError, PreflightError
from kickstart.tools import Kind, Ref, kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cluster.serving import ApiServer
from tests.cluster.test_adapter import application

ARGOCD = "argoproj.io/v1alpha1"
BASE = f"/apis/{ARGOCD}/namespaces/argocd"
PATH = f"{BASE}/applications"
MERGE = {"Content-Type": "application/merge-patch+json"}


def ours(manifest: dict[str, Any], project: str) -> dict[str, Any]:
    """Mark an object as made by kickstart for a project."""
    meta = manifest["metadata"]
    meta["labels"] = {**meta.get("labels", {}), "app.kubernetes.io/managed-by": "kickstart"}
    meta["annotations"] = {"kickstart/project": project}
    return manifest


def simple(kind: str, name: str, api: str = ARGOCD, namespace: str = "argocd", **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **more}


@pytest.fixture
def project(server: ApiServer, cluster: KubernetesCluster, name: str) -> str:
    """A project of two environments, of which an ApplicationSet has made the second."""
    finalizer = ["resources-finalizer.argocd.argoproj.io"]
    dev = ours(application(f"{name}-dev"), name)
    dev["metadata"]["finalizers"] = finalizer
    template = {"metadata": {"name": "x"}, "spec": {"project": name, "destination": {"namespace": name}}}
    cluster.apply(ours(simple("AppProject", name, spec={}), name))
    cluster.apply(dev)
    spec = {"generators": [], "template": template}
    made = cluster.apply(ours(simple("ApplicationSet", name, spec=spec), name))
    prod = application(f"{name}-prod")
    prod["metadata"]["ownerReferences"] = [
        {"apiVersion": ARGOCD, "kind": "ApplicationSet", "name": name, "uid": made["metadata"]["uid"]}
    ]
    server.ask("POST", PATH, prod)
    cluster.apply(ours(simple("Secret", f"{name}-repository", "v1", data={}), name))
    return name


@contextmanager
def argo_cd(server: ApiServer, *, broken: str = "") -> Iterator[list[str]]:
    """Clean up as Argo CD and Kubernetes do, but for the broken one; yield the order in which things went.

    As Argo CD does, it waits for the end of a sync that goes on.
    """
    stop = threading.Event()
    order: list[str] = []

    def reconcile() -> None:
        while not stop.wait(0.1):
            for plural in ("applicationsets", "applications", "appprojects"):
                for each in server.ask("GET", f"{BASE}/{plural}")["items"]:
                    meta = each["metadata"]
                    if each.get("status", {}).get("operationState", {}).get("phase") == "Running":
                        continue
                    if meta.get("deletionTimestamp") and meta.get("finalizers") and meta["name"] != broken:
                        order.append(meta["name"])
                        if plural == "applicationsets":
                            disown(meta["uid"])
                        bare: dict[str, Any] = {"metadata": {"finalizers": []}}
                        server.request("PATCH", f"{BASE}/{plural}/{meta['name']}", bare, **MERGE)

    def disown(uid: str) -> None:
        """Do what Kubernetes does with the children of an object whose deletion orphans them."""
        for each in server.ask("GET", PATH)["items"]:
            if uid in {owner["uid"] for owner in each["metadata"].get("ownerReferences", ())}:
                orphan: dict[str, Any] = {"metadata": {"ownerReferences": []}}
                server.ask("PATCH", f"{PATH}/{each['metadata']['name']}", orphan, **MERGE)

    thread = threading.Thread(target=reconcile)
    thread.start()
    try:
        yield order
    finally:
        stop.set()
        thread.join()


def found(cluster: KubernetesCluster, name: str) -> list[str]:
    return [str(each.ref) for each in removal.find(cluster, "argocd", name)]


def everything(name: str) -> list[str]:
    return [
        f"ApplicationSet argocd/{name}",
        f"Application argocd/{name}-dev",
        f"Application argocd/{name}-prod",
        f"AppProject argocd/{name}",
        f"Secret argocd/{name}-repository",
    ]


def remove(cluster: KubernetesCluster, name: str, seconds: float = 30, *, data: bool = False) -> list[str]:
    removals = removal.find(cluster, "argocd", name)
    removal.require(cluster, removals, delete_data=data)
    return [str(each) for each in removal.remove(cluster, name, removals, seconds, delete_data=data)]


def test_everything_goes_in_its_order_and_a_second_time_nothing(
    server: ApiServer, cluster: KubernetesCluster, project: str
) -> None:
    assert found(cluster, project) == everything(project)

    with argo_cd(server) as cleaned:
        gone = remove(cluster, project)

    assert gone == everything(project)
    # Also the one that the ApplicationSet had made without a finalizer.
    assert set(cleaned) == {project, f"{project}-dev", f"{project}-prod"}
    assert found(cluster, project) == []


def test_what_is_not_the_projects_stays(server: ApiServer, cluster: KubernetesCluster, project: str) -> None:
    other = f"{project}-other"
    cluster.apply(ours(application(other), other))
    server.kubectl("-n", "argocd", "create", "secret", "generic", f"{other}-secret")

    with argo_cd(server):
        remove(cluster, project)

    assert cluster.get(Ref(Kind(ARGOCD, "Application"), other, "argocd")) is not None
    assert cluster.get(Ref(Kind("v1", "Secret"), f"{other}-secret", "argocd")) is not None


def test_data_goes_only_when_it_is_said(server: ApiServer, cluster: KubernetesCluster, project: str) -> None:
    database = {
        "group": "postgresql.cnpg.io",
        "version": "v1",
        "kind": "Cluster",
        "namespace": project,
        "name": "db",
        "requiresDeletionConfirmation": True,
    }
    server.ask("PATCH", f"{PATH}/{project}-dev", {"status": {"resources": [database]}}, **MERGE)

    with pytest.raises(ParameterError, match="data would be lost") as caught:
        remove(cluster, project)

    assert [str(fault) for fault in caught.value.faults] == [
        f"Application argocd/{project}-dev: holds Cluster {project}/db"
    ]
    assert found(cluster, project) == everything(project)
    approved = threading.Event()

    def see_approval() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            live = cluster.get(Ref(Kind(ARGOCD, "Application"), f"{project}-dev", "argocd"))
            if live and "argocd.argoproj.io/deletion-approved" in live["metadata"]["annotations"]:
                approved.set()
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=see_approval)
    watcher.start()
    with argo_cd(server, broken=f"{project}-dev"), pytest.raises(NotHealthyError):
        remove(cluster, project, 3, data=True)
    watcher.join()
    assert approved.is_set()
    with argo_cd(server):
        assert f"Application argocd/{project}-dev" in remove(cluster, project, data=True)


@pytest.mark.parametrize("broken", ["dev", "prod"])  # applied by kickstart, and made by its ApplicationSet
def test_a_broken_environment_does_not_keep_the_others(
    server: ApiServer, cluster: KubernetesCluster, project: str, broken: str
) -> None:
    other = {"dev": "prod", "prod": "dev"}[broken]
    gone = []
    removals = removal.find(cluster, "argocd", project)
    with argo_cd(server, broken=f"{project}-{broken}"), pytest.raises(NotHealthyError) as caught:
        for each in removal.remove(cluster, project, removals, 6, delete_data=False):
            gone.append(str(each))

    assert gone == [f"ApplicationSet argocd/{project}", f"Application argocd/{project}-{other}"]
    assert [str(fault) for fault in caught.value.faults] == [
        f"Application argocd/{project}-{broken}: waits for resources-finalizer.argocd.argoproj.io"
    ]
    # What Argo CD still needs to clean up stays, and the next run goes on.
    assert found(cluster, project) == [
        f"Application argocd/{project}-{broken}",
        f"AppProject argocd/{project}",
        f"Secret argocd/{project}-repository",
    ]
    with argo_cd(server):
        assert len(remove(cluster, project)) == 3


def test_a_namespace_that_kickstart_made_goes_last_and_is_guarded_when_it_holds_volumes(
    server: ApiServer, cluster: KubernetesCluster, name: str
) -> None:
    cluster.apply(ours(simple("Namespace", name, "v1", ""), name))
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    server.ask("POST", f"/api/v1/namespaces/{name}/persistentvolumeclaims", claim)

    with pytest.raises(ParameterError) as caught:
        remove(cluster, name)
    assert [str(fault) for fault in caught.value.faults] == [
        f"Namespace {name}: holds PersistentVolumeClaim data"
    ]

    # No controller empties a namespace here, so that it stays, as one with a hanging finalizer does.
    with pytest.raises(NotHealthyError) as late:
        remove(cluster, name, 1, data=True)
    assert [str(fault) for fault in late.value.faults] == [f"Namespace {name}: waits for kubernetes"]


def test_a_sync_that_waits_for_something_is_stopped(
    server: ApiServer, cluster: KubernetesCluster, project: str
) -> None:
    running = {"phase": "Running", "operation": {}, "startedAt": "2026-01-02T03:04:05Z"}
    status = {"status": {"operationState": running}}
    server.ask("PATCH", f"{PATH}/{project}-dev", status, **MERGE)

    with argo_cd(server):
        gone = remove(cluster, project)

    assert gone == everything(project)


def test_rights_that_are_missing_are_said_before_anything_goes(
    server: ApiServer, cluster: KubernetesCluster, kubeconfig: Path, project: str
) -> None:
    removals = removal.find(cluster, "argocd", project)

    with pytest.raises(PreflightError) as caught:
        removal.require(kubernetes.connect(str(kubeconfig), "limited"), removals, delete_data=False)

    assert "Applications: you may not patch them in argocd" in [str(fault) for fault in caught.value.faults]
    assert found(cluster, project) == everything(project)


def test_a_cluster_without_argo_cd_has_nothing(bare: ApiServer, tmp_path: Path) -> None:
    assert found(kubernetes.connect(str(bare.kubeconfig(tmp_path / "kubeconfig"))), "demo") == []
