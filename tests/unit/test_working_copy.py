"""Published repositories changed by commits, with the real Git on both sides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kickstart.errors import ConflictError, KickstartError, ParameterError, PreflightError, RemoteError
from kickstart.tools import working_copy
from kickstart.tools.plumbing import GitError
from kickstart.tools.working_copy import WorkingCopy, unreachable
from kickstart.tree import EXECUTABLE, LINK, Edit, Entry
from tests.cli.support import git_in, wrap_git
from tests.unit.building import AUTHOR, write

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository whose default branch is called `trunk`, with things that no tree may hold."""
    work = write(tmp_path / "work", {"a.txt": "one\n", "folder/b.txt": "two\n", "back\\slash": "odd\n"})
    git_in(work, "init", "--quiet", "--initial-branch=trunk")
    (work / "away").symlink_to("/etc/hostname")
    git_in(work, "add", "--all")
    git_in(work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git_in(work, "commit", "--quiet", "--message", "first")
    git_in(tmp_path, "clone", "--quiet", "--bare", str(work), "remote.git")
    return tmp_path / "remote.git"


def _commit(copy: WorkingCopy, edit: Edit) -> working_copy.Made:
    return working_copy.commit(copy, ["a.txt"], lambda files: edit, AUTHOR, AT)


def test_an_edit_touches_what_it_names_and_nothing_else(remote: Path) -> None:
    edit = Edit(
        {
            "a.txt": Entry(b"new \xff\n"),
            "run.sh": Entry(b"#!/bin/sh\n", EXECUTABLE),
            "link": Entry(b"a.txt", LINK),
            "folder/b.txt": None,
            'folder/"quoted" \xfc.txt': Entry(b""),
        },
        "Change things",
        "For a reason.",
    )
    with working_copy.cloned("acme/x", remote.as_uri(), {}) as copy:
        assert copy.branch == "trunk"
        made = _commit(copy, edit)

    changed = git_in(remote, "-c", "core.quotePath=off", "diff", "--raw", "--abbrev=1", "trunk^", "trunk")
    assert [line.split()[1] + " " + line.split("\t")[1] for line in changed.splitlines()] == [
        "100644 a.txt",
        '100644 "folder/\\"quoted\\" \xfc.txt"',
        "000000 folder/b.txt",
        "120000 link",
        "100755 run.sh",
    ]
    assert git_in(remote, "rev-parse", "trunk") == made.commit
    assert git_in(remote, "log", "-1", "--format=%an|%ae|%at|%B", "trunk") == (
        f"Ada Lovelace|ada@example.com|{int(AT.timestamp())}|Change things\n\nFor a reason."
    )


def test_a_file_may_become_a_folder_and_back(remote: Path) -> None:
    with working_copy.cloned("acme/x", remote.as_uri(), {}) as copy:
        _commit(
            copy,
            Edit(
                {"a.txt": None, "a.txt/inside": Entry(b"1"), "folder/b.txt": None, "folder": Entry(b"2")}, "x"
            ),
        )

    names = git_in(remote, "ls-tree", "-r", "--name-only", "trunk").splitlines()
    assert {"a.txt/inside", "folder"} <= set(names)
    assert not {"a.txt", "folder/b.txt"} & set(names)


def test_credentials_are_in_the_environment_and_in_no_argument(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo "${SECRET:-none} $*" >> "$here/log"; exec "$real" "$@"'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    with working_copy.cloned("acme/x", remote.as_uri(), {"SECRET": "s3cret"}) as copy:
        copy.refresh()
        copy.fetch("refs/heads/x")
        _commit(copy, Edit({"a.txt": Entry(b"")}, "x"))

    calls = [line.split(" ", 1) for line in (tmp_path / "bin" / "log").read_text().splitlines()]
    speaking = [secret for secret, call in calls if str(remote) in call]
    assert speaking == ["s3cret"] * 4
    assert not any("s3cret" in call for _, call in calls)


class _Refusing(BaseHTTPRequestHandler):
    status = 404

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


@contextmanager
def _serving(status: int) -> Iterator[str]:
    handler = type("Handler", (_Refusing,), {"status": status})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/acme/x.git"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, PreflightError, "acme/x cannot be read: could not read Username"),
        (403, PreflightError, "acme/x cannot be read: unable to access"),
        (404, ParameterError, "there is no repository acme/x, or you cannot see it"),
        (500, RemoteError, "acme/x cannot be read: unable to access"),
    ],
)
def test_what_a_forge_answers_becomes_what_to_do_next(
    status: int, kind: type[KickstartError], said: str
) -> None:
    with _serving(status) as url, pytest.raises(kind, match=said), working_copy.cloned("acme/x", url, {}):
        raise AssertionError("was cloned")


