"""What the source repository holds for CI and the image, judged by the linters of those formats."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kubernetes.test_gitops import CHOICES, rendered

BIN = Path(sys.executable).parent


def lint(program: str, *arguments: str | Path, folder: Path) -> str:
    """Return what a linter has to say; nothing is good."""
    found = shutil.which(program, path=str(BIN)) or shutil.which(program)
    if found is None:
        pytest.skip(f"NOT CHECKED: {program} is not installed; run: make setup")
    done = subprocess.run(
        [found, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.fixture(scope="module", params=["defaults", "bare", "external embeddings"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source repository, for one way to fill in the form."""
    return rendered(tmp_path_factory.mktemp("project"), CHOICES[request.param]).parent / "my-chatbot"


def test_the_dockerfile_follows_good_practice(source: Path) -> None:
    assert lint("hadolint", "Dockerfile", folder=source) == ""


@pytest.mark.parametrize(
    "description", ['It says "hi" to you', "It's ours", "Both \"its\" and 'theirs'", "Costs $5"]
)
def test_any_description_leaves_the_application_well_formatted(description: str, tmp_path: Path) -> None:
    source = rendered(tmp_path, [f"description={description}"]).parent / "my-chatbot"

    assert lint("ruff", "format", "--check", "src", folder=source) == ""
    assert lint("hadolint", "Dockerfile", folder=source) == ""


def test_the_workflows_are_valid(source: Path) -> None:
    workflows = sorted((source / ".github/workflows").glob("*.yaml"))

    assert workflows
    assert lint("actionlint", *workflows, folder=source) == ""


def test_the_workflows_are_safe(source: Path) -> None:
    assert lint("zizmor", "--offline", "--no-progress", ".", folder=source) == ""


@pytest.mark.parametrize(
    ("program", "arguments", "name", "text", "complaint"),
    [
        ("hadolint", ["Dockerfile"], "Dockerfile", "FROM python\nRUN cd /tmp\n", "DL3006"),
        ("actionlint", ["ci.yaml"], "ci.yaml", "on: push\njobs:\n  a:\n    runs-on: moon\n", "steps"),
        (
            "zizmor",
            ["--offline", "ci.yaml"],
            "ci.yaml",
            "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
            "      - run: echo ${{ github.event.pull_request.title }}\n",
            "template-injection",
        ),
    ],
)
def test_a_fault_is_found(
    program: str, arguments: list[str], name: str, text: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)

    assert complaint in lint(program, *arguments, folder=tmp_path)
