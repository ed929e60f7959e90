"""Templates of other people: nothing of theirs runs, and nothing of ours is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.support import (
    FILES,
    MARKER,
    Cli,
    blob,
    commit_all,
    fetch,
    git_in,
    make_template,
    process,
    publish,
    wrap_git,
    write_files,
    write_template,
)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A repository with the template of two repositories."""
    folder = make_template(tmp_path / "remote")
    commit_all(folder)
    return folder


def test_the_marker_pins_the_commit_that_was_used(cli: Cli, remote: Path, forge: Path) -> None:
    commit = git_in(remote, "rev-parse", "HEAD")

    done = cli("create", "my-chatbot", "-t", f"{remote.as_uri()}@main", "--owner", "acme", "-o", "json")

    assert done.code == 0
    assert done.json["template"]["commit"] == commit
    marker = blob(forge / "acme/my-chatbot.git", MARKER).decode()
    assert f"  origin: {remote.as_uri()}@main\n  commit: {commit}\n" in marker


def test_a_pinned_commit_is_fetched_once(remote: Path, tmp_path: Path) -> None:
    path = wrap_git(tmp_path / "bin", 'echo "$@" >> "$here/log"; exec "$real" "$@"')
    template = f"{remote.as_uri()}@{git_in(remote, 'rev-parse', 'HEAD')}"
    command = ("create", "my-chatbot", "-t", template, "--owner", "acme", "--dry-run")

    ended = [process(*command, env=path).code for _ in range(3)]

    fetches = [line for line in (tmp_path / "bin/log").read_text().splitlines() if " fetch " in line]
    assert ended == [0, 0, 0]
    assert len(fetches) == 1


def test_a_branch_is_looked_up_at_every_run(cli: Cli, remote: Path) -> None:
    command = ("create", "my-chatbot", "-t", f"{remote.as_uri()}@main", "--owner", "acme", "--dry-run")
    cli(*command)
    (remote / "source/later.txt").write_text("later\n")
    commit_all(remote)

    done = cli(*command)

    assert "    later.txt  6 B\n" in done.out


@pytest.mark.parametrize(
    ("reference", "code", "reason", "hint"),
    [
        ("@no-such-branch", 2, "{url} has no branch, tag or commit 'no-such-branch'", "it has main"),
        (
            "@--upload-pack=touch",
            2,
            "{url} has no branch, tag or commit '--upload-pack=touch'",
            "it has main",
        ),
        ("@" + "0" * 40, 2, "{url} has no branch, tag or commit '000", "it has main"),
        (
            "-gone",
            6,
            "{url}-gone cannot be fetched: git fetch failed: '{path}-gone' does not appear to be a git",
            "check the URL and your access",
        ),
    ],
)
def test_what_cannot_be_fetched_is_named_with_gits_reason(
    cli: Cli, remote: Path, home: Path, reference: str, code: int, reason: str, hint: str
) -> None:
    done = cli("create", "my-chatbot", "-t", remote.as_uri() + reference, "--owner", "acme")

    assert done.code == code
    assert reason.format(url=remote.as_uri(), path=remote) in done.err
    assert f"Hint: {hint}\n" in done.err
    assert list(home.rglob(".fetch-*")) == []
    assert not Path("touch").exists()


@pytest.mark.parametrize("form", ["https://localhost:1/a/b@{ref}", "https://localhost:1/a/b//file@{ref}"])
def test_a_reference_is_no_path_of_this_machine(form: str, cli: Cli, tmp_path: Path) -> None:
    secret = Path("/tmp") / f"k{os.getpid()}"  # a short path, to be padded to the length of a commit's id
    secret.mkdir()
    (secret / "file").write_text("secret")
    url = form.format(ref=f"{secret}".ljust(40, "/"))
    action = "fetch:plain:file" if "//file" in form else "fetch:plain"
    step = {"action": action, "input": {"url": url, "targetPath": "x"}}
    template = write_template(tmp_path / "t", [step, publish()])
    try:
        done = cli("render", "my-chatbot", "-t", template, "-d", tmp_path / "out")
    finally:
        (secret / "file").unlink()
        secret.rmdir()

    assert done.code == 6, done.err
    assert not (tmp_path / "out").exists()


def test_hooks_filters_and_submodules_of_the_other_side_never_run(
    cli: Cli, remote: Path, forge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "ran"
    configuration = tmp_path / "gitconfig"
    configuration.write_text(
        f'[filter "evil"]\n  smudge = touch {witness}; cat\n  clean = touch {witness}; cat\n'
    )
    other = make_template(tmp_path / "other", files={"file": b"x"})
    commit_all(other)
    git_in(
        remote,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        other.as_uri(),
        "source/sub",
    )
    (remote / ".gitattributes").write_text("* filter=evil text eol=crlf\n")
    (remote / "source/hooks").mkdir()
    (remote / "source/hooks/post-checkout").write_text(f"#!/bin/sh\ntouch {witness}\n")
    (remote / "source/hooks/post-checkout").chmod(0o755)
    commit_all(remote)
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        (remote / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {witness}\n")
        (remote / ".git/hooks" / hook).chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))

    done = cli("create", "my-chatbot", "-t", remote.as_uri(), "--owner", "acme")

    assert done.code == 0, done.err
    assert not witness.exists()
    assert blob(forge / "acme/my-chatbot.git", "README.md") == b"# my-chatbot\n\nhello\n"
    assert "sub" not in git_in(forge / "acme/my-chatbot.git", "ls-tree", "-r", "--name-only", "main")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../outside"])
