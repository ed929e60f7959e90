"""What kickstart publishes, deployed and taken away by a real Argo CD: make test-argocd."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from tests.argocd.serving import STUCK, WELL, ArgoCd, Operators
from tests.cli.support import Cli, Result
from tests.cluster.serving import ApiServer
from tests.github import answers
from tests.github.fake import FakeGithub
from tests.github.support import TOKEN

DIGEST = f"sha256:{'1' * 64}"

Run = Callable[..., Result]


@pytest.fixture
def kickstart(
    cli: Cli, argocd: ArgoCd, github: FakeGithub, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Kickstart, which publishes to a GitHub that Argo CD reads, and knows the cluster."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    def run(command: str, name: str, *more: str) -> Result:
        return cli(*command.split(), name, "--forge", "github", "--owner", "acme", *more)

    return run


@pytest.fixture
def project(kickstart: Run, server: ApiServer, name: str) -> Iterator[str]:
    """A project of one environment that Argo CD follows, and of which nothing will ever be healthy."""
    with Operators(server, STUCK):
        created = kickstart(
            "create", name, "--visibility", "public", "--bootstrap", "--set", "environments=dev"
        )
        assert created.code == 0, created.err
        yield name


def phase(argocd: ArgoCd, application: str) -> str:
    phase: str = argocd.applications().get(application, {}).get("operationState", {}).get("phase", "")
    return phase


def test_a_project_becomes_healthy_and_create_waits_for_it(
    kickstart: Run, argocd: ArgoCd, server: ApiServer, name: str
) -> None:
    with Operators(server, WELL):
        done = kickstart(
            *("create", name, "--visibility", "public", "--bootstrap", "--set", "environments=dev"),
            *("--wait", "--timeout", "9m"),
        )

        assert done.code == 0, done.err + argocd.logs()
        status = kickstart("status", name, "--output", "json")
    assert status.code == 0, status.err
    found = argocd.applications()
    assert {f"{name}-bootstrap", f"{name}-dev-model"} <= found.keys()
    for application in (f"{name}-bootstrap", f"{name}-dev-model"):
        assert found[application]["sync"]["status"] == "Synced"
        assert found[application]["health"]["status"] == "Healthy"
        # What two Applications claim, or a project does not permit, would be said here.
        assert not found[application].get("conditions")


def test_a_broken_preview_holds_up_no_other_one(
    kickstart: Run, argocd: ArgoCd, project: str, github: FakeGithub, tmp_path: Path
) -> None:
    for number in ("1", "2"):
        assert kickstart("preview create", project, "--pr", number, "--image-digest", DIGEST).code == 0
    clone = tmp_path / "clone"
    git("clone", str(github.repositories[f"acme/{project}-gitops"].git_dir), str(clone))
    (clone / "previews/pr-1/values.yaml").write_text("image: [broken\n")
    git("-C", str(clone), "commit", "--all", "--message", "Break it")
    git("-C", str(clone), "push")
    argocd.pushed()
    first, second = f"{project}-pr-1", f"{project}-pr-2"

    argocd.until(lambda: phase(argocd, second) == "Succeeded")
    argocd.until(lambda: argocd.applications()[first].get("conditions"))

    assert first not in argocd.namespaces()
    assert "previews/pr-1/values.yaml" in argocd.applications()[first]["conditions"][0]["message"]
    for number in ("1", "2"):
        assert kickstart("preview delete", project, "--pr", number).code == 0
    argocd.pushed()
    argocd.until(lambda: not {first, second} & argocd.applications().keys())
    argocd.until(lambda: second not in argocd.namespaces())


def test_a_preview_that_is_never_healthy_goes_with_everything_in_its_namespace(
    kickstart: Run, argocd: ArgoCd, server: ApiServer, project: str
) -> None:
    preview = f"{project}-pr-7"
    assert kickstart("preview create", project, "--pr", "7", "--image-digest", DIGEST).code == 0
    argocd.pushed()
    argocd.until(lambda: phase(argocd, preview) == "Succeeded")
    made = {each["kind"] for each in argocd.applications()[preview]["resources"]}
    assert {"Namespace", "ResourceQuota", "Deployment", "Job", "Cluster"} <= made

    assert kickstart("preview delete", project, "--pr", "7").code == 0
    argocd.pushed()

    argocd.until(lambda: preview not in argocd.applications())
    argocd.until(lambda: preview not in argocd.namespaces())
    assert f"{project}-bootstrap" in argocd.applications()
    assert f"{project}-dev" in argocd.namespaces()


def test_a_project_whose_sync_never_ends_can_be_deleted(
    kickstart: Run, argocd: ArgoCd, server: ApiServer, project: str
) -> None:
    argocd.until(lambda: phase(argocd, f"{project}-bootstrap") == "Running")
    argocd.until(lambda: phase(argocd, f"{project}-dev-model") == "Running")

    done = kickstart("delete", project, "--yes", "--delete-data", "--timeout", "4m")

    assert done.code == 0, done.err + argocd.logs()
    assert not [each for each in argocd.applications() if each.startswith(project)]
    left = server.ask("GET", f"/api/v1/namespaces/{project}-dev/serviceaccounts")["items"]
    assert left == []


def test_argo_cd_looks_for_labelled_pull_requests_by_itself(
    argocd: ArgoCd, server: ApiServer, project: str, github: FakeGithub, tmp_path: Path
) -> None:
    source, gitops = (github.repositories[f"acme/{each}"] for each in (project, f"{project}-gitops"))
    git("clone", str(source.git_dir), str(tmp_path / "source"))
    git("-C", str(tmp_path / "source"), "commit", "--allow-empty", "--message", "Try it")
    git("-C", str(tmp_path / "source"), "push", "origin", "HEAD:feature")
    asked = {"title": "Try it", "body": "", "head": "feature", "base": "main"}
    opened = urllib3.request(
        "POST",
        f"{github.url}/api/v3/repos/acme/{project}/pulls",
        headers={"Authorization": f"Bearer {TOKEN}"},
        json=asked,
    )
    assert opened.status == 201, opened.data
    (pull,) = source.pulls
    git("clone", str(gitops.git_dir), str(tmp_path / "gitops"))
    generator = (tmp_path / "gitops/argocd/optional/pull-requests.yaml").read_text("utf-8")
    assert "# tokenRef" in generator  # as its comment says, for what not everybody may read
    server.kubectl(
        "create", "secret", "generic", f"{project}-github", "-n", "argocd", f"--from-literal=token={TOKEN}"
    )
    server.kubectl("apply", "-f", "-", stdin=generator.replace("# tokenRef", "tokenRef"))
    preview = f"{project}-pr-1"
    argocd.until(lambda: _is_well(argocd, f"{project}-pull-requests"))
    assert preview not in argocd.applications()

    label = answers.label(f"{github.url}/api/v3/repos/acme/{project}", "preview")
    pull["labels"] = [{**label, "description": "Give it an environment"}]
    argocd.pushed()

    argocd.until(lambda: phase(argocd, preview) == "Succeeded")
    deployed = server.ask("GET", f"/apis/apps/v1/namespaces/{preview}/deployments/{project}-app")
    image = deployed["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"ghcr.io/acme/{project}:{pull['head']['sha']}"

    pull["state"] = "closed"
    argocd.pushed()

    argocd.until(lambda: preview not in argocd.applications())
    argocd.until(lambda: preview not in argocd.namespaces())


def _is_well(argocd: ArgoCd, name: str) -> bool:
    """Tell whether an ApplicationSet has made all its Applications."""
    found = next(each for each in argocd.objects("applicationsets") if each["metadata"]["name"] == name)
    said = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
    return said.get("ResourcesUpToDate") == "True"


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)
