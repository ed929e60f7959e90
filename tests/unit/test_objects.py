"""A repository's objects, read through one real process of Git."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstart.tools import objects
from kickstart.tools.objects import BATCH, Objects
from kickstart.tools.plumbing import GitError
from kickstart.tree import EXECUTABLE, LINK, Entry, Tree
from tests.cli.support import commit_all, git, git_in, wrap_git, write_files

FILES = {
    "a.txt": b"one\n",
    "empty": b"",
    "folder/deep/b": b"\0\1\n\n",
    "folder-x/c": b"c",
    "folder/d eü\"'*": b"odd name\n",
}


def _repository(folder: Path, *more: str) -> Path:
    git("init", "--quiet", "--initial-branch=main", *more, folder)
    write_files(folder, FILES)
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("a.txt")
    commit_all(folder)
    return folder


def _expected() -> dict[str, Entry]:
    files = {path: Entry(content) for path, content in FILES.items()}
    return {**files, "run": Entry(b"#!/bin/sh\n", EXECUTABLE), "link": Entry(b"a.txt", LINK)}


@pytest.mark.parametrize("format_", ["sha1", "sha256"])
def test_all_files_are_read_with_their_modes(format_: str, tmp_path: Path) -> None:
    repository = _repository(tmp_path / "r", f"--object-format={format_}")

    found = objects.read_tree(repository / ".git", "HEAD")

    assert found == Tree(_expected())


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.txt"], ["a.txt"]),
        (["folder"], [path for path in sorted(FILES) if path.startswith("folder/")]),
        (["folder/deep/b", "empty"], ["empty", "folder/deep/b"]),
        (["folder/deep/b/c", "a.txt/x", "fold", "gone"], []),
    ],
)
def test_only_what_is_at_or_below_a_path_is_read(
    paths: list[str], expected: list[str], tmp_path: Path
) -> None:
    repository = _repository(tmp_path / "r")

    with Objects(repository / ".git") as reading:
        found = reading.entries("HEAD", paths)

    assert found == {path: _expected()[path] for path in expected}


def test_more_files_than_are_asked_for_at_once_take_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number % 7}/{number:04}": b"%d\n" % number * number for number in range(3 * BATCH + 1)}
    write_files(tmp_path / "r", files)
    commit_all(tmp_path / "r")
    script = 'echo "$*" >> "$here/log"; exec "$real" "$@"'
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    found = objects.read_tree(tmp_path / "r" / ".git", "HEAD")

    assert {path: entry.content for path, entry in found.items()} == files
    assert len((tmp_path / "bin" / "log").read_text().splitlines()) == 1


def test_submodules_are_listed_but_hold_no_files(tmp_path: Path) -> None:
    repository = _repository(tmp_path / "r")
    git_in(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},folder/module")
    git_in(repository, "commit", "--quiet", "--message", "module")

    with Objects(repository / ".git") as reading:
        listed, found = reading.listing("HEAD"), reading.entries("HEAD")

    assert listed["folder/module"] == (0o160000, "1" * 40)
    assert found == _expected()


def test_what_is_added_meanwhile_is_found(tmp_path: Path) -> None:
    repository = _repository(tmp_path / "r")

    with Objects(repository / ".git") as reading:
        before = reading.commit("later")
        (repository / "new").write_text("new\n")
        commit = commit_all(repository)
        git_in(repository, "branch", "later")
        git_in(repository, "repack", "-adq")

        assert (before, reading.commit("later")) == (None, commit)
        assert reading.entries("later", ["new"]) == {"new": Entry(b"new\n")}


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    repository = _repository(tmp_path / "r")
    lost = git_in(repository, "rev-parse", "HEAD:a.txt")
    (repository / ".git" / "objects" / lost[:2] / lost[2:]).unlink()

    with Objects(repository / ".git") as reading:
        with pytest.raises(GitError, match=f"lacks the object {lost}"):
            reading.entries("HEAD")
        with pytest.raises(GitError, match="there is no gone"):
            reading.entries("gone")
        assert reading.entries("HEAD", ["empty"]) == {"empty": Entry(b"")}
    with pytest.raises(GitError, match="not a git repository"):
        objects.read_tree(tmp_path / "nowhere", "HEAD")