def test_a_link_out_of_the_repository_is_refused(
    cli: Cli, remote: Path, home: Path, forge: Path, target: str
) -> None:
    (remote / "source/leak").symlink_to(target)
    commit_all(remote)

    done = cli("create", "my-chatbot", "-t", remote.as_uri(), "--owner", "acme")

    assert done.code == 3
    assert f"{remote.as_uri()} holds what no template may: 'source/leak' is a link to '{target}'" in done.err
    assert not forge.exists()
    assert [path for path in home.rglob("*") if path.name == "leak"] == []


@pytest.mark.parametrize("url", ["ext::sh -c touch% ran", "git+ext::touch ran", "--upload-pack=touch://x/y"])
def test_an_address_that_would_run_a_command_does_not(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)

    done = cli("create", "my-chatbot", "--owner", "acme", f"--template={url}")

    assert done.code in {2, 6}
    assert list(tmp_path.iterdir()) == []


def test_credentials_of_a_url_are_used_and_neither_shown_nor_stored(
    pair: Path, home: Path, forge: Path, tmp_path: Path
) -> None:
    make_template(tmp_path / "remote", files=FILES)
    commit_all(tmp_path / "remote")
    # The real git is sent to a folder, and what it was asked for is written down.
    path = wrap_git(
        tmp_path / "bin",
        'case "$*" in *" fetch "*) echo "$@" >> "$here/log"; '
        f'exec "$real" -c "url.file://{tmp_path}/.insteadOf=https://ada:pa55word@git.invalid/" "$@";; esac\n'
        'exec "$real" "$@"',
    )
    command = ("create", "my-chatbot", "--owner", "acme", "-v", "-t")

    done = process(*command, "https://ada:pa55word@git.invalid/remote@main", env=path)
    failed = process(*command, "https://ada:pa55word@git.invalid/gone@main", env=path)

    assert (done.code, failed.code) == (0, 6)
    assert "ada:pa55word@" in (tmp_path / "bin/log").read_text()
    assert "pa55word" not in done.out + done.err + failed.out + failed.err
    assert [p for p in home.rglob("*") if p.is_file() and b"pa55word" in p.read_bytes()] == []
    marker = blob(forge / "acme/my-chatbot.git", MARKER).decode()
    assert "origin: https://git.invalid/remote@main\n" in marker


def test_git_never_asks_for_a_password(pair: Path, tmp_path: Path) -> None:
    path = wrap_git(tmp_path / "bin", 'echo "$GIT_TERMINAL_PROMPT" >> "$here/log"; exec "$real" "$@"')

    process("create", "my-chatbot", "-t", "https://localhost:1/x@main", env=path)

    assert set((tmp_path / "bin/log").read_text().split()) == {"0"}
    assert os.environ.get("GIT_TERMINAL_PROMPT") is None


@pytest.mark.parametrize("part", ["skeleton", "placeholder"])
def test_a_template_in_no_repository_reads_its_folder_alone_until_its_owner_says_more(
    cli: Cli, tmp_path: Path, part: str
) -> None:
    top = tmp_path / "a copy"
    files = {"README.md.j2": b"shared\n", "note.txt": b"shared\n"}
    write_files(top / "shared", files)
    note = {"action": "debug:log", "input": {"message": {"$text": "../../shared/note.txt"}}}
    steps = [fetch(url="../../shared")] if part == "skeleton" else [fetch(), note]
    template = write_template(top / "templates/t", [*steps, publish()])
    command = ("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    refused = cli(*command)
    git_in(top, "init", "--quiet")
    allowed = cli(*command)

    assert refused.code == 3
    assert f"Hint: {_ALONE}; if it may read all of {top}: git init '{top}'\n" in refused.err
    assert "template.yaml:" in refused.err
    assert allowed.code == 0, allowed.err
    assert ("note.txt" if part == "skeleton" else "shared") in allowed.out


_ALONE = "a template that is in no Git repository may read its own folder alone"


@pytest.mark.parametrize("url", ["../../.ssh", "../gone"])
def test_nobody_is_told_to_open_a_home_to_a_template(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_files(tmp_path / ".ssh", {"id": b"secret"})
    template = write_template(tmp_path / "downloads/t", [fetch(url=url), publish()])

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert result.code == 3
    assert f"Hint: {_ALONE}\n" in result.err


@pytest.mark.parametrize("url", ["../.git", "../.git/config", "../.GIT/config", "./link"])
def test_the_configuration_of_a_work_tree_is_published_by_no_template(
    cli: Cli, tmp_path: Path, url: str
) -> None:
    """A pipeline's work tree may have a token in it."""
    action = "fetch:plain:file" if url.endswith("config") else "fetch:plain"
    steps = [{"action": action, "input": {"url": url, "targetPath": "x"}}, publish()]
    template = write_template(tmp_path / "clone/t", steps)
    (template / "link").symlink_to("../.git")
    git_in(tmp_path / "clone", "init", "--quiet")
    git_in(tmp_path / "clone", "remote", "add", "origin", "https://me:hunter2@github.com/acme/parts")

    result = cli("render", "demo", "-t", template, "--owner", "acme", "-d", tmp_path / "out")

    assert result.code == 3
    assert f"{url} is Git's own, and no part of the template's repository" in result.err
    assert not (tmp_path / "out").exists()
