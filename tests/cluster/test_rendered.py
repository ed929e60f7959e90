"""What the template renders, judged by the API server itself: every field, default and CEL rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kickstart.errors import KickstartError
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cluster.serving import ApiServer
from tests.kubernetes.test_gitops import CHOICES, environments, helm, objects, rendered

__all__ = ["helm"]

NAMESPACE = "rendered"
# What is outside of namespaces; everything else goes into one.
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


@pytest.fixture(scope="session")
def judged() -> dict[str, str]:
    """What was refused of each manifest: the choices have most of them in common."""
    return {}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_every_rendered_object_passes_a_strict_dry_run(
    choices: list[str],
    tmp_path: Path,
    helm: Path,
    server: ApiServer,
    cluster: KubernetesCluster,
    judged: dict[str, str],
) -> None:
    if not judged:
        server.kubectl("create", "namespace", NAMESPACE)
    repository = rendered(tmp_path, choices)
    found = [each for name in environments(repository) for each in objects(helm, repository, name)]
    found += [
        each
        for file in (*repository.glob("argocd/**/*.yaml"), repository / "external-secrets.yaml")
        for each in yaml.safe_load_all(file.read_text("utf-8"))
        if each
    ]

    faults = [
        f"{each['kind']} {each['metadata']['name']}: {said}"
        for each in found
        if (said := refusal(each, cluster, judged))
    ]

    assert len(found) > 20
    assert faults == []


def refusal(manifest: dict[str, Any], cluster: KubernetesCluster, judged: dict[str, str]) -> str:
    """Return why the API server refuses a manifest, or nothing."""
    if manifest["kind"] not in CLUSTER_WIDE:
        manifest["metadata"]["namespace"] = "argocd" if "argoproj" in manifest["apiVersion"] else NAMESPACE
    text = json.dumps(manifest, sort_keys=True)
    if text not in judged:
        try:
            trial = cluster.try_apply(manifest)
            judged[text] = "; ".join(map(str, trial.conflicts))
        except KickstartError as error:
            judged[text] = "; ".join([error.message, *map(str, error.faults)])
    return judged[text]
