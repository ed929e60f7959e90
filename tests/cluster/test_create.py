"""`kickstart create --bootstrap` as users run it, against a real API server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kickstart.errors import KickstartError
from kickstart.tools import Kind, Ref, Repository, kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from kickstart.tools.local_forge import LocalAddress
from tests.cli.support import Cli
from tests.cluster.serving import ApiServer
from tests.cluster.test_bootstrap import url_of

ARGOCD = "argoproj.io/v1alpha1"
KINDS = ("AppProject", "Application", "ApplicationSet")

# As `kickstart`, with a local forge whose repositories a cluster reaches, and a run that is killed
# right after it has written KILLED_AFTER objects.
RUN = """
import os, signal, sys
from kickstart.cli import main
from kickstart.tools.kubernetes import KubernetesCluster
from kickstart.tools.local_forge import LocalAddress

LocalAddress.clone_url = lambda self, repository: f"https://forge.test/{repository}.git"
left = int(os.environ.get("KILLED_AFTER", "-1"))
apply = KubernetesCluster.apply

def applied(self, manifest):
    global left
    done = apply(self, manifest)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

KubernetesCluster.apply = applied
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def served_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local forge whose repositories are served at an address that a cluster reaches."""

    def clone_url(self: LocalAddress, repository: Repository) -> str:
        return f"https://forge.test/{repository}.git"

    monkeypatch.setattr(LocalAddress, "clone_url", clone_url)


def create(name: str, kubeconfig: Path, *more: str) -> list[str]:
    owner = ["--owner", "acme", "--visibility", "public"]
    return ["create", name, *owner, "--bootstrap", "--kubeconfig", str(kubeconfig), *more]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def versions(cluster: KubernetesCluster, name: str) -> dict[str, str]:
    """Return what Argo CD has of a project, with the version of each."""
    return {
        f"{kind} {each['metadata']['name']}": each["metadata"]["resourceVersion"]
        for kind in KINDS
        for each in cluster.objects(Kind(ARGOCD, kind), "argocd")
        if each["metadata"].get("annotations", {}).get("kickstart/project") == name
    }


def test_argo_cd_follows_the_project_and_the_second_run_writes_nothing(
    cli: Cli, cluster: KubernetesCluster, kubeconfig: Path, name: str
) -> None:
    first = cli(*create(name, kubeconfig))
    made = versions(cluster, name)
    second = cli(*create(name, kubeconfig))

    assert first.code == 0, first.err
    assert first.err.splitlines()[-7:] == [
        f"created  repository acme/{name}",
        f"created  repository acme/{name}-gitops",
        f"unchanged  access of Argo CD to {url_of(name)}",
        f"created  AppProject argocd/{name}",
        f"created  Application argocd/{name}-bootstrap",
        f"created  ApplicationSet argocd/{name}",
        f"created  ApplicationSet argocd/{name}-previews",
    ]
    assert list(made) == [
        f"AppProject {name}",
        f"Application {name}-bootstrap",
        f"ApplicationSet {name}",
        f"ApplicationSet {name}-previews",
    ]
    assert second.code == 0
    assert f"{name} is unchanged" in second.out
    assert versions(cluster, name) == made


def test_a_dry_run_shows_the_objects_and_writes_nothing(
    cli: Cli, cluster: KubernetesCluster, kubeconfig: Path, name: str, home: Path
) -> None:
    done = cli(*create(name, kubeconfig, "--dry-run"))

    assert done.code == 0, done.err
    assert f"create  Application argocd/{name}-bootstrap (on test)\n" in done.out
    assert versions(cluster, name) == {}
    assert not (home / "data/forge").exists()


def test_without_being_asked_no_cluster_is_touched(
    cli: Cli, cluster: KubernetesCluster, kubeconfig: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    assert cli("create", name, "--owner", "acme").code == 0
    monkeypatch.setenv("KICKSTART_CONTEXT", "test")
    assert cli("create", f"{name}-b", "--owner", "acme", "--no-bootstrap").code == 0

    assert versions(cluster, name) == versions(cluster, f"{name}-b") == {}


def test_a_context_of_the_settings_is_used(
    cli: Cli, cluster: KubernetesCluster, kubeconfig: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("KICKSTART_CONTEXT", "test")

    assert cli("create", name, "--owner", "acme", "--visibility", "public").code == 0

    assert len(versions(cluster, name)) == 4


def test_another_namespace_of_argo_cd(
    cli: Cli, server: ApiServer, cluster: KubernetesCluster, kubeconfig: Path, name: str
) -> None:
    server.kubectl("create", "namespace", f"argo-{name}")

    assert cli(*create(name, kubeconfig, "--argocd-namespace", f"argo-{name}")).code == 0

    found = cluster.get(Ref(Kind(ARGOCD, "Application"), f"{name}-bootstrap", f"argo-{name}"))
    assert found is not None
    assert versions(cluster, name) == {}


def test_a_user_without_rights_learns_it_before_anything_is_published(
    cli: Cli, kubeconfig: Path, name: str, home: Path
) -> None:
    done = cli(*create(name, kubeconfig, "--context", "limited"))

    assert done.code == 4
    assert "permission for AppProjects: not in argocd: get, create, patch" in done.err
    assert "permission for ApplicationSets: not in argocd: get, create, patch" in done.err
    assert not (home / "data/forge").exists()


def test_a_folder_as_forge_is_said_so_before_anything_is_published(
    cli: Cli, kubeconfig: Path, name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("KICKSTART_HOME", str(home))

    done = cli(*create(name, kubeconfig))

    assert done.code == 4
    assert "it is a folder of this machine" in done.err
    assert not (home / "data/forge").exists()


def test_a_private_repository_without_credentials_is_said_so_before_anything_is_published(
    cli: Cli, kubeconfig: Path, name: str, home: Path
) -> None:
    done = cli(*create(name, kubeconfig, "--visibility", "private"))

    assert done.code == 4
    assert f"Hint: argocd repo add {url_of(name)} --username USER --password TOKEN" in done.err
    assert not (home / "data/forge").exists()


def test_an_unknown_context_is_answered_with_those_there_are(cli: Cli, kubeconfig: Path, name: str) -> None:
    done = cli(*create(name, kubeconfig, "--context", "prod"))

    assert done.code == 4
    assert "the kubeconfig has no context 'prod'" in done.err
    assert "its contexts are: test, limited" in done.err


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_run_killed_between_two_objects_is_completed_by_the_next(
    cluster: KubernetesCluster, kubeconfig: Path, name: str, killed_after: int
) -> None:
    killed = run(create(name, kubeconfig), KILLED_AFTER=str(killed_after))
    between = versions(cluster, name)
    again = run(create(name, kubeconfig))

    assert killed.returncode == -9
    assert len(between) == killed_after
    assert again.returncode == 0, again.stderr
    after = versions(cluster, name)
    assert len(after) == 4
    assert between.items() <= after.items()  # what was there was not written again


def test_two_runs_at_once_make_the_same(cluster: KubernetesCluster, kubeconfig: Path, name: str) -> None:
    manifest = {
        "apiVersion": ARGOCD,
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd", "annotations": {"kickstart/project": name}},
        "spec": {"sourceRepos": [url_of(name)]},
    }
    failures: list[KickstartError] = []

    def apply() -> None:
        try:
            kubernetes.connect(str(kubeconfig)).apply(manifest)
        except KickstartError as error:
            failures.append(error)

    threads = [threading.Thread(target=apply) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert list(versions(cluster, name)) == [f"AppProject {name}"]


def test_the_result_names_every_object(cli: Cli, kubeconfig: Path, name: str) -> None:
    done = cli(*create(name, kubeconfig, "--output", "json"))

    result = done.json
    assert [(each["change"], each["target"]) for each in result["changes"]][-4:] == [
        ("create", f"AppProject argocd/{name}"),
        ("create", f"Application argocd/{name}-bootstrap"),
        ("create", f"ApplicationSet argocd/{name}"),
        ("create", f"ApplicationSet argocd/{name}-previews"),
    ]
    assert set(result["changes"][-1]["facts"]) == {"uid"}
