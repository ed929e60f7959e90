"""`kickstart render`: the files in folders, and nobody's work overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import (
    MARKER,
    NAME,
    OWNER,
    TWO_REPOSITORIES,
    Cli,
    commit_all,
    fetch,
    make_template,
    page,
    publish,
    snapshot,
    staging,
    write_template,
)


def test_render_writes_a_folder_for_each_repository_and_publishes_nothing(
    cli: Cli, pair: Path, home: Path, tmp_path: Path
) -> None:
    (pair / "source/run.sh").write_text("#!/bin/sh\n")
    (pair / "source/run.sh").chmod(0o755)
    (pair / "source/link").symlink_to("run.sh")
    out = tmp_path / "deep/out"

    done = cli("render", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", out)

    assert (done.code, done.out) == (
        0,
        f"folder {out}/my-chatbot: 5 files\nfolder {out}/my-chatbot-gitops: 2 files\n",
    )
    assert (out / "my-chatbot/README.md").read_text() == "# my-chatbot\n\nhello\n"
    assert (out / "my-chatbot/run.sh").stat().st_mode & 0o111 == 0o111
    assert (out / "my-chatbot/README.md").stat().st_mode & 0o777 == 0o644
    assert (out / "my-chatbot").stat().st_mode & 0o777 == 0o755
    assert (out / "my-chatbot/link").readlink() == Path("run.sh")
    assert {path.name for path in home.iterdir()} <= {"cache"}
    assert staging(tmp_path) == []


def test_rendering_again_updates_a_folder_that_nobody_touched(cli: Cli, pair: Path, tmp_path: Path) -> None:
    command = ("render", "my-chatbot", "-t", pair, "--owner", "acme", "-d", tmp_path / "out")
    cli(*command)
    (pair / "source/app.txt").rename(pair / "source/new.txt")
    gitops = snapshot(tmp_path / "out/my-chatbot-gitops")

    done = cli(*command)

    assert done.code == 0
    assert done.err.splitlines() == [
        f"updated  folder {tmp_path}/out/my-chatbot",
        f"unchanged  folder {tmp_path}/out/my-chatbot-gitops",
    ]
    assert {path.name for path in (tmp_path / "out/my-chatbot").iterdir()} == {MARKER, "README.md", "new.txt"}
    assert snapshot(tmp_path / "out/my-chatbot-gitops") == gitops
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["my-chatbot", "my-chatbot-gitops"]


def changed(folder: Path) -> None:
    (folder / "app.txt").write_text("my own\n")


def added(folder: Path) -> None:
    (folder / "notes.txt").write_text("my own\n")


def made_executable(folder: Path) -> None:
    (folder / "app.txt").chmod(0o755)


def without_marker(folder: Path) -> None:
    (folder / MARKER).unlink()


def under_git(folder: Path) -> None:
    commit_all(folder)


def with_an_environment(folder: Path) -> None:
    (folder / "python").symlink_to("/usr/bin/env")


def replaced_by_a_file(folder: Path) -> None:
    folder.rename(folder.with_suffix(".mine"))
    folder.write_text("a file\n")


def replaced_by_a_link(folder: Path) -> None:
    folder.rename(folder.with_suffix(".mine"))
    folder.symlink_to(folder.with_suffix(".mine"))


@pytest.mark.parametrize(
    ("touch", "reason"),
    [
        (changed, "was changed since it was written"),
        (added, "was changed since it was written"),
        (made_executable, "was changed since it was written"),
        (without_marker, "holds other files"),
        (under_git, "is a Git working copy"),
        (with_an_environment, "holds other files"),
        (replaced_by_a_file, "is not a folder"),
        (replaced_by_a_link, "is not a folder"),
    ],
)
def test_a_folder_that_somebody_touched_stays_as_it_is(
    cli: Cli, pair: Path, tmp_path: Path, touch: object, reason: str
) -> None:
    command = ("render", "my-chatbot", "-t", pair, "--owner", "acme", "-d", tmp_path / "out")
    cli(*command)
    assert callable(touch)
    touch(tmp_path / "out/my-chatbot")
    before = snapshot(tmp_path / "out")

    done = cli(*command, "--set", "greeting=new")

    assert (done.code, snapshot(tmp_path / "out")) == (5, before)
    assert f"{tmp_path}/out/my-chatbot" in done.err
    assert reason in done.err
    assert "Hint: choose another --output-dir" in done.err


def test_an_empty_folder_is_filled(cli: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "out/my-chatbot").mkdir(parents=True)

    done = cli("render", "my-chatbot", "-t", pair, "--owner", "acme", "-d", tmp_path / "out")

    assert done.code == 0
    assert (tmp_path / "out/my-chatbot/README.md").is_file()


def test_a_template_that_publishes_nothing_renders_its_workspace(cli: Cli, tmp_path: Path) -> None:
    text = TWO_REPOSITORIES.partition("    - id: publish-source")[0]
    template = make_template(tmp_path / "template", text)

    done = cli("render", "my-chatbot", "-t", template, "--owner", "acme", "-d", tmp_path / "out")

    assert (done.code, done.out) == (0, f"folder {tmp_path}/out/my-chatbot: 4 files\n")
    assert (tmp_path / "out/my-chatbot/gitops/application.yaml").is_file()


def test_what_is_proposed_to_a_repository_has_a_folder_too(cli: Cli, tmp_path: Path) -> None:
    def propose(to: str, branch: str) -> dict[str, Any]:
        input_ = {"repoUrl": f"github.com?owner=acme&repo={to}", "branchName": branch, "title": "Add"}
        more = {"description": "x", "sourcePath": "apps", "targetPath": "env"}
        return {"id": f"to-{to}", "action": "publish:github:pull-request", "input": {**input_, **more}}

    apps = fetch(targetPath="apps") | {"id": "apps"}
    steps = [fetch(), apps, publish("demo"), propose("ops", "add"), propose("demo", "add/it")]
    template = write_template(tmp_path / "t", steps, page(name=NAME, owner=OWNER), {"a.txt": b"a"})
    command = ["render", "demo", "-t", str(template), "--set", "owner=acme", "-d", str(tmp_path / "out")]

    first, again = cli(*command), cli(*command)

    assert (first.code, again.code) == (0, 0), first.err + again.err
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("a.txt")}
    assert found == {"demo/a.txt", "demo/apps/a.txt", "ops/env/a.txt", "demo-add-it/env/a.txt"}


def test_repositories_of_one_name_have_a_folder_each(cli: Cli, tmp_path: Path) -> None:
    steps = [fetch(), publish("demo"), publish("demo") | {"id": "other"}]
    steps[2]["input"]["repoUrl"] = "github.com?owner=other&repo=demo"
    template = write_template(tmp_path / "t", steps, page(name=NAME, owner=OWNER), {"a.txt": b"a"})

    done = cli("render", "demo", "-t", template, "--set", "owner=acme", "-d", tmp_path / "out")

    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["demo", "other-demo"]


def test_json_of_render_has_the_folders(cli: Cli, pair: Path, tmp_path: Path) -> None:
    command = ("render", "my-chatbot", "-t", pair, "--owner", "acme", "-d", tmp_path / "out", "-o", "json")

    first, second = cli(*command), cli(*command)

    assert (first.json["kind"], first.json["outcome"]) == ("Render", "changed")
    assert first.json["changes"][0]["facts"] == {"folder": f"{tmp_path}/out/my-chatbot"}
    assert second.json["outcome"] == "unchanged"


def test_a_folder_that_holds_only_a_new_git_repository_is_left_alone(
    cli: Cli, pair: Path, tmp_path: Path
) -> None:
    head = tmp_path / "out/my-chatbot/.git/HEAD"
    head.parent.mkdir(parents=True)
    head.write_text("ref: refs/heads/main\n")

    done = cli("render", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", tmp_path / "out")

    assert done.code == 5
    assert "is a Git working copy" in done.err
    assert head.read_text() == "ref: refs/heads/main\n"
