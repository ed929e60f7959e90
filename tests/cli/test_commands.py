"""The list of commands: printed without importing any of them, and true all the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from kickstart.cli import app
from tests.cli.support import Cli


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_line_in_the_list_is_the_first_of_the_commands_own_help(name: str) -> None:
    command = typer.main.get_command(app.app).get_command(None, name)  # type: ignore[attr-defined]

    assert (command.help or "").splitlines()[0] == app.COMMANDS[name]


def test_the_list_imports_no_command() -> None:
    program = """
import sys
from kickstart.cli import main
try:
    main(["--help"])
finally:
    print([name for name in sys.modules if name.startswith("kickstart.cli.")], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert all(f"  {name} " in done.stdout for name in app.COMMANDS)
    assert done.stderr.strip() == "['kickstart.cli.streams', 'kickstart.cli.app']"


def test_a_misspelt_command_is_told_the_right_one(cli: Cli) -> None:
    result = cli("templat", "list")

    assert result.code == 2
    assert "Did you mean 'template'?" in result.err


def test_no_help_is_cut_short() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text("utf-8")

    assert [line for line in page.splitlines() if re.search(r"[a-z,:]\.\.\.$|\[\[", line)] == []
