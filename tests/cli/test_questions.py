"""Interactive: each page is asked, each answer checked, and the plan confirmed once."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.cli.support import NAME, OWNER, LocalForge, fetch, git, page, publish, terminal, write_template

TOKEN = {"type": "string", "title": "Token", "ui:field": "Secret"}
SIZE = {"type": "string", "title": "Size", "enum": ["small", "large"], "default": "small"}
COUNT = {"type": "integer", "title": "Count", "minimum": 1, "maximum": 5, "default": 2}


@pytest.fixture
def asking(tmp_path: Path) -> Path:
    values = {"size": "${{ parameters.size }}", "count": "${{ parameters.count }}"}
    return write_template(
        tmp_path / "asking",
        [fetch(values), publish()],
        page(name=NAME, owner=OWNER, size=SIZE, count=COUNT, token=TOKEN),
        {"answers.j2": b"${{ values.size }} ${{ values.count }}\n"},
    )


def _answer(child: pexpect.spawn[str], question: str, answer: str) -> None:
    child.expect_exact(question)
    child.sendline(answer)


def _end(child: pexpect.spawn[str]) -> int:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return child.exitstatus


def test_a_page_is_asked_only_when_its_condition_holds(tmp_path: Path, local_forge: LocalForge) -> None:
    zone = {"title": "Cloud", "when": "${{ parameters.size == 'large' }}", "properties": {"zone": NAME}}
    more = {"title": "More", "when": "${{ parameters.size == 'small' }}", "properties": {"count": COUNT}}
    pages = [page(name=NAME, owner=OWNER, size=SIZE), zone, more]
    spec = {"type": "service", "parameters": pages, "steps": [fetch(), publish()]}
    template = write_template(tmp_path / "paged", files={"a.j2": b"x"}, spec=spec)

    with terminal("create", "demo", "--template", template) as child:
        child.expect_exact("(1 of 2)")
        _answer(child, "Owner (acme)", "")
        _answer(child, "Size (small)", "")
        child.expect_exact("More")
        child.expect_exact("(2 of 2)")
        _answer(child, "Count (2)", "3")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0


DATABASE = {
    "title": "A database",
    "description": "In the cluster",
    "properties": {"kind": {"const": "db"}, "store": {"type": "string", "title": "Store", "default": "10Gi"}},
    "required": ["kind"],
}
BUCKET = {
    "title": "A bucket",
    "properties": {"kind": {"const": "s3"}, "bucket": {"type": "string", "title": "Bucket"}},
    "required": ["kind", "bucket"],
}
NOTHING = {"properties": {"kind": {"const": "none"}}, "required": ["kind"]}


def _branching(folder: Path, **data: Any) -> Path:
    values = {name: f"${{{{ parameters.{name} or '-' }}}}" for name in ("kind", "store", "bucket")}
    pages = [page(name=NAME, owner=OWNER), {"title": "Data", **data}]
    spec = {"type": "service", "parameters": pages, "steps": [fetch(values), publish()]}
    files = {"answers.j2": b"${{ values.kind }} ${{ values.store }} ${{ values.bucket }}"}
    return write_template(folder, files=files, spec=spec)


@pytest.mark.parametrize("key", ["oneOf", "anyOf"])
@pytest.mark.parametrize(
    ("choice", "questions", "made"),
    [
        ("", [("Store (10Gi)", "1Gi")], "db 1Gi -"),
        ("2", [("Bucket", "files")], "s3 - files"),
        ("A bucket", [("Bucket", "files")], "s3 - files"),
        ("Option 3", [], "none - -"),
    ],
)
def test_a_branch_of_a_page_is_chosen_and_its_parameters_are_asked(
    key: str,
    choice: str,
    questions: list[tuple[str, str]],
    made: str,
    tmp_path: Path,
    local_forge: LocalForge,
) -> None:
    template = _branching(tmp_path / "t", **{key: [DATABASE, BUCKET, NOTHING]})

    with terminal("create", "demo", "-t", template, "--owner", "acme") as child:
        child.expect_exact("Data")
        child.expect_exact("1. A database\r\n     In the cluster\r\n  2. A bucket\r\n  3. Option 3")
        _answer(child, "Which one (A database)", "4")
        child.expect_exact("'4' is not one of them")
        _answer(child, "Which one (A database)", choice)
        for question, answer in questions:
            _answer(child, question, answer)
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0
    assert git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers") == made


@pytest.mark.parametrize(
    ("given", "asked"),
    [("bucket=files", ""), ("kind=s3", "Bucket"), ("store=1Gi", "")],
)
def test_a_branch_that_the_command_line_tells_is_not_asked_for(
    given: str, asked: str, tmp_path: Path, local_forge: LocalForge
) -> None:
    template = _branching(tmp_path / "t", oneOf=[DATABASE, BUCKET, NOTHING])

    with terminal("create", "demo", "-t", template, "--owner", "acme", "--set", given) as child:
        if asked:
            _answer(child, asked, "files")
        child.expect_exact("Create this?")
        assert "Which one" not in (child.before or "")
        child.sendline("")
        code = _end(child)

    assert code == 0


def test_an_answer_of_the_page_tells_the_branch(tmp_path: Path, local_forge: LocalForge) -> None:
    kinds = {"type": "string", "title": "Kind", "enum": ["db", "s3", "none"], "default": "db"}
    template = _branching(tmp_path / "t", properties={"kind": kinds}, oneOf=[DATABASE, BUCKET, NOTHING])

    with terminal("create", "demo", "-t", template, "--owner", "acme") as child:
        _answer(child, "Kind (db)", "s3")
        _answer(child, "Bucket", "files")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0
    assert git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers") == "s3 - files"


def test_branches_that_only_say_what_is_required_are_no_question(
    tmp_path: Path, local_forge: LocalForge
) -> None:
    either = [{"required": ["store"]}, {"required": ["bucket"]}]
    text = {"type": "string"}
    own = {"kind": {**text, "default": "db"}, "store": text, "bucket": text}
    template = _branching(tmp_path / "t", properties=own, anyOf=either)

    with terminal("create", "demo", "-t", template, "--owner", "acme") as child:
        _answer(child, "kind (db)", "")
        _answer(child, "store", "1Gi")
        _answer(child, "bucket", "")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0


def test_lists_mappings_and_named_switches_are_answered_as_they_are_shown(
    tmp_path: Path, local_forge: LocalForge
) -> None:
    choice = {"type": "string", "enum": ["a", "b", "c"], "enumNames": ["Aa", "Bb", "Cc"]}
    inner = {"slug": {"type": "string"}, "role": {"type": "string", "default": "pull"}}
    questions: dict[str, Any] = {
        "parts": {"type": "array", "items": choice},
        "flow": {"type": "boolean", "enumNames": ["GitFlow", "GitHubFlow"], "default": True},
        "teams": {
            "type": "array",
            "items": {"type": "object", "properties": inner},
            "default": [{"slug": "x"}],
        },
    }
    values = {name: f"${{{{ parameters.{name} | dump }}}}" for name in questions}
    files = {"answers.j2": b"${{ values.parts }} ${{ values.flow }} ${{ values.teams }}"}
    template = write_template(
        tmp_path / "lists", [fetch(values), publish()], page(name=NAME, owner=OWNER, **questions), files
    )

    with terminal("create", "demo", "--template", template) as child:
        _answer(child, "Owner (acme)", "")
        child.expect_exact("several are separated by commas")
        child.expect_exact("3. c  Cc")
        _answer(child, "parts", "1,nothing")
        child.expect_exact("'nothing' is not one of a, b, c")
        _answer(child, "parts", "1, Cc")
        child.expect_exact("2. false  GitHubFlow")
        _answer(child, "flow (true)", "GitHubFlow")
        child.expect_exact("write [{slug: ..., role: ...}, ...]")
        child.expect_exact('teams ([{"slug": "x", "role": "pull"}])')
        child.sendline("[{slug: y}]")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0
    made = git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers")
    assert made == '["a","c"] false [{"slug":"y","role":"pull"}]'


def test_the_members_of_a_mapping_are_asked_one_by_one(tmp_path: Path, local_forge: LocalForge) -> None:
    to = {"title": "Push it?", "type": "boolean", "default": False}
    where = {"properties": {"to": {"const": True}, "where": {"type": "string"}}, "required": ["where"]}
    target = {
        "title": "Target",
        "type": "object",
        "properties": {"to": to, "size": SIZE},
        "dependencies": {"to": {"oneOf": [where, {"properties": {"to": {"const": False}}}]}},
        "default": {"size": "large"},
    }
    template = write_template(
        tmp_path / "mapping",
        [fetch({"target": "${{ parameters.target | dump }}"}), publish()],
        page(name=NAME, owner=OWNER, target=target),
        {"answers.j2": b"${{ values.target }}"},
    )

    with terminal("create", "demo", "--template", template) as child:
        _answer(child, "Owner (acme)", "")
        child.expect_exact("Target")
        _answer(child, "Push it? (no)", "yes")
        _answer(child, "Size (large)", "")
        _answer(child, "where", "")
        child.expect_exact("an answer is required")
        _answer(child, "where", "here")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0
    made = git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers")
    assert json.loads(made) == {"to": True, "size": "large", "where": "here"}


def test_answers_are_defaults_numbers_and_checked_ones(asking: Path, local_forge: LocalForge) -> None:
    with terminal("create", "demo", "--template", asking) as child:
        _answer(child, "Owner (acme)", "")
        child.expect_exact("1. small")
        child.expect_exact("2. large")
        _answer(child, "Size (small)", "3")
        child.expect_exact("'3' is not one of small, large")
        _answer(child, "Size (small)", "2")
        _answer(child, "Count (2)", "many")
        child.expect_exact("must be a whole number")
        _answer(child, "Count (2)", "9")
        child.expect("5")
        _answer(child, "Count (2)", "4")
        _answer(child, "Token", "")
        child.expect_exact("an answer is required")
        _answer(child, "Token", "hidden-answer")
        child.expect_exact("repository acme/demo")
        shown = child.before
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0
    assert "hidden-answer" not in (shown or "")
    assert git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers") == "large 4"


@pytest.mark.parametrize("given", ["flags", "no-input"])
def test_what_was_given_is_not_asked(
    asking: Path, local_forge: LocalForge, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_TOKEN", "x-y-z")
    flags = ["--owner", "acme", "--set", "size=large", "--set", "count=3"]
    more = ["--no-input"] if given == "no-input" else []

    with terminal("create", "demo", "--template", asking, *flags, *more) as child:
        if given == "flags":
            child.expect_exact("Create this?")
            assert "Owner" not in (child.before or "")
            child.sendline("y")
        code = _end(child)

    assert code == 0
    assert git(f"--git-dir={local_forge.path('demo')}", "show", "main:answers") == "large 3"


def test_no_writes_nothing(
    asking: Path, local_forge: LocalForge, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_TOKEN", "x-y-z")

    with terminal("create", "demo", "-t", asking, "--owner", "acme", "--set", "size=small") as child:
        _answer(child, "Count (2)", "")
        _answer(child, "Create this?", "n")
        child.expect_exact("Nothing was written")
        code = _end(child)

    assert code == 0
    assert not local_forge.folder.exists()
    assert not (home / "state").exists()


def test_ctrl_c_at_a_question_writes_nothing(asking: Path, local_forge: LocalForge) -> None:
    with terminal("create", "demo", "--template", asking) as child:
        child.expect_exact("Owner (acme)")
        child.sendintr()
        child.expect_exact("Interrupted")
        code = _end(child)

    assert code == 130
    assert not local_forge.folder.exists()


def test_no_text_of_a_template_is_markup_or_moves_the_cursor(tmp_path: Path, local_forge: LocalForge) -> None:
    said = "ends \\[/x] and\x1b[2J clears"
    note = {"type": "string", "title": "Note [/b]", "description": said, "default": ""}
    template = write_template(
        tmp_path / "marked", [fetch(), publish()], page(name=NAME, owner=OWNER, note=note), {"a": b"x"}
    )

    with terminal("create", "demo", "--template", template) as child:
        _answer(child, "Owner (acme)", "")
        child.expect_exact("ends \\[/x] and\\x1b[2J clears")
        _answer(child, "Note [/b]", "")
        _answer(child, "Create this?", "")
        code = _end(child)

    assert code == 0


def test_no_folder_is_markup_while_files_are_written_to_it(tmp_path: Path) -> None:
    template = write_template(
        tmp_path / "plain",
        [fetch(), publish()],
        page(name=NAME, owner={**OWNER, "default": "acme"}),
        {"a": b"x"},
    )
    folder = tmp_path / "x" / "[" / "b]"

    with terminal("render", "demo", "-t", template, "--no-input", "--output-dir", folder) as child:
        child.expect_exact("b]/demo")
        code = _end(child)

    assert code == 0
    assert (folder / "demo/a").exists()


def test_a_terminal_of_plain_letters_gets_no_signs_that_it_cannot_show(
    asking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PYTHONIOENCODING", "ascii"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "kickstart", "create", "demo", "--template", str(asking), "--owner", "acme"],
        env={**os.environ, "KICKSTART_PARAMETER_TOKEN": "t0ken"},
        encoding="utf-8",
        timeout=15,
    )
    with closing(child):
        for answer in ("Size", "Count", "Create this?"):
            _answer(child, answer, "")
        child.expect_exact("demo is ready")
        said = child.before or ""

    assert "Writing repository" in said
    assert "\\u" not in said
