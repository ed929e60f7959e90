"""Bootstrapping Argo CD; tests/cluster does the same against a real API server."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from kickstart.actions.argocd_access import RepositoryKey
from kickstart.actions.base import Change, Effect, InputError
from kickstart.errors import ConflictError, PreflightError
from kickstart.marker import FILE_NAME, Marker
from kickstart.plan import build
from kickstart.template import catalog
from kickstart.template.parameters import Form
from kickstart.template.parameters import Given as Value
from kickstart.tools import Kind, Ref, Tools
from kickstart.tools.things import ReadAccess
from kickstart.tree import Tree
from tests.fakes import FakeCluster, FakeFolders, FakeForge
from tests.unit.building import circumstances, promise, texts, tree

ARGOCD = "argoproj.io/v1alpha1"
SECRET = Kind("v1", "Secret")
URL = "https://forge.test/acme/shop-gitops.git"
SSH_URL = "git@forge.test:acme/shop-gitops.git"
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
def forge() -> FakeForge:
    """A forge that has the project's GitOps repository."""
    mark = Marker("demo", "acme/shop-gitops", {}, "")
    return FakeForge({"acme/shop-gitops": Tree({FILE_NAME: mark.entry()})})


@pytest.fixture
def tools(cluster: FakeCluster, forge: FakeForge) -> Tools:
    return Tools(forge, FakeFolders(), cluster)


def bootstrap(folder: Path, files: Mapping[str, str] | None = None, **input: Any) -> list[Effect]:
    given = {"path": "argocd", "repoUrl": URL, "repoVisibility": "public", **input}
    return list(promise("argocd:bootstrap", folder, tree(files or FILES), **given).effects)


def key(folder: Path) -> Effect:
    """Return the effect by which Argo CD may read a private repository over SSH."""
    return bootstrap(folder, repoUrl=SSH_URL, repoVisibility="private")[0]


def secret_of(cluster: FakeCluster) -> dict[str, Any]:
    (secret,) = [each for ref, each in cluster.found.items() if ref.kind == SECRET]
    return secret


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


