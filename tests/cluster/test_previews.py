"""A preview as `kickstart preview create` makes it, judged by the API server itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kickstart.errors import KickstartError
from kickstart.tools.kubernetes import KubernetesCluster
from tests.cluster.serving import ApiServer
from tests.kubernetes.test_previews import PREVIEW, helm, objects, repository

__all__ = ["helm", "repository"]

NAMESPACE = "previewed"  # a dry run leaves no namespace in which the next object could be


def test_every_object_of_a_preview_passes_a_strict_dry_run(
    repository: Path, helm: Path, server: ApiServer, cluster: KubernetesCluster
) -> None:
    manifest = yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    server.kubectl("apply", "-f", "-", stdin=manifest)
    found = objects(helm, repository, "shop-pr-42", *PREVIEW)

    refused = [said for each in found if (said := _refusal(each, cluster))]

    assert {"Namespace", "ResourceQuota", "Deployment"} <= {each["kind"] for each in found}
    assert refused == []


def _refusal(manifest: dict[str, Any], cluster: KubernetesCluster) -> str:
    """Return why the API server refuses a manifest, or nothing."""
    if manifest["kind"] != "Namespace":
        manifest["metadata"]["namespace"] = NAMESPACE
    try:
        trial = cluster.try_apply(manifest)
    except KickstartError as error:
        return f"{manifest['kind']} {manifest['metadata']['name']}: {error.message} {error.faults}"
    return "; ".join(map(str, trial.conflicts))
