"""What a run costs, and what it promises: no library too early, few processes, exact commits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.support import (
    Cli,
    LocalForge,
    git,
    rendered_source,
    snapshot,
    start,
    wrap_git,
    write_files,
)

CLIENT_LIBRARIES = ["git", "github", "kubernetes", "requests", "httpx", "rich.console"]


def test_every_byte_and_mode_is_stored_whatever_the_templates_gitattributes_say(
    cli: Cli, two: Path, local_forge: LocalForge
) -> None:
    result = cli("create", "demo", "--template", two)

    assert result.code == 0, result.err
    git_dir = f"--git-dir={local_forge.path('demo')}"
    listed = git(git_dir, "-c", "core.quotePath=false", "ls-tree", "-r", "main").splitlines()
    modes = {line.partition("\t")[2]: line.split()[0] for line in listed}
    stored = {
        path: subprocess.run(
            ["git", git_dir, "cat-file", "blob", f"main:{path}"], capture_output=True, check=True
        ).stdout
        for path in modes
    }
    assert stored.pop(".kickstart.yaml")
    assert stored.pop("link") == b"no-newline.txt"
    assert stored == rendered_source()
    assert {path for path, mode in modes.items() if mode == "100755"} == {"run.sh"}
    assert {path for path, mode in modes.items() if mode == "120000"} == {"link"}


def test_a_clone_has_the_executable_bit_and_the_link(
    cli: Cli, two: Path, local_forge: LocalForge, tmp_path: Path
) -> None:
    cli("create", "demo", "--template", two)

    git("clone", "-q", local_forge.path("demo").as_uri(), tmp_path / "clone")

    assert os.access(tmp_path / "clone/run.sh", os.X_OK)
    assert not (tmp_path / "clone/binary.bin").stat().st_mode & 0o111
    assert (tmp_path / "clone/link").is_symlink()
    assert (tmp_path / "clone/link").read_bytes() == b"the end"


def test_the_commit_and_url_that_were_promised_are_the_real_ones(
    cli: Cli, two: Path, local_forge: LocalForge
) -> None:
    cli("create", "demo", "--template", two)

    real = git(f"--git-dir={local_forge.path('demo')}", "rev-parse", "main")
    promised = git(f"--git-dir={local_forge.path('demo-gitops')}", "show", "main:values.yaml")
    assert promised.splitlines() == [f"repository: {local_forge.path('demo').as_uri()}", f"commit: {real}"]


def test_git_finds_nothing_wrong_with_what_was_published(
    cli: Cli, two: Path, local_forge: LocalForge
) -> None:
    cli("create", "demo", "--template", two)

    for name in ("demo", "demo-gitops"):
        git_dir = f"--git-dir={local_forge.path(name)}"
        assert git(git_dir, "fsck", "--strict", "--no-dangling") == ""
        assert git(git_dir, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
        assert git(git_dir, "rev-list", "--count", "--all") == "1"


def test_a_dry_run_writes_nothing_but_the_template_cache(cli: Cli, two: Path, home: Path) -> None:
    result = cli("create", "demo", "--template", two, "--dry-run")

    assert result.code == 0
    assert "create  repository acme/demo-gitops" in result.out
    assert "run.sh*" in result.out
    written = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    assert {path.parts[:2] for path in written} == {("cache", "templates")}


def test_a_dry_run_shows_a_real_difference_and_exits_as_create_would(
    cli: Cli, two: Path, local_forge: LocalForge
) -> None:
    cli("create", "demo", "--template", two)
    before = snapshot(local_forge.folder)

    shown = cli("create", "demo", "--template", two, "--set", "note=another one", "--dry-run")

    assert shown.code == 5
    lines = [line.strip() for line in shown.out.splitlines()]
    assert "-a note" in lines
    assert "+another one" in lines
    assert snapshot(local_forge.folder) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["create", "--help"],
        ["template", "validate", "TWO"],
        ["create", "demo", "-t", "TWO", "--dry-run"],
    ],
    ids=["help", "create-help", "validate", "dry-run"],
)
def test_no_client_library_is_loaded_before_something_is_written(arguments: list[str], two: Path) -> None:
    assert _loaded(arguments, two) == [0, []]


def test_create_loads_only_the_client_library_it_needs(two: Path) -> None:
    assert _loaded(["create", "demo", "-t", "TWO"], two) == [0, ["git"]]


def test_a_form_without_conditions_loads_no_json_schema_library_and_nobody_searches_for_plug_ins(
    two: Path,
) -> None:
    arguments = ["create", "demo", "-t", "TWO", "--dry-run"]
    assert _loaded(arguments, two, ("jsonschema_rs", "email.message", "importlib.metadata")) == [0, []]


def _loaded(arguments: list[str], two: Path, names: Sequence[str] = CLIENT_LIBRARIES) -> object:
    """Return the exit code, and which of `names` a process of its own had loaded at the end."""
    given = [str(two) if argument == "TWO" else argument for argument in arguments]
    code = (
        "import json, sys\n"
        "from kickstart.cli import main\n"
        f"code = main({given!r})\n"
        f"loaded = [name for name in {names!r} if name in sys.modules]\n"
        "print(json.dumps([code, loaded]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


def test_no_module_of_the_folder_that_it_runs_in_is_loaded(two: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "yaml.py").write_text("raise SystemExit('foreign code')\n")

    done = subprocess.run(
        [sys.executable, "-m", "kickstart", "create", "demo", "-t", str(two), "--dry-run"],
        cwd=tmp_path / "foreign",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_create_starts_at_most_eight_git_processes_however_many_files_there_are(
    two: Path, tmp_path: Path
) -> None:
    write_files(two / "skeleton", {f"more/{number}.txt": b"more\n" for number in range(200)})
    log = tmp_path / "calls"
    environment = wrap_git(tmp_path / "bin", f'echo "$*" >> "{log}"\nexec "$real" "$@"')

    done = start("create", "demo", "--template", two, env=environment)

    assert done.returncode == 0, done.stderr
    calls = log.read_text().splitlines()
    assert 0 < len(calls) <= 8, calls


def test_commits_are_by_the_login_where_git_knows_nobody(
    cli: Cli, two: Path, local_forge: LocalForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    monkeypatch.setenv("LOGNAME", "grace")

    result = cli("create", "demo", "--template", two)

    assert result.code == 0
    assert "Git knows no identity of yours" in result.err
    author = git(f"--git-dir={local_forge.path('demo')}", "log", "-1", "--format=%an <%ae>")
    assert author == "grace <grace@localhost>"
