"""What is read out of a plan, and the command where there is no cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kickstart import doctor
from kickstart.errors import PreflightError, TemplateError
from kickstart.plan import REQUIRES
from kickstart.template import catalog
from kickstart.template.elsewhere import stay_here
from kickstart.template.parameters import Form
from kickstart.tools import Kind, Ref
from tests.cli.support import Cli, cli, home, wrap_git
from tests.fakes import FakeCluster
from tests.unit.building import plan, source

__all__ = ["cli", "home"]

STORAGE = Kind("storage.k8s.io/v1", "StorageClass")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway")
ISSUER = Kind("cert-manager.io/v1", "ClusterIssuer")
STORE = Kind("external-secrets.io/v1", "SecretStore")
NODE, NAMESPACE = Kind("v1", "Node"), Kind("v1", "Namespace")
DEPLOYMENT = Kind("apps/v1", "Deployment")
INGRESS_CLASS, SCALED = Kind("networking.k8s.io/v1", "IngressClass"), Kind("keda.sh/v1alpha1", "ScaledObject")
KINDS = {
    *doctor.ARGOCD_KINDS,
    STORAGE,
    GATEWAY,
    ISSUER,
    STORE,
    NODE,
    NAMESPACE,
    DEPLOYMENT,
    INGRESS_CLASS,
    SCALED,
}

PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  destinations: [{namespace: shop-dev}, {namespace: "shop-pr-*"}]
  namespaceResourceWhitelist:
    - {group: "", kind: Service}
    - {group: keda.sh, kind: ScaledObject}
    - {group: keda.sh, kind: NeverWritten}
"""
CHART = """\
{{- if .Values.scaled }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
---
apiVersion: v1
kind: Service
---
apiVersion: serving.knative.dev/v1
kind: Service
---
apiVersion: keda.sh/v1alpha1
# Not in the project's list.
kind: TriggerAuthentication
{{- end }}
"""
STEPS = [
    {"action": "fetch:plain", "input": {"url": "./files"}},
    {"action": "publish:github", "input": {"repoUrl": "github.com?owner=acme&repo=shop"}},
]


def planned(folder: Path, requires: str = "", **values: str) -> doctor.Needs:
    properties = {"class": {"type": "string", "default": ""}}
    files = {"files/argocd/project.yaml": PROJECT, "files/chart/templates/all.yaml": CHART}
    made = source(folder, STEPS, properties=properties, files=files)
    file = folder / "template.yaml"
    text = file.read_text().replace(
        "  name: shop\n", f"  name: shop\n  annotations:\n    {REQUIRES}: |\n      {requires}\n", 1
    )
    file.write_text(text)
    return doctor.needs(plan(catalog.load(file, folder, made.origin, ""), **values))


def test_the_kinds_are_those_that_are_allowed_in_the_versions_that_are_written(tmp_path: Path) -> None:
    found = planned(tmp_path)

    assert found.kinds == (Kind("v1", "Service"), Kind("keda.sh/v1alpha1", "ScaledObject"))
    assert found.namespaces == ("shop-dev",)


def test_the_annotation_knows_the_parameters(tmp_path: Path) -> None:
    found = planned(tmp_path, "storageClass: ${{ parameters.class | dump }}", **{"class": "fast"})

    assert found.requires.storage_class == "fast"


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        ("storageClas: fast", "Extra inputs are not permitted"),
        ("gpus: many", "valid integer"),
        ("advice: {isuer: x}", "Input should be 'storageClass', 'gateway'"),
        ("a: [", "line"),
    ],
)
def test_a_wrong_annotation_is_found_at_its_line(tmp_path: Path, requires: str, said: str) -> None:
    with pytest.raises(TemplateError, match=f"the annotation {REQUIRES} is wrong") as caught:
        planned(tmp_path, requires)
    assert "template.yaml:" in caught.value.faults[0].where


