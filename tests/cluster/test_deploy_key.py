"""A private project on GitHub with `--bootstrap`: Argo CD is given a key, and nobody else has it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from kickstart.tools import Kind
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cli.support import NAME, OWNER, Cli, Result, fetch, page, publish, write_template
from tests.cluster.serving import ApiServer
from tests.github.conftest import github
from tests.github.fake import FakeGithub, Grant
from tests.github.support import TOKEN

__all__ = ["github"]

ARGOCD = "argoproj.io/v1alpha1"
SECRET = Kind("v1", "Secret")


def url_of(name: str) -> str:
    return f"ssh://git@localhost/acme/{name}-gitops.git"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template of a private GitOps repository that Argo CD reads over SSH."""
    url = url_of("${{ parameters.name }}")
    project = {
        "apiVersion": ARGOCD,
        "kind": "AppProject",
        "metadata": {"name": "${{ values.name }}", "namespace": "argocd"},
        "spec": {"sourceRepos": ["${{ values.url }}"]},
    }
    bootstrap = {
        "id": "bootstrap",
        "name": "Bootstrap",
        "if": "${{ environment.parameters.bootstrap }}",
        "action": "argocd:bootstrap",
        "input": {"path": "argocd", "repoUrl": url, "repoVisibility": "private"},
    }
    steps = [fetch({"url": url}), publish("${{ parameters.name }}-gitops"), bootstrap]
    files = {"argocd/appproject.yaml.j2": yaml.safe_dump(project).encode()}
    return write_template(tmp_path / "template", steps, page(name=NAME, owner=OWNER), files)


