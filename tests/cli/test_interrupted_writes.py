"""A run may be killed before any change to a file: the same command finishes the job."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from kickstart.cli import main
from tests.cli.support import Cli, git_in, heads, snapshot, staging

CHANGES = {
    *("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.symlink", "os.truncate"),
    *("shutil.rmtree", "subprocess.Popen"),
}


def run_until(moment: int, *arguments: str | Path) -> int:
    """Run a command in a child that kills itself before its change number `moment`.

    Returns 0 when the command has fewer changes than that, else minus SIGKILL.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def count(event: str, details: tuple[object, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in CHANGES:
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 99
    try:
        sys.addaudithook(count)
        code = main([str(each) for each in arguments])
    finally:
        os._exit(code)


@pytest.mark.slow
def test_create_killed_before_any_change_is_finished_by_the_same_command(
    cli: Cli, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed_with_one_repository = 0
    for moment in range(1, 200):
        home, out = tmp_path / f"home-{moment}", tmp_path / f"out-{moment}"
        forge = home / "data/forge"
        monkeypatch.setenv("KICKSTART_HOME", str(home))
        command = ("create", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", out)
        ended = run_until(moment, *command)
        published = heads(forge)

        again = cli(*command)

        assert again.code == 0, (moment, again.err)
        assert heads(forge).items() >= published.items()
        assert set(heads(forge)) == {"acme/my-chatbot.git", "acme/my-chatbot-gitops.git"}
        assert {path.name for path in out.iterdir()} == {"my-chatbot", "my-chatbot-gitops"}
        assert staging(forge, out) == [], moment
        before = snapshot(forge)
        assert cli(*command).out.startswith("my-chatbot is unchanged")
        assert snapshot(forge) == before
        for repository in published:
            git_in(forge / repository, "fsck", "--strict")
        resumed_with_one_repository += len(published) == 1
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert ended == 0
    assert moment > 30
    assert resumed_with_one_repository > 3


@pytest.mark.slow
def test_an_update_killed_before_any_change_is_finished_by_the_same_command(
    cli: Cli, pair: Path, tmp_path: Path
) -> None:
    for moment in range(1, 100):
        out = tmp_path / f"out-{moment}"
        command = ("render", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", out)
        cli(*command)
        ended = run_until(moment, *command, "--set", "greeting=new")

        again = cli(*command, "--set", "greeting=new")

        assert again.code == 0, (moment, again.err)
        assert (out / "my-chatbot/README.md").read_text() == "# my-chatbot\n\nnew\n"
        assert sorted(path.name for path in out.iterdir()) == ["my-chatbot", "my-chatbot-gitops"]
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert ended == 0
    assert moment > 5
