"""Git, called by itself: what it may wait for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kickstart.errors import ParameterError, RemoteError
from kickstart.tools import git, plumbing
from tests.cli.support import git as run_git
from tests.cli.support import wrap_git


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that takes a connection and says nothing; a second of that is enough."""
    seconds = [each.replace("lowSpeedTime=60", "lowSpeedTime=1") for each in plumbing.ALONE]
    monkeypatch.setattr(plumbing, "ALONE", (*seconds,))
    server = socket.create_server(("127.0.0.1", 0))
    # It hangs up in the end, so that a wait without a limit is seen and not shared.
    hanging_up = threading.Timer(6, server.close)
    hanging_up.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/a/b"
    hanging_up.cancel()
    server.close()


def test_a_server_that_says_nothing_is_not_waited_for(silent: str, tmp_path: Path) -> None:
    began = time.monotonic()

    with pytest.raises(RemoteError, match="cannot be fetched"):
        plumbing.fetch_commit(silent, "main", tmp_path / "a.git")
    git.init_bare(tmp_path / "b.git", "main", "")
    listed = git.remote_commit(silent, "main", {})

    assert listed is None
    assert time.monotonic() - began < 6


def test_ssh_asks_nobody_unless_the_user_has_chosen_how_to_call_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    script = f'case "$*" in *fetch*) echo "$GIT_SSH_COMMAND" > "{log}"; exit 1;; *) exec "$real" "$@";; esac'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    (tmp_path / "config").write_text("[core]\n sshCommand = configured\n")

    def called(url: str) -> str:
        with pytest.raises(RemoteError):
            plumbing.fetch_commit(url, "main", tmp_path / "a.git")
        return log.read_text().strip()

    assert called("git@git.invalid:a/b.git") == "ssh -oBatchMode=yes -oConnectTimeout=20"
    assert called("https://git.invalid/a/b.git") == ""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert called("ssh://git.invalid/a/b.git") == ""
    monkeypatch.setenv("GIT_SSH_COMMAND", "my ssh")
    assert called("git@git.invalid:a/b.git") == "my ssh"


def test_of_many_branches_and_tags_the_first_and_the_last_are_named(tmp_path: Path) -> None:
    run_git("init", "--quiet", "--initial-branch=main", tmp_path / "many")
    run_git("-C", tmp_path / "many", "commit", "--quiet", "--allow-empty", "--message", "one")
    for number in range(20):
        run_git("-C", tmp_path / "many", "tag", f"v{number:02}")

    with pytest.raises(ParameterError, match="no branch, tag or commit 'gone'") as raised:
        plumbing.fetch_commit((tmp_path / "many").as_uri(), "gone", tmp_path / "a.git")

    assert raised.value.hint == "it has main, v00, v01, v02, v03, ..., v15, v16, v17, v18, v19"


def test_a_ref_is_refused_too_where_nobody_lists_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'case "$*" in *ls-remote*) exit 128;; *) exec "$real" "$@";; esac'
    run_git("init", "--quiet", tmp_path / "empty")
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    with pytest.raises(ParameterError, match="no branch, tag or commit 'gone'") as raised:
        plumbing.fetch_commit((tmp_path / "empty").as_uri(), "gone", tmp_path / "a.git")

    assert raised.value.hint == "check its name"