def test_an_expression_that_fails_is_found_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=f"the annotation {REQUIRES} is wrong") as caught:
        planned(tmp_path, "gpus: ${{ 1 / 0 }}")
    assert "template.yaml:" in caught.value.faults[0].where


def test_without_a_cluster_the_machine_is_examined_all_the_same(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken")

    done = cli("doctor", "--kubeconfig", tmp_path / "none", "--output", "json")

    assert done.code == 4
    found = {each["what"]: (each["state"], each["fix"]) for each in done.json["checks"]}
    assert found["Git"] == ("ok", "")
    assert found["GitHub credentials"] == ("ok", "")
    assert found["cluster"] == ("missing", "name one with --kubeconfig FILE or KUBECONFIG")
    assert "t0ken" not in done.out + done.err


def test_without_git_it_says_so_in_a_line_like_all_others(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    done = cli("doctor", "--output", "json")

    assert done.code == 4
    found = {each["what"]: (each["state"], each["fix"]) for each in done.json["checks"]}
    assert found["Git"] == ("missing", "install Git 2.31 or newer, and run this again")
    assert "Helm" in found


@pytest.mark.parametrize(
    ("version", "state", "fix"),
    [
        ("2.30.9", "missing", "install Git 2.31 or newer"),
        ("2.31.0", "warning", "install Git 2.38 or newer: kickstart update needs it"),
        ("2.38.0", "ok", ""),
    ],
)
def test_an_old_git_is_named_with_what_needs_a_newer_one(
    version: str, state: str, fix: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'case "$1" in --version) echo "git version {version}";; *) exec "$real" "$@";; esac'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    done = cli("doctor", "--kubeconfig", tmp_path / "none", "--output", "json")

    found = next(each for each in done.json["checks"] if each["what"] == "Git")
    assert (found["state"], found["found"], found["fix"]) == (state, version, fix)


@pytest.mark.parametrize(("forge", "state"), [("local", "warning"), ("github", "missing")])
def test_credentials_for_github_are_needed_where_it_is_the_forge(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forge: str, state: str
) -> None:
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kickstart.cli.credentials._from_gh", lambda host: None)  # not this machine's own

    done = cli("doctor", "--forge", forge, "--kubeconfig", tmp_path / "none", "--output", "json")

    found = next(each for each in done.json["checks"] if each["what"] == "GitHub credentials")
    assert (found["state"], found["found"]) == (state, "there are no credentials for github.com")


def test_the_table_says_how_to_fix_each_line(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", "--kubeconfig", tmp_path / "none")

    assert "missing  cluster             there is no kubeconfig: " in done.out
    assert "                             name one with --kubeconfig FILE or KUBECONFIG\n" in done.out
    assert "Error: 1 requirement is not met" in done.err


def test_every_rule_says_what_is_there_or_what_to_do() -> None:
    cluster = FakeCluster(set(KINDS))
    cluster.found = {
        Ref(STORAGE, "slow"): {"metadata": {"name": "slow"}},
        Ref(GATEWAY, "public", "web"): _with_condition("public", "Programmed", "False", "no address"),
        Ref(ISSUER, "acme"): _with_condition("acme", "Ready", "False", "no account"),
        Ref(NODE, "one"): {"metadata": {"name": "one"}, "status": {"allocatable": {"nvidia.com/gpu": "1"}}},
        Ref(STORE, "vault", "shop-dev"): _with_condition("vault", "Ready", "False", "sealed"),
        Ref(NAMESPACE, "shop-dev"): {
            "metadata": {"name": "shop-dev", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}
        },
        Ref(DEPLOYMENT, "argocd-server", "argocd"): {
            "metadata": {"name": "argocd-server", "labels": {"app.kubernetes.io/part-of": "argocd"}},
            "spec": {"template": {"spec": {"containers": [{"image": "registry.test/argocd:v3.2.9"}]}}},
        },
    }
    cluster.git_version = "v1.29.4+k3s1"
    requires = doctor.Requires.model_validate(
        {
            "kubernetes": "1.30",
            "argocd": "3.3",
            "storageClass": "fast",
            "gateway": "web/public",
            "ingressClass": "nginx",
            "issuer": "acme",
            "gpus": 2,
            "podSecurity": "restricted",
        }
    )
    needed = (STORE, Kind("autoscaling/v2", "HorizontalPodAutoscaler"), Kind("keda.sh/v1", "ScaledObject"))

    checks = doctor.examine(cluster, doctor.Needs(requires, needed, ("shop-dev",)), "argocd")

    assert [(each.what, each.state.value, each.found) for each in checks] == [
        ("Kubernetes", "missing", "v1.29.4+k3s1"),
        ("Argo CD", "missing", "3.2.9"),
        ("permission for AppProjects", "ok", "in argocd"),
        ("permission for Applications", "ok", "in argocd"),
        ("permission for ApplicationSets", "ok", "in argocd"),
        ("external-secrets.io", "ok", "v1 SecretStore"),
        ("keda.sh", "missing", "v1 ScaledObject not served; served: keda.sh/v1alpha1"),
        ("storage class", "missing", "no 'fast'; there are: slow"),
        ("Gateway", "warning", "web/public: no address"),
        ("IngressClass", "missing", "no 'nginx'"),
        ("ClusterIssuer", "warning", "acme: no account"),
        ("GPU nodes", "warning", "none has 2; 1 GPUs in all"),
        ("metrics server", "warning", "metrics.k8s.io/v1beta1 not served"),
        ("SecretStore shop-dev/vault", "warning", "sealed"),
        ("Pod Security of shop-dev", "warning", "baseline"),
    ]
    assert all(each.fix for each in checks if each.state is not doctor.State.OK)
    with pytest.raises(PreflightError) as caught:
        doctor.require(checks)
    assert [fault.where for fault in caught.value.faults] == [
        each.what for each in checks if each.state is doctor.State.MISSING
    ]


def test_what_a_template_advises_stands_beside_what_is_usual(tmp_path: Path) -> None:
    cluster = FakeCluster(set(KINDS))
    requires = planned(tmp_path, "{issuer: acme, storageClass: fast, advice: {issuer: or --set caName=NAME}}")

    checks = {each.what: each.fix for each in doctor.examine(cluster, requires, "argocd")}

    assert checks["ClusterIssuer"] == "make it; or --set caName=NAME"
    assert checks["storage class"] == "make it"  # nothing here knows a template's parameters


def test_rag_chatbot_advises_by_parameters_that_it_has() -> None:
    found = catalog.find("rag-chatbot", stay_here)
    advice = found.template.metadata.annotations[REQUIRES].partition("advice:")[2]

    named = set(re.findall(r"--set (\w+)=", advice))

    assert named == {
        *("storageClass", "tlsIssuer", "gatewayName", "gatewayNamespace", "istioGateway"),
        *("ingressClass", "modelMode"),
    }
    assert named <= set(Form(found.template.spec.parameters).properties)


def test_what_may_not_be_looked_at_is_unknown_and_stops_nothing() -> None:
    cluster = FakeCluster(set(KINDS), denied={"Node", "Deployment", "StorageClass", "Application"})
    requires = doctor.Requires.model_validate({"gpus": 1, "storageClass": ""})

    checks = doctor.examine(cluster, doctor.Needs(requires, (), ()), "argocd")

    assert {each.what: each.state.value for each in checks} == {
        "Kubernetes": "ok",
        "Argo CD": "unknown",
        "permission for AppProjects": "ok",
        "permission for Applications": "missing",
        "permission for ApplicationSets": "ok",
        "storage class": "unknown",
        "GPU nodes": "unknown",
    }


def _with_condition(name: str, type_: str, status: str, message: str) -> dict[str, Any]:
    conditions = [{"type": type_, "status": status, "message": message}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}
