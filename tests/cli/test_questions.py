"""Interactive: each page is asked, each answer checked, and the plan confirmed once."""

from __future__ import annotations

import json
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
