"""Templates of a Git repository: named by URL, @REF and //FOLDER, pinned by commit."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.support import Cli, git, write_files, write_template


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository with a tagged and a newer commit, each with its own README."""

    folder: Path
    tagged: str
    newest: str

    @property
    def url(self) -> str:
        return self.folder.as_uri()


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    folder = write_template(tmp_path / "remote", files={"README.md": b"tagged\n"})
    write_template(folder / "inner/one", files={"README.md": b"inner\n"})
    git("init", "-q", "-b", "main", folder)
    git("-C", folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    git("-C", folder, "add", "-A")
    git("-C", folder, "commit", "-q", "-m", "first")
    git("-C", folder, "tag", "v1")
    tagged = git("-C", folder, "rev-parse", "HEAD")
    write_files(folder, {"skeleton/README.md": b"newest\n"})
    git("-C", folder, "commit", "-q", "-am", "second")
    return Remote(folder, tagged, git("-C", folder, "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    ("suffix", "commit", "readme"),
    [
        ("", "newest", "newest\n"),
        ("@v1", "tagged", "tagged\n"),
        ("@main", "newest", "newest\n"),
        ("@COMMIT", "tagged", "tagged\n"),
        ("//inner/one", "newest", "inner\n"),
        ("//inner/one@v1", "tagged", "inner\n"),
    ],
)
def test_a_git_url_names_one_commit(
    cli: Cli, remote: Remote, tmp_path: Path, suffix: str, commit: str, readme: str
) -> None:
    template = remote.url + suffix.replace("COMMIT", remote.tagged)

    result = cli("render", "demo", "-t", template, "--output-dir", tmp_path / "out", "-o", "json")

    assert result.code == 0, result.err
    assert result.json["template"]["commit"] == getattr(remote, commit)
    assert (tmp_path / "out/demo/README.md").read_text() == readme


def test_a_pinned_commit_that_is_here_needs_no_network(cli: Cli, remote: Remote) -> None:
    template = f"{remote.url}@{remote.tagged}"
    first = cli("create", "demo", "-t", template, "--dry-run")
    shutil.rmtree(remote.folder)

    again = cli("create", "demo", "-t", template, "--dry-run")

    assert (first.code, again.code) == (0, 0), again.err
    assert again.out == first.out


@pytest.mark.parametrize(
    ("suffix", "code", "message"),
    [
        ("@mian", 2, "has no branch, tag or commit 'mian' (did you mean 'main'?)\nHint: it has main, v1\n"),
        ("@0123abc", 2, "Hint: it has main, v1; a commit is named by all of its 40 digits\n"),
        ("//gone", 2, "there is no template.yaml in gone"),
        ("//../..", 2, "leaves the repository"),
    ],
)
def test_what_a_git_url_does_not_have_is_named(
    cli: Cli, remote: Remote, home: Path, suffix: str, code: int, message: str
) -> None:
    result = cli("create", "demo", "-t", remote.url + suffix)

    assert result.code == code, result.err
    assert message in result.err
    assert list(home.rglob(".fetch-*")) == []


def test_a_url_shows_no_password(cli: Cli) -> None:
    result = cli("create", "demo", "-t", "https://user:pa55word@localhost:1/x.git@v1")

    assert result.code == 6
    assert "pa55word" not in result.out + result.err
    assert "localhost:1/x.git" in result.err


@pytest.mark.parametrize("how", [("--depth=1",), ("--bare",), ("--shared",)])
def test_a_template_comes_from_every_kind_of_clone(
    how: tuple[str, ...], cli: Cli, remote: Remote, tmp_path: Path
) -> None:
    source = str(remote.folder) if how == ("--shared",) else remote.url
    git("clone", "-q", *how, source, tmp_path / "a clone")
    url = (tmp_path / "a clone").as_uri()

    result = cli("render", "demo", "-t", url, "--output-dir", tmp_path / "out")

    assert result.code == 0, result.err
    assert (tmp_path / "out" / "demo" / "README.md").read_text() == "newest\n"


def test_a_partial_clone_gives_the_template_that_it_has_and_names_what_it_lacks(
    cli: Cli, remote: Remote, tmp_path: Path
) -> None:
    git("-C", remote.folder, "config", "uploadpack.allowFilter", "true")
    git("clone", "-q", "--filter=blob:none", remote.url, tmp_path / "partial")
    url = (tmp_path / "partial").as_uri()

    newest, tagged = (
        cli("render", "demo", "-t", f"{url}@{which}", "--output-dir", tmp_path / which)
        for which in ("main", "v1")
    )

    assert newest.code == 0, newest.err
    assert (tmp_path / "main" / "demo" / "README.md").read_text() == "newest\n"
    assert tagged.code == 6
    assert "it is a partial clone: name the repository that it was cloned from" in tagged.err


def test_a_repository_that_has_lost_a_file_is_no_bug(cli: Cli, remote: Remote) -> None:
    lost = git("-C", remote.folder, "rev-parse", "main:skeleton/README.md")
    (remote.folder / ".git" / "objects" / lost[:2] / lost[2:]).unlink()

    done = cli("create", "demo", "-t", remote.url, "--dry-run")

    assert done.code == 6
    assert f"{remote.url} cannot be read: the repository lacks the object {lost}" in done.err
