"""`kickstart doctor` on a full, a partial and an empty cluster."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import Cli, Result
from tests.cluster.serving import ApiServer

BUDGET = 1.5  # seconds of this machine's time, on a cluster with every CRD; the rest is waiting for it


def states(done: Result) -> dict[str, str]:
    return {each["what"]: each["state"] for each in done.json["checks"]}


def line(done: Result, what: str) -> dict[str, str]:
    found: dict[str, str] = next(each for each in done.json["checks"] if each["what"] == what)
    return found


def doctor(cli: Cli, kubeconfig: Path, *more: str) -> Result:
    return cli("doctor", "--kubeconfig", str(kubeconfig), "--output", "json", *more)


@pytest.fixture
def default_class(server: ApiServer) -> Iterator[None]:
    """Give the default storage class back after the test."""
    yield
    _mark_default(server, "true")


def _mark_default(server: ApiServer, value: str) -> None:
    mark = f"storageclass.kubernetes.io/is-default-class={value}"
    server.kubectl("annotate", "storageclass", "standard", "--overwrite", mark)


def test_a_full_cluster_has_everything(cli: Cli, kubeconfig: Path) -> None:
    done = doctor(cli, kubeconfig)

    assert done.code == 0, done.err
    assert {
        "cluster": "ok",
        "Kubernetes": "ok",
        "Argo CD": "ok",
        "permission for AppProjects": "ok",
        "permission for Applications": "ok",
        "permission for ApplicationSets": "ok",
        "postgresql.cnpg.io": "ok",
        "barmancloud.cnpg.io": "ok",
        "external-secrets.io": "ok",
        "generators.external-secrets.io": "ok",
        "gateway.networking.k8s.io": "ok",
        "serving.kserve.io": "ok",
        "monitoring.coreos.com": "ok",
        "storage class": "ok",
        "Gateway": "ok",
        "GPU nodes": "ok",
        "metrics server": "warning",  # no API server can serve what a pod serves
    }.items() <= states(done).items()
    assert line(done, "Argo CD")["found"] == "3.5.1"
    assert line(done, "GPU nodes")["found"] == "1 with at least 1; 4 GPUs in all"


def test_an_empty_cluster_lacks_it_by_name_and_with_a_way_out(
    cli: Cli, bare: ApiServer, tmp_path: Path
) -> None:
    done = doctor(cli, bare.kubeconfig(tmp_path / "kubeconfig"))

    assert done.code == 4
    found = states(done)
    assert {what for what, state in found.items() if state == "missing"} == {
        "Argo CD",
        "postgresql.cnpg.io",
        "barmancloud.cnpg.io",
        "external-secrets.io",
        "generators.external-secrets.io",
        "gateway.networking.k8s.io",
        "serving.kserve.io",
        "monitoring.coreos.com",
        "storage class",
    }
    assert (found["Kubernetes"], found["GPU nodes"]) == ("ok", "warning")
    assert line(done, "postgresql.cnpg.io") == {
        "what": "postgresql.cnpg.io",
        "state": "missing",
        "found": "v1 Cluster, Database, ScheduledBackup not served",
        "fix": "install CloudNativePG 1.26 or later",
    }
    assert all(each["fix"] for each in done.json["checks"] if each["state"] == "missing")


def test_an_operator_that_serves_only_another_version_is_missing(
    cli: Cli, bare: ApiServer, tmp_path: Path, crds: Path
) -> None:
    definition = next(file for file in crds.rglob("*secretstores*") if "cluster" not in file.name)
    old = definition.read_text().replace("name: v1\n", "name: v1alpha9\n")
    bare.define(old)
    try:
        until = time.monotonic() + 10  # discovery follows a moment later
        found = ""
        while "served:" not in found and time.monotonic() < until:
            found = line(doctor(cli, bare.kubeconfig(tmp_path / "kubeconfig")), "external-secrets.io")[
                "found"
            ]
    finally:
        bare.kubectl("delete", "crd", "secretstores.external-secrets.io")

    assert found == "v1 ExternalSecret, SecretStore not served; served: external-secrets.io/v1alpha9"


def test_the_parameters_decide_what_is_needed(cli: Cli, bare: ApiServer, tmp_path: Path) -> None:
    choices = ["modelMode=mock", "exposure=none", "monitoring=false", "secretsProvider=existing"]
    flags = [flag for choice in choices for flag in ("--set", choice)]

    found = states(doctor(cli, bare.kubeconfig(tmp_path / "kubeconfig"), *flags))

    assert not {"serving.kserve.io", "gateway.networking.k8s.io", "monitoring.coreos.com", "GPU nodes"} & set(
        found
    )


@pytest.mark.parametrize(
    ("choices", "what", "found"),
    [
        (["storageClass=fast"], "storage class", "no 'fast'; there are: standard"),
        (["gatewayName=private"], "Gateway", "no 'gateway-system/private'"),
        (["exposure=istio"], "Istio Gateway", "no 'istio-ingress/public'"),
        (["exposure=ingress"], "IngressClass", "no 'traefik'"),
        (["tlsIssuer=letsencrypt"], "ClusterIssuer", "no 'letsencrypt'"),
    ],
)
def test_what_is_named_and_not_there_is_missing(
    cli: Cli, kubeconfig: Path, choices: list[str], what: str, found: str
) -> None:
    done = doctor(cli, kubeconfig, *(flag for choice in choices for flag in ("--set", choice)))

    assert done.code == 4
    assert (line(done, what)["state"], line(done, what)["found"]) == ("missing", found)


def test_no_default_storage_class_is_missing(
    cli: Cli, server: ApiServer, kubeconfig: Path, default_class: None
) -> None:
    _mark_default(server, "false")

    found = line(doctor(cli, kubeconfig), "storage class")

    assert (found["state"], found["found"]) == ("missing", "no default; there are: standard")
    assert "--set storageClass=NAME" in found["fix"]


def test_too_few_gpus_are_a_warning(cli: Cli, kubeconfig: Path) -> None:
    done = doctor(cli, kubeconfig, "--set", "gpuCount=8", "--set", "gpuProduct=A100")

    assert done.code == 0
    assert line(done, "GPU nodes")["found"] == "none has 8 of A100; 4 GPUs in all"


def test_a_user_without_rights_learns_all_of_them(cli: Cli, kubeconfig: Path) -> None:
    done = doctor(cli, kubeconfig, "--context", "limited")

    assert done.code == 4
    found = states(done)
    assert [found[f"permission for {kind}s"] for kind in ("AppProject", "Application", "ApplicationSet")] == (
        ["missing"] * 3
    )
    assert (found["storage class"], found["GPU nodes"]) == ("unknown", "unknown")
    assert 'User "limited" cannot list resource "nodes"' in line(done, "GPU nodes")["found"]


def test_create_lists_everything_that_is_missing_before_it_writes(
    cli: Cli, bare: ApiServer, tmp_path: Path, home: Path
) -> None:
    kubeconfig = bare.kubeconfig(tmp_path / "kubeconfig")

    done = cli("create", "demo", "--owner", "acme", "--bootstrap", "--kubeconfig", kubeconfig)

    assert done.code == 4
    assert "Argo CD: AppProject, Application, ApplicationSet not served; install Argo CD" in done.err
    assert "serving.kserve.io: v1beta1 InferenceService; v1alpha1 ServingRuntime not served" in done.err
    assert not (home / "data/forge").exists()


def test_it_takes_no_longer_than_its_budget(kubeconfig: Path) -> None:
    command = [sys.executable, "-m", "kickstart", "doctor", "--kubeconfig", str(kubeconfig), "-o", "json"]
    taken = []
    for _ in range(4):  # the first fills the cache of compiled templates
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert json.loads(done.stdout)["outcome"] == "examined"

    assert min(taken) < BUDGET, taken
