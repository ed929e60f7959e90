"""A GitHub for each test, and the command line that publishes to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import github_api
from scripts.npm import UnavailableError
from tests.cli.support import Cli, cli, home, local_forge, two
from tests.github import contract
from tests.github.fake import FakeGithub, running

__all__ = ["Cli", "cli", "home", "local_forge", "two"]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGithub]:
    """A GitHub with the organisation acme, and ada's token in the environment."""
    try:
        checked = contract.Contract(contract.document(github_api.description()))
    except UnavailableError:
        checked = None  # test_contract.py skips, and says why
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "ghp_ada")
    with running(tmp_path / "github", contract=checked) as fake:
        monkeypatch.setenv("KICKSTART_GITHUB_URL", fake.url)
        yield fake
    if checked:
        assert checked.findings == []
