"""The machine is not always ready: each lack is named, with what to do, and repaired by a rerun."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import (
    Cli,
    commit_all,
    git_in,
    heads,
    make_template,
    process,
    snapshot,
    staging,
    wrap_git,
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, for as long as a test lasts."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED, since no file system can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(ballast: Path, left: int) -> None:
    """Fill a disk until only so many bytes are left."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    os.truncate(ballast, ballast.stat().st_size - left)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A template whose second repository does not fit a small disk."""
    files = {"source/a.txt": b"a\n", "gitops/large.bin": os.urandom(120_000)}
    return make_template(tmp_path / "large", files=files)


@pytest.mark.parametrize("full", ["forge", "output", "home"])
def test_a_full_disk_exits_4_and_a_rerun_with_space_finishes(
    cli: Cli, large: Path, disk: Path, tmp_path: Path, full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {name: disk if name == full else tmp_path / name for name in ("forge", "output", "home")}
    monkeypatch.setenv("KICKSTART_HOME", str(where["home"]))
    command = (
        *("create", "my-chatbot", "-t", large, "--owner", "acme"),
        *("--forge", f"local:{where['forge']}", "--output-dir", where["output"] / "out"),
    )
    fill(disk / "ballast", 0 if full == "home" else 100_000)

    on_full_disk = cli(*command)
    left = staging(where["forge"], where["output"])
    (disk / "ballast").unlink()
    again = cli(*command)

    assert on_full_disk.code == 4, on_full_disk.err
    place = f" for {disk}/acme\n" if full == "forge" else ""
    assert f"Error: the disk is full{place}" in on_full_disk.err
    assert "Hint: free some space, and run the same command again" in on_full_disk.err
    assert left == []
    assert again.code == 0, again.err
    assert len(heads(where["forge"])) == 2
    assert (where["output"] / "out/my-chatbot-gitops/large.bin").stat().st_size == 120_000


@pytest.mark.parametrize("forbidden", ["forge", "output", "home"])
def test_a_file_system_that_is_read_only_is_named(
    cli: Cli,
    pair: Path,
    disk: Path,
    tmp_path: Path,
    forbidden: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = {name: disk if name == forbidden else tmp_path / name for name in ("forge", "output", "home")}
    monkeypatch.setenv("KICKSTART_HOME", str(where["home"]))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    done = cli(
        *("create", "my-chatbot", "-t", pair, "--owner", "acme"),
        *("--forge", f"local:{where['forge']}", "--output-dir", where["output"] / "out"),
    )

    assert done.code == 4
    assert f"Error: {disk}" in done.err
    assert "cannot be used: Read-only file system\nHint: choose a place that can be written" in done.err


def as_anybody(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command as a user for whom the permissions of folders hold, also where that is root."""
    without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if without and not shutil.which("setpriv"):
        pytest.skip("NOT TESTED, since root may read everywhere")
    return subprocess.run(
        [*without, sys.executable, "-m", "kickstart", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_a_folder_that_may_not_be_written_is_named(home: Path, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "forge").mkdir(mode=0o500)

    done = as_anybody("create", "my-chatbot", "-t", pair, "--forge", f"local:{tmp_path}/forge")

    assert done.returncode == 4
    assert f"{tmp_path}/forge" in done.stderr
    assert "Hint: check its permissions" in done.stderr


@pytest.mark.parametrize(
    "command", [("status", "demo"), ("delete", "demo", "--yes"), ("create", "demo", "--resume")]
)
def test_a_forge_that_may_not_be_looked_into_is_not_said_to_be_empty(
    cli: Cli, small: Path, forge: Path, command: tuple[str, ...]
) -> None:
    assert cli("create", "demo", "--template", small, "--owner", "acme").code == 0
    forge.chmod(0)
    try:
        told = as_anybody(*command)
    finally:
        forge.chmod(0o755)

    assert told.returncode == 4, told.stdout + told.stderr
    assert f"Error: {forge}/acme/demo.git cannot be used: Permission denied" in told.stderr


def test_what_may_not_be_read_is_named_once(cli: Cli, small: Path, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config/config.yaml").touch(0)
    (small / "template.yaml").chmod(0)

    template = as_anybody("template", "validate", small)
    configuration = as_anybody("create", "demo", "--owner", "acme")

    for told, file in ((template, small / "template.yaml"), (configuration, home / "config/config.yaml")):
        assert told.stderr.splitlines()[0] == f"Error: {file} cannot be read: Permission denied"


@pytest.mark.parametrize("command", [("status", "demo"), ("doctor",), ("create", "other", "--owner", "acme")])
def test_a_configuration_that_git_cannot_read_is_told(
    cli: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert cli("create", "demo", "--template", small, "--owner", "acme").code == 0
    (tmp_path / "gitconfig").write_text("[broken\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    told = cli(*command)

    assert told.code == 4
    assert "Git cannot read its configuration: bad config line 1" in told.err


def test_an_output_folder_that_cannot_be_is_told(cli: Cli, small: Path) -> None:
    refused = cli("render", "demo", "--template", small, "--output-dir", "/proc/nope")

    assert refused.code == 4
    assert "bug" not in refused.err
    assert "/proc/nope" in refused.err


def test_a_file_as_home_is_named(
    cli: Cli, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("a file\n")
    monkeypatch.setenv("KICKSTART_HOME", str(tmp_path / "file"))

    done = cli("create", "my-chatbot", "-t", pair, "--forge", f"local:{tmp_path}/forge")

    assert done.code == 4
    assert f"{tmp_path}/file" in done.err
    assert "Hint: move the file away that stands where a folder is needed" in done.err
    assert not (tmp_path / "forge").exists()


@pytest.mark.parametrize("file", ["forge", "forge/acme"])
def test_a_file_in_the_place_of_the_forge_is_a_conflict(
    cli: Cli, pair: Path, tmp_path: Path, file: str
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("a file\n")

    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--forge", f"local:{tmp_path}/forge")

    assert done.code == 5
    assert f"repository acme/my-chatbot: {tmp_path / file} is not a folder" in done.err
    assert "Hint: move it away, or choose another folder: --forge local:DIR\n" in done.err


def test_without_git_the_hint_says_what_to_install(pair: Path, tmp_path: Path) -> None:
    done = process("create", "my-chatbot", "-t", pair, env={"PATH": str(tmp_path)})

    assert done.code == 4
    assert done.err == ("Error: git is not installed\nHint: install Git 2.31 or newer, and run this again\n")


def test_without_an_identity_commits_are_by_the_login_and_a_note_says_so(
    pair: Path, forge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    monkeypatch.setenv("LOGNAME", "ada")

    done = process("create", "my-chatbot", "-t", pair)

    assert done.code == 0
    assert "Git knows no identity of yours, so that commits are by ada <ada@localhost>." in done.err
    assert "git config --global user.name" in done.err
    assert git_in(forge / "ada/my-chatbot.git", "log", "--format=%an <%ae>") == "ada <ada@localhost>"


@pytest.mark.parametrize("hook", ["pre-commit", "post-commit", "pre-receive"])
def test_inside_a_real_hook_the_callers_repository_is_left_alone(
    pair: Path, forge: Path, tmp_path: Path, hook: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "file").write_text("one\n")
    commit_all(own)
    git_in(own, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    hooks = tmp_path / "bare.git/hooks" if hook == "pre-receive" else own / ".git/hooks"
    script = hooks / hook
    script.parent.mkdir(exist_ok=True)
    command = f"{sys.executable} -m kickstart create my-chatbot -t {pair} --owner acme --no-input"
    script.write_text(f"#!/bin/sh\n{command} || exit 1\n")
    script.chmod(0o755)
    (own / "file").write_text("two\n")

    commit = commit_all(own)
    git_in(own, "push", "--quiet", str(tmp_path / "bare.git"), "main")

    assert sorted(heads(forge)) == ["acme/my-chatbot-gitops.git", "acme/my-chatbot.git"]
    assert git_in(tmp_path / "bare.git", "rev-parse", "main") == commit
    for repository in (own, tmp_path / "bare.git"):
        assert git_in(repository, "ls-tree", "--name-only", "-r", "main") == "file"
        assert git_in(repository, "fsck", "--strict") == ""


def test_of_two_processes_for_one_project_one_finishes_and_the_other_says_why_not(
    pair: Path, forge: Path, tmp_path: Path
) -> None:
    slow = wrap_git(tmp_path / "bin", 'case "$*" in *init*) sleep 1.5;; esac; exec "$real" "$@"')
    command = ["create", "my-chatbot", "-t", str(pair), "--owner", "acme"]
    first = subprocess.Popen(
        [sys.executable, "-m", "kickstart", *command],
        env=slow,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 10
    while not list(forge.rglob(".kickstart-*")) and time.monotonic() < until:
        time.sleep(0.02)

    second = process(*command)
    first.communicate(timeout=30)

    assert first.returncode == 0
    assert (second.code, second.out) == (6, "")
    assert second.err == (
        "Error: another run of kickstart is working on 'my-chatbot'\nHint: wait for it, then run this again\n"
    )
    assert len(heads(forge)) == 2
    before = snapshot(forge)
    assert (process(*command).code, snapshot(forge)) == (0, before)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/nowhere/sh\n"])
def test_doctor_looks_at_the_helm_that_validate_uses(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    program = tmp_path / "my-helm"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("KICKSTART_HELM", str(program))

    done = cli("doctor", "--context", "none", "-o", "json")

    (helm,) = [each for each in done.json["checks"] if each["what"] == "Helm"]
    assert helm["state"] == "warning"
    assert helm["found"].startswith(str(program))
