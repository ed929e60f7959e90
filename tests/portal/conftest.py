"""A portal for each test beside a GitHub, both in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts import portal_api
from scripts.npm import UnavailableError
from tests.cli.support import Cli, cli, git, home, local_forge
from tests.github import contract
from tests.github.conftest import github
from tests.github.fake import FakeGithub
from tests.portal.fake import FakePortal, running

__all__ = ["Cli", "cli", "github", "home", "local_forge"]

TOKEN = "eyPortal"


@pytest.fixture
def checked() -> contract.Contract | None:
    """Backstage's description, or None where it cannot be had."""
    try:
        return contract.Contract(contract.document(portal_api.description()))
    except UnavailableError:
        return None  # test_contract.py skips, and says why


@pytest.fixture
def portal(
    github: FakeGithub, checked: contract.Contract | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakePortal]:
    """A portal that reads from the GitHub of this test."""

    def read(url: str) -> str | None:
        name, _, rest = url.removeprefix(f"{github.url}/").partition("/tree/")
        branch, _, path = rest.partition("/")
        repository = github.repositories.get(name)
        if repository is None or branch not in git(f"--git-dir={repository.git_dir}", "branch", "--list"):
            return None
        return git(f"--git-dir={repository.git_dir}", "show", f"{branch}:{path}")

    with running(checked) as fake:
        fake.files = read
        monkeypatch.setenv("KICKSTART_PORTAL_URL", fake.url)
        monkeypatch.setenv("KICKSTART_PORTAL_TOKEN", TOKEN)
        yield fake
    if checked:
        assert checked.findings == []
