"""`kickstart validate` with the definitions that a cluster has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli, Result

SECRET = """\
apiVersion: external-secrets.io/{version}
kind: ExternalSecret
metadata: {{name: login}}
spec:
  secretStoreRef: {{name: vault, kind: ClusterSecretStore}}
  {field}: {{name: login}}
  data: [{{secretKey: password, remoteRef: {{key: demo}}}}]
"""


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A folder with a good object, one with a wrong field, and one in a version that is gone."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    for name, version, field in (
        ("good", "v1", "target"),
        ("typo", "v1", "targets"),
        ("old", "v1beta1", "target"),
    ):
        (folder / f"{name}.yaml").write_text(SECRET.format(version=version, field=field))
    return folder


def validate(cli: Cli, manifests: Path, location: str, *more: str) -> Result:
    return cli("validate", manifests, "--schema-location", location, "--select", "schema", *more)


def test_the_clusters_own_definitions_decide(cli: Cli, manifests: Path, kubeconfig: Path) -> None:
    done = validate(cli, manifests, "cluster", "--kubeconfig", str(kubeconfig), "--output", "json")

    assert done.code == 8, done.err
    assert [(each["file"], each["rule"]) for each in done.json["findings"]] == [
        ("old.yaml", "schema/not-served"),
        ("typo.yaml", "schema/invalid"),
    ]
    assert done.json["notChecked"] == []


def test_without_the_right_to_list_definitions_it_is_named(
    cli: Cli, manifests: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    done = validate(cli, manifests, "cluster:limited")

    assert done.code == 4
    assert "you lack a permission on the cluster limited" in done.err
    assert 'cannot list resource "customresourcedefinitions" in API group "apiextensions.k8s.io"' in done.err


def test_a_context_that_is_not_there_is_answered_with_those_there_are(
    cli: Cli, manifests: Path, kubeconfig: Path
) -> None:
    done = validate(cli, manifests, "cluster:prod", "--kubeconfig", str(kubeconfig))

    assert done.code == 4
    assert "the kubeconfig has no context 'prod'" in done.err
    assert "its contexts are: test, limited" in done.err
