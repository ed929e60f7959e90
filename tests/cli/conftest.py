"""The command line in process, its JSON output checked against the documented schema."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kickstart.cli import console, main
from tests.cli.running import Done, Kickstart, make_template
from tests.cli.support import cli, home, local_forge, small, two

__all__ = ["cli", "home", "local_forge", "small", "two"]

SCHEMA = Path(__file__).parents[2] / "docs/reference/output.schema.json"


@pytest.fixture(scope="session")
def output_schema() -> Any:
    """The documented schema of `--output json`."""
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


@pytest.fixture
def kickstart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, output_schema: Any
) -> Kickstart:
    """Run one command in this process."""

    def run(*arguments: str | Path, stdin: str | bytes = "") -> Done:
        given = [str(each) for each in arguments]
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        monkeypatch.setattr(console, "current", None)  # as in a process of its own
        capsys.readouterr()
        code = main(given)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        if "json" in given and {"--output", "-o"} & set(given):
            output_schema.validate(json.loads(out))
        return Done(code, out, err)

    return run


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A template that publishes two repositories."""
    return make_template(tmp_path / "pair")


@pytest.fixture
def forge(home: Path) -> Path:
    """The folder of the default forge."""
    return home / "data" / "forge"