def test_the_hint_names_the_url_for_which_a_key_would_be_made(tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(PreflightError) as ours:
        bootstrap(tmp_path, repoVisibility="private")[0].inspect(tools)
    with pytest.raises(PreflightError) as elsewhere:
        other = "git@elsewhere.test:acme/shop-gitops.git"
        bootstrap(tmp_path, repoUrl=other, repoVisibility="private")[0].inspect(tools)

    assert f"let the template name {SSH_URL}, for which a key is made" in ours.value.hint
    assert elsewhere.value.hint == (
        f"argocd repo add {other} --ssh-private-key-path FILE; or leave the cluster alone with --no-bootstrap"
    )


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

    secret = secret_of(cluster)
    found = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert found == {"type": "git", "url": URL, **content}
    assert "s3cret" not in repr(effects)
    assert effects[0].texts == {}  # base64 hides nothing
    assert "AppProject" in effects[1].texts["the manifest"]


def test_a_private_repository_of_the_project_is_given_one_key(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path
) -> None:
    access = key(tmp_path)

    found = access.inspect(tools)
    facts = access.apply(tools)

    assert (found.change, found.detail) == (Change.CREATE, "a read-only deploy key")
    secret = secret_of(cluster)
    title, fingerprint = "Argo CD in argocd (the fake cluster)", "SHA256:1"
    assert secret["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "repository"
    assert secret["metadata"]["annotations"] == {
        "kickstart/project": "demo",
        "kickstart/repository": URL,
        "kickstart/deploy-key": title,
        "kickstart/deploy-key-fingerprint": fingerprint,
    }
    assert {name: base64.b64decode(value).decode() for name, value in secret["data"].items()} == {
        "type": "git",
        "url": SSH_URL,
        "sshPrivateKey": f"the private half of {fingerprint}",
    }
    assert set(facts) == {"uid", "fingerprint"}
    assert forge.keys == {("acme/shop-gitops", title): fingerprint}
    again = key(tmp_path).inspect(tools)
    assert (again.change, again.detail) == (Change.NONE, f"by the Secret {secret['metadata']['name']}")
    assert (forge.writes, cluster.writes) == (1, 1)


def test_looking_makes_no_key(tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path) -> None:
    key(tmp_path).inspect(tools)

    assert (forge.writes, cluster.writes) == (0, 0)


def test_the_key_of_a_repository_that_is_not_there_yet_is_promised(tools: Tools, tmp_path: Path) -> None:
    assert isinstance(tools.forge, FakeForge)
    tools.forge.repositories.clear()

    assert key(tmp_path).inspect(tools).change is Change.CREATE
    with pytest.raises(ConflictError, match="is given no key for acme/shop-gitops: it is not there"):
        key(tmp_path).apply(tools)
    assert tools.forge.writes == 0


@pytest.mark.parametrize("lost", ["key", "repository"])
def test_a_key_that_is_no_longer_in_force_is_replaced_under_its_title(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path, lost: str
) -> None:
    key(tmp_path).apply(tools)
    cluster.name = "as another user calls it"
    ours = forge.repositories.copy()
    forge.keys.clear()
    if lost == "repository":
        forge.repositories.clear()

    found = key(tmp_path).inspect(tools)
    forge.repositories.update(ours)
    key(tmp_path).apply(tools)

    assert (found.change, found.detail) == (
        Change.UPDATE,
        "a new deploy key: the last one is no longer in force",
    )
    assert forge.keys == {("acme/shop-gitops", "Argo CD in argocd (the fake cluster)"): "SHA256:2"}
    assert base64.b64decode(secret_of(cluster)["data"]["sshPrivateKey"]) == b"the private half of SHA256:2"
    assert key(tmp_path).inspect(tools).change is Change.NONE


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("repository", SSH_URL),
        ("repository", "ssh://git@forge.test/acme/shop-gitops"),
        ("repo-creds", "git@forge.test:acme"),
    ],
)
def test_credentials_that_somebody_gave_are_enough(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path, kind: str, url: str
) -> None:
    cluster.found[Ref(SECRET, "theirs", "argocd")] = {
        "metadata": {"name": "theirs", "labels": {"argocd.argoproj.io/secret-type": kind}},
        "data": {"url": base64.b64encode(url.encode()).decode()},
    }

    assert key(tmp_path).inspect(tools).detail == "by the Secret theirs"


def test_the_url_may_be_written_either_way(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path
) -> None:
    url = "ssh://git@forge.test/acme/shop-gitops.git"

    apply(bootstrap(tmp_path, repoUrl=url, repoVisibility="private"), tools)

    assert base64.b64decode(secret_of(cluster)["data"]["url"]).decode() == url
    assert len(forge.keys) == 1


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (None, "was not made by kickstart"),
        (Marker("other", "acme/shop-gitops", {}, ""), "it belongs to the project other"),
        (Marker("demo", "acme/first", {}, ""), "it is a copy of acme/first"),
    ],
)
def test_a_repository_that_is_not_the_projects_gets_no_key(
    tools: Tools, forge: FakeForge, tmp_path: Path, mark: Marker | None, why: str
) -> None:
    forge.repositories["acme/shop-gitops"] = Tree({FILE_NAME: mark.entry()} if mark else {})

    found = key(tmp_path).inspect(tools)

    assert (found.change, found.detail) == (
        Change.CONFLICT,
        f"Argo CD has no credentials, and is given no key: {why}",
    )
    with pytest.raises(ConflictError, match=why):
        key(tmp_path).apply(tools)
    assert forge.writes == 0


