"""`kickstart create --bootstrap` and its effects against a real API server."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kickstart.actions.argocd_access import RepositoryAccess
from kickstart.actions.base import Change, Effect
from kickstart.errors import PreflightError
from kickstart.tools import Kind, Ref, Tools, kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cluster.serving import ApiServer
from tests.fakes import FakeFolders, FakeForge
from tests.unit.building import promise, tree

ARGOCD = "argoproj.io/v1alpha1"
NAMESPACE = Kind("v1", "Namespace")


def url_of(name: str) -> str:
    return f"https://forge.test/acme/{name}-gitops.git"


def manifests(name: str, revision: str = "main") -> dict[str, str]:
    """A folder as the template makes it: a project, an Application, and what is not to be applied."""
    project = {
        "apiVersion": ARGOCD,
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "elsewhere"},
        "spec": {"sourceRepos": [url_of(name)]},
    }
    application = {
        "apiVersion": ARGOCD,
        "kind": "Application",
        "metadata": {"name": name, "namespace": "elsewhere"},
        "spec": {
            "project": name,
            "source": {"repoURL": url_of(name), "path": "helm", "targetRevision": revision},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        },
    }
    return {
        "gitops/argocd/application.yaml": yaml.safe_dump(application),
        "gitops/argocd/appproject.yaml": yaml.safe_dump(project),
        "gitops/argocd/README.md": "# Not a manifest",
        "gitops/argocd/optional/more.yaml": "kind: Optional",
    }


def bootstrap(folder: Path, name: str, files: Mapping[str, str] | None = None, **input: Any) -> list[Effect]:
    given = {"path": "gitops/argocd", "repoUrl": url_of(name), "repoVisibility": "public", **input}
    made = promise("argocd:bootstrap", folder, tree(files or manifests(name)), **given)
    return list(made.effects)


def tools_of(cluster: KubernetesCluster) -> Tools:
    return Tools(FakeForge(), FakeFolders(), cluster)


def changes(effects: list[Effect], tools: Tools) -> dict[str, str]:
    return {each.target: each.inspect(tools).change.value for each in effects}


def apply(effects: list[Effect], tools: Tools) -> None:
    for each in effects:
        if each.inspect(tools).change is not Change.NONE:
            each.apply(tools)


def live(cluster: KubernetesCluster, kind: str, name: str) -> Any:
    return cluster.get(Ref(Kind(ARGOCD, kind), name, "argocd"))


def test_the_project_is_made_before_the_application_and_then_nothing(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools, effects = tools_of(cluster), bootstrap(tmp_path, name)

    assert changes(effects, tools) == {
        f"access of Argo CD to {url_of(name)}": "unchanged",
        f"AppProject argocd/{name}": "create",
        f"Application argocd/{name}": "create",
    }
    apply(effects, tools)
    before = live(cluster, "Application", name)
    again = changes(bootstrap(tmp_path, name), tools)

    assert set(again.values()) == {"unchanged"}
    assert (
        live(cluster, "Application", name)["metadata"]["resourceVersion"]
        == (before["metadata"]["resourceVersion"])
    )
    assert before["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kickstart"}
    assert before["metadata"]["annotations"] == {
        "kickstart/project": "demo",
        "kickstart/repository": url_of(name),
    }


def test_what_differs_is_updated_and_named(cluster: KubernetesCluster, tmp_path: Path, name: str) -> None:
    tools = tools_of(cluster)
    apply(bootstrap(tmp_path, name), tools)

    changed = bootstrap(tmp_path, name, manifests(name, revision="stable"))[-1]
    found = changed.inspect(tools)
    changed.apply(tools)

    assert (found.change, found.detail) == (Change.UPDATE, "spec.source.targetRevision")
    assert live(cluster, "Application", name)["spec"]["source"]["targetRevision"] == "stable"


def test_what_argo_cd_writes_is_no_difference(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    apply(bootstrap(tmp_path, name), tools)
    patch = {"status": {"health": {"status": "Healthy"}}, "operation": {"sync": {"revision": "abc"}}}
    path = f"/apis/{ARGOCD}/namespaces/argocd/applications/{name}?fieldManager=argocd-controller"
    server.ask("PATCH", path, patch, **{"Content-Type": "application/merge-patch+json"})

    assert set(changes(bootstrap(tmp_path, name), tools).values()) == {"unchanged"}


def test_the_same_objects_by_kubectl_are_unchanged(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools, effects = tools_of(cluster), bootstrap(tmp_path, name)
    for effect in effects[1:]:
        server.kubectl("apply", "-f", "-", stdin=json.dumps(effect.marked()))  # type: ignore[attr-defined]

    assert set(changes(effects, tools).values()) == {"unchanged"}


def test_a_field_that_somebody_else_set_stops_it_before_the_first_write(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    apply(bootstrap(tmp_path, name), tools)
    patch = '{"spec":{"source":{"targetRevision":"hotfix"}}}'
    server.kubectl("-n", "argocd", "patch", "application", name, "--type=merge", "-p", patch)

    found = bootstrap(tmp_path, name)[-1].inspect(tools)

    assert found.change is Change.CONFLICT
    assert found.detail == "somebody else set spec.source.targetRevision (set by kubectl-patch)"
    assert live(cluster, "Application", name)["spec"]["source"]["targetRevision"] == "hotfix"


def test_an_object_that_kickstart_did_not_make_is_left_alone(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    theirs = {"apiVersion": ARGOCD, "kind": "AppProject", "metadata": {"name": name, "namespace": "argocd"}}
    server.kubectl("create", "-f", "-", stdin=json.dumps({**theirs, "spec": {"description": "theirs"}}))

    found = bootstrap(tmp_path, name)[1].inspect(tools_of(cluster))

    assert found.change is Change.CONFLICT
    assert found.detail.startswith("was not made by kickstart, and differs in metadata.annotations")


def test_a_project_of_the_same_name_with_another_repository_is_a_conflict(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    apply(bootstrap(tmp_path, name), tools)
    other = "https://forge.test/other/gitops.git"

    found = bootstrap(tmp_path, name, repoUrl=other)[-1].inspect(tools)

    assert (found.change, found.detail) == (Change.CONFLICT, f"belongs to {url_of(name)}")


def test_a_run_that_stopped_midway_goes_on(cluster: KubernetesCluster, tmp_path: Path, name: str) -> None:
    tools, effects = tools_of(cluster), bootstrap(tmp_path, name)
    effects[1].apply(tools)

    assert list(changes(effects, tools).values()) == ["unchanged", "unchanged", "create"]


def test_a_private_repository_needs_credentials_that_argo_cd_has(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    access = bootstrap(tmp_path, name, repoVisibility="private")[0]

    with pytest.raises(PreflightError, match="it is not public, and Argo CD has no credentials for it"):
        access.inspect(tools)

    _secret(server, f"creds-{name}", f"https://forge.test/acme/{name}", kind="repo-creds")
    assert access.inspect(tools).detail == f"by the Secret creds-{name}"


def test_credentials_of_another_repository_do_not_count(
    server: ApiServer, cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    _secret(server, f"other-{name}", f"https://forge.test/acme/{name}", kind="repository")

    with pytest.raises(PreflightError, match="has no credentials"):
        bootstrap(tmp_path, name, repoVisibility="private")[0].inspect(tools_of(cluster))


def test_given_credentials_become_a_secret_of_argo_cd(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    effects = bootstrap(tmp_path, name, repoVisibility="private", username="git", password="s3cret-token")

    assert effects[0].inspect(tools).change is Change.CREATE
    apply(effects, tools)

    found = cluster.objects(
        Kind("v1", "Secret"), "argocd", labels="argocd.argoproj.io/secret-type=repository"
    )
    ours = [each["data"] for each in found if base64.b64decode(each["data"]["url"]).decode() == url_of(name)]
    assert [{key: base64.b64decode(value).decode() for key, value in each.items()} for each in ours] == [
        {"type": "git", "url": url_of(name), "username": "git", "password": "s3cret-token"}
    ]
    assert effects[0].inspect(tools).change is Change.NONE
    assert "s3cret-token" not in repr(effects) + str([each.texts for each in effects])


def test_a_repository_in_a_folder_is_refused_by_name(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    access = bootstrap(tmp_path, name, repoUrl="file:///srv/forge/acme/demo.git")[0]

    with pytest.raises(PreflightError, match=r"could not read file:///srv/.*: it is a folder"):
        access.inspect(tools_of(cluster))


def test_a_cluster_without_argo_cd_is_refused_by_name(bare: ApiServer, tmp_path: Path) -> None:
    cluster = kubernetes.connect(str(bare.kubeconfig(tmp_path / "kubeconfig")))

    with pytest.raises(PreflightError, match="Argo CD is not on the cluster test"):
        RepositoryAccess(url_of("demo"), "argocd", True).inspect(tools_of(cluster))


def test_a_wrong_namespace_of_argo_cd_is_refused_by_name(cluster: KubernetesCluster) -> None:
    with pytest.raises(PreflightError, match="has no namespace 'nowhere' for Argo CD") as caught:
        RepositoryAccess(url_of("demo"), "nowhere", True).inspect(tools_of(cluster))
    assert "--argocd-namespace" in caught.value.hint


def test_create_resources_makes_a_project_and_an_application(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    made = promise(
        "argocd:create-resources",
        tmp_path,
        tree({}),
        appName=name,
        argoInstance="main",
        namespace="apps",
        repoUrl=url_of(name),
        path="helm",
        repoVisibility="public",
    )
    apply(list(made.effects), tools)

    found = live(cluster, "Application", name)
    assert found["spec"]["project"] == name
    assert found["spec"]["source"] == {"repoURL": url_of(name), "path": "helm"}
    assert found["metadata"]["labels"]["backstage-name"] == name
    assert live(cluster, "AppProject", name)["spec"]["destinations"] == [
        {"server": "https://kubernetes.default.svc", "namespace": "apps"}
    ]


def test_a_namespace_and_what_is_in_it_are_made_in_one_plan(
    cluster: KubernetesCluster, tmp_path: Path, name: str
) -> None:
    tools = tools_of(cluster)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": name}}
    labels = "team=ai; tier=web"
    space = promise("kubernetes:create-namespace", tmp_path, tree({}), namespace=name, labels=labels).effect
    inside = promise("kubernetes:apply", tmp_path, tree({}), manifest=yaml.safe_dump(config)).effects[0]
    assert space is not None

    assert inside.inspect(tools).detail == f"in the namespace {name}, which does not exist yet"
    apply([space, inside], tools)

    found = cluster.get(Ref(NAMESPACE, name))
    assert found is not None
    assert {"team": "ai", "tier": "web"}.items() <= found["metadata"]["labels"].items()
    assert changes([space, inside], tools) == {
        f"Namespace {name}": "unchanged",
        f"ConfigMap {name}/a": "unchanged",
    }


def _secret(server: ApiServer, name: str, url: str, *, kind: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": kind}},
        "stringData": {"url": url},
    }
    server.ask("POST", "/api/v1/namespaces/argocd/secrets", body)
