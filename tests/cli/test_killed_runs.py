"""A run may end at any moment: the same command finishes the job."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import datetime
from pathlib import Path

import pytest

from kickstart import journal
from tests.cli.support import Cli, LocalForge, git, start, wrap_git

MAX_CALLS = 20  # of git in one run; more than there are, so that the loop ends by itself


def signal_at(folder: Path, call: int, name: str) -> dict[str, str]:
    """Return the environment whose n-th `git` sends a signal to the run that called it."""
    log = folder / "calls"
    log.write_text("")
    script = (
        f'echo call >> "{log}"\n'
        f'if [ "$(wc -l < "{log}")" -eq {call} ]; then kill -{name} $PPID; sleep 0.3; exit 1; fi\n'
        'exec "$real" "$@"'
    )
    return wrap_git(folder / "bin", script)


@pytest.mark.slow
def test_a_run_killed_at_any_git_call_is_finished_by_the_same_command(
    two: Path, local_forge: LocalForge, home: Path, tmp_path: Path
) -> None:
    killed, planned = 0, 0
    for call in range(1, MAX_CALLS):
        project = f"demo-{call}"
        first = start(
            "create", project, "--template", two, env=signal_at(tmp_path, call, "KILL"), cwd=tmp_path
        )
        if first.returncode == 0:
            break
        assert first.returncode == -signal.SIGKILL
        killed += 1
        plan = journal.last_planned(home / "state", project)

        again = start("create", project, "--template", two, cwd=tmp_path)

        assert again.returncode == 0, again.stderr
        assert local_forge.staging() == []
        resumed = local_forge.commits()
        assert set(resumed) == {f"{project}.git", f"{project}-gitops.git"}
        if plan:  # the killed run had fixed the time, and with it the commits
            planned += 1
            made = git(f"--git-dir={local_forge.path(project)}", "log", "-1", "--format=%at", "main")
            assert int(made) == datetime.fromisoformat(plan["commitTime"]).timestamp()
        shutil.rmtree(local_forge.folder)
        assert start("create", project, "--template", two, cwd=tmp_path).returncode == 0
        assert local_forge.commits() == resumed
        shutil.rmtree(local_forge.folder)
    assert first.returncode == 0
    assert killed >= 5  # the identity, and an init and an import of each repository
    assert planned >= 4


@pytest.mark.parametrize("call", [1, 4, 5, 6])
def test_ctrl_c_exits_130_and_the_same_command_finishes(
    two: Path, local_forge: LocalForge, tmp_path: Path, call: int
) -> None:
    first = start("create", "demo", "--template", two, env=signal_at(tmp_path, call, "INT"))

    assert first.returncode == 130, first.stderr
    assert "Interrupted" in first.stderr
    assert "Traceback" not in first.stderr
    assert local_forge.staging() == []
    assert start("create", "demo", "--template", two).returncode == 0
    assert set(local_forge.commits()) == {"demo.git", "demo-gitops.git"}


def test_ctrl_c_is_a_result_in_json_too(two: Path, local_forge: LocalForge, tmp_path: Path) -> None:
    env = signal_at(tmp_path, 4, "INT")

    stopped = start("create", "demo", "--template", two, "-o", "json", env=env)

    error = {
        "type": "Interrupted",
        "exitCode": 130,
        "message": "Interrupted. Nothing is half done.",
        "hint": "run the same command again",
        "faults": [],
    }
    assert stopped.returncode == 130
    assert json.loads(stopped.stdout)["error"] == error


def test_of_two_runs_at_once_the_second_writes_nothing(
    cli: Cli, two: Path, local_forge: LocalForge, home: Path
) -> None:
    with journal.opened(home / "state", "demo"):
        meanwhile = cli("create", "demo", "--template", two)
        other = cli("create", "other", "--template", two)
        assert not local_forge.path("demo").exists()
    afterwards = cli("create", "demo", "--template", two)

    assert meanwhile.code == 6
    assert "another run of kickstart is working on 'demo'" in meanwhile.err
    assert (other.code, afterwards.code) == (0, 0)


def test_a_failure_of_the_second_repository_leaves_the_first_and_is_resumed(
    two: Path, local_forge: LocalForge, tmp_path: Path
) -> None:
    flag = tmp_path / "fail"
    flag.touch()
    script = f'case "$*" in *demo-gitops*) [ -e "{flag}" ] && exit 1;; esac\nexec "$real" "$@"'
    environment = wrap_git(tmp_path / "bin", script)
    failed = start("create", "demo", "--template", two, env=environment)
    first = local_forge.commits()

    flag.unlink()
    again = start("create", "demo", "--template", two, env=environment)

    assert failed.returncode == 6, failed.stderr
    assert set(first) == {"demo.git"}
    assert again.returncode == 0
    assert "unchanged  repository acme/demo\n" in again.stderr
    assert "created  repository acme/demo-gitops\n" in again.stderr
    assert local_forge.commits()["demo.git"] == first["demo.git"]


def test_a_torn_line_in_the_journal_is_passed_over(cli: Cli, two: Path, home: Path) -> None:
    cli("create", "demo", "--template", two)
    file = journal.file_of(home / "state", "demo")
    with file.open("a") as stream:
        stream.write('{"version": 1, "event": "plan')

    again = cli("create", "demo", "--template", two)

    assert again.code == 0
    assert "unchanged" in again.out
    events = [event["event"] for event in journal.read(home / "state", "demo")]
    assert events.count("planned") == 2  # the new line did not grow onto the torn one


def test_the_journal_is_the_users_alone(cli: Cli, two: Path, home: Path) -> None:
    cli("create", "demo", "--template", two)

    assert (home / "state/journal").stat().st_mode & 0o077 == 0