def test_an_empty_repository_has_nothing_to_change(tmp_path: Path) -> None:
    git_in(tmp_path, "init", "--quiet", "--bare", "empty.git")

    with (
        pytest.raises(ConflictError, match="acme/x is empty"),
        working_copy.cloned("acme/x", (tmp_path / "empty.git").as_uri(), {}),
    ):
        raise AssertionError("was cloned")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("remote: error: GH006: Protected branch update failed for refs/heads/trunk.", PreflightError),
        ("remote: Permission to acme/x.git denied to ada.", PreflightError),
        (
            "fatal: unable to access 'https://forge.test/': The requested URL returned error: 403",
            PreflightError,
        ),
        ("fatal: the remote end hung up unexpectedly", RemoteError),
    ],
)
def test_a_push_that_is_refused_says_what_to_do_next(
    said: str, kind: type[KickstartError], remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'case "$*" in *" push "*) echo "{said}" >&2; exit 1;; esac\nexec "$real" "$@"'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    with working_copy.cloned("acme/x", remote.as_uri(), {}) as copy, pytest.raises(kind):
        _commit(copy, Edit({"a.txt": Entry(b"")}, "x"))


def test_a_repository_that_has_lost_a_file_cannot_be_read(remote: Path, tmp_path: Path) -> None:
    lost = git_in(remote, "rev-parse", "trunk:a.txt")
    (tmp_path / "remote.git" / "objects" / lost[:2] / lost[2:]).unlink()

    with (
        pytest.raises(RemoteError, match=f"acme/x cannot be read: the repository lacks the object {lost}"),
        working_copy.cloned("acme/x", remote.as_uri(), {}) as copy,
    ):
        copy.read()


def test_patience_ends(remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = " ! [rejected]  abc -> trunk (fetch first)"
    script = f'case "$*" in *" push "*) echo "{lost}" >&2; exit 1;; esac\nexec "$real" "$@"'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])
    monkeypatch.setattr(working_copy, "PATIENCE", 0.2)

    with (
        working_copy.cloned("acme/x", remote.as_uri(), {}) as copy,
        pytest.raises(RemoteError, match="others changed acme/x faster for 0 seconds: fetch first"),
    ):
        _commit(copy, Edit({"a.txt": Entry(b"")}, "x"))


def test_a_lost_edit_is_made_again_on_what_won(remote: Path) -> None:
    seen: list[bytes] = []

    def make(files: working_copy.Files) -> Edit:
        seen.append(files["a.txt"].content)
        if len(seen) == 1:
            with working_copy.cloned("acme/x", remote.as_uri(), {}) as other:
                _commit(other, Edit({"a.txt": Entry(b"theirs\n")}, "Theirs"))
        return Edit({"a.txt": Entry(files["a.txt"].content + b"ours\n")}, "Ours")

    with working_copy.cloned("acme/x", remote.as_uri(), {}) as copy:
        working_copy.commit(copy, ["a.txt"], make, AUTHOR, AT)

    assert seen == [b"one\n", b"theirs\n"]
    assert git_in(remote, "show", "trunk:a.txt") == "theirs\nours"
    assert git_in(remote, "log", "--format=%s", "trunk").splitlines() == ["Ours", "Theirs", "first"]


def test_a_branch_that_is_gone_meanwhile_is_told(remote: Path) -> None:
    with working_copy.cloned("acme/x", remote.as_uri(), {}) as copy:
        git_in(remote, "branch", "--move", "trunk", "other")
        with pytest.raises(RemoteError, match="acme/x has no branch trunk any more"):
            copy.refresh()


def test_a_repository_of_somebody_else_says_how_to_trust_it() -> None:
    said = (
        "fatal: detected dubious ownership in repository at '/srv/demo.git'\n"
        "To add an exception for this directory, call:\n\n"
        "\tgit config --global --add safe.directory /srv/demo.git\n"
    )

    error = unreachable("acme/demo", GitError("detected dubious ownership", said))

    assert isinstance(error, PreflightError)
    assert error.hint == "if you trust it: git config --global --add safe.directory /srv/demo.git"
