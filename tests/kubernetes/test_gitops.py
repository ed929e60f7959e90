"""The GitOps repository of rag-chatbot: the real Helm engine renders it, the real schemas judge it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from kickstart.cli import main
from scripts import tools
from tests.kubernetes.schemas import CustomResources, manifests

ROOT = Path(__file__).parents[2]
CRDS = Path(os.environ.get("KICKSTART_TEST_CRDS") or ROOT.parent / "shared" / "crds")
OLDEST, NEWEST = "1.31", "1.37"  # of Kubernetes; the oldest that the schemas' package has

CHOICES = {
    "defaults": [],
    "istio": ["exposure=istio"],
    "ingress": ["exposure=ingress", "tlsIssuer=letsencrypt"],
    "not exposed": ["exposure=none"],
    "external model": ["modelMode=external", "modelEndpoint=https://models.example.com"],
    "no model": ["modelMode=mock"],
    "seaweedfs": ["objectStore=seaweedfs"],
    "minio": ["objectStore=minio"],
    "existing secrets": ["secretsProvider=existing"],
    "bare": ["frontend=false", "monitoring=false", "networkPolicies=false", "authentication=none"],
    "every environment": ["environments=dev,stage,prod", "storageClass=fast", "gpuProduct=A100"],
    "external embeddings": ["embeddings=endpoint", "embeddingsEndpoint=https://embed.example.com"],
}


@pytest.fixture(scope="session")
def helm() -> Path:
    found = shutil.which("helm")
    if found:
        return Path(found)
    try:
        return tools.helm()
    except tools.UnavailableError as error:
        pytest.skip(f"NOT CHECKED: the chart was not rendered, since {error}")


@pytest.fixture(scope="session")
def custom_resources() -> CustomResources:
    if not CRDS.is_dir():
        pytest.skip(f"NOT CHECKED: custom resources have no schemas, since {CRDS} does not exist")
    return CustomResources(CRDS)


def rendered(folder: Path, choices: list[str]) -> Path:
    flags = [flag for choice in choices for flag in ("--set", choice)]
    assert main(["render", "my-chatbot", "--owner", "acme", "--quiet", "-d", str(folder), *flags]) == 0
    return folder / "my-chatbot-gitops"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environments(repository: Path) -> list[str]:
    return sorted(file.stem.removeprefix("values-") for file in (repository / "helm").glob("values-*.yaml"))


def values_flags(repository: Path, environment: str) -> list[str]:
    chart = repository / "helm"
    files = [chart / f"values-{environment}.yaml", chart / "images" / f"{environment}.yaml"]
    return [flag for file in files if file.is_file() for flag in ("--values", str(file))]


def objects(helm: Path, repository: Path, environment: str) -> list[dict[str, Any]]:
    flags = [*values_flags(repository, environment), "--kube-version", NEWEST, "--namespace", "my-chatbot"]
    return list(manifests(run(str(helm), "template", "my-chatbot", str(repository / "helm"), *flags)))


def problems(found: list[dict[str, Any]], custom: CustomResources) -> list[str]:
    faults: list[str] = []
    for manifest in found:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if custom.knows(manifest):
            faults += [f"{name}: {problem}" for problem in custom.problems(manifest)]
            continue
        for version in (OLDEST, NEWEST):
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                faults.append(f"{name} in {version}: {error.message}")
    return faults


@pytest.mark.slow
@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_every_object_of_every_environment_is_valid(
    choices: list[str], tmp_path: Path, helm: Path, custom_resources: CustomResources
) -> None:
    repository = rendered(tmp_path, choices)

    for environment in environments(repository):
        found = objects(helm, repository, environment)

        names = Counter((each["kind"], each["metadata"]["name"]) for each in found)
        assert [name for name, count in names.items() if count > 1] == []
        assert len(found) > 5
        assert problems(found, custom_resources) == []


@pytest.mark.slow
def test_helm_lint_has_nothing_to_say(tmp_path: Path, helm: Path) -> None:
    repository = rendered(tmp_path, [])

    for environment in environments(repository):
        flags = values_flags(repository, environment)
        run(str(helm), "lint", "--strict", "--quiet", str(repository / "helm"), *flags)


def test_the_chart_refuses_a_misspelt_value(tmp_path: Path, helm: Path) -> None:
    repository = rendered(tmp_path, [])
    command = [str(helm), "template", "x", str(repository / "helm"), "--set", "replicaCuont=3"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "replicaCuont" in done.stderr


@pytest.mark.parametrize(
    "choices", [CHOICES["defaults"], CHOICES["every environment"]], ids=["default", "all"]
)
def test_the_argo_cd_resources_are_valid(
    choices: list[str], tmp_path: Path, custom_resources: CustomResources
) -> None:
    repository = rendered(tmp_path, choices)
    files = [*(repository / "argocd").rglob("*.yaml"), repository / "external-secrets.yaml"]

    found = [manifest for file in files for manifest in manifests(file.read_text("utf-8"))]

    kinds = {manifest["kind"] for manifest in found}
    assert {"AppProject", "Application", "ApplicationSet", "SecretStore"} <= kinds
    assert problems(found, custom_resources) == []


def test_argo_cd_reads_the_repository_that_was_published(tmp_path: Path) -> None:
    forge = tmp_path / "forge"
    assert main(["create", "my-chatbot", "--owner", "acme", "--forge", f"local:{forge}", "--quiet"]) == 0
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", str(forge / "acme" / "my-chatbot-gitops.git"), str(clone))

    (application,) = manifests((clone / "argocd" / "application.yaml").read_text("utf-8"))

    spec = application["spec"]
    sources = spec.get("sources") or [spec["source"]]
    assert application["metadata"]["name"] == "my-chatbot-bootstrap"
    assert {source["repoURL"] for source in sources} == {(forge / "acme" / "my-chatbot-gitops.git").as_uri()}


def test_a_wrong_field_in_a_custom_resource_is_found(custom_resources: CustomResources) -> None:
    misplaced = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "llama"},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "vLLM"}}}, "resources": {}},
    }
    dropped = {
        "apiVersion": "external-secrets.io/v1beta1",
        "kind": "ExternalSecret",
        "metadata": {"name": "x"},
    }

    assert "resources" in custom_resources.problems(misplaced)[0]
    assert custom_resources.problems(dropped) == [
        "external-secrets.io/v1beta1 of ExternalSecret is not served"
    ]