@pytest.fixture
def create(
    cli: Cli,
    template: Path,
    kubeconfig: Path,
    name: str,
    github: FakeGithub,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Create the project of this test, and return what the run said."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    def run(*more: str) -> Result:
        where = ("--forge", "github", "--owner", "acme")
        return cli("create", name, "--template", template, "--bootstrap", *where, *more)

    return run


def secrets(cluster: KubernetesCluster, name: str, namespace: str = "argocd") -> list[dict[str, str]]:
    """Return what Argo CD's Secrets for a project hold."""
    found = cluster.objects(SECRET, namespace, labels="argocd.argoproj.io/secret-type=repository")
    plain = [{key: base64.b64decode(text).decode() for key, text in each["data"].items()} for each in found]
    return [each for each in plain if each["url"] == url_of(name)]


def public_half(private: str) -> str:
    public = load_ssh_private_key(private.encode(), None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def holding(folder: Path, text: str) -> list[Path]:
    """Return the files below a folder that hold a line of a text."""
    lines = [line.encode() for line in text.splitlines() if not line.startswith("-----")]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(line in path.read_bytes() for line in lines)]


def test_argo_cd_has_the_private_half_of_a_key_that_only_reads(
    create: Any, cluster: KubernetesCluster, github: FakeGithub, name: str, home: Path, tmp_path: Path
) -> None:
    planned = create("--dry-run")
    done = create("--verbose")

    assert planned.code == 0, planned.err
    assert f"create  access of Argo CD to {url_of(name)} (a read-only deploy key)\n" in planned.out
    assert done.code == 0, done.err
    [secret] = secrets(cluster, name)
    [key] = github.repositories[f"acme/{name}-gitops"].keys.values()
    assert (secret["type"], secret["url"]) == ("git", url_of(name))
    assert (key["key"], key["read_only"]) == (public_half(secret["sshPrivateKey"]), True)
    # Also not as the cluster has it.
    encoded = base64.b64encode(secret["sshPrivateKey"].encode()).decode()
    for text in (secret["sshPrivateKey"], encoded):
        assert holding(home, text) == holding(tmp_path, text) == []
        assert not any(line in done.out + done.err for line in text.splitlines())


def test_the_second_run_writes_nothing(
    create: Any, cluster: KubernetesCluster, github: FakeGithub, name: str
) -> None:
    assert create().code == 0
    before, keys = secrets(cluster, name), dict(github.repositories[f"acme/{name}-gitops"].keys)
    github.requests.clear()

    again = create()

    assert again.code == 0, again.err
    assert f"{name} is unchanged" in again.out
    assert secrets(cluster, name) == before
    assert github.repositories[f"acme/{name}-gitops"].keys == keys
    assert {each.verb for each in github.requests if each.kind == "rest"} == {"GET"}


def test_a_key_that_was_deleted_on_github_is_replaced(
    create: Any, cluster: KubernetesCluster, github: FakeGithub, name: str
) -> None:
    assert create().code == 0
    [before] = secrets(cluster, name)
    github.repositories[f"acme/{name}-gitops"].keys.clear()

    again = create()

    assert again.code == 0, again.err
    assert f"updated  access of Argo CD to {url_of(name)}\n" in again.err
    [secret] = secrets(cluster, name)
    [key] = github.repositories[f"acme/{name}-gitops"].keys.values()
    assert secret["sshPrivateKey"] != before["sshPrivateKey"]
    assert key["key"] == public_half(secret["sshPrivateKey"])


def test_another_cluster_has_a_key_of_its_own(
    create: Any, server: ApiServer, cluster: KubernetesCluster, github: FakeGithub, name: str
) -> None:
    server.kubectl("create", "namespace", f"argo-{name}")

    assert create().code == 0
    assert create("--argocd-namespace", f"argo-{name}").code == 0

    keys = {each["key"] for each in github.repositories[f"acme/{name}-gitops"].keys.values()}
    found = [*secrets(cluster, name), *secrets(cluster, name, f"argo-{name}")]
    assert {public_half(each["sshPrivateKey"]) for each in found} == keys
    assert len(keys) == 2


def test_who_may_not_list_secrets_is_told_that_no_key_is_made(
    create: Any, server: ApiServer, cluster: KubernetesCluster, github: FakeGithub, name: str
) -> None:
    namespace = argo_cd_of(server, name)

    planned = create("--context", "limited", "--argocd-namespace", namespace, "--dry-run")
    done = create("--context", "limited", "--argocd-namespace", namespace)

    said = f"not checked, and no key is made: you may not list Secrets in {namespace}"
    assert f"unchanged  access of Argo CD to {url_of(name)} ({said})\n" in planned.out
    assert done.code == 0, done.err
    assert secrets(cluster, name, namespace) == []
    assert not github.repositories[f"acme/{name}-gitops"].keys


def test_who_may_look_at_secrets_and_make_none_learns_it_before_anything_is_published(
    create: Any, server: ApiServer, github: FakeGithub, name: str
) -> None:
    namespace = argo_cd_of(server, name, "get", "list")

    done = create("--context", "limited", "--argocd-namespace", namespace)

    assert done.code == 4
    assert "you lack a permission" in done.err
    assert github.repositories == {}


@pytest.mark.parametrize("purge", [True, False])
def test_delete_takes_the_secret_away_and_leaves_nobody_a_key(
    cli: Cli, create: Any, cluster: KubernetesCluster, github: FakeGithub, name: str, purge: bool
) -> None:
    assert create().code == 0
    github.tokens[TOKEN] = Grant("ada", frozenset({"repo", "workflow", "delete_repo"}))

    done = cli("delete", name, "--yes", *(["--purge"] if purge else []))

    assert done.code == 0, done.err
    assert secrets(cluster, name) == []
    if purge:
        assert github.repositories == {}
        assert create().code == 0  # a project of that name is given a new one
        assert len(secrets(cluster, name)) == 1
    else:  # its public half stays with the archived repository, and opens it for nobody
        assert len(github.repositories[f"acme/{name}-gitops"].keys) == 1


def argo_cd_of(server: ApiServer, name: str, *secret_verbs: str) -> str:
    """Return a new namespace in which the user `limited` may bootstrap, and so much with Secrets."""
    namespace = f"argo-{name}"
    server.kubectl("create", "namespace", namespace)
    allowed = {
        "applications,applicationsets,appprojects.argoproj.io": ("get", "create", "patch"),
        "secrets": secret_verbs,
    }
    for number, (resources, verbs) in enumerate(allowed.items()):
        if verbs:
            rules = (f"--resource={resources}", f"--verb={','.join(verbs)}")
            server.kubectl("-n", namespace, "create", "role", f"role-{number}", *rules)
            who = (f"--role=role-{number}", "--user=limited")
            server.kubectl("-n", namespace, "create", "rolebinding", f"binding-{number}", *who)
    return namespace
