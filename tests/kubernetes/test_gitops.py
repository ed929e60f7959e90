"""The GitOps repository of rag-chatbot: the real Helm renders it, and `kickstart validate` judges it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kickstart import folders
from kickstart.checks import cel, repository
from kickstart.checks.findings import Report
from kickstart.checks.manifest import Manifest, documents, load
from kickstart.checks.schemas import Problem, Schemas
from kickstart.cli import main
from kickstart.tools.helm import HelmProgram
from kickstart.tree import Tree
from tests.charts import all_schemas, found, helm_program

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
OLDEST, NEWEST = "1.30", "1.37"  # of Kubernetes: the chart's own bound, and what there are schemas of
# Rules that compare with the object in the cluster: there is none here.
COMPARING = {"a rule of Database: self == oldSelf", "a rule of ScheduledBackup: self == oldSelf"}


@pytest.fixture(scope="session")
def known() -> Schemas:
    return all_schemas()


@pytest.fixture(scope="session")
def helm() -> Path:
    return helm_program()


def rendered(folder: Path, choices: list[str]) -> Path:
    flags = [flag for choice in choices for flag in ("--set", choice)]
    assert main(["render", "my-chatbot", "--owner", "acme", "--quiet", "-d", str(folder), *flags]) == 0
    return folder / "my-chatbot-gitops"


def checked(repository_: Path, known: Schemas, helm: Path) -> Report:
    return repository.check(Tree(folders.Files(repository_)), known, HelmProgram(helm))


def refused(made: list[dict[str, Any]], known: Schemas) -> list[str]:
    """Return what a cluster would refuse of some objects."""
    faults = []
    for value in made:
        manifest = Manifest(value, "", "rendered")
        for version in (OLDEST, NEWEST):
            problems = known.problems(manifest, version)
            assert isinstance(problems, list), f"NOT CHECKED: {manifest}"
            faults += [f"{manifest} in {version}: {each.message}" for each in problems]
        judged = cel.evaluate(known.rules(manifest), value)
        faults += [f"{manifest}: {each.message}" for each in judged if isinstance(each, Problem)]
    return faults


def run(*command: object) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environments(repository_: Path) -> list[str]:
    return sorted(file.stem.removeprefix("values-") for file in (repository_ / "helm").glob("values-*.yaml"))


def values_flags(repository_: Path, environment: str) -> list[str]:
    chart = repository_ / "helm"
    files = [chart / f"values-{environment}.yaml", chart / "images" / f"{environment}.yaml"]
    return [flag for file in files if file.is_file() for flag in ("--values", str(file))]


def objects(helm: Path, repository_: Path, environment: str, *flags: str) -> list[dict[str, Any]]:
    """Return what Helm makes of the chart in an environment."""
    command = [helm, "template", "my-chatbot", repository_ / "helm", "--namespace", "my-chatbot"]
    return list(manifests(run(*command, *values_flags(repository_, environment), *flags)))


def manifests(text: str) -> Iterator[dict[str, Any]]:
    for _, part in documents(text):
        value = load(part)
        if value:
            yield value


@pytest.mark.slow
@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_nothing_is_found_in_any_environment(
    choices: list[str], tmp_path: Path, known: Schemas, helm: Path
) -> None:
    repository_ = rendered(tmp_path, choices)

    report = checked(repository_, known, helm)

    assert found(report) == []
    assert {each.what for each in report.unchecked} <= COMPARING
    assert (report.charts, report.environments) == (("helm",), len(environments(repository_)))
    assert report.versions == (OLDEST, NEWEST)
    assert report.objects > 25 * report.environments
    assert report.suppressed == 10  # the log agents of platform/, each with its reason


@pytest.mark.slow
def test_helm_lint_has_nothing_to_say(tmp_path: Path, helm: Path) -> None:
    repository_ = rendered(tmp_path, [])

    for environment in environments(repository_):
        flags = values_flags(repository_, environment)
        run(helm, "lint", "--strict", "--quiet", repository_ / "helm", *flags)


def test_the_chart_refuses_a_misspelt_value(tmp_path: Path, helm: Path) -> None:
    repository_ = rendered(tmp_path, [])
    command = [str(helm), "template", "x", str(repository_ / "helm"), "--set", "replicaCuont=3"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "replicaCuont" in done.stderr


def test_an_autoscaled_deployment_names_no_replicas(tmp_path: Path, helm: Path) -> None:
    repository_ = rendered(tmp_path, [])

    for environment in environments(repository_):
        for kind in ("none", "hpa", "keda"):
            made = objects(helm, repository_, environment, "--set", f"autoscaling.kind={kind}")

            (app,) = (each for each in made if _is(each, "Deployment", "my-chatbot-app"))
            assert ("replicas" in app["spec"]) == (kind == "none"), (environment, kind)


def test_the_chart_asks_for_no_right_in_the_cluster_and_for_no_secret(tmp_path: Path, helm: Path) -> None:
    repository_ = rendered(tmp_path, [])

    for environment in environments(repository_):
        made = objects(helm, repository_, environment, "--set", "rbac.watchConfig=true")

        assert not {each["kind"] for each in made} & {"ClusterRole", "ClusterRoleBinding"}
        (role,) = (each for each in made if each["kind"] == "Role")
        assert role["rules"] == [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": ["my-chatbot-app"],
                "verbs": ["get", "watch"],
            }
        ]


def test_data_is_guarded_but_in_previews(tmp_path: Path, helm: Path) -> None:
    repository_ = rendered(tmp_path, ["environments=dev,stage,prod"])

    guarded = {}
    for environment in environments(repository_):
        made = objects(helm, repository_, environment)
        (cluster,) = (each for each in made if _is(each, "Cluster", "my-chatbot-pg"))
        options = cluster["metadata"]["annotations"].get("argocd.argoproj.io/sync-options", "")
        guarded[environment] = "Prune=confirm" in options and "Delete=confirm" in options

    assert guarded == {"dev": True, "preview": False, "prod": True, "stage": True}


def test_the_database_lets_in_its_operator_and_the_application_alone(tmp_path: Path, helm: Path) -> None:
    """Without the operator's two ports the cluster hangs while it makes its first replica."""
    repository_ = rendered(tmp_path, [])

    made = objects(helm, repository_, "prod", "--set", "postgres.pooler.enabled=false")

    (policy,) = (each for each in made if _is(each, "NetworkPolicy", "my-chatbot-pg"))
    callers = {
        str(peer.get("namespaceSelector") or peer["podSelector"]): sorted(
            port["port"] for port in rule["ports"]
        )
        for rule in policy["spec"]["ingress"]
        for peer in rule["from"]
    }
    operator = "{'matchLabels': {'kubernetes.io/metadata.name': 'cnpg-system'}}"
    assert callers[operator] == [5432, 8000]
    components = {text for text in callers if "app.kubernetes.io/component" in text}
    assert components and not [text for text in components if "frontend" in text]


def _is(manifest: dict[str, Any], kind: str, name: str) -> bool:
    return (manifest["kind"], manifest["metadata"]["name"]) == (kind, name)


def test_argo_cd_reads_the_repository_that_was_published(tmp_path: Path) -> None:
    forge = tmp_path / "forge"
    assert main(["create", "my-chatbot", "--owner", "acme", "--forge", f"local:{forge}", "--quiet"]) == 0
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", forge / "acme" / "my-chatbot-gitops.git", clone)

    (application,) = manifests((clone / "argocd" / "application.yaml").read_text("utf-8"))

    spec = application["spec"]
    sources = spec.get("sources") or [spec["source"]]
    assert application["metadata"]["name"] == "my-chatbot-bootstrap"
    assert {source["repoURL"] for source in sources} == {(forge / "acme" / "my-chatbot-gitops.git").as_uri()}
