"""`fetch:cookiecutter` gives what cookiecutter gives when it is called as a portal calls it."""

# ruff: noqa: E501 - templates are data
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

from kickstart.actions.base import InputError
from kickstart.errors import TemplateError
from tests.unit.building import promise, tree, write

FILES: dict[str, str | bytes] = {
    "cookiecutter.json": '{"name": "default", "slug": "{{ cookiecutter.name | lower }}", "license": ["MIT", "BSD"],'
    ' "port": 80, "deep": {"a": "{{ cookiecutter.slug }}", "n": 1}, "_private": "{{ 1 + 1 }}"}',
    "{{ cookiecutter.slug }}/setup.py": "name = '{{ cookiecutter.name }}'\nport = {{ cookiecutter.port + '1' }}\n"
    "{% if cookiecutter.license == 'MIT' %}MIT{% else %}other{% endif %}\n{{ cookiecutter.deep | jsonify }}\n\n",
    "{% if cookiecutter.license == 'BSD' %}BSD{% endif %}": "gone",
    "{{ cookiecutter._private }}.txt": "${{ github.ref[0] if false else '' }}",
    "windows.txt": "one\r\n{{ cookiecutter.slug }}\r\n",
    "mixed.txt": "one\n{{ cookiecutter.slug }}\r\n",
    "raw/{{ cookiecutter.slug }}/a.txt": "{{ cookiecutter.slug }} {% broken",
    "keep-{{ cookiecutter.slug }}.lock": "{{ cookiecutter.slug }}",
    "binary": bytes(range(256)) * 4 + b"{{ cookiecutter.slug }}",
    "run.sh": "#!/bin/sh\n",
    "list.txt": "{% for x in [1, 2.0, True, None] %}{{ x }},{% endfor %}{{ cookiecutter.given }}",
    "hooks/pre_gen_project.py": "raise SystemExit('{{ cookiecutter.slug }}')",
}
VALUES: dict[str, Any] = {"name": "My Tool", "given": True, "number": 3}
COPIED = ["raw", "*.lock"]


def _theirs(skeleton: Path, work: Path) -> dict[str, tuple[bytes, bool]]:
    """Return what cookiecutter writes: its files with their bytes, and whether they are executable."""
    contents = work / "template/{{cookiecutter and 'contents'}}"
    shutil.copytree(skeleton, contents)
    context = json.loads((skeleton / "cookiecutter.json").read_text())
    whole = {**context, **VALUES, "_copy_without_render": COPIED}
    (work / "template/cookiecutter.json").write_text(json.dumps(whole))
    home = work / "rc.yaml"
    home.write_text(f"cookiecutters_dir: {work}\nreplay_dir: {work}\n")
    made = Path(
        cookiecutter(str(work / "template"), no_input=True, output_dir=str(work), config_file=str(home))
    )
    return {
        str(file.relative_to(made)): (file.read_bytes(), os.access(file, os.X_OK))
        for file in made.rglob("*")
        if file.is_file()
    }


def test_a_folder_renders_as_cookiecutter_renders_it(tmp_path: Path) -> None:
    skeleton = write(tmp_path / "t/skeleton", FILES)
    (skeleton / "run.sh").chmod(0o755)

    made = promise(
        "fetch:cookiecutter",
        tmp_path / "t",
        tree({"run.sh": "is replaced", "stays": ""}),
        url="./skeleton",
        values=VALUES,
        copyWithoutRender=COPIED,
    )

    ours = {path: (entry.content, bool(entry.mode & 0o111)) for path, entry in (made.tree or {}).items()}
    assert ours.pop("stays") == (b"", False)
    assert ours == _theirs(skeleton, tmp_path / "work")


@pytest.mark.parametrize(
    "settings",
    [
        {"_jinja2_env_vars": {"lstrip_blocks": True, "trim_blocks": True}},
        {"_jinja2_env_vars": {"line_statement_prefix": "%%"}},
        {"_new_lines": "\r\n"},
        {"_new_lines": "\n"},
    ],
)
def test_the_settings_of_a_template_hold(tmp_path: Path, settings: dict[str, Any]) -> None:
    files = {
        "cookiecutter.json": json.dumps({"name": "x", **settings}),
        "a.txt": "top\n  {% if cookiecutter.name == 'no' %}\n  X\n  {% endif %}\n%% if true\nend\n%% endif\n",
        "b.txt": "one\r\ntwo\r\n",
    }
    skeleton = write(tmp_path / "t/skeleton", files)

    made = promise("fetch:cookiecutter", tmp_path / "t", tree({}), url="./skeleton", values=VALUES)

    ours = {path: (entry.content, bool(entry.mode & 0o111)) for path, entry in (made.tree or {}).items()}
    assert ours == _theirs(skeleton, tmp_path / "work")


def test_a_setting_that_jinja_cannot_take_is_an_error(tmp_path: Path) -> None:
    settings = {"block_start_string": "{{"}
    write(tmp_path / "skeleton", {"cookiecutter.json": json.dumps({"_jinja2_env_vars": settings})})

    with pytest.raises(TemplateError, match="the settings of Jinja2 are wrong") as raised:
        promise("fetch:cookiecutter", tmp_path, tree({}), url="./skeleton", values={})

    assert "_jinja2_env_vars: " in str(raised.value.faults[0])


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    write(
        tmp_path / "skeleton",
        {"a": "\n{% if %}", "b": "\n\n{{ cookiecutter.nope }}", "c": "{{ ''.__class__.x }}"},
    )

    with pytest.raises(TemplateError) as raised:
        promise("fetch:cookiecutter", tmp_path, tree({}), url="./skeleton", values={})

    assert [fault.where for fault in raised.value.faults] == ["skeleton/a:2", "skeleton/b:3", "skeleton/c:1"]
    assert raised.value.faults[1].message == "cookiecutter has no value 'nope'"


def test_a_value_that_cannot_be_rendered_is_named(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"a": ""})

    with pytest.raises(TemplateError) as raised:
        values = {"name": "x", "owner": "{{ parameters.owner }}"}
        promise("fetch:cookiecutter", tmp_path, tree({}), url="./skeleton", values=values)

    [found] = raised.value.faults
    assert found.message == "the value 'owner': 'parameters' is undefined"


@pytest.mark.parametrize(
    ("files", "values", "message"),
    [
        ({"cookiecutter.json": "{"}, {}, "cookiecutter.json is not JSON"),
        ({"cookiecutter.json": "[" * 100_000}, {}, "cookiecutter.json is not JSON"),
        ({"a": ""}, {"x": "{{ nope }}"}, "a value cannot be rendered"),
        ({"a": b"\xff\xfe\xfa" + b"text " * 9}, {}, "the skeleton cannot be rendered"),
    ],
)
def test_what_cannot_be_rendered_is_an_error(
    tmp_path: Path, files: dict[str, Any], values: dict[str, Any], message: str
) -> None:
    write(tmp_path / "skeleton", files)

    with pytest.raises(TemplateError, match=message):
        promise("fetch:cookiecutter", tmp_path, tree({}), url="./skeleton", values=values)


def test_extensions_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"a": ""})

    with pytest.raises(InputError, match=r"extensions are not there, such as a\.b"):
        promise("fetch:cookiecutter", tmp_path, tree({}), url="./skeleton", values={}, extensions=["a.b"])
