"""Projects that another machine began: nothing tells of that run but what it has published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.support import Cli, LocalForge, fetch, git, publish, snapshot, write_template

Elsewhere = Callable[[], None]


@pytest.fixture
def elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Go on as somebody else, on a machine that knows of no run."""

    def move() -> None:
        shutil.rmtree(home / "state")
        monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace Hopper")

    return move


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A template with three repositories, each of which names the commit of the one before."""
    steps = []
    for number, before in ((1, ""), (2, "${{ steps.publish1.output.commitHash }}"), (3, "after 2")):
        named = before.replace("after 2", "${{ steps.publish2.output.commitHash | truncate(9) }}")
        steps += [
            fetch({"before": named}, targetPath=str(number)) | {"id": f"fetch{number}"},
            publish(f"${{{{ parameters.name }}}}-{number}", str(number), id=f"publish{number}"),
        ]
    return write_template(tmp_path / "chain", steps, files={"before.j2": b"${{ values.before }}\n"})


def _commit(forge: LocalForge, name: str) -> str:
    return git(f"--git-dir={forge.path(name)}", "rev-parse", "main")


def test_a_run_that_changes_nothing_changes_nothing_elsewhere_either(
    cli: Cli, chain: Path, local_forge: LocalForge, elsewhere: Elsewhere
) -> None:
    assert cli("create", "demo", "-t", chain).code == 0
    before = snapshot(local_forge.folder)
    elsewhere()

    again = cli("create", "demo", "-t", chain, "-o", "json")

    assert again.code == 0
    assert again.json["outcome"] == "unchanged"
    assert snapshot(local_forge.folder) == before


@pytest.mark.parametrize("there", [1, 2])
def test_what_is_missing_names_the_commits_that_are_there(
    cli: Cli, chain: Path, local_forge: LocalForge, elsewhere: Elsewhere, there: int
) -> None:
    assert cli("create", "demo", "-t", chain).code == 0
    for number in range(there + 1, 4):
        shutil.rmtree(local_forge.path(f"demo-{number}"))
    elsewhere()

    again = cli("create", "demo", "-t", chain, "-o", "json")

    assert again.code == 0
    assert [each["change"] for each in again.json["changes"]] == ["unchanged"] * there + ["create"] * (
        3 - there
    )
    first, second = _commit(local_forge, "demo-1"), _commit(local_forge, "demo-2")
    assert git(f"--git-dir={local_forge.path('demo-2')}", "show", "main:before") == first
    assert git(f"--git-dir={local_forge.path('demo-3')}", "show", "main:before").rstrip(".") in second


def test_a_commit_is_found_below_what_the_team_has_added(
    cli: Cli, two: Path, local_forge: LocalForge, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    assert cli("create", "demo", "-t", two).code == 0
    first = _commit(local_forge, "demo")
    git("clone", "--quiet", local_forge.path("demo"), tmp_path / "clone")
    (tmp_path / "clone/README.md").write_text("ours\n")
    git("-C", tmp_path / "clone", "commit", "--quiet", "-am", "Say more")
    git("-C", tmp_path / "clone", "push", "--quiet")
    shutil.rmtree(local_forge.path("demo-gitops"))
    elsewhere()

    assert cli("create", "demo", "-t", two).code == 0

    values = git(f"--git-dir={local_forge.path('demo-gitops')}", "show", "main:values.yaml")
    assert f"commit: {first}" in values


def test_other_parameters_are_a_conflict_elsewhere_too(
    cli: Cli, two: Path, local_forge: LocalForge, elsewhere: Elsewhere
) -> None:
    assert cli("create", "demo", "-t", two).code == 0
    before = snapshot(local_forge.folder)
    elsewhere()

    refused = cli("create", "demo", "-t", two, "--set", "note=other")

    assert refused.code == 5
    assert "repository acme/demo: was made with other parameters" in refused.err
    assert snapshot(local_forge.folder) == before
