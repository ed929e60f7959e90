"""`kickstart delete` and `kickstart status` of a project that is on a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstart.tools.kubernetes import KubernetesCluster
from tests.cli.support import Cli
from tests.cluster.serving import ApiServer
from tests.cluster.test_create import create, served_forge, versions
from tests.cluster.test_removal import argo_cd
from tests.cluster.test_waiting import HEALTHY, say

__all__ = ["served_forge"]


@pytest.fixture(autouse=True)
def reachable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Git find in the forge's folder what is served at its address."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{home}/data/forge/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://forge.test/")


@pytest.fixture
def project(cli: Cli, kubeconfig: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project that a run on this machine has put on the cluster of the context `test`."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    done = cli(*create(name, kubeconfig, "--set", "environments=dev"))
    assert done.code == 0, done.err
    return name


def everything(name: str) -> str:
    sets = f"ApplicationSet argocd/{name}, ApplicationSet argocd/{name}-previews"
    return f"{sets}, Application argocd/{name}-bootstrap, AppProject argocd/{name}"


def test_a_project_leaves_its_cluster_before_its_repositories_go(
    cli: Cli, server: ApiServer, cluster: KubernetesCluster, project: str
) -> None:
    with argo_cd(server):
        done = cli("delete", project, "--yes", "--output", "json")

    assert done.code == 0, done.err
    assert [(each["target"], each["change"]) for each in done.json["removals"]] == [
        (f"{project} on the cluster test", "delete"),
        (f"repository acme/{project}-gitops", "archive"),
        (f"repository acme/{project}", "archive"),
    ]
    assert done.json["removals"][0]["facts"] == {"deleted": everything(project)}
    assert versions(cluster, project) == {}
    assert cli("delete", project, "--yes").code == 0


def test_a_dry_run_names_every_object_and_deletes_none(
    cli: Cli, cluster: KubernetesCluster, project: str
) -> None:
    before = versions(cluster, project)

    done = cli("delete", project, "--dry-run")

    assert done.code == 0
    assert f"delete  {project} on the cluster test ({everything(project)})\n" in done.out
    assert versions(cluster, project) == before


def test_what_does_not_go_in_time_keeps_the_repositories(
    cli: Cli, server: ApiServer, project: str, home: Path
) -> None:
    with argo_cd(server, broken=f"{project}-bootstrap"):
        done = cli("delete", project, "--yes", "--timeout", "3s")

    assert done.code == 7
    assert f"Application argocd/{project}-bootstrap: waits for resources-finalizer" in done.err
    assert (home / f"data/forge/acme/{project}.git").is_dir()
    with argo_cd(server):
        assert cli("delete", project, "--yes").code == 0


def test_the_cluster_can_be_left_alone(cli: Cli, cluster: KubernetesCluster, project: str) -> None:
    before = versions(cluster, project)

    assert cli("delete", project, "--yes", "--no-cluster").code == 0

    assert versions(cluster, project) == before


def test_data_needs_a_word_of_its_own(cli: Cli, server: ApiServer, project: str, home: Path) -> None:
    database = {"kind": "Cluster", "namespace": "x", "name": "db", "requiresDeletionConfirmation": True}
    say(server, f"{project}-bootstrap", {**HEALTHY, "resources": [{"version": "v1", **database}]})

    done = cli("delete", project, "--yes")

    assert done.code == 2
    assert f"Application argocd/{project}-bootstrap: holds Cluster x/db" in done.err
    assert "--delete-data" in done.err
    assert (home / f"data/forge/acme/{project}.git").is_dir()
    with argo_cd(server):
        assert cli("delete", project, "--yes", "--delete-data").code == 0


def test_a_project_without_a_cluster_asks_for_none(
    cli: Cli, kubeconfig: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    assert cli("create", name, "--owner", "acme").code == 0

    assert cli("status", name).code == 0
    assert cli("delete", name, "--yes").code == 0


def test_status_shows_what_is_on_the_cluster(cli: Cli, server: ApiServer, project: str) -> None:
    deployment = {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "x", "name": "app"}
    status = {**HEALTHY, "resources": [{**deployment, "status": "Synced", "health": {"status": "Healthy"}}]}
    say(server, f"{project}-bootstrap", status)

    text = cli("status", project)
    result = cli("status", project, "--output", "json").json

    assert f"{project}-bootstrap  Synced  Healthy\n  Deployment app" in text.out
    assert result["applications"] == [
        {
            "name": f"{project}-bootstrap",
            "sync": "Synced",
            "health": "Healthy",
            "message": "",
            "resources": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "namespace": "x",
                    "name": "app",
                    "sync": "Synced",
                    "health": "Healthy",
                    "message": "",
                }
            ],
        }
    ]
    assert result["trouble"] == f"ApplicationSet {project}: has not made its Applications yet"


def test_status_watches_until_time_is_over(cli: Cli, project: str) -> None:
    done = cli("status", project, "--watch", "--timeout", "1s")

    assert done.code == 7
    assert f"Application {project}-bootstrap: Unknown, Unknown" in done.err


def test_a_cluster_that_does_not_answer_keeps_nothing_else_from_being_shown(
    cli: Cli, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")

    done = cli("status", project)

    assert done.code == 0
    assert f"ours      acme/{project}: as it was rendered" in done.out
    assert "not looked at: there is no kubeconfig" in done.out
    assert cli("status", project, "--watch").code == 4


def test_watching_needs_a_cluster(cli: Cli, name: str) -> None:
    assert cli("create", name, "--owner", "acme").code == 0

    done = cli("status", name, "--watch")

    assert done.code == 2
    assert "on no cluster" in done.err
