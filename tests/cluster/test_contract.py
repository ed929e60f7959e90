"""The cluster in memory behaves like a real one, as far as tests rely on it."""

from __future__ import annotations

from typing import Any

import pytest

from kickstart.actions.kubernetes import is_ours
from kickstart.tools import Cluster, Kind, Ref
from kickstart.tools.kubernetes import KubernetesCluster
from tests.fakes import FakeCluster

CONFIG_MAP = Kind("v1", "ConfigMap")


@pytest.fixture(params=["in memory", "real"])
def either(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "in memory":
        return FakeCluster({CONFIG_MAP})
    real: KubernetesCluster = request.getfixturevalue("cluster")
    return real


def config_map(name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "labels": {"name": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_a_trial_is_what_an_apply_then_does(either: Cluster, name: str) -> None:
    trial = either.try_apply(config_map(name, a="1"))
    assert trial.existing is None and trial.result is not None
    assert either.get(Ref(CONFIG_MAP, name, "default")) is None

    made = either.apply(config_map(name, a="1"))
    again = either.try_apply(config_map(name, a="1"))

    assert made["data"] == trial.result["data"] == {"a": "1"}
    assert is_ours(made)
    assert again.existing is not None and again.result is not None
    assert again.existing["data"] == again.result["data"]
    assert made["metadata"]["uid"]


def test_objects_are_found_by_namespace_and_labels(either: Cluster, name: str) -> None:
    either.apply(config_map(name))

    for labels, count in ((f"name={name}", 1), (f"name in ({name},b)", 1), (f"name={name},b=c", 0)):
        assert len(either.objects(CONFIG_MAP, "default", labels=labels)) == count
        assert len(either.objects(CONFIG_MAP, labels=labels)) == count
    assert either.objects(CONFIG_MAP, "elsewhere", labels=f"name={name}") == []


def test_a_change_merges_and_a_deletion_is_final(either: Cluster, name: str) -> None:
    ref = Ref(CONFIG_MAP, name, "default")
    either.apply(config_map(name, a="1"))

    either.change(ref, {"data": {"b": "2"}})
    found = either.get(ref)
    either.delete(ref)
    either.delete(ref)
    either.change(ref, {"data": {"b": "3"}})

    assert found is not None and found["data"] == {"a": "1", "b": "2"}
    assert either.get(ref) is None
