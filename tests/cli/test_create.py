"""`kickstart create`: two repositories, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import (
    MARKER,
    Cli,
    blob,
    clone,
    commit_all,
    git_in,
    heads,
    make_template,
    process,
    snapshot,
    staging,
    wrap_git,
)


def test_create_publishes_two_repositories_that_can_be_cloned(
    cli: Cli, pair: Path, forge: Path, tmp_path: Path
) -> None:
    done = cli("create", "my-chatbot", "--template", pair, "--owner", "acme")

    assert (done.code, done.err) == (
        0,
        "created  repository acme/my-chatbot\ncreated  repository acme/my-chatbot-gitops\n",
    )
    assert done.out == (
        "my-chatbot is ready.\n"
        f"  Source: file://{forge}/acme/my-chatbot.git\n"
        f"  GitOps: file://{forge}/acme/my-chatbot-gitops.git\n"
    )
    source = clone(forge / "acme/my-chatbot.git", tmp_path / "source")
    gitops = clone(forge / "acme/my-chatbot-gitops.git", tmp_path / "gitops")
    assert (source / "README.md").read_bytes() == b"# my-chatbot\n\nhello\n"
    assert (gitops / "application.yaml").read_bytes() == b"repoURL: acme/my-chatbot\n"
    assert sorted(git_in(source, "ls-files").splitlines()) == [MARKER, "README.md", "app.txt"]


def test_what_is_on_this_machine_alone_is_not_said_to_be_ready_for_a_cluster(cli: Cli) -> None:
    done = cli("create", "my-chatbot", "--owner", "acme", "--no-validate")

    assert done.code == 0
    assert "kickstart create my-chatbot --resume --forge github --owner OWNER" in done.out
    assert "kubectl" not in done.out


def test_a_repository_has_one_commit_of_the_user_on_main(cli: Cli, pair: Path, forge: Path) -> None:
    cli("create", "my-chatbot", "--template", pair, "--owner", "acme")

    for name in ("my-chatbot.git", "my-chatbot-gitops.git"):
        repository = forge / "acme" / name
        assert git_in(repository, "symbolic-ref", "HEAD") == "refs/heads/main"
        assert git_in(repository, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
        assert git_in(repository, "log", "--format=%an <%ae>|%cn <%ce>|%s") == (
            "Ada Lovelace <ada@example.com>|Ada Lovelace <ada@example.com>|initial commit"
        )
        assert git_in(repository, "fsck", "--strict") == ""


def test_every_byte_of_a_skeleton_reaches_the_repository(cli: Cli, forge: Path, tmp_path: Path) -> None:
    copied = {
        ".gitattributes": b"* text=auto eol=lf\n",
        ".gitignore": b"*.log\nignored/\n",
        "build.log": b"not ignored\n",
        "ignored/kept.txt": b"kept\n",
        ".hidden/.dot": b"dot\n",
        "mixed.txt": b"a\r\nb\nc\rd",
        "empty.txt": b"",
        "logo.png": bytes(range(256)) * 4,
        "latin-1.txt": b"Stra\xdfe\r\n",
        "umlaut-\u00e4 \u4e2d.txt": b"name\n",
        "helm.yaml": b"{{ .Values.name }}\n",
    }
    rendered = {
        "crlf.txt": (b"one ${{ values.name }}\r\ntwo\r\n", b"one my-chatbot\r\ntwo\r\n"),
        "no-newline.txt": (b"${{ values.name }}", b"my-chatbot"),
        "run.sh": (b"#!/bin/sh\necho ${{ values.name }}\n", b"#!/bin/sh\necho my-chatbot\n"),
    }
    skeleton = {**copied, **{path: before for path, (before, _) in rendered.items()}}
    template = make_template(
        tmp_path / "template",
        files={"gitops/a": b"", **{f"source/{path}": content for path, content in skeleton.items()}},
    )
    (template / "source/run.sh").chmod(0o755)
    (template / "source/link.md").symlink_to("helm.yaml")
    (template / "source/.hidden/up").symlink_to("../ignored")

    done = cli("create", "my-chatbot", "--template", template, "--owner", "acme")

    assert done.code == 0
    expected = {
        **{path: ("100644", content) for path, content in copied.items()},
        **{path: ("100644", after) for path, (_, after) in rendered.items()},
        "run.sh": ("100755", rendered["run.sh"][1]),
        "link.md": ("120000", b"helm.yaml"),
        ".hidden/up": ("120000", b"../ignored"),
    }
    repository = forge / "acme/my-chatbot.git"
    rows = git_in(repository, "ls-tree", "-r", "-z", "main").rstrip("\0").split("\0")
    published = {path: (row[:6], blob(repository, path)) for row in rows for path in [row.partition("\t")[2]]}
    assert published.pop(MARKER)[0] == "100644"
    assert published == expected


def test_the_marker_says_what_made_the_repository(cli: Cli, pair: Path, forge: Path) -> None:
    cli("create", "my-chatbot", "--template", pair, "--owner", "acme", "--set", "replicas=3")

    marker = git_in(forge / "acme/my-chatbot-gitops.git", "cat-file", "blob", f"main:{MARKER}")
    lines = marker.splitlines()
    assert "project: my-chatbot" in lines
    assert "repository: acme/my-chatbot-gitops" in lines
    assert "  version: 1.2.3" in lines
    assert f"  origin: {pair}" in lines
    assert "  replicas: 3" in lines


def test_the_commit_is_known_before_it_is_made(cli: Cli, forge: Path, tmp_path: Path) -> None:
    text = (pair_text := make_template(tmp_path / "pair") / "template.yaml").read_text()
    promise = "      - title: ${{ steps['publish-source'].output.commitHash }}\n        url: x\n"
    pair_text.write_text(text + promise)

    done = cli("create", "my-chatbot", "-t", tmp_path / "pair", "--owner", "acme", "-o", "json")

    made = heads(forge)["acme/my-chatbot.git"]
    assert done.json["links"][2]["title"] == made
    assert done.json["changes"][0]["facts"]["commit"] == made


def test_a_second_identical_run_is_unchanged_and_writes_nothing(cli: Cli, pair: Path, forge: Path) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    cli(*command)
    before = snapshot(forge)

    done = cli(*command)

    assert (done.code, snapshot(forge)) == (0, before)
    assert done.out.startswith("my-chatbot is unchanged: everything is there that the template makes.\n")
    assert done.err == (
        "unchanged  repository acme/my-chatbot\nunchanged  repository acme/my-chatbot-gitops\n"
    )


def test_a_repository_with_commits_of_a_team_on_top_is_unchanged(
    cli: Cli, pair: Path, forge: Path, tmp_path: Path
) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    cli(*command)
    work = clone(forge / "acme/my-chatbot.git", tmp_path / "work")
    (work / "app.txt").write_text("ours now\n")
    commit_all(work)
    git_in(work, "push", "--quiet", "origin", "main")
    before = snapshot(forge)

    done = cli(*command)

    assert (done.code, snapshot(forge)) == (0, before)


def test_other_parameters_are_a_conflict_that_writes_nothing(cli: Cli, pair: Path, forge: Path) -> None:
    command = ("create", "my-chatbot", "--template", pair, "--owner", "acme")
    cli(*command)
    before = snapshot(forge)

    done = cli(*command, "--set", "greeting=good morning")

    assert (done.code, snapshot(forge)) == (5, before)
    assert "Error: something else is already there; nothing was written" in done.err
    assert "  repository acme/my-chatbot: was made with other parameters or another template" in done.err
    assert "to see what differs: the same command with --dry-run" in done.err
    assert "kickstart create my-chatbot --resume" in done.err


def test_after_a_resumed_conflict_nobody_is_told_to_resume(cli: Cli, pair: Path, forge: Path) -> None:
    cli("create", "my-chatbot", "--template", pair, "--owner", "acme")
    (pair / "source/README.md.j2").write_text("the template went on\n")

    done = cli("create", "my-chatbot", "--resume")

    assert done.code == 5
    assert "to see what differs: the same command with --dry-run\n" in done.err
    assert "--resume" not in done.err


def foreign_nothing_of_git(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "notes.txt").write_text("mine\n")


def foreign_empty_bare(path: Path) -> None:
    path.mkdir(parents=True)
    git_in(path, "init", "--quiet", "--bare")


def foreign_commit_without_marker(path: Path) -> None:
    work = path.with_suffix(".work")
    work.mkdir(parents=True)
    (work / "notes.txt").write_text("mine\n")
    commit_all(work)
    git_in(work, "clone", "--quiet", "--bare", ".", str(path))


def foreign_file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")


def foreign_dangling_link(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere")


@pytest.mark.parametrize("name", ["my-chatbot", "my-chatbot-gitops"])
@pytest.mark.parametrize(
    "make",
    [
        foreign_nothing_of_git,
        foreign_empty_bare,
        foreign_commit_without_marker,
        foreign_file,
        foreign_dangling_link,
    ],
)
def test_something_foreign_under_either_name_stops_create_before_the_first_write(
    cli: Cli, pair: Path, forge: Path, home: Path, make: object, name: str
) -> None:
    assert callable(make)
    make(forge / "acme" / f"{name}.git")
    before = snapshot(home)

    done = cli("create", "my-chatbot", "--template", pair, "--owner", "acme")

    after = {path: seen for path, seen in snapshot(home).items() if not path.startswith("cache")}
    assert (done.code, after) == (5, before)
    assert f"repository acme/{name}: {forge}/acme/{name}.git was not made by kickstart" in done.err


def test_a_repository_of_another_project_is_a_conflict(cli: Cli, pair: Path, forge: Path) -> None:
    # The GitOps repository of my-chatbot is the source repository of my-chatbot-gitops.
    cli("create", "my-chatbot", "--template", pair, "--owner", "acme")
    before = snapshot(forge)

    done = cli("create", "my-chatbot-gitops", "--template", pair, "--owner", "acme")

    assert (done.code, snapshot(forge)) == (5, before)
    assert "repository acme/my-chatbot-gitops: belongs to the project my-chatbot" in done.err


def test_create_starts_at_most_eight_git_processes(pair: Path, tmp_path: Path, forge: Path) -> None:
    path = wrap_git(tmp_path / "bin", 'echo "$@" >> "$here/log"; exec "$real" "$@"')

    done = process("create", "my-chatbot", "-t", pair, "--owner", "acme", env=path)

    assert (done.code, len(heads(forge))) == (0, 2)
    assert len((tmp_path / "bin/log").read_text().splitlines()) <= 8


def test_resume_takes_everything_from_the_last_run(cli: Cli, pair: Path, forge: Path) -> None:
    elsewhere = forge.parent / "elsewhere"
    cli(
        *("create", "my-chatbot", "-t", pair, "--owner", "acme", "--forge", f"local:{elsewhere}"),
        *("--set", "replicas=7", "--set", "greeting=good morning"),
    )
    made = heads(elsewhere)
    (gitops := elsewhere / "acme/my-chatbot-gitops.git").rename(elsewhere / "lost")
    assert not gitops.exists()

    done = cli("create", "my-chatbot", "--resume")

    assert done.code == 0
    assert heads(elsewhere) == made
    assert done.err.splitlines() == [
        "unchanged  repository acme/my-chatbot",
        "created  repository acme/my-chatbot-gitops",
    ]


def test_resume_finds_a_relative_template_and_forge_from_another_folder(
    cli: Cli, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(pair.parent)
    flags = ("-t", f"./{pair.name}", "--forge", "local:here", "--owner", "acme")
    first = cli("create", "my-chatbot", *flags)
    assert first.code == 0, first.err
    monkeypatch.chdir(tmp_path / "elsewhere")

    done = cli("create", "my-chatbot", "--resume")

    assert done.code == 0, done.err
    assert "my-chatbot is unchanged" in done.out
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_name_that_is_given_twice_must_be_the_same(cli: Cli, pair: Path) -> None:
    flags = ("-t", pair, "--owner", "acme", "--dry-run")

    assert cli("create", "shop", *flags, "--set", "name=shop").code == 0
    done = cli("create", "shop", *flags, "--set", "name=other")

    assert done.code == 2
    assert "--set name: 'other' is not the NAME of the command, shop" in done.err


def test_resume_without_a_last_run_says_so(cli: Cli, pair: Path) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--resume")

    assert done.code == 2
    assert done.err == (
        "Error: there is no recorded run of 'my-chatbot' to resume\n"
        "Hint: run kickstart create NAME without --resume\n"
    )


def test_the_journal_has_a_line_for_every_event(cli: Cli, pair: Path, forge: Path, home: Path) -> None:
    cli("create", "my-chatbot", "-t", pair, "--owner", "acme")

    lines = (home / "state/journal/my-chatbot.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == [
        *("planned", "started", "done", "started", "done", "completed")
    ]
    assert {event["version"] for event in events} == {1}
    assert events[2]["facts"]["commit"] == heads(forge)["acme/my-chatbot.git"]


def test_output_dir_has_the_files_of_both_repositories_as_well(
    cli: Cli, pair: Path, forge: Path, tmp_path: Path
) -> None:
    command = ("create", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", tmp_path / "out")

    done = cli(*command)

    assert (done.code, staging(forge, tmp_path / "out")) == (0, [])
    for name in ("my-chatbot", "my-chatbot-gitops"):
        copy = clone(forge / "acme" / f"{name}.git", tmp_path / "clones" / name)
        published = {str(p.relative_to(copy)): p.read_bytes() for p in copy.glob("*") if p.is_file()}
        folder = tmp_path / "out" / name
        assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*")} == published
    before = snapshot(tmp_path / "out")
    assert (cli(*command).code, snapshot(tmp_path / "out")) == (0, before)


def test_an_output_dir_that_holds_other_files_stops_create_before_the_first_write(
    cli: Cli, pair: Path, forge: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out/my-chatbot-gitops"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine\n")

    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", tmp_path / "out")

    assert (done.code, forge.exists()) == (5, False)
    assert f"folder {folder}: holds other files" in done.err
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["my-chatbot-gitops", "notes.txt"]


@pytest.mark.parametrize("where", ["out", "out/my-chatbot"])
def test_a_file_where_a_folder_is_needed_stops_create_before_the_first_write(
    cli: Cli, pair: Path, forge: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("a file\n")

    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--output-dir", tmp_path / "out")

    assert (done.code, forge.exists()) == (5, False)
    assert f"{tmp_path / where} is not a folder" in done.err
    assert "Hint: choose another --output-dir" in done.err


def test_a_template_that_publishes_nothing_cannot_create(cli: Cli, tmp_path: Path) -> None:
    text = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: none}\n"
    template = make_template(tmp_path / "none", text + "spec: {type: service, steps: []}\n", {})

    done = cli("create", "my-chatbot", "-t", template)

    assert done.code == 2
    assert "the template 'none' publishes nothing" in done.err
    as_it_was_given = f"kickstart render my-chatbot --template {template} --output-dir DIR"
    assert f"Hint: write its files to a folder: {as_it_was_given}\n" in done.err
