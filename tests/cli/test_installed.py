"""The wheel in an empty environment does what a checkout does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import clone, heads

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment_creates_a_chatbot(home: Path, tmp_path: Path) -> None:
    def run(*command: str | Path, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("kickstart-*.whl")
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel)

    said = run(tmp_path / "venv/bin/kickstart", "create", "my-chatbot", "--owner", "acme")

    assert said.startswith("my-chatbot is ready.\n")
    assert sorted(heads(home / "data/forge")) == ["acme/my-chatbot-gitops.git", "acme/my-chatbot.git"]
    copy = clone(home / "data/forge/acme/my-chatbot.git", tmp_path / "copy")
    assert (copy / "README.md").read_text().startswith("# ")
    assert str(ROOT / "src") not in os.environ.get("PYTHONPATH", "")
