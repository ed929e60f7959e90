"""What Argo CD deploys for a preview, rendered by the real Helm engine and judged by the real schemas."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from kickstart.checks.schemas import Schemas
from kickstart.cli import main
from tests.kubernetes.test_gitops import NEWEST, helm, known, manifests, refused, run

__all__ = ["helm", "known"]

DIGEST = f"sha256:{'1' * 64}"
# What argocd/previews.yaml gives to the chart, from the chart's folder.
PREVIEW = ("values-preview.yaml", "../previews/pr-42/values.yaml")


@pytest.fixture(params=["gateway", "istio"])
def repository(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree of a GitOps repository with the preview of pull request 42."""
    monkeypatch.setenv("KICKSTART_HOME", str(tmp_path / "home"))
    choices = ["--owner", "acme", "--set", f"exposure={request.param}"]
    assert main(["create", "shop", "--quiet", *choices]) == 0
    assert main(["preview", "create", "shop", "--pr", "42", "--image-digest", DIGEST]) == 0
    forge = tmp_path / "home" / "data" / "forge" / "acme" / "shop-gitops.git"
    run("git", "clone", "--quiet", str(forge), str(tmp_path / "clone"))
    return tmp_path / "clone"


def objects(helm: Path, repository: Path, namespace: str, *files: str) -> list[dict[str, Any]]:
    flags = [flag for file in files for flag in ("--values", str(repository / "helm" / file))]
    flags += ["--set", "components=core", "--kube-version", NEWEST, "--namespace", namespace]
    return list(manifests(run(str(helm), "template", "shop", str(repository / "helm"), *flags)))


def test_every_object_of_a_preview_is_valid_and_permitted(
    repository: Path, helm: Path, known: Schemas
) -> None:
    found = objects(helm, repository, "shop-pr-42", *PREVIEW)

    assert refused(found, known) == []
    (project,) = manifests((repository / "argocd" / "appproject.yaml").read_text("utf-8"))
    permitted = {(each["group"], each["kind"]) for each in project["spec"]["namespaceResourceWhitelist"]}
    kinds = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in found}
    assert kinds - permitted - {("", "Pod")} == {("", "Namespace")}  # Argo CD leaves Helm's test pod out
    (namespaces,) = project["spec"]["clusterResourceWhitelist"]
    assert fnmatch("shop-pr-42", namespaces["name"])


def test_a_preview_brings_its_namespace_and_so_takes_it_away(repository: Path, helm: Path) -> None:
    found = objects(helm, repository, "shop-pr-42", *PREVIEW)

    (namespace,) = [each for each in found if each["kind"] == "Namespace"]
    labels = namespace["metadata"]["labels"]
    mesh = (repository / "helm" / "values.yaml").read_text("utf-8").count("kind: istio")
    assert namespace["metadata"]["name"] == "shop-pr-42"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert ("istio-injection" in labels) == bool(mesh)


def argocd_annotations(manifest: dict[str, Any]) -> dict[str, str]:
    annotations = manifest["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith("argocd.argoproj.io/")}


def test_nothing_of_a_preview_waits_for_anything_else(repository: Path, helm: Path) -> None:
    found = objects(helm, repository, "shop-pr-42", *PREVIEW)
    waits = {"argocd.argoproj.io/sync-wave", "argocd.argoproj.io/hook"}

    said = [argocd_annotations(each) for each in found if each["kind"] != "Pod"]  # a test of Helm's

    assert {(key, value) for each in said for key, value in each.items() if key in waits} <= {
        ("argocd.argoproj.io/sync-wave", "0")
    }
    jobs = [each for each in found if each["kind"] == "Job"]
    assert {job["metadata"]["name"].split("-")[1] for job in jobs} == {"bucket", "migrate"}
    # Argo CD would make again what went by itself.
    assert not any("ttlSecondsAfterFinished" in job["spec"] for job in jobs)


def test_a_permanent_environment_comes_up_in_order(repository: Path, helm: Path) -> None:
    found = objects(helm, repository, "shop-dev", "values-dev.yaml", "images/dev.yaml")

    jobs = {
        each["metadata"]["name"].split("-")[1]: argocd_annotations(each)
        for each in found
        if each["kind"] == "Job"
    }
    assert {name: each["argocd.argoproj.io/hook"] for name, each in jobs.items()} == {
        "bucket": "Sync",
        "migrate": "Sync",
        "smoke": "PostSync",
    }
    assert len({argocd_annotations(each).get("argocd.argoproj.io/sync-wave") for each in found}) > 5


def test_a_permanent_environment_leaves_its_namespace_to_argo_cd(repository: Path, helm: Path) -> None:
    found = objects(helm, repository, "shop-dev", "values-dev.yaml", "images/dev.yaml")

    assert [each for each in found if each["kind"] == "Namespace"] == []


def test_a_preview_is_small_and_keeps_nothing(repository: Path, helm: Path) -> None:
    found = objects(helm, repository, "shop-pr-42", *PREVIEW)

    kinds = {each["kind"] for each in found}
    assert {"ResourceQuota", "LimitRange", "NetworkPolicy"} <= kinds
    assert not {"PersistentVolumeClaim", "ScheduledBackup", "PrometheusRule", "InferenceService"} & kinds
    assert not {"HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceMonitor"} & kinds
    guarded = [each for each in found if "confirm" in str(each["metadata"].get("annotations"))]
    assert guarded == []
    deployments = [each["spec"]["template"]["spec"] for each in found if each["kind"] == "Deployment"]
    images = {container["image"] for pod in deployments for container in pod["containers"]}
    assert images == {f"ghcr.io/acme/shop@{DIGEST}"}
    assert "shop-pr-42.example.com" in str(
        [each for each in found if each["kind"] in {"HTTPRoute", "VirtualService"}]
    )


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        ("previews/pr-42/values.yaml", lambda text: text, ""),
        ("previews/pr-42/values.yaml", lambda text: text.replace("sha256", "sha1"), "digest"),
        ("previews/pr-42/values.yaml", lambda text: text + "b: [", "previews/pr-42/values.yaml"),
        ("previews/pr-42/values.yaml", lambda text: text.replace('"72h"', "for ever"), "ttl"),
        ("environments/dev.yaml", lambda text: text + "b: [", "failed to parse environments/dev.yaml"),
        ("environments/dev.yaml", lambda text: "no mapping", "environments/dev.yaml"),
        ("environments/dev.yaml", lambda text: text.replace("server:", "sever:"), "lacks server"),
        ("environments/dev.yaml", lambda text: text.replace("t: dev", "t: prod"), "is called prod in it"),
    ],
)
def test_the_pipeline_refuses_what_would_stop_argo_cd(
    path: str, change: Callable[[str], str], said: str, repository: Path, helm: Path
) -> None:
    file = repository / path
    file.write_text(change(file.read_text("utf-8")), "utf-8")

    done = subprocess.run(
        ["make", "-C", str(repository), "environments", f"HELM={helm}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode == 0) == (not said), done.stderr
    assert said in done.stdout + done.stderr


def test_the_keys_that_are_checked_are_those_that_argo_cd_takes(repository: Path) -> None:
    text = (repository / "argocd" / "environments.yaml").read_text("utf-8")

    taken = set(re.findall(r"\.([a-zA-Z]+)", "".join(re.findall(r"{{(.*?)}}", text)))) - {"component"}

    makefile = (repository / "Makefile").read_text("utf-8")
    (checked,) = re.findall(r"list (.*) }}", makefile)
    assert set(re.findall(r'"(\w+)"', checked)) == taken
