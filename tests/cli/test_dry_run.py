"""`--dry-run`: everything is shown, nothing is written, and nothing heavy is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Cli, process, snapshot

HEAVY = ("git", "gitdb", "github", "kubernetes", "requests", "httpx", "rich.console", "rich.prompt")
SHOW_MODULES = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write("\\nMODULES" + json.dumps(sorted(sys.modules))))
"""


def test_a_dry_run_shows_steps_repositories_and_every_file_with_its_size(
    cli: Cli, pair: Path, forge: Path
) -> None:
    (pair / "source/run.sh").write_text("#!/bin/sh\n")
    (pair / "source/run.sh").chmod(0o755)
    (pair / "source/docs").mkdir()
    (pair / "source/docs/link.md").symlink_to("../README.md")

    done = cli("create", "my-chatbot", "--template", pair, "--owner", "acme", "--dry-run")

    sizes = [line for line in done.out.splitlines() if ".kickstart.yaml" not in line]
    assert done.code == 0
    assert sizes[:6] == [
        f"my-chatbot from the template pair 1.2.3 ({pair})",
        "",
        "  source          Render the source repository",
        "  gitops          Render the GitOps repository",
        "  publish-source  Publish the source repository",
        "  publish-gitops  Publish the GitOps repository",
    ]
    assert sizes[7].startswith(f"create  repository acme/my-chatbot (on the local forge {forge}): 5 files, ")
    assert sizes[8:13] == [
        "    README.md  20 B",
        "    app.txt  11 B",
        "    docs/",
        "      link.md -> ../README.md",
        "    run.sh*  10 B",
    ]


def test_a_dry_run_writes_nothing_but_the_template_cache(
    cli: Cli, pair: Path, home: Path, tmp_path: Path
) -> None:
    before = snapshot(pair)

    done = cli(
        *("create", "my-chatbot", "--template", pair, "--owner", "acme", "--dry-run"),
        *("--output-dir", tmp_path / "out"),
    )

    assert done.code == 0
    assert {path.name for path in home.iterdir()} <= {"cache"}
    assert {path.suffix for path in (home / "cache").rglob("*") if path.is_file()} <= {".pack"}
    assert snapshot(pair) == before
    assert not (tmp_path / "out").exists()


def test_a_dry_run_over_existing_repositories_writes_nothing(cli: Cli, pair: Path, home: Path) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    cli(*command)
    before = snapshot(home)

    done = cli(*command, "--dry-run")

    assert (done.code, snapshot(home)) == (0, before)
    assert "unchanged  repository acme/my-chatbot: 3 files" in done.out


def test_a_dry_run_with_other_parameters_shows_the_real_difference_and_exits_5(
    cli: Cli, pair: Path, forge: Path
) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    cli(*command)
    (pair / "source/app.txt").rename(pair / "source/new.txt")
    before = snapshot(forge)

    done = cli(*command, "--set", "greeting=good morning", "--dry-run")

    assert (done.code, snapshot(forge)) == (5, before)
    readme = done.out.partition("    ~ README.md\n")[2].splitlines()
    assert [line.strip() for line in readme[:7]] == [
        *("--- there", "+++ planned", "@@ -1,3 +1,3 @@", "# my-chatbot", "", "-hello", "+good morning")
    ]
    assert "    - app.txt\n" in done.out
    assert "    + new.txt\n" in done.out
    assert "Error: something else is already there; nothing was written" in done.err


def test_a_dry_run_says_of_binary_files_and_modes_that_they_change(cli: Cli, pair: Path) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    (pair / "source/logo.png").write_bytes(b"\0\xff" * 10)
    cli(*command)
    (pair / "source/logo.png").write_bytes(b"\0\xff" * 20)
    (pair / "source/app.txt").chmod(0o755)

    done = cli(*command, "--dry-run")

    assert "    ~ logo.png\n      binary, 20 B -> 40 B\n" in done.out
    assert "    ~ app.txt\n      mode 100644 -> 100755\n" in done.out


@pytest.mark.parametrize("arguments", [["--help"], ["create", "--help"], ["template", "list"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    done = process(*arguments, before=SHOW_MODULES)

    said, _, modules = done.err.partition("\nMODULES")
    assert (done.code, said) == (0, "")
    assert set(json.loads(modules)).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ["template", "validate"],
        ["create", "my-chatbot", "--owner", "acme", "--dry-run", "--template"],
        ["create", "existing", "--owner", "acme", "--dry-run", "--template"],
    ],
)
def test_looking_at_templates_and_plans_loads_nothing_heavy(
    cli: Cli, pair: Path, arguments: list[str]
) -> None:
    cli("create", "existing", "--owner", "acme", "--template", pair)

    done = process(*arguments, pair, before=SHOW_MODULES)

    said, _, modules = done.err.partition("\nMODULES")
    assert (done.code, said) == (0, "")
    assert set(json.loads(modules)).isdisjoint(HEAVY)
