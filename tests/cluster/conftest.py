"""One API server for all tests of a run, with the CRDs of every operator; each test has names of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kickstart.tools import kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from scripts import cluster_tools
from tests.cli.support import cli, home
from tests.cluster.serving import LIMITED, ApiServer

__all__ = ["cli", "home"]

_numbers = itertools.count(1)

# What a platform team has made ready: Argo CD, a storage class, an entrance, and one node with GPUs.
PLATFORM = """\
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: v1
kind: Namespace
metadata: {name: gateway-system}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-server
  namespace: argocd
  labels: {app.kubernetes.io/part-of: argocd}
spec:
  selector: {matchLabels: {app: argocd}}
  template:
    metadata: {labels: {app: argocd}}
    spec: {containers: [{name: server, image: "registry.test/argoproj/argocd:v3.5.1"}]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: tests.kickstart/none
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: gateway-system}
spec: {gatewayClassName: any, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Node
metadata: {name: gpu, labels: {nvidia.com/gpu.product: A100}}
status: {allocatable: {nvidia.com/gpu: "4"}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of etcd, kube-apiserver and kubectl. Skips loudly without them."""
    try:
        return cluster_tools.assets()
    except cluster_tools.UnavailableError as error:
        return _unavailable(error)


@pytest.fixture(scope="session")
def crds() -> Path:
    """The folder of the operators' CRDs. Skips loudly without them."""
    try:
        return cluster_tools.crds()
    except cluster_tools.UnavailableError as error:
        return _unavailable(error)


def _unavailable(error: Exception) -> Path:
    if os.environ.get("CLUSTER_TESTS") == "required":
        pytest.fail(str(error))
    pytest.skip(f"NOTHING WAS TESTED AGAINST A REAL API SERVER: {error}")


@pytest.fixture(scope="session")
def bare(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server without any CRD."""
    server = ApiServer(programs, tmp_path_factory.mktemp("bare"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(programs: Path, crds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that knows every operator's kinds, with what a platform team makes ready."""
    server = ApiServer(programs, tmp_path_factory.mktemp("server"))
    try:
        server.start()
        server.install(crds)
        server.kubectl("create", "-f", "-", stdin=PLATFORM)
        yield server
    finally:
        server.stop()


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig whose contexts are `test`, an administrator, and `limited`, who has no rights."""
    return server.kubeconfig(tmp_path / "kubeconfig", limited=LIMITED)


@pytest.fixture
def cluster(kubeconfig: Path) -> KubernetesCluster:
    """The API server as kickstart sees it."""
    return kubernetes.connect(str(kubeconfig))


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"demo-{next(_numbers)}"
