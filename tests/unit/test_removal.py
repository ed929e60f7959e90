"""Taking a project off a cluster in memory; tests/cluster does it on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from kickstart.actions.base import Change
from kickstart.actions.kubernetes import marks
from kickstart.errors import NotHealthyError, ParameterError, PreflightError
from kickstart.removal import LeaveCluster
from kickstart.tools import Kind, Ref, Tools
from kickstart.tools.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, CLAIM, NAMESPACE, SECRET
from tests.fakes import FakeCluster, FakeFolders, FakeForge

KINDS = (APPLICATION, APPLICATION_SET, APP_PROJECT, SECRET, NAMESPACE, CLAIM)


class Lasting(FakeCluster):
    """A cluster on which one Application does not go."""

    lasting = ""

    def delete(self, ref: Ref, *, orphan: bool = False) -> None:
        if ref.name != self.lasting:
            super().delete(ref)


@pytest.fixture
def cluster() -> Lasting:
    made = Lasting(set(KINDS))
    put(made, APPLICATION_SET, "shop")
    put(made, APPLICATION, "shop-dev")
    owner = {"kind": "ApplicationSet", "name": "shop"}
    put(made, APPLICATION, "shop-prod", project="", ownerReferences=[owner], finalizers=["a/b"])
    put(made, APPLICATION, "other", project="other")
    put(made, APP_PROJECT, "shop")
    put(made, SECRET, "shop-repository")
    put(made, NAMESPACE, "shop-space", namespace="")
    return made


def put(
    cluster: FakeCluster,
    kind: Kind,
    name: str,
    *,
    project: str = "shop",
    namespace: str = "argocd",
    **meta: Any,
) -> None:
    known = marks(project) if project else {}
    whole = {"name": name, **({"namespace": namespace} if namespace else {}), **known, **meta}
    ref = Ref(kind, name, namespace)
    cluster.found[ref] = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": whole}


def leave(cluster: FakeCluster, *, delete_data: bool = False) -> tuple[LeaveCluster, Tools]:
    effect = LeaveCluster("shop", "test", "argocd", delete_data, 0)
    return effect, Tools(FakeForge(), FakeFolders(), cluster)


def test_everything_goes_in_its_order(cluster: Lasting) -> None:
    effect, tools = leave(cluster)
    everything = (
        "ApplicationSet argocd/shop, Application argocd/shop-dev, Application argocd/shop-prod, "
        "AppProject argocd/shop, Secret argocd/shop-repository, Namespace shop-space"
    )

    found = effect.inspect(tools)
    facts = effect.apply(tools)

    assert (found.change, found.detail) == (Change.DELETE, everything)
    assert facts == {"deleted": everything}
    assert [ref.name for ref in cluster.found] == ["other"]
    assert effect.inspect(tools).change is Change.NONE


def test_argo_cd_is_told_to_clean_up_and_to_ask_about_data(cluster: Lasting) -> None:
    cluster.lasting = "shop-prod"
    effect, tools = leave(cluster)

    with pytest.raises(NotHealthyError):
        effect.apply(tools)

    meta = cluster.found[Ref(APPLICATION, "shop-prod", "argocd")]["metadata"]
    assert meta["finalizers"] == ["a/b", "resources-finalizer.argocd.argoproj.io"]
    assert meta["annotations"] == {"kickstart/project": "shop"}  # and nothing is approved


def test_with_the_word_for_it_argo_cd_need_not_ask(cluster: Lasting) -> None:
    cluster.lasting = "shop-dev"
    effect, tools = leave(cluster, delete_data=True)

    with pytest.raises(NotHealthyError):
        effect.apply(tools)

    meta = cluster.found[Ref(APPLICATION, "shop-dev", "argocd")]["metadata"]
    assert "argocd.argoproj.io/deletion-approved" in meta["annotations"]


def test_what_does_not_go_is_named_and_keeps_what_it_needs(cluster: Lasting) -> None:
    cluster.lasting = "shop-dev"
    effect, tools = leave(cluster)

    with pytest.raises(NotHealthyError) as caught:
        effect.apply(tools)

    assert [str(fault) for fault in caught.value.faults] == [
        "Application argocd/shop-dev: waits for resources-finalizer.argocd.argoproj.io"
    ]
    assert sorted(ref.name for ref in cluster.found) == ["other", "shop", "shop-dev", "shop-repository"]


def test_data_and_rights_are_looked_at_before_anything_goes(cluster: Lasting) -> None:
    effect, tools = leave(cluster)
    put(cluster, CLAIM, "data", namespace="shop-space")
    guarded = {"kind": "Cluster", "namespace": "x", "name": "db", "requiresDeletionConfirmation": True}
    cluster.found[Ref(APPLICATION, "shop-dev", "argocd")]["status"] = {
        "resources": [guarded, {"kind": "Pod"}]
    }

    with pytest.raises(ParameterError, match="data would be lost") as caught:
        effect.inspect(tools)
    assert [str(fault) for fault in caught.value.faults] == [
        "Application argocd/shop-dev: holds Cluster x/db",
        "Namespace shop-space: holds PersistentVolumeClaim data",
    ]

    effect, tools = leave(cluster, delete_data=True)
    assert effect.inspect(tools).change is Change.DELETE
    cluster.may = lambda verb, kind, namespace="": verb != "delete"  # type: ignore[method-assign]
    with pytest.raises(PreflightError) as lacking:
        effect.inspect(tools)
    assert "Namespaces: you may not delete them" in [str(fault) for fault in lacking.value.faults]


def test_a_cluster_without_argo_cd_has_nothing() -> None:
    effect, tools = leave(FakeCluster())

    assert effect.inspect(tools).change is Change.NONE
