"""Waiting against a cluster in memory; tests/cluster does it against a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kickstart import waiting
from kickstart.errors import NotHealthyError
from kickstart.tools import Kind, Manifest, Ref
from kickstart.tools.kinds import APPLICATION, APPLICATION_SET, POD
from kickstart.waiting import Watch
from tests.fakes import FakeCluster


def application(name: str = "shop", **status: Any) -> dict[str, Any]:
    destination = {"server": "https://kubernetes.default.svc", "namespace": "shop"}
    return {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.kind,
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"destination": destination},
        "status": status,
    }


def reported(sync: str, health: str) -> dict[str, Any]:
    return application(sync={"status": sync}, health={"status": health})


class Playing(FakeCluster):
    """Shows one state of Argo CD's Applications after the other, and then none that is new."""

    def __init__(self, *states: list[dict[str, Any]]) -> None:
        super().__init__({APPLICATION, APPLICATION_SET, POD})
        self.states = list(states)

    def watch(self, kind: Kind, namespace: str, *, seconds: float) -> Iterator[list[Manifest]]:
        yield list(self.states[0])
        while len(self.states) > 1:
            self.states.pop(0)
            yield list(self.states[0])

    def objects(self, kind: Kind, namespace: str = "", *, labels: str = "") -> list[Manifest]:
        return list(self.states[0]) if kind == APPLICATION else super().objects(kind, namespace)


def test_every_new_sight_is_told_until_all_is_healthy() -> None:
    progressing = [reported("OutOfSync", "Progressing")]
    cluster = Playing(
        [], progressing, progressing, [reported("Synced", "Healthy")], [reported("Synced", "Degraded")]
    )

    sights = list(Watch(cluster, "argocd", ["shop"]).follow(60))

    assert [str(each.trouble) for each in sights] == [
        "Application shop: is not there",
        "Application shop: OutOfSync, Progressing",
        "None",
    ]


def test_the_trouble_of_a_namespace_is_found() -> None:
    cluster = Playing([reported("Synced", "Progressing")])
    condition = {"type": "PodScheduled", "status": "False", "message": "Insufficient nvidia.com/gpu"}
    cluster.found[Ref(POD, "model", "shop")] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "model", "namespace": "shop"},
        "status": {"conditions": [condition]},
    }

    with pytest.raises(NotHealthyError, match=r"^not healthy after 0 seconds: .*\(no node has a free GPU\)$"):
        list(Watch(cluster, "argocd", ["shop"]).follow(0))


def test_the_trouble_of_a_resource_is_read_of_the_object_itself() -> None:
    deployment = {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web"}
    state: dict[str, Any] = {
        "sync": {"status": "Synced"},
        "health": {"status": "Progressing"},
        "resources": [deployment],
    }
    cluster = Playing([application(**state)])
    kind = Kind("apps/v1", "Deployment")
    cluster.kinds.add(kind)
    cluster.found[Ref(kind, "web", "shop")] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2},
    }

    sight = Watch(cluster, "argocd", ["shop"]).look()

    assert str(sight.trouble) == "Deployment shop/web: 0 of 2 ready"


def test_degraded_that_stays_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "GRACE", 0.1)

    with pytest.raises(NotHealthyError, match=r"^shop stayed degraded for 0 seconds: "):
        list(Watch(Playing([reported("Synced", "Degraded")]), "argocd", ["shop"]).follow(60))


def test_degraded_that_passed_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "GRACE", 0.1)
    cluster = Playing([reported("Synced", "Degraded")], [reported("Synced", "Progressing")])

    with pytest.raises(NotHealthyError, match=r"^not healthy after 0 seconds: "):
        list(Watch(cluster, "argocd", ["shop"]).follow(0.4))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (None, "has not made its Applications yet"),
        ({"type": "ErrorOccurred", "status": "True", "message": "no such file"}, "no such file"),
    ],
)
def test_an_application_set_that_is_not_done_is_named(condition: dict[str, str] | None, said: str) -> None:
    cluster = Playing([reported("Synced", "Healthy")])
    conditions = [condition] if condition else []
    cluster.found[Ref(APPLICATION_SET, "all", "argocd")] = {"status": {"conditions": conditions}}

    sight = Watch(cluster, "argocd", ["shop"], ["all"]).look()

    assert str(sight.trouble) == f"ApplicationSet all: {said}"
