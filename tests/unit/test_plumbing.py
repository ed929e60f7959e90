"""Git, called by itself: what it may wait for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kickstart.errors import RemoteError
from kickstart.tools import git, plumbing
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
