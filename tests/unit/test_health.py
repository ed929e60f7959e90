"""Why something is not healthy, read out of what Argo CD and the objects themselves say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kickstart import health
from kickstart.health import Trouble

Manifest = dict[str, Any]


def application(
    *,
    sync: str = "OutOfSync",
    health: str = "Progressing",
    resources: list[Mapping[str, Any]] | None = None,
    **status: Any,
) -> Manifest:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop-dev"},
        "spec": {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}},
        "status": {
            "sync": {"status": sync},
            "health": {"status": health},
            "resources": resources or [],
            **status,
        },
    }


def resource(kind: str, name: str, *, group: str = "", **more: Any) -> dict[str, Any]:
    return {"group": group, "version": "v1", "kind": kind, "namespace": "shop", "name": name, **more}


def living(kind: str, name: str, *, api: str = "v1", **more: Any) -> Manifest:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **more}


def conditions(type_: str, status: str, message: str) -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": status, "message": message}]}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "app", "image": "registry.test/shop:1", "state": state}]}


def trouble(manifest: Manifest, *objects: Manifest) -> Trouble | None:
    return health.trouble(health.application(manifest), objects)


def test_synced_and_healthy_is_no_trouble() -> None:
    assert trouble(application(sync="Synced", health="Healthy")) is None


@pytest.mark.parametrize(("sync", "state"), [("OutOfSync", "Healthy"), ("Synced", "Degraded")])
def test_one_of_both_is_not_enough(sync: str, state: str) -> None:
    assert trouble(application(sync=sync, health=state)) == Trouble(
        "Application shop-dev", f"{sync}, {state}"
    )


def test_a_pod_without_a_node_comes_before_the_volume_that_waits_for_it() -> None:
    pod = living("Pod", "model-1", status=conditions("PodScheduled", "False", "Insufficient nvidia.com/gpu"))
    claim = living("PersistentVolumeClaim", "cache", spec={}, status={"phase": "Pending"})

    found = trouble(application(), claim, pod)

    assert found is not None
    assert (found.where, found.cause) == ("Pod shop/model-1", "no node has a free GPU")


def test_a_new_application_is_unknown() -> None:
    new = application()
    del new["status"]

    assert trouble(new) == Trouble("Application shop-dev", "Unknown, Unknown")


def test_an_unreadable_repository_comes_first() -> None:
    said = "failed to list refs: authentication required"
    broken = application(conditions=[{"type": "ComparisonError", "message": said}])
    pod = living("Pod", "shop-1", status=waiting("ImagePullBackOff"))

    assert trouble(broken, pod) == Trouble("Application shop-dev", said, "Argo CD cannot read the repository")


def test_a_missing_crd_is_named_with_its_kind() -> None:
    said = 'could not find keda.sh/ScaledObject. Make sure the "ScaledObject" CRD is installed'
    result = {
        "resources": [resource("ScaledObject", "shop", group="keda.sh", status="SyncFailed", message=said)]
    }
    failed = application(
        resources=[resource("ScaledObject", "shop", group="keda.sh", status="OutOfSync")],
        operationState={"phase": "Failed", "message": "one or more tasks failed", "syncResult": result},
    )

    found = trouble(failed)

    assert found is not None
    assert (found.where, found.message) == ("ScaledObject shop/shop", said)
    assert found.cause == (
        "the cluster does not know ScaledObject (keda.sh/v1): kickstart doctor says what to install"
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "no node has a free GPU"),
        ("0/3 nodes are available: 3 Insufficient cpu.", "no node can take it"),
        (
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "its volume is not bound: is there a storage class?",
        ),
    ],
)
def test_a_pod_that_no_node_takes(message: str, cause: str) -> None:
    pod = living("Pod", "model-0", status=conditions("PodScheduled", "False", message))

    assert trouble(application(), pod) == Trouble("Pod shop/model-0", message, cause)


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled(reason: str) -> None:
    pod = living("Pod", "shop-1", status=waiting(reason, "not found"))

    assert trouble(application(), pod) == Trouble(
        "Pod shop/shop-1", "not found", "the image registry.test/shop:1 cannot be pulled"
    )


def test_a_container_that_keeps_ending_is_named_with_where_its_words_are() -> None:
    pod = living("Pod", "shop-1", status=waiting("CrashLoopBackOff"))

    found = trouble(application(), pod)

    assert found is not None and found.cause == "its last words: kubectl -n shop logs shop-1 -c app -p"


def test_a_pod_that_is_starting_is_no_trouble_of_its_own() -> None:
    pod = living("Pod", "shop-1", status=waiting("ContainerCreating"))

    assert trouble(application(), pod) == Trouble("Application shop-dev", "OutOfSync, Progressing")


def test_a_secret_comes_before_the_pod_that_waits_for_it() -> None:
    secret = living(
        "ExternalSecret",
        "auth",
        api="external-secrets.io/v1",
        status=conditions("Ready", "False", "not found"),
    )
    pod = living("Pod", "shop-1", status=waiting("CrashLoopBackOff"))

    assert trouble(application(), pod, secret) == Trouble(
        "ExternalSecret shop/auth", "not found", "the secret is not in the store, or may not be read"
    )


def test_a_store_comes_before_its_secrets() -> None:
    api = "external-secrets.io/v1"
    store = living("SecretStore", "vault", api=api, status=conditions("Ready", "False", "permission denied"))
    secret = living("ExternalSecret", "auth", api=api, status=conditions("Ready", "False", "store not ready"))

    found = trouble(application(), secret, store)

    assert found == Trouble("SecretStore shop/vault", "permission denied", "the store cannot be used")


@pytest.mark.parametrize(
    ("storage_class", "cause"),
    [("fast", "nothing provides the storage class fast"), (None, "there is no default storage class")],
)
def test_a_volume_that_is_not_bound(storage_class: str | None, cause: str) -> None:
    spec = {"storageClassName": storage_class} if storage_class else {}
    claim = living("PersistentVolumeClaim", "data", spec=spec, status={"phase": "Pending"})

    assert trouble(application(), claim) == Trouble("PersistentVolumeClaim shop/data", "is not bound", cause)


def test_a_degraded_resource_comes_before_one_that_is_on_its_way() -> None:
    found = application(
        resources=[
            resource("Service", "a", health={"status": "Progressing"}),
            resource(
                "Cluster",
                "db",
                group="postgresql.cnpg.io",
                health={"status": "Degraded", "message": "no quorum"},
            ),
        ]
    )

    assert trouble(found) == Trouble("Cluster shop/db", "no quorum")


def test_what_argo_cd_does_not_tell_is_read_from_the_objects() -> None:
    ready = {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}}
    half = {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}
    found = health.application(
        application(
            resources=[
                resource("Deployment", "a", group="apps"),
                resource("Deployment", "b", group="apps"),
                resource("Deployment", "c", group="apps", health={"status": "Healthy"}),
                resource("Deployment", "d", group="apps"),
            ]
        )
    )
    objects = [
        living("Deployment", name, api="apps/v1", **more)
        for name, more in (("a", ready), ("b", half), ("c", half))
    ]

    seen = health.with_objects(found, objects)

    assert [(each.ref.name, each.health, each.message) for each in seen.resources] == [
        ("a", "Healthy", ""),
        ("b", "Progressing", "1 of 2 ready"),
        ("c", "Healthy", ""),
        ("d", "", ""),
    ]


def test_applications_are_known_by_name_or_by_the_set_that_made_them() -> None:
    made = application()
    made["metadata"]["ownerReferences"] = [{"kind": "ApplicationSet", "name": "shop"}]

    assert health.is_of(application(), ["shop-dev"], [])
    assert health.is_of(made, [], ["shop"])
    assert not health.is_of(made, [], ["other"])
    assert not health.is_of(application(), ["shop"], ["shop"])


def test_the_tree_aligns_and_says_what_is_wrong() -> None:
    found = health.application(
        application(
            health="Degraded",
            resources=[
                resource("Service", "shop", status="Synced", health={"status": "Healthy"}),
                resource("Pod", "x", status="OutOfSync", health={"status": "Degraded", "message": "no"}),
            ],
        )
    )

    assert list(health.tree([found])) == [
        "shop-dev        OutOfSync  Degraded",
        "  Service shop  Synced     Healthy",
        "  Pod x         OutOfSync  Degraded  no",
    ]