def test_a_secret_of_somebody_elses_with_that_name_is_a_conflict(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path
) -> None:
    key(tmp_path).apply(tools)
    secret_of(cluster)["metadata"]["annotations"] = {"kickstart/project": "other"}
    secret_of(cluster)["data"] = {}

    found = key(tmp_path).inspect(tools)

    assert found.change is Change.CONFLICT
    assert found.detail.startswith("Secret argocd/demo-repository-")
    assert found.detail.endswith(": belongs to other")


@pytest.mark.parametrize("path", ["acme/..", "acme/", "", "a b/shop", "more/acme/shop"])
def test_what_names_no_repository_of_the_forge_gets_no_key(tools: Tools, tmp_path: Path, path: str) -> None:
    url = f"git@forge.test:{path}"

    with pytest.raises(PreflightError, match="Argo CD has no credentials for it"):
        bootstrap(tmp_path, repoUrl=url, repoVisibility="private")[0].inspect(tools)


def test_who_may_not_list_secrets_gets_no_key_and_is_told(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path
) -> None:
    cluster.denied = {"Secret"}

    found = key(tmp_path).inspect(tools)

    assert (found.change, found.detail) == (
        Change.NONE,
        "not checked, and no key is made: you may not list Secrets in argocd",
    )


def test_another_url_than_was_promised_keeps_no_key(
    tools: Tools, forge: FakeForge, cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ReadAccess("ssh://git@forge.test:2222/acme/shop-gitops.git", SecretStr("s3cret"), "SHA256:1")
    monkeypatch.setattr(forge, "grant_read", lambda repository, title: other)

    with pytest.raises(PreflightError, match=f"is read at {other.url}, where {SSH_URL} was promised"):
        key(tmp_path).apply(tools)
    assert cluster.writes == 0


def test_a_public_repository_needs_no_key(tools: Tools, tmp_path: Path) -> None:
    found = bootstrap(tmp_path, repoUrl=SSH_URL)[0].inspect(tools)

    assert (found.change, found.detail) == (Change.NONE, "it is public")


def test_objects_stay_the_projects_when_argo_cd_reads_it_another_way(tools: Tools, tmp_path: Path) -> None:
    apply(bootstrap(tmp_path), tools)

    found = bootstrap(tmp_path, repoUrl=SSH_URL, repoVisibility="private")

    assert apply(found, tools) == ["create", "unchanged", "unchanged", "unchanged"]


def test_the_built_in_template_names_the_url_for_which_a_key_is_made(tmp_path: Path) -> None:
    template = Path(__file__).parents[2] / "templates/rag-chatbot/template.yaml"
    source = catalog.load(template, template.parent, "rag-chatbot", "")
    given = {"name": "shop", "owner": "acme", "gitopsAccess": "deployKey"}
    parameters = Form(source.template.spec.parameters).resolve(
        {name: Value(value, "values.yaml") for name, value in given.items()}
    )

    effects = build(source, parameters, replace(circumstances(), argocd_namespace="argocd")).effects

    (access,) = [each for each in effects if isinstance(each, RepositoryKey)]
    assert access.url == "ssh://git@forge.test/acme/shop-gitops.git"
    gitops = texts(effects[effects.index(access) - 1].tree)
    read = [
        path
        for path, text in gitops.items()
        for line in text.splitlines()
        if line.strip().startswith(("repoURL:", "- repoURL:")) and line.endswith(access.url)
    ]
    assert len(read) == sum(text.count("repoURL: ") for text in gitops.values()) > 5
    assert f"    - {access.url}\n" in gitops["argocd/appproject.yaml"]
    assert f"home: {URL}\n" in gitops["helm/Chart.yaml"]  # what people follow stays a page


def test_create_resources_gives_a_key_as_well(tools: Tools, forge: FakeForge, tmp_path: Path) -> None:
    given = {"appName": "shop", "namespace": "apps", "repoUrl": SSH_URL, "path": "helm"}

    made = promise("argocd:create-resources", tmp_path, tree({}), **given)

    assert apply(list(made.effects), tools) == ["create", "create", "create"]
    assert len(forge.keys) == 1


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
