"""Where values come from and where results go: files, variables, --resume, folders and JSON."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import (
    NAME,
    OWNER,
    Cli,
    LocalForge,
    git,
    page,
    snapshot,
    start,
    write_files,
    write_template,
)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("v.yaml", "note: from a file\n"),
        ("v.json", '{"note": "from a file"}'),
        ("v.yml", "{note: from a file}"),
    ],
)
def test_values_are_read_from_yaml_and_json(
    cli: Cli, two: Path, tmp_path: Path, file: str, content: str
) -> None:
    (tmp_path / file).write_text(content)

    result = cli("create", "demo", "-t", two, "--values", tmp_path / file, "--dry-run", "-o", "json")

    assert result.json["parameters"] == {"name": "demo", "owner": "acme", "note": "from a file"}


def test_a_later_values_file_wins_and_a_flag_wins_over_both(cli: Cli, two: Path, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("note: a\nowner: one\n")
    (tmp_path / "b.yaml").write_text("note: b\n")
    files: list[str | Path] = ["--values", tmp_path / "a.yaml", "--values", tmp_path / "b.yaml"]

    both = cli("create", "demo", "-t", two, *files, "--dry-run", "-o", "json").json
    flagged = cli("create", "demo", "-t", two, *files, "--set", "note=c", "--dry-run", "-o", "json").json

    assert both["parameters"] == {"name": "demo", "owner": "one", "note": "b"}
    assert flagged["parameters"]["note"] == "c"


def test_values_are_read_from_standard_input(two: Path) -> None:
    done = start(
        *("create", "demo", "-t", two, "--values", "-", "--dry-run", "-o", "json"), input="note: from stdin\n"
    )

    assert json.loads(done.stdout)["parameters"]["note"] == "from stdin"


def test_an_empty_values_file_gives_nothing(cli: Cli, two: Path, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("# nothing\n")

    result = cli("create", "demo", "-t", two, "-f", tmp_path / "v.yaml", "--dry-run", "-o", "json")

    assert result.json["parameters"]["note"] == "a note"


def test_set_converts_text_to_the_type_of_the_parameter(cli: Cli, tmp_path: Path) -> None:
    typed: dict[str, dict[str, Any]] = {
        "count": {"type": "integer", "default": 1},
        "on": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "limits": {"type": "object", "default": {}},
        "text": {"type": "string", "default": ""},
    }
    template = write_template(tmp_path / "t", parameters=page(name=NAME, owner=OWNER, **typed))
    sets = ["count=3", "on=true", "tags=a, b", "limits={cpu: 2}", "text=3=4"]

    result = cli(
        *("create", "demo", "-t", template, "--dry-run", "-o", "json"),
        *[word for each in sets for word in ("--set", each)],
    )

    given = {name: result.json["parameters"][name] for name in typed}
    assert given == {"count": 3, "on": True, "tags": ["a", "b"], "limits": {"cpu": 2}, "text": "3=4"}


def test_flag_beats_environment_beats_project_file_beats_user_file_beats_default(
    cli: Cli, two: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(*flags: str) -> str:
        said = cli("create", "demo", "-t", two, "--dry-run", "-o", "json", *flags)
        return str(said.json["parameters"]["note"])

    (tmp_path / "project/below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project/below")

    found = [note()]
    write_files(home / "config", {"config.yaml": b"parameters: {note: user}\n"})
    found.append(note())
    write_files(tmp_path / "project/.kickstart", {"config.yaml": b"parameters: {note: project}\n"})
    found.append(note())
    monkeypatch.setenv("KICKSTART_PARAMETER_NOTE", "environment")
    found.append(note())
    found.append(note("--set", "note=flag"))

    assert found == ["a note", "user", "project", "environment", "flag"]


def test_settings_have_the_same_order(
    cli: Cli, two: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def owner(*flags: str) -> str:
        said = cli("create", "demo", "--dry-run", "-o", "json", *flags)
        return str(said.json["parameters"]["owner"])

    monkeypatch.chdir(tmp_path)
    write_files(home / "config", {"config.yaml": f"template: {two}\nowner: user\n".encode()})

    found = [owner()]
    write_files(tmp_path / ".kickstart", {"config.yaml": b"owner: project\n"})
    found.append(owner())
    monkeypatch.setenv("KICKSTART_OWNER", "environment")
    found.append(owner())
    found.append(owner("--owner", "flag"))

    assert found == ["user", "project", "environment", "flag"]


def test_verbose_says_where_each_value_came_from(
    cli: Cli, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_OWNER", "acme")

    result = cli("create", "demo", "-t", two, "--set", "note=x", "--dry-run", "-v")

    words = [line.split() for line in result.err.splitlines()]
    assert ["name", '"demo"', "NAME"] in words
    assert ["owner", '"acme"', "KICKSTART_OWNER"] in words
    assert ["note", '"x"', "--set"] in words


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"tempalte: x\n", "config.yaml:1: tempalte: is not a setting (did you mean 'template'?)"),
        (b"owner: a\nforge: 3\n", "config.yaml:2: forge: must be text"),
        (b"parameters: [a]\n", "config.yaml:1: parameters: must be a mapping"),
        (b"- a\n", "must be a mapping"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_wrong_configuration_file_is_named_with_its_line(
    cli: Cli, two: Path, home: Path, content: bytes, message: str
) -> None:
    write_files(home / "config", {"config.yaml": content})

    result = cli("create", "demo", "-t", two)

    assert result.code == 2
    assert message in result.err


def test_the_forge_can_be_any_folder(cli: Cli, two: Path, tmp_path: Path, local_forge: LocalForge) -> None:
    result = cli("create", "demo", "-t", two, "--forge", f"local:{tmp_path}/other")

    assert result.code == 0
    assert set(LocalForge(tmp_path / "other").commits()) == {"demo.git", "demo-gitops.git"}
    assert not local_forge.folder.exists()


def test_a_forge_is_the_same_whichever_way_leads_to_it(
    cli: Cli, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    cli("create", "demo", "-t", two, "--forge", f"local:{tmp_path}/other")
    monkeypatch.chdir(tmp_path / "here")

    again = cli("create", "demo", "-t", two, "--forge", "local:../other")

    assert (again.code, again.out.splitlines()[0][:17]) == (0, "demo is unchanged"), again.err
    assert ".." not in again.out


def test_resume_takes_template_forge_and_parameters_of_the_last_run(
    cli: Cli, two: Path, tmp_path: Path
) -> None:
    cli("create", "demo", "-t", two, "--set", "note=kept", "--forge", f"local:{tmp_path}/other")
    before = snapshot(tmp_path / "other")

    result = cli("create", "demo", "--resume", "-o", "json")

    assert result.code == 0
    assert result.json["outcome"] == "unchanged"
    assert result.json["parameters"]["note"] == "kept"
    assert snapshot(tmp_path / "other") == before


def test_output_dir_writes_what_is_published(
    cli: Cli, two: Path, tmp_path: Path, local_forge: LocalForge
) -> None:
    result = cli("create", "demo", "-t", two, "--output-dir", tmp_path / "out")

    assert result.code == 0
    assert (tmp_path / "out/demo/windows.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert (tmp_path / "out/demo/run.sh").stat().st_mode & 0o100
    assert (tmp_path / "out/demo/link").is_symlink()
    listed = git(f"--git-dir={local_forge.path('demo-gitops')}", "ls-tree", "-r", "--name-only", "main")
    written = [path for path in (tmp_path / "out/demo-gitops").rglob("*") if path.is_file()]
    assert sorted(path.name for path in written) == sorted(listed.splitlines())


def test_render_writes_folders_publishes_nothing_and_is_repeatable(
    cli: Cli, two: Path, tmp_path: Path, local_forge: LocalForge, home: Path
) -> None:
    first = cli("render", "demo", "-t", two, "--output-dir", tmp_path / "out")
    before = snapshot(tmp_path / "out")
    time.sleep(1)  # Git's clock counts seconds, and one of the files names a commit
    second = cli("render", "demo", "-t", two, "--output-dir", tmp_path / "out", "-o", "json")

    assert (first.code, second.code) == (0, 0)
    assert second.json["outcome"] == "unchanged"
    assert snapshot(tmp_path / "out") == before
    assert not local_forge.folder.exists()
    assert not (home / "state").exists()


def test_render_updates_its_own_folder_and_leaves_one_that_was_changed(
    cli: Cli, two: Path, tmp_path: Path
) -> None:
    command: list[str | Path] = ["render", "demo", "-t", two, "--output-dir", tmp_path / "out"]
    readme = tmp_path / "out/demo/README.md"
    cli(*command)

    updated = cli(*command, "--set", "note=new")
    assert (updated.code, readme.read_text()) == (0, "# demo\n\nnew\n")

    readme.write_text("mine\n")
    refused = cli(*command)
    assert (refused.code, readme.read_text()) == (5, "mine\n")
    assert "was changed since it was written" in refused.err


def _envelope(document: dict[str, Any]) -> tuple[str, str, str]:
    return document["apiVersion"], document["kind"], document["outcome"]


def test_json_is_one_envelope_for_each_outcome(cli: Cli, two: Path) -> None:
    command = ["create", "demo", "-t", str(two), "-o", "json"]

    planned = cli(*command, "--dry-run").json
    changed = cli(*command).json
    unchanged = cli(*command).json
    failed = cli(*command, "--set", "nope=1")

    assert [_envelope(each) for each in (planned, changed, unchanged, failed.json)] == [
        ("kickstart/v1", "Create", "planned"),
        ("kickstart/v1", "Create", "changed"),
        ("kickstart/v1", "Create", "unchanged"),
        ("kickstart/v1", "Create", "failed"),
    ]
    assert [each["change"] for each in unchanged["changes"]] == ["unchanged", "unchanged"]
    assert failed.json["error"]["exitCode"] == failed.code == 2
    assert failed.json["error"]["faults"][0]["where"] == "nope (--set)"
    assert {file["path"] for file in planned["changes"][1]["files"]} == {"values.yaml", ".kickstart.yaml"}


def test_quiet_prints_no_progress(cli: Cli, two: Path) -> None:
    result = cli("create", "demo", "-t", two, "--quiet")

    assert (result.code, result.err) == (0, "")
    assert "demo is ready" in result.out


def test_template_list_names_what_comes_with_kickstart(cli: Cli) -> None:
    text = cli("template", "list")
    listed = cli("template", "list", "-o", "json")

    assert text.code == listed.code == 0
    assert "rag-chatbot" in text.out
    assert "rag-chatbot" in [each["name"] for each in listed.json["templates"]]


def test_template_show_has_every_parameter_and_step(cli: Cli, two: Path) -> None:
    text = cli("template", "show", two).out
    shown = cli("template", "show", two, "-o", "json").json

    assert [each["name"] for each in shown["parameters"]] == ["name", "owner", "note"]
    assert [each["required"] for each in shown["parameters"]] == [True, False, False]
    assert [each["id"] for each in shown["steps"]] == ["fetch", "publish", "fetchGitops", "publishGitops"]
    assert 'note  string, default "a note"' in text


@pytest.mark.parametrize("template", ["two", "rag-chatbot"])
def test_template_validate_accepts_a_good_template(cli: Cli, two: Path, template: str) -> None:
    result = cli("template", "validate", two if template == "two" else template, "-o", "json")

    assert result.code == 0, result.err
    assert _envelope(result.json) == ("kickstart/v1", "TemplateValidation", "valid")


def test_template_schema_describes_what_a_values_file_may_hold(cli: Cli, two: Path) -> None:
    import jsonschema_rs

    schema = json.loads(cli("template", "schema", two).out)

    valid = jsonschema_rs.validator_for(schema)
    assert valid.is_valid({"name": "demo", "note": "x"})
    assert not valid.is_valid({"note": "x"})
    assert not valid.is_valid({"name": "demo", "note": 7})
    assert not valid.is_valid({"name": "demo", "nope": "x"})


def test_the_terminal_is_asked_nothing_without_one(
    cli: Cli, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("nobody reads this\n"))

    result = cli("create", "-t", two)

    assert result.code == 2
    assert "name: is required" in result.err


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_printed(cli: Cli, flag: str) -> None:
    from kickstart import __version__

    assert cli(flag).out == f"kickstart {__version__}\n"
