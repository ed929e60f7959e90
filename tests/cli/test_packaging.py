"""The wheel brings the templates as they are in the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.support import start

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of what is checked out."""
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = place.glob("kickstart-*.whl")
    return built


def _tracked() -> dict[str, int]:
    """Return every tracked file below templates/ with the mode that Git has for it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--stage", "templates"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = [row.partition("\t") for row in listed.split("\0") if row]
    return {path: int(fields.split()[0], 8) for fields, _, path in rows}


def test_the_wheel_has_every_template_file_and_no_other(wheel: Path) -> None:
    tracked = _tracked()

    with zipfile.ZipFile(wheel) as archive:
        packed = {
            item.filename.removeprefix("kickstart/"): item
            for item in archive.infolist()
            if item.filename.startswith("kickstart/templates/")
        }
        wrong = [path for path in packed if archive.read(packed[path]) != (ROOT / path).read_bytes()]

    assert len(tracked) > 50
    assert sorted(packed) == sorted(tracked)
    assert wrong == []
    modes = {path: bool(item.external_attr >> 16 & 0o100) for path, item in packed.items()}
    assert {path for path in modes if modes[path]} == {p for p, mode in tracked.items() if mode == 0o100755}


def test_the_package_in_the_wheel_finds_its_own_templates(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n"
        "from kickstart.template import catalog\n"
        "print(catalog.builtin_folder()); print(catalog.builtin_names())\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        str(tmp_path / "installed/kickstart/templates"),
        "['rag-chatbot']",
    ]


def test_the_default_template_makes_two_repositories(home: Path) -> None:
    done = start("create", "my-chatbot", "--owner", "acme")

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (home / "data/forge/acme").iterdir()} == {
        "my-chatbot.git",
        "my-chatbot-gitops.git",
    }
