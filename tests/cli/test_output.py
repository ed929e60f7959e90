"""What a run prints: text for people, one JSON document for programs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pexpect
import pytest

from kickstart import __version__
from kickstart.cli import app
from kickstart.cli.console import Console
from kickstart.tree import Entry
from tests.cli.support import Cli, LocalForge, heads, output_schema, process


def test_the_documented_schema_is_a_schema_with_a_description_for_everything() -> None:
    file = Path(__file__).parents[2] / "docs/reference/output.schema.json"
    schema = json.loads(file.read_text())

    jsonschema_rs.meta.validate(schema)
    undescribed = [
        f"{owner}.{name}"
        for owner, definition in schema["$defs"].items()
        for name, property_ in definition.get("properties", {}).items()
        if isinstance(property_, dict) and not {"description", "$ref", "const", "enum"} & set(property_)
    ]
    assert undescribed == []
    assert not output_schema().is_valid(
        {"apiVersion": "kickstart/v1", "kind": "Create", "outcome": "changed"}
    )


def test_json_of_a_plan_lists_every_file(cli: Cli, pair: Path, forge: Path) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--dry-run", "--output", "json")

    planned = done.json
    assert (done.code, done.err) == (0, "")
    assert (planned["kind"], planned["outcome"], planned["project"]) == ("Create", "planned", "my-chatbot")
    assert planned["template"] == {"name": "pair", "version": "1.2.3", "origin": str(pair), "commit": ""}
    first = planned["changes"][0]
    assert (first["target"], first["change"]) == ("repository acme/my-chatbot", "create")
    assert first["files"][1] == {"path": "README.md", "bytes": 20, "mode": "100644", "change": "create"}
    assert first["bytes"] == sum(file["bytes"] for file in first["files"])
    assert planned["links"][0] == {"title": "Source", "url": f"file://{forge}/acme/my-chatbot.git"}


def test_json_of_a_run_has_the_facts_and_of_a_second_one_none(cli: Cli, pair: Path, forge: Path) -> None:
    command = ("create", "my-chatbot", "-t", pair, "--owner", "acme", "-o", "json")

    first, second = cli(*command), cli(*command)

    made = heads(forge)["acme/my-chatbot-gitops.git"]
    assert first.json["outcome"] == "changed"
    assert first.json["changes"][1]["facts"] == {
        "path": f"{forge}/acme/my-chatbot-gitops.git",
        "commit": made,
    }
    assert second.json["outcome"] == "unchanged"
    assert [change["facts"] for change in second.json["changes"]] == [{}, {}]


def test_json_of_a_dry_run_with_a_conflict_is_one_document_with_error_and_plan(cli: Cli, pair: Path) -> None:
    command = ("create", "my-chatbot", "-t", pair, "--owner", "acme", "-o", "json")
    cli(*command)

    done = cli(*command, "--set", "greeting=hi", "--dry-run")

    failed = done.json
    assert done.code == failed["error"]["exitCode"] == 5
    assert (failed["outcome"], failed["error"]["type"]) == ("failed", "ConflictError")
    assert [fault["where"] for fault in failed["error"]["faults"]] == ["repository acme/my-chatbot"]
    assert [file["path"] for file in failed["changes"][0]["files"] if file["change"] == "update"] == [
        *(".kickstart.yaml", "README.md")
    ]


@pytest.mark.parametrize(
    ("arguments", "kind", "type_", "code"),
    [
        (["create", "my-chatbot", "--set", "x=1"], "Create", "ParameterError", 2),
        (["render", "my-chatbot", "-d", "out", "-t", "./none"], "Render", "ParameterError", 2),
        (["template", "show", "none"], "Template", "ParameterError", 2),
        (["template", "validate", "./none"], "TemplateValidation", "ParameterError", 2),
        (["create", "--no-such-option"], "Error", "ParameterError", 2),
        (["no-such-command"], "Error", "ParameterError", 2),
        (["render", "my-chatbot"], "Error", "ParameterError", 2),
    ],
)
def test_every_error_is_a_json_document_with_exit_code_and_hint(
    cli: Cli, arguments: list[str], kind: str, type_: str, code: int
) -> None:
    done = cli(*arguments, "--output", "json")

    failed = done.json
    assert (failed["kind"], failed["outcome"]) == (kind, "failed")
    assert (failed["error"]["type"], failed["error"]["exitCode"], done.code) == (type_, code, code)
    assert failed["error"]["message"] in done.err


@pytest.mark.parametrize("wanted", [["-o", "json"], ["-ojson"], ["-qo", "json"], ["--output=json"]])
def test_a_command_line_that_cannot_be_read_is_json_however_it_was_asked_for(
    cli: Cli, wanted: list[str]
) -> None:
    done = cli("create", "my-chatbot", *wanted, "--no-such-option")

    assert done.code == 2
    assert done.json["error"]["hint"] == "kickstart create --help"


def test_a_project_called_json_prints_text(cli: Cli, pair: Path) -> None:
    done = cli("create", "--no-such-option", "--set", "greeting=json", "-t", pair, "--owner", "json")

    assert done.code == 2
    assert done.out == ""
    assert "No such option: --no-such-option" in done.err


def test_an_unknown_output_format_is_refused(cli: Cli, pair: Path) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--output", "yaml")

    assert (done.code, done.out) == (2, "")
    assert done.err == ("Error: there is no output format 'yaml'\nHint: --output text, or --output json\n")


def test_quiet_prints_the_result_only(cli: Cli, pair: Path, forge: Path) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--quiet")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("my-chatbot is ready.\n")


def test_quiet_keeps_errors(cli: Cli, pair: Path) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "-q", "--set", "replicas=x")

    assert done.code == 2
    assert "replicas (--set): must be a whole number" in done.err


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ([], {}, True),
        (["--no-color"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--output", "json"], {}, False),
    ],
)
def test_colors_are_for_terminals_that_want_them(
    pair: Path,
    arguments: list[str],
    environment: dict[str, str],
    colored: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = ["create", "my-chatbot", "-t", str(pair), "--owner", "acme", "--dry-run", "--no-input"]

    terminal = pexpect.spawn(
        sys.executable, ["-m", "kickstart", *command, *arguments], encoding="utf-8", timeout=30
    )
    shown = terminal.read()

    terminal.close()
    assert terminal.exitstatus == 0
    assert ("\x1b[" in shown) == colored


def test_there_is_no_color_where_there_is_no_terminal(pair: Path) -> None:
    done = process("create", "my-chatbot", "-t", pair, "--owner", "acme", "--dry-run")

    assert done.code == 0
    assert "\x1b[" not in done.out + done.err


def test_a_reader_that_goes_away_is_no_bug(pair: Path) -> None:
    command = [sys.executable, "-m", "kickstart", "create", "my-chatbot", "-t", str(pair), "--dry-run"]
    (pair / "source/long.txt").write_text("x\n")
    for number in range(3000):  # more output than a pipe holds
        (pair / f"source/file-{number:04}-with-a-rather-long-name.txt").write_text("")

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read().decode()

    assert (said, running.returncode) == ("", 0)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_printed(cli: Cli, flag: str) -> None:
    done = cli(flag)

    assert (done.code, done.out, done.err) == (0, f"kickstart {__version__}\n", "")


def test_without_arguments_there_is_help(cli: Cli) -> None:
    done = cli()

    assert "Usage: kickstart" in done.out + done.err
    assert done.code in {0, 2}


def test_help_lists_every_command_and_option(cli: Cli) -> None:
    overview, create = cli("--help"), cli("create", "--help")

    assert (overview.code, create.code) == (0, 0)
    assert re.findall(r"^  (create|render|template)  ", overview.out, re.M) == [
        "create",
        "render",
        "template",
    ]
    for option in (
        *("--template", "--set", "--values", "--no-input", "--dry-run", "--output-dir", "--forge", "--owner"),
        *("--visibility", "--output", "--resume", "--verbose", "--quiet", "--no-color"),
    ):
        assert option in create.out


KICKSTART = (sys.executable, "-m", "kickstart")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("template", "list"), ("nonsense",)])
@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_closed_stream_is_no_failure(arguments: tuple[str, ...], closed: str) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *KICKSTART, *arguments]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == (2 if arguments == ("nonsense",) else 0), done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NOT TESTED: there is no /dev/full here")
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_result_that_cannot_be_written_is_told(output: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*KICKSTART, "template", "list", "--output", output],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (
        4,
        "Error: the result cannot be written: No space left on device\n",
    )


def test_a_reader_that_goes_away_stops_no_run(small: Path, local_forge: LocalForge) -> None:
    command = [*KICKSTART, "create", "demo", "--no-input", "--template", str(small)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.stdout is not None
    run.stdout.close()

    assert run.wait() == 0
    assert set(local_forge.commits()) == {"demo.git"}


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'

    done = subprocess.run(
        ["sh", "-c", script, "sh", *KICKSTART, "status", "demo"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 4
    assert done.stderr.startswith("Error: the current folder is no longer there\n")


def test_nobodys_text_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(color=True)

    console.print("a\x1b[2Jb\x9b\x07\tc\r\n" + console.paint("green", "green") + "\udcff")
    console.say("\x1b]0;title\x07")

    said = capsys.readouterr()
    assert said.out == "a\\x1b[2Jb\\x9b\\x07\tc\n\x1b[32mgreen\x1b[0m\\xdcff\n"
    assert said.err == "\\x1b]0;title\\x07\n"


def test_json_is_utf_8_whatever_files_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(as_json=True)
    console.expect("Status")

    console.result({"outcome": "shown", "path": "\udcff\x1b"})

    said = capsys.readouterr().out
    assert json.loads(said.encode())["path"] == "\ufffd\x1b"


def test_a_file_with_a_nul_is_binary(capsys: pytest.CaptureFixture[str]) -> None:
    Console().diff({"a": Entry(b"x\0\x01")}, {"a": Entry(b"y\0\x02")})

    assert capsys.readouterr().out == "    ~ a\n      binary, 3 B -> 3 B\n"


def test_a_stream_that_is_not_utf_8_gets_what_it_can_show(pair: Path, forge: Path) -> None:
    command = ("create", "my-chatbot", "-t", pair, "--owner", "acme", "--set", "greeting=hé€")
    ascii_only = {"PYTHONIOENCODING": "ascii"}

    shown = process(*command, "--dry-run", env=ascii_only)
    made = process(*command, "-o", "json", env=ascii_only)

    assert (shown.code, made.code) == (0, 0), shown.err + made.err
    assert json.loads(made.out)["outcome"] == "changed"


def test_a_bug_is_kept_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    app._bug(ValueError("caf\udce9 \u20ac"))

    (log,) = tmp_path.iterdir()
    assert log.read_text("utf-8").endswith("ValueError: caf\\udce9 \u20ac\n")
