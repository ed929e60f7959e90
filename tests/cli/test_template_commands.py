"""`kickstart template`: look at templates, and check them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kickstart import document
from tests.cli.support import TWO_REPOSITORIES, Cli, make_template, page, write_template


def test_list_has_the_templates_that_come_with_kickstart(cli: Cli) -> None:
    text, listed = cli("template", "list"), cli("template", "list", "-o", "json")

    assert (text.code, listed.code) == (0, 0)
    assert "rag-chatbot  " in text.out
    assert "rag-chatbot" in [template["name"] for template in listed.json["templates"]]


def test_show_has_every_page_parameter_and_step(cli: Cli, pair: Path) -> None:
    done = cli("template", "show", pair)

    assert done.code == 0
    assert done.out.splitlines()[:4] == [
        *("pair 1.2.3  Two repositories", "", "Project", "  name  string, required, length at most 40")
    ]
    assert "      Names both repositories.\n" in done.out
    assert '  visibility  string, one of private, internal, public, default "private"\n' in done.out
    assert "\nSteps\n  source  fetch:template  Render the source repository\n" in done.out


def test_show_says_what_an_answer_has_to_be(cli: Cli, tmp_path: Path) -> None:
    questions: dict[str, Any] = {
        "repo": {"type": "string", "ui:field": "RepoUrlPicker"},
        "word": {"type": "string", "ui:widget": "password", "pattern": "^[a-z]+$", "minLength": 4},
        "size": {"type": "string", "enum": ["s", "l"], "enumNames": ["Small", "Large"], "default": "s"},
        "count": {
            "type": "integer",
            "minimum": 1,
            "description": "First line.\nSecond line.\n",
            "default": 1,
        },
    }
    template = write_template(tmp_path / "t", parameters=page(**questions))

    done = cli("template", "show", template)

    assert done.out.splitlines()[3:9] == [
        "  repo  string, required, RepoUrlPicker",
        "  word  string, required, secret, length at least 4, matches ^[a-z]+$",
        '  size  string, one of s (Small), l (Large), default "s"',
        "  count  integer, at least 1, default 1",
        "      First line.",
        "      Second line.",
    ]


def test_show_says_when_a_page_is_shown(cli: Cli, tmp_path: Path) -> None:
    condition = "${{ parameters.name === 'shop' }}"
    zone = {**page(zone={"type": "string"}), "title": "Zone", "when": condition}
    spec = {"type": "service", "parameters": [page(name={"type": "string"}), zone], "steps": []}

    done = cli("template", "show", write_template(tmp_path / "t", spec=spec))

    assert f"\nZone\n  zone  string, when {condition}\n" in done.out


def test_json_of_show_describes_each_parameter(cli: Cli, pair: Path) -> None:
    done = cli("template", "show", pair, "-o", "json")

    parameters = {parameter["name"]: parameter for parameter in done.json["parameters"]}
    assert list(parameters) == [
        *("name", "owner", "visibility", "greeting", "replicas", "debug", "tags", "limits")
    ]
    assert parameters["visibility"] == {
        "name": "visibility",
        "title": "Visibility",
        "page": "Project",
        "type": "string",
        "required": False,
        "secret": False,
        "default": "private",
        "choices": ["private", "internal", "public"],
        "description": "",
    }


def test_a_valid_template_is_valid(cli: Cli, pair: Path) -> None:
    text, checked = (
        cli("template", "validate", pair),
        cli("template", "validate", pair, "-o", "json"),
    )

    assert (text.code, text.out) == (0, "pair is valid: 8 parameters, 4 steps.\n")
    assert checked.json["warnings"] == []


def test_an_input_that_no_portal_knows_is_a_warning(cli: Cli, tmp_path: Path) -> None:
    text = TWO_REPOSITORIES.replace("        sourcePath: gitops\n", "        sourcePaht: gitops\n")
    template = make_template(tmp_path / "template", text)

    done = cli("template", "validate", template, "-o", "json")

    assert done.code == 0
    assert [warning["message"] for warning in done.json["warnings"]] == [
        "spec.steps.3.input.sourcePaht: publish:github has no input 'sourcePaht' "
        "(did you mean 'sourcePath'?); it is ignored"
    ]


def test_every_fault_of_a_template_is_reported_at_once_with_its_line(cli: Cli, tmp_path: Path) -> None:
    text = (
        TWO_REPOSITORIES.replace("action: fetch:template\n", "action: fetch:tempalte\n", 1)
        .replace("parameters.greeting", "parameters.greating")
        .replace("['publish-gitops'].output", "['publish-gitop'].output")
    )
    template = make_template(tmp_path / "template", text)
    lines = text.splitlines()
    places = [
        next(number for number, line in enumerate(lines, start=1) if word in line)
        for word in ("fetch:tempalte", "greating", "publish-gitop'")
    ]

    done = cli("template", "validate", template, "-o", "json")

    faults = done.json["error"]["faults"]
    assert done.code == 3
    assert [fault["where"] for fault in faults] == [f"template.yaml:{number}" for number in places]
    assert [fault["message"].partition(" (did you mean ")[2] for fault in faults] == [
        *("'fetch:template'?)", "'greeting'?)", "'publish-gitops'?)")
    ]


@pytest.fixture
def parameters_schema(cli: Cli, pair: Path) -> Any:
    """The schema of values files that `template schema` prints."""
    done = cli("template", "schema", pair)
    assert done.code == 0
    return jsonschema_rs.validator_for(json.loads(done.out))


@pytest.mark.parametrize(
    "values",
    [
        "name: my-chatbot\nowner: acme\n",
        "name: a\nowner: b\nreplicas: 9\ndebug: true\ntags: [x]\nlimits: {cpu: 1m}\nvisibility: public\n",
    ],
)
def test_the_schema_accepts_a_values_file_that_create_accepts(
    cli: Cli, pair: Path, parameters_schema: Any, values: str
) -> None:
    done = cli("create", "-t", pair, "--dry-run", "--values", "-", stdin=values)

    assert done.code == 0
    parameters_schema.validate(document.load(values))


@pytest.mark.parametrize(
    "values",
    [
        "name: my-chatbot\nowner: acme\nreplicas: 10\n",
        "name: my-chatbot\nowner: acme\nreplicas: '3'\n",
        "name: my-chatbot\nowner: acme\nvisibility: secret\n",
        "name: my-chatbot\nowner: acme\ngreating: hi\n",
        "name: my-chatbot\nowner: acme\ntags: [1]\n",
        "owner: acme\n",
    ],
)
def test_the_schema_refuses_a_values_file_that_create_refuses(
    cli: Cli, pair: Path, parameters_schema: Any, values: str
) -> None:
    done = cli("create", "-t", pair, "--dry-run", "--values", "-", stdin=values)

    assert done.code == 2
    assert not parameters_schema.is_valid(document.load(values))


@pytest.mark.parametrize("command", ["show", "validate", "schema"])
def test_a_template_that_does_not_exist_is_named(cli: Cli, command: str) -> None:
    by_name = cli("template", command, "rag-chatbto")
    by_folder = cli("template", command, "./no/such/folder")

    assert (by_name.code, by_folder.code) == (2, 2)
    assert "no template is called 'rag-chatbto' (did you mean 'rag-chatbot'?)" in by_name.err
    assert "there is no template.yaml in no/such/folder" in by_folder.err
    assert f"Hint: there is no folder {Path.cwd()}/no/such/folder\n" in by_folder.err
