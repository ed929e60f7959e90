"""The examples work, and their listings are fresh."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kickstart.cli import main

ROOT = Path(__file__).parents[1]
VALUES = sorted((ROOT / "examples" / "values").glob("*.yaml"))
TEMPLATES = {"smallest": ["demo"], "two-repositories": ["demo", "demo-deploy"]}


def test_every_example_template_is_tested() -> None:
    assert sorted(TEMPLATES) == sorted(path.name for path in (ROOT / "examples" / "templates").iterdir())


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_a_values_file_gives_a_plan(values: Path, tmp_path: Path) -> None:
    forge = f"local:{tmp_path}"

    code = main(["create", "demo", "--owner", "acme", "--forge", forge, "--values", str(values), "--dry-run"])

    assert code == 0


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_creates_repositories_that_can_be_cloned(name: str, tmp_path: Path) -> None:
    forge = tmp_path / "forge"

    code = main(
        [
            *("create", "demo", "--owner", "acme", "--forge", f"local:{forge}"),
            *("--template", str(ROOT / "examples" / "templates" / name)),
        ]
    )

    assert code == 0
    repositories = sorted((forge / "acme").iterdir(), key=lambda path: path.stem)
    assert [path.stem for path in repositories] == TEMPLATES[name]
    for repository in repositories:
        clone = tmp_path / repository.stem
        subprocess.run(["git", "clone", "--quiet", repository.as_uri(), str(clone)], check=True)
        assert (clone / "README.md").is_file()
        assert (clone / ".kickstart.yaml").is_file()


@pytest.mark.parametrize(("database", "expected"), [("none", False), ("postgres", True)])
def test_a_condition_decides_about_files(database: str, expected: bool, tmp_path: Path) -> None:
    template = str(ROOT / "examples" / "templates" / "two-repositories")

    code = main(
        [
            *("render", "demo", "--owner", "acme", "--output-dir", str(tmp_path)),
            *("--template", template, "--set", f"database={database}"),
        ]
    )

    assert code == 0
    assert (tmp_path / "demo" / "migrations").is_dir() is expected


def test_a_secret_reaches_no_file(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_REGISTRYTOKEN", "correct-horse-battery")
    out = tmp_path / "out"
    template = str(ROOT / "examples" / "templates" / "two-repositories")

    code = main(
        [
            *("create", "demo", "--owner", "acme", "--forge", f"local:{tmp_path / 'forge'}"),
            *("--template", template, "--output-dir", str(out)),
        ]
    )

    assert code == 0
    written = [path for folder in (out, home) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in written if b"correct-horse-battery" in path.read_bytes()] == []


@pytest.mark.slow
def test_listings_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/golden.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
