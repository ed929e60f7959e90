"""Bootstrapping Argo CD; tests/cluster does the same against a real API server."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kickstart.actions.base import Change, Effect, InputError
from kickstart.errors import PreflightError
from kickstart.tools import Kind, Ref, Tools
from tests.fakes import FakeCluster, FakeFolders, FakeForge
from tests.unit.building import promise, tree

ARGOCD = "argoproj.io/v1alpha1"
SECRET = Kind("v1", "Secret")
URL = "https://forge.test/acme/shop-gitops.git"
KINDS = {
    *(Kind(ARGOCD, name) for name in ("AppProject", "Application", "ApplicationSet")),
    *(Kind("v1", name) for name in ("Secret", "Namespace", "ConfigMap")),
}
FILES = {
    "argocd/a-set.yaml": f"apiVersion: {ARGOCD}\nkind: ApplicationSet\nmetadata: {{name: shop}}\n",
    "argocd/app.yml": f"""\
apiVersion: {ARGOCD}
kind: Application
metadata: {{name: shop-dev, namespace: x}}
spec: {{a: 0, b: 0, c: 0, d: 0, e: 0}}
""",
    "argocd/project.yaml": f"apiVersion: {ARGOCD}\nkind: AppProject\nmetadata: {{name: shop}}\n---\n",
    "argocd/README.md": "# No manifest",
    "argocd/optional/more.yaml": "kind: Other",
}


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster(set(KINDS))
    namespace = Kind("v1", "Namespace")
    made.found[Ref(namespace, "argocd")] = {"metadata": {"name": "argocd"}}
    return made


@pytest.fixture
def tools(cluster: FakeCluster) -> Tools:
    return Tools(FakeForge(), FakeFolders(), cluster)


def bootstrap(folder: Path, files: Mapping[str, str] | None = None, **input: Any) -> list[Effect]:
    given = {"path": "argocd", "repoUrl": URL, "repoVisibility": "public", **input}
    return list(promise("argocd:bootstrap", folder, tree(files or FILES), **given).effects)


def apply(effects: list[Effect], tools: Tools) -> list[str]:
    """Apply what differs, and return what each effect found."""
    found = [each.inspect(tools).change for each in effects]
    for effect, change in zip(effects, found, strict=True):
        if change is not Change.NONE:
            effect.apply(tools)
    return [change.value for change in found]


def test_projects_come_first_and_a_second_time_nothing_is_written(
    tools: Tools, cluster: FakeCluster, tmp_path: Path
) -> None:
    effects = bootstrap(tmp_path)

    assert [each.target for each in effects] == [
        f"access of Argo CD to {URL}",
        "AppProject argocd/shop",
        "ApplicationSet argocd/shop",
        "Application argocd/shop-dev",
    ]
    assert apply(effects, tools) == ["unchanged", "create", "create", "create"]
    assert apply(bootstrap(tmp_path), tools) == ["unchanged"] * 4
    assert cluster.writes == 3


def test_objects_carry_whose_they_are(tools: Tools, cluster: FakeCluster, tmp_path: Path) -> None:
    apply(bootstrap(tmp_path), tools)

    meta = cluster.found[Ref(Kind(ARGOCD, "AppProject"), "shop", "argocd")]["metadata"]
    assert meta["labels"] == {"app.kubernetes.io/managed-by": "kickstart"}
    assert meta["annotations"] == {"kickstart/project": "demo", "kickstart/repository": URL}


def test_a_change_is_an_update_that_names_the_fields(tools: Tools, tmp_path: Path) -> None:
    apply(bootstrap(tmp_path), tools)
    files = {**FILES, "argocd/app.yml": FILES["argocd/app.yml"].replace("0", "1")}

    found = bootstrap(tmp_path, files)[-1].inspect(tools)

    assert (found.change, found.detail) == (Change.UPDATE, "spec.a, spec.b, spec.c, spec.d and 1 more")


def test_what_somebody_else_made_and_set_is_a_conflict(
    tools: Tools, cluster: FakeCluster, tmp_path: Path
) -> None:
    project, _, application = (Ref.of(each.marked()) for each in bootstrap(tmp_path)[1:])  # type: ignore[attr-defined]
    cluster.found[project] = {"metadata": {"name": "shop"}, "spec": {"theirs": True}}
    cluster.rivals[application] = (("spec.project", "kubectl"),)
    cluster.found[application] = {"metadata": {"name": "shop-dev"}}

    found = [each.inspect(tools) for each in bootstrap(tmp_path)]

    assert [each.change for each in found] == [Change.NONE, Change.CONFLICT, Change.CREATE, Change.CONFLICT]
    assert found[1].detail.startswith("was not made by kickstart, and differs in ")
    assert found[3].detail == "somebody else set spec.project (set by kubectl)"


def test_another_project_of_that_name_is_a_conflict(tools: Tools, tmp_path: Path) -> None:
    apply(bootstrap(tmp_path), tools)

    found = bootstrap(tmp_path, repoUrl="https://forge.test/other/shop.git")[1].inspect(tools)

    assert (found.change, found.detail) == (Change.CONFLICT, f"belongs to {URL}")


@pytest.mark.parametrize(
    ("labels", "url", "opens"),
    [
        ("repository", URL, True),
        ("repository", "https://forge.test/acme/shop-gitops", True),
        ("repository", "https://forge.test/acme", False),
        ("repo-creds", "https://forge.test/acme", True),
        ("repo-creds", "https://forge.test/other", False),
        ("cluster", URL, False),
    ],
)
def test_a_private_repository_needs_credentials_that_open_it(
    tools: Tools, cluster: FakeCluster, tmp_path: Path, labels: str, url: str, opens: bool
) -> None:
    cluster.found[Ref(SECRET, "credentials", "argocd")] = {
        "metadata": {"name": "credentials", "labels": {"argocd.argoproj.io/secret-type": labels}},
        "data": {"url": base64.b64encode(url.encode()).decode()},
    }
    access = bootstrap(tmp_path, repoVisibility="private")[0]

    if opens:
        assert access.inspect(tools).detail == "by the Secret credentials"
    else:
        with pytest.raises(PreflightError, match="Argo CD has no credentials for it"):
            access.inspect(tools)


def test_secrets_that_may_not_be_listed_are_not_checked(
    tools: Tools, cluster: FakeCluster, tmp_path: Path
) -> None:
    cluster.denied = {"Secret", "Namespace"}

    found = bootstrap(tmp_path, repoVisibility="private")[0].inspect(tools)

    assert (found.change, found.detail) == (Change.NONE, "not checked: you may not list Secrets in argocd")


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ({"username": "git", "password": "s3cret"}, {"username": "git", "password": "s3cret"}),
        ({"sshPrivateKey": "s3cret"}, {"sshPrivateKey": "s3cret"}),
    ],
)
def test_given_credentials_become_a_secret_and_are_shown_nowhere(
    tools: Tools, cluster: FakeCluster, tmp_path: Path, given: dict[str, Any], content: dict[str, str]
) -> None:
    effects = bootstrap(tmp_path, repoVisibility="private", **given)

    apply(effects, tools)

    (secret,) = [each for ref, each in cluster.found.items() if ref.kind == SECRET]
    found = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert found == {"type": "git", "url": URL, **content}
    assert "s3cret" not in repr(effects)
    assert effects[0].texts == {}  # base64 hides nothing
    assert "AppProject" in effects[1].texts["the manifest"]


def test_a_folder_is_refused_also_with_credentials(tools: Tools, tmp_path: Path) -> None:
    for password in (None, "x"):
        effect = bootstrap(tmp_path, repoUrl="file:///srv/shop.git", password=password)[0]
        with pytest.raises(PreflightError, match="it is a folder of this machine"):
            effect.inspect(tools)


def test_a_cluster_without_argo_cd_or_its_namespace_is_refused(
    tools: Tools, cluster: FakeCluster, tmp_path: Path
) -> None:
    cluster.found.clear()
    with pytest.raises(PreflightError, match="has no namespace 'argocd' for Argo CD"):
        bootstrap(tmp_path)[0].inspect(tools)
    cluster.kinds.clear()
    with pytest.raises(PreflightError, match="Argo CD is not on the cluster"):
        bootstrap(tmp_path)[0].inspect(tools)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "a.yaml"),
        ("- 1", "a.yaml is not a manifest"),
        ("kind: X", "it has no apiVersion"),
        ("apiVersion: v1\nkind: X\nmetadata: {}", "it has no metadata.name"),
        ("apiVersion: v1\nkind: X\nmetadata: x", "it has no metadata.name"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bootstrap(tmp_path, {"argocd/a.yaml": content})


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no manifest in argocd"):
        bootstrap(tmp_path, {"other/a.yaml": ""})


def test_create_resources_follows_a_folder_of_a_repository(
    tools: Tools, cluster: FakeCluster, tmp_path: Path
) -> None:
    given = {"appName": "shop", "namespace": "apps", "repoUrl": URL, "path": "helm", "projectName": "sales"}
    made = promise("argocd:create-resources", tmp_path, tree({}), repoVisibility="public", **given)

    assert apply(list(made.effects), tools) == ["unchanged", "create", "create"]
    found = cluster.found[Ref(Kind(ARGOCD, "Application"), "shop", "argocd")]
    assert found["spec"]["project"] == "sales"
    assert found["metadata"]["labels"]["backstage-name"] == "shop"


def test_several_manifests_are_applied_one_by_one(tools: Tools, tmp_path: Path) -> None:
    text = "\n---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: x}}" for name in "ab"
    )

    made = promise("kubernetes:apply", tmp_path, tree({}), manifest=text, namespaced=True)

    assert [each.target for each in made.effects] == ["ConfigMap x/a", "ConfigMap x/b"]
    assert apply(list(made.effects), tools) == ["create", "create"]


def test_an_object_without_a_namespace_may_be_refused(tmp_path: Path) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}

    with pytest.raises(InputError, match="ConfigMap a names no namespace"):
        promise("kubernetes:apply", tmp_path, tree({}), manifest=manifest, namespaced=True)


def test_labels_of_a_namespace_are_pairs(tools: Tools, cluster: FakeCluster, tmp_path: Path) -> None:
    labels = "team=ai; tier = web;"
    made = promise("kubernetes:create-namespace", tmp_path, tree({}), namespace="shop", labels=labels)
    assert made.effect is not None

    apply([made.effect], tools)

    found = cluster.found[Ref(Kind("v1", "Namespace"), "shop")]["metadata"]["labels"]
    assert {"team": "ai", "tier": "web"}.items() <= found.items()
    with pytest.raises(InputError, match="the label 'team' is not of the form key=value"):
        promise("kubernetes:create-namespace", tmp_path, tree({}), namespace="shop", labels="team")
