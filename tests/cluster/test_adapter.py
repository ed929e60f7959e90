"""The adapter against a real API server."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kickstart.errors import ConflictError, FindingsError, PreflightError, RemoteError
from kickstart.tools import Kind, Ref, kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cluster.serving import ApiServer

APPLICATION = Kind("argoproj.io/v1alpha1", "Application")
CONFIG_MAP = Kind("v1", "ConfigMap")


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def application(name: str, path: str = "helm") -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://forge.test/acme/demo.git", "path": path},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
        },
    }


def test_applying_twice_writes_once(cluster: KubernetesCluster, name: str) -> None:
    first = cluster.apply(application(name))
    second = cluster.apply(application(name))

    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_a_trial_shows_the_result_and_writes_nothing(cluster: KubernetesCluster, name: str) -> None:
    before = cluster.try_apply(config_map(name, a="1"))
    assert (before.existing, before.conflicts) == (None, ())
    assert cluster.get(Ref(CONFIG_MAP, name, "default")) is None

    cluster.apply(config_map(name, a="1"))
    trial = cluster.try_apply(config_map(name, a="2"))

    assert trial.existing is not None and trial.existing["data"] == {"a": "1"}
    assert trial.result is not None and trial.result["data"] == {"a": "2"}


def test_a_field_of_somebody_else_is_named_with_its_owner_and_kept(
    server: ApiServer, cluster: KubernetesCluster, name: str
) -> None:
    server.kubectl("create", "configmap", name, "--from-literal=a=theirs")

    trial = cluster.try_apply(config_map(name, a="ours", b="ours"))
    with pytest.raises(ConflictError) as caught:
        cluster.apply(config_map(name, a="ours", b="ours"))

    assert trial.result is None
    assert trial.conflicts == (("data.a", "kubectl-create"),)
    assert [str(fault) for fault in caught.value.faults] == ["data.a: is set by kubectl-create"]
    kept = cluster.get(Ref(CONFIG_MAP, name, "default"))
    assert kept is not None and kept["data"] == {"a": "theirs"}


def test_an_unknown_field_is_refused_by_its_path(cluster: KubernetesCluster, name: str) -> None:
    wrong = application(name)
    wrong["spec"]["sauce"] = {}

    with pytest.raises(FindingsError) as caught:
        cluster.try_apply(wrong)

    assert "spec.sauce" in str(caught.value.faults[0])


def test_a_missing_field_is_refused_by_its_path(cluster: KubernetesCluster, name: str) -> None:
    wrong = application(name)
    del wrong["spec"]["project"]

    with pytest.raises(FindingsError) as caught:
        cluster.try_apply(wrong)

    assert [str(fault) for fault in caught.value.faults] == ["spec.project: Required value"]


def test_a_kind_that_nobody_defined_is_named(bare: ApiServer, tmp_path: Path, name: str) -> None:
    cluster = kubernetes.connect(str(bare.kubeconfig(tmp_path / "kubeconfig")))

    with pytest.raises(PreflightError, match=r"test does not know Application \(argoproj.io/v1alpha1\)$"):
        cluster.try_apply(application(name))


def test_another_version_of_a_kind_is_offered(cluster: KubernetesCluster) -> None:
    with pytest.raises(PreflightError, match=r"does not know ExternalSecret .*; it serves .*/v1$"):
        cluster.objects(Kind("external-secrets.io/v1beta1", "ExternalSecret"))


def test_a_missing_namespace_is_named(cluster: KubernetesCluster, name: str) -> None:
    with pytest.raises(PreflightError, match=f"there is no namespace '{name}'"):
        cluster.try_apply(config_map("any", namespace=name))


def test_a_user_without_rights_learns_which_one_is_missing(kubeconfig: Path, name: str) -> None:
    cluster = kubernetes.connect(str(kubeconfig), "limited")

    with pytest.raises(PreflightError) as caught:
        cluster.apply(application(name))

    said = str(caught.value.faults[0])
    assert 'User "limited" cannot patch resource "applications"' in said
    assert 'in the namespace "argocd"' in said


def test_rights_are_asked_for_one_by_one(kubeconfig: Path, cluster: KubernetesCluster) -> None:
    assert cluster.may("patch", APPLICATION, "argocd")
    assert not kubernetes.connect(str(kubeconfig), "limited").may("patch", APPLICATION, "argocd")


def test_credentials_that_are_not_accepted_are_said_so(server: ApiServer, tmp_path: Path) -> None:
    cluster = kubernetes.connect(str(server.kubeconfig(tmp_path / "wrong", token="wrong")))

    with pytest.raises(PreflightError, match="does not accept your credentials"):
        cluster.served()


def test_a_certificate_of_somebody_else_is_not_trusted(
    server: ApiServer, bare: ApiServer, tmp_path: Path
) -> None:
    file = bare.kubeconfig(tmp_path / "kubeconfig")
    file.write_text(file.read_text().replace(bare.url, server.url))

    with pytest.raises(PreflightError, match=r"certificate of https://127\.0\.0\.1:.* is not to be trusted"):
        kubernetes.connect(str(file)).version()


def test_version_and_kinds_are_discovered(cluster: KubernetesCluster) -> None:
    assert cluster.version().startswith("v1.")
    assert {CONFIG_MAP, APPLICATION, Kind("apps/v1", "Deployment")} <= set(cluster.served())
    assert Kind("v1", "Eviction") not in cluster.served()  # a subresource


def test_a_kind_defined_meanwhile_is_found(bare: ApiServer, tmp_path: Path) -> None:
    cluster = kubernetes.connect(str(bare.kubeconfig(tmp_path / "kubeconfig")))
    kind = Kind("tests.kickstart/v1", "Thing")
    assert kind not in cluster.served()
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.tests.kickstart"},
        "spec": {
            "group": "tests.kickstart",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    bare.define(json.dumps(crd))

    assert _soon(lambda: cluster.objects(kind, "default")) == []


def test_objects_say_what_they_are(cluster: KubernetesCluster, name: str) -> None:
    labelled = config_map(name)
    labelled["metadata"]["labels"] = {"n": name}
    cluster.apply(labelled)

    (found,) = cluster.objects(CONFIG_MAP, labels=f"n={name}")

    assert Ref.of(found) == Ref(CONFIG_MAP, name, "default")


def test_deleting_what_is_not_there_is_done(cluster: KubernetesCluster, name: str) -> None:
    cluster.delete(Ref(CONFIG_MAP, name, "default"))


def test_a_deleted_object_is_gone(cluster: KubernetesCluster, name: str) -> None:
    held = config_map(name)
    held["metadata"]["finalizers"] = ["tests.kickstart/held"]
    cluster.apply(held)

    cluster.delete(Ref(CONFIG_MAP, name, "default"))

    left = cluster.get(Ref(CONFIG_MAP, name, "default"))
    assert left is not None and left["metadata"]["deletionTimestamp"]


def test_a_watch_tells_every_change_and_ends_in_time(cluster: KubernetesCluster, name: str) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    seen = []
    began = time.monotonic()
    for objects in cluster.watch(CONFIG_MAP, name, seconds=3):
        seen.append(sorted((each["metadata"]["name"], each.get("data", {}).get("a")) for each in objects))
        if len(seen) == 1:
            cluster.apply(config_map("one", name, a="1"))
        elif len(seen) == 2:
            cluster.apply(config_map("one", name, a="2"))
        elif len(seen) == 3:
            cluster.delete(Ref(CONFIG_MAP, "one", name))

    # Deleting in the foreground marks the object first.
    assert seen[:3] == [[], [("one", "1")], [("one", "2")]]
    assert seen[-1] in ([], [("one", "2")])
    assert 2.5 < time.monotonic() - began < 6


def test_a_watch_goes_on_when_the_api_server_comes_back(programs: Path, tmp_path: Path) -> None:
    server = ApiServer(programs, tmp_path)
    try:
        server.start()
        cluster = kubernetes.connect(str(server.kubeconfig(tmp_path / "kubeconfig")))
        seen = []

        def crash() -> None:
            server.stop_server()
            server.start_server()
            server.kubectl("create", "configmap", "later")

        for objects in cluster.watch(CONFIG_MAP, "default", seconds=60):
            seen.append({each["metadata"]["name"] for each in objects})
            if len(seen) == 1:
                thread = threading.Thread(target=crash)
                thread.start()
            if "later" in seen[-1]:
                break
        thread.join()

        assert "later" in seen[-1]
    finally:
        server.stop()


def test_a_server_that_does_not_listen_is_said_so(programs: Path, tmp_path: Path) -> None:
    server = ApiServer(programs, tmp_path)
    (tmp_path / "certificates").mkdir()

    with pytest.raises((RemoteError, PreflightError), match="cannot be"):
        kubernetes.connect(str(server.kubeconfig(tmp_path / "kubeconfig"))).version()


def _soon(ask: Any) -> Any:
    """Ask until the answer is there: a new kind is served a moment after it is established."""
    until = time.monotonic() + 10
    while True:
        try:
            return ask()
        except PreflightError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
