"""Web addresses of files and folders in repositories."""

from __future__ import annotations

import pytest

from kickstart.template.hosted import Hosted, parse

BY_FORGE = {
    # GitHub, GitHub Enterprise
    "https://github.com/acme/skeletons/tree/main/node/service": (
        Hosted("https://github.com/acme/skeletons.git", "main", "node/service")
    ),
    "https://github.com/acme/skeletons/blob/v1.2/README.md": (
        Hosted("https://github.com/acme/skeletons.git", "v1.2", "README.md")
    ),
    "https://github.com/acme/skeletons/tree/main": Hosted("https://github.com/acme/skeletons.git", "main"),
    "https://github.com/acme/skeletons/tree/main/": Hosted("https://github.com/acme/skeletons.git", "main"),
    "https://github.com/acme/skeletons": Hosted("https://github.com/acme/skeletons.git"),
    "https://github.com/acme/skeletons.git": Hosted("https://github.com/acme/skeletons.git"),
    "http://git.acme.test:8443/acme/skeletons/tree/main/a%20b": (
        Hosted("http://git.acme.test:8443/acme/skeletons.git", "main", "a b")
    ),
    "https://raw.githubusercontent.com/acme/skeletons/v1.2/docs/a%20b.md": (
        Hosted("https://github.com/acme/skeletons.git", "v1.2", "docs/a b.md", is_raw=True)
    ),
    "https://raw.githubusercontent.com/acme/skeletons/refs/heads/main/README.md": (
        Hosted("https://github.com/acme/skeletons.git", "main", "README.md", is_raw=True)
    ),
    # Of that host alone: elsewhere it is a repository's name like any other
    "https://git.acme.test/acme/skeletons/main/README.md": (
        Hosted("https://git.acme.test/acme/skeletons/main/README.md.git")
    ),
    # A folder that is called as a part of another forge's addresses
    "https://github.com/acme/skeletons/tree/main/src/branch/x": (
        Hosted("https://github.com/acme/skeletons.git", "main", "src/branch/x")
    ),
    "https://github.com/acme/skeletons/tree/main/a/-/tree/b": (
        Hosted("https://github.com/acme/skeletons.git", "main", "a/-/tree/b")
    ),
    # GitLab
    "https://gitlab.com/acme/platform/skeletons/-/tree/main/node": (
        Hosted("https://gitlab.com/acme/platform/skeletons.git", "main", "node")
    ),
    "https://gitlab.com/acme/skeletons/-/blob/main/tree/x.md": (
        Hosted("https://gitlab.com/acme/skeletons.git", "main", "tree/x.md")
    ),
    "https://gitlab.com/acme/platform/src/-/tree/main/a/-/raw/b": (
        Hosted("https://gitlab.com/acme/platform/src.git", "main", "a/-/raw/b")
    ),
    "https://gitlab.com/acme/platform/skeletons": Hosted("https://gitlab.com/acme/platform/skeletons.git"),
    # Gitea, Forgejo
    "https://gitea.com/acme/skeletons/src/branch/main/node": (
        Hosted("https://gitea.com/acme/skeletons.git", "main", "node")
    ),
    "https://codeberg.org/acme/skeletons/src/tag/v1/node": (
        Hosted("https://codeberg.org/acme/skeletons.git", "v1", "node")
    ),
    # Bitbucket, in the cloud and on a server
    "https://bitbucket.org/acme/skeletons/src/main/node/": (
        Hosted("https://bitbucket.org/acme/skeletons.git", "main", "node")
    ),
    "https://bitbucket.acme.test/projects/PLAT/repos/skeletons/browse/node?at=refs%2Fheads%2Frelease": (
        Hosted("https://bitbucket.acme.test/scm/PLAT/skeletons.git", "release", "node")
    ),
    "https://bitbucket.acme.test/projects/PLAT/repos/skeletons/browse": (
        Hosted("https://bitbucket.acme.test/scm/PLAT/skeletons.git")
    ),
    # Azure DevOps
    "https://dev.azure.com/acme/platform/_git/skeletons?path=%2Fnode&version=GBmain": (
        Hosted("https://dev.azure.com/acme/platform/_git/skeletons", "main", "node")
    ),
    "https://dev.azure.com/acme/platform/_git/skeletons": (
        Hosted("https://dev.azure.com/acme/platform/_git/skeletons")
    ),
}


@pytest.mark.parametrize("url", BY_FORGE)
def test_an_address_says_repository_ref_and_path(url: str) -> None:
    assert parse(url) == BY_FORGE[url]
