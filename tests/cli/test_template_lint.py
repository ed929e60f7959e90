"""`kickstart template lint`: what it finds, where, and in which forms it says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kickstart import document
from tests.cli.support import Cli, fetch, page, write_files, write_template

METADATA = {"name": "portal", "title": "From a portal"}
PROPERTIES = {"name": {"type": "string"}, "token": {"type": "string", "ui:field": "Secret"}}


def _template(
    folder: Path, steps: list[dict[str, Any]], files: dict[str, bytes] | None = None, **more: Any
) -> Path:
    parameters = {**page(**{**PROPERTIES, **more.pop("properties", {})}), **more}
    return write_template(folder, steps, parameters, files, metadata=METADATA)


def _fetch(**input: Any) -> dict[str, Any]:
    return fetch({"name": "x"}, templateFileExtension=False) | {
        "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}, **input}
    }


STEPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown action": ({"action": "acme:nope"}, "unknown-action", "there is no action 'acme:nope'"),
    "an unknown input": (_fetch(vaules={}), "unknown-input", "has no input 'vaules' (did you mean 'values'"),
    "a misspelt step": (
        {"action": "debug:log", "input": {"message": "${{ steps.ftech.output }}"}},
        "reference",
        "'ftech'",
    ),
    "an unknown output": (
        {"action": "debug:log", "input": {"message": "${{ steps.first.output.nope }}"}},
        "reference",
        "catalog:write has no output 'nope'",
    ),
    "a hyphen": (
        {"action": "debug:log", "input": {"message": "${{ steps.the-second.output.x }}"}},
        "reference",
        "reads as a subtraction; write steps['the-second']",
    ),
    "a wrong expression": (
        {"action": "debug:log", "input": {"message": "${{ a && b }}"}},
        "reference",
        "write 'and'",
    ),
    "an or of another language": (
        {"action": "debug:log", "input": {"message": "a long text before ${{ parameters.name || 'x' }}"}},
        "reference",
        "${{ parameters.name || 'x' }}: '|' stands where a name is awaited; write 'or'",
    ),
    "a later step whose name begins like one that is not there": (
        {"id": "last-of-all", "action": "debug:log", "input": {"message": "${{ steps.last.output.x }}"}},
        "reference",
        "steps.last.output.x: there is no step 'last'",
    ),
    "an input that is missing": (
        {"action": "github:actions:dispatch", "input": {"workflowId": "x", "branchOrTagName": "main"}},
        "missing-input",
        "github:actions:dispatch needs the input 'repoUrl'",
    ),
    "copyWithoutRender": (
        _fetch(copyWithoutRender=["x"]),
        "copy-without-render",
        "is ignored by every portal",
    ),
    "a logged secret": (
        {"action": "debug:log", "input": {"message": "${{ secrets.token }}"}},
        "secret-logged",
        "secrets.token would be written into the log",
    ),
    "a secret as a parameter": (
        {"action": "debug:log", "input": {"message": "${{ parameters.token }}"}},
        "secret-as-parameter",
        "token is a secret",
    ),
    "a portal's own filter": (
        {"action": "debug:log", "input": {"message": "${{ parameters.name | slug }}"}},
        "unknown-filter",
        "there is no filter 'slug'; the text is passed on as it is",
    ),
    "a key that no step has": ({"action": "debug:log", "iff": "x"}, "step", "it is ignored"),
    "an expression without its sign": (
        {"action": "debug:log", "input": {"message": "by {{ parameters.name }}"}},
        "missing-dollar",
        "{{ parameters.name }}: has no '$' before it",
    ),
    "a condition that is a text": (
        {"action": "debug:log", "if": "parameters.name"},
        "missing-dollar",
        "'parameters.name' has no expression, so that it always holds",
    ),
    "an address that no repository has": (
        {"action": "github:repo:create", "input": {"repoUrl": "https://github.com/acme/x.git"}},
        "step",
        "is not of the form github.com?owner=OWNER&repo=NAME",
    ),
    "a path that no file has": (
        _fetch(copyWithoutTemplating=["deploy.yml", "*.none"]),
        "reference",
        "'deploy.yml' is the path of no file",
    ),
    "a missing skeleton": (_fetch(url="./nowhere"), "reference", "./nowhere does not exist"),
}


@pytest.mark.parametrize("case", STEPS)
def test_a_step_is_found_with_its_line(cli: Cli, tmp_path: Path, case: str) -> None:
    step, rule, message = STEPS[case]
    before = [
        {"id": "first", "action": "catalog:write", "input": {"entity": {"kind": "Component"}}},
        {"id": "the-second", "action": "debug:log", "input": {"message": "x"}},
    ]
    template = _template(tmp_path / "t", [*before, step])

    result = cli("template", "lint", template, "--output", "json")

    assert result.code == 8
    (finding,) = (each for each in result.json["findings"] if each["rule"] == rule)
    lines = (template / "template.yaml").read_text().splitlines()
    assert message in finding["message"]
    assert finding["file"] == "template.yaml"
    key = finding["message"].split(":")[0].rpartition(".")[2]
    assert f'"{key}"' in lines[finding["line"] - 1]
    assert finding["fix"]


FILES: dict[str, tuple[bytes, int, str, str]] = {
    "a value that is not given": (
        b"a\n${{ values.nmae }}\n",
        2,
        "undefined-value",
        "no value 'nmae' (did you mean 'name'",
    ),
    "a name that a skeleton has not": (
        b"${{ parameters.name }}",
        1,
        "undefined-value",
        "nothing is called 'parameters'",
    ),
    "an expression of GitHub's": (b"\n\n- ${{ github.ref }}", 3, "foreign-expression", "'github' is nothing"),
    "a secret of GitHub's": (b"${{ secrets.TOKEN }}", 1, "foreign-expression", "'secrets' is nothing"),
    "a portal's own filter": (b"${{ values.name | slug }}", 1, "unknown-filter", "there is no filter 'slug'"),
    "a wrong tag": (b"x\n{% fi %}", 2, "syntax", "there is no tag 'fi'"),
    "a value without its sign": (
        b"\n{{ values.name }}",
        2,
        "missing-dollar",
        "{{ values.name }}: has no '$'",
    ),
    "a block with a sign": (
        b"${% if values.name %}x{% endif %}",
        1,
        "missing-dollar",
        "'$' is written before",
    ),
    "an expression of GitHub's that is none here": (
        b"a: ${{ github.sha || 'x' }}",
        1,
        "foreign-expression",
        "is rendered here, and fails",
    ),
    "a slip after a wrong expression": (
        b"${{ values.name | }}\n${{ values.nmae }}",
        2,
        "undefined-value",
        "no value 'nmae'",
    ),
    "a comment that never ends": (b"x=1\necho ${#x[@]}", 2, "comment-opening", "has no '#}'"),
    "a comment that ends somewhere": (b"${#x[@]} #} ", 1, "comment-opening", "opens a comment"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_line_of_a_skeleton_is_found(cli: Cli, tmp_path: Path, case: str) -> None:
    content, line, rule, message = FILES[case]
    template = _template(tmp_path / "t", [_fetch()], {"a/file.txt": content})

    result = cli("template", "lint", template)

    assert result.code == 8
    assert f"  skeleton/a/file.txt:{line}: " in result.err
    assert message in result.err
    assert f"[{rule}: " in result.err


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Values.name }} {{ values.other }} {{timestamp}} \\{{ values.name }}",
        "{% raw %}{{ values.name }}{% endraw %}",
    ],
)
def test_what_other_tools_put_in_braces_is_theirs(cli: Cli, tmp_path: Path, text: str) -> None:
    template = _template(tmp_path / "t", [_fetch()], {"a": text.encode()})

    assert cli("template", "lint", template).code == 0


def test_an_expression_of_another_language_is_one_finding(cli: Cli, tmp_path: Path) -> None:
    text = b"${{ steps.image-tag.outputs.tag }} ${{ toJson(github) }}"
    template = _template(tmp_path / "t", [_fetch()], {"a": text})

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [each["rule"] for each in found] == ["foreign-expression"] * 2


def test_the_files_of_cookiecutter_are_looked_at_as_cookiecutter_reads_them(cli: Cli, tmp_path: Path) -> None:
    step = {
        "action": "fetch:cookiecutter",
        "input": {
            "url": "./skeleton",
            "values": {"name": "${{ parameters.name }}"},
            "copyWithoutRender": ["raw"],
        },
    }
    files = {
        "cookiecutter.json": b'{"size": "s"}',
        "a.txt": b"{{ cookiecutter.name }} {{ cookiecutter.size }}\n{{ cookiecutter.nmae }}\n",
        "b.txt": b"{{ cookiecutter.x | default('y') }} {% if cookiecutter.z is defined %}{% endif %}",
        "c.txt": b"\n{% fi %}",
        "raw/d.txt": b"{% fi %} {{ cookiecutter.w }}",
        "{{ cookiecutter.v }}.txt": b"",
    }
    template = _template(tmp_path / "t", [step], files)

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [(each["file"], each["line"], each["rule"], each["message"]) for each in found] == [
        (
            "skeleton/a.txt",
            2,
            "undefined-value",
            "cookiecutter has no value 'nmae' (did you mean 'name'?); it fails",
        ),
        ("skeleton/c.txt", 2, "syntax", "Encountered unknown tag 'fi'; it fails"),
        (
            "skeleton/{{ cookiecutter.v }}.txt",
            0,
            "undefined-value",
            "cookiecutter has no value 'v'; it fails",
        ),
    ]


def test_what_an_included_file_says_is_placed_in_it(cli: Cli, tmp_path: Path) -> None:
    form = "- properties:\n    name:\n      type: string\n      default: 3\n    more: {$yaml: x.yaml}\n"
    steps = "- action: debug:log\n  input:\n    message: ${{ parameters.nmae }}\n"
    spec = {"type": "service", "parameters": {"$yaml": "./p.yaml"}, "steps": {"$yaml": "./parts/s.yaml"}}
    template = write_template(tmp_path / "t", metadata=METADATA, spec=spec)
    write_files(template, {"p.yaml": form.encode(), "parts/s.yaml": steps.encode()})

    found = cli("template", "lint", template, "--output", "json").json["findings"]
    (template / "parts/s.yaml").write_text("- id: x\n\n- action: 3\n  input: {}\n")
    loaded = cli("template", "show", template)

    assert [(each["file"], each["line"], each["rule"]) for each in found] == [
        ("p.yaml", 4, "parameter-schema"),
        ("p.yaml", 5, "reference"),
        ("parts/s.yaml", 3, "reference"),
    ]
    assert "stays as it is" in found[1]["message"]
    assert "  parts/s.yaml:1: spec.steps.0.action: is required\n" in loaded.err
    assert "  parts/s.yaml:3: spec.steps.1.action: must be text, and is a number\n" in loaded.err


def test_an_input_that_nobody_has_to_give_is_found(cli: Cli, tmp_path: Path) -> None:
    text = {"type": "string"}
    properties = {
        "open": text,
        "given": text,
        "default": {**text, "default": "x"},
        "list": {"type": "array"},
        "picked": {**text, "ui:field": "RepoUrlPicker"},
        "sometimes": text,
    }
    names = [*properties, "unknown"]
    steps = [
        {"id": each, "action": "fetch:plain", "input": {"url": f"${{{{ parameters.{each} }}}}"}}
        for each in names
    ]
    steps += [
        {"action": "fetch:plain", "input": {"url": "${{ parameters.open or '.' }}"}},
        {"if": "${{ parameters.open }}", "action": "fetch:plain", "input": {"url": "${{ parameters.open }}"}},
    ]
    branch = {"if": {"required": ["open"]}, "then": {"required": ["sometimes"]}}
    parameters = {"required": ["given"], "properties": properties, **branch}
    spec = {"type": "service", "parameters": [parameters], "steps": steps}
    template = write_template(tmp_path / "t", metadata=METADATA, spec=spec)

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [each["message"] for each in found if each["rule"] == "missing-input"] == [
        "spec.steps.0.input.url: fetch:plain needs it, and 'open' is neither required nor has a default"
    ]


def test_a_template_in_its_own_skeleton_is_one_finding(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [_fetch(url="./")])

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [each["message"].partition(": ")[2] for each in found if "template.yaml" in each["file"]] == [
        "the template itself is in its skeleton ./, and is rendered with it"
    ]


def test_a_form_that_nobody_can_fill_in_is_found_also_inside_of_mappings_and_branches(
    cli: Cli, tmp_path: Path
) -> None:
    inner = {"type": "object", "required": ["sise"], "properties": {"size": {"type": "string", "default": 5}}}
    switch = {"enum": ["x"], "type": "boolean"}
    branch = {"properties": {"place": {"type": "string", "enum": ["a"], "default": "b"}}, "required": ["few"]}
    few = {"type": "array", "items": switch, "minItems": 3, "maxItems": 2}
    properties = {"inner": inner, "few": few, "list": {"type": "array", "items": inner}}
    template = _template(
        tmp_path / "t", [_fetch()], {"a": b""}, properties=properties, allOf=[{"if": True, "then": branch}]
    )

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    of_the_form = [
        each["message"].removeprefix("spec.parameters.0.")
        for each in found
        if each["rule"] == "parameter-schema"
    ]
    assert sorted(of_the_form) == [
        "allOf.0.then.properties.place.default: the default is not what the schema allows",
        "properties.few.items.enum: the choice 'x' is not of the type boolean, so that it is refused",
        "properties.few.minItems: minItems is 3, and maxItems is 2: nothing is allowed",
        "properties.inner.properties.size.default: the default is not what the schema allows",
        "properties.inner.required: 'sise' is required and not described (did you mean 'size'?)",
        "properties.list.items.properties.size.default: the default is not what the schema allows",
        "properties.list.items.required: 'sise' is required and not described (did you mean 'size'?)",
    ]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("${{ parameters.name }} && ${{ parameters.name }}", "'&&' stands beside the expressions"),
        ("${{ parameters.name and parameters.name }}", ""),
        ("{% if parameters.name %}yes{% endif %}", ""),
    ],
)
def test_text_beside_expressions_holds_always(cli: Cli, tmp_path: Path, condition: str, said: str) -> None:
    template = _template(tmp_path / "t", [_fetch(), {"action": "debug:log", "if": condition}], {"a": b""})

    shown = cli("template", "lint", template).err

    assert ("so that it always holds" in shown) == bool(said)
    assert said in shown


def test_what_is_wrong_in_a_later_branch_is_placed_there(cli: Cli, tmp_path: Path) -> None:
    files = {
        "a.txt": b"{% if values.name %}\n{% elif nope %}\n{% endif %}",
        "b.txt": b"{% if values.name %}\n\n{% elif a && b %}\n{% endif %}",
    }
    template = _template(tmp_path / "t", [_fetch()], files)

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [(each["file"], each["line"]) for each in found] == [("skeleton/a.txt", 2), ("skeleton/b.txt", 3)]
    assert found[0]["message"].startswith("{% elif nope %}: ")


@pytest.mark.parametrize(("globs", "notes"), [([], 0), (["raw/*"], 1)])
def test_an_input_that_every_portal_ignores_is_told_where_it_says_something(
    cli: Cli, tmp_path: Path, globs: list[str], notes: int
) -> None:
    template = _template(tmp_path / "t", [_fetch(copyWithoutRender=globs)], {"a": b""})

    dry_run = ("create", "demo", "--template", template, "--dry-run", "--values", "-")
    shown = cli(*dry_run, stdin="token: a-secret\n")

    assert shown.code == 0, shown.err
    assert shown.out.count("copyWithoutRender is ignored, as by every portal of today") == notes
    assert cli("template", "lint", template).err.count("[copy-without-render") == notes


@pytest.mark.parametrize(
    ("action", "url", "said"),
    [
        ("fetch:plain", "./nosuch", "does not exist"),
        ("fetch:plain", "./skeleton/a", "./skeleton/a is a file, and a folder is needed"),
        ("fetch:plain:file", "./skeleton", "./skeleton is a folder, and a file is needed"),
        ("fetch:plain", "/etc", "/etc"),
        ("fetch:plain", "./skeleton", ""),
        ("fetch:plain:file", "./skeleton/a", ""),
        ("fetch:plain", "https://github.com/acme/shop/tree/main/x", ""),
        ("fetch:plain", "${{ parameters.name }}", ""),
    ],
)
def test_what_is_copied_has_to_be_there(cli: Cli, tmp_path: Path, action: str, url: str, said: str) -> None:
    step = {"action": action, "input": {"url": url, "targetPath": "x"}}
    template = _template(tmp_path / "t", [_fetch(), step], {"a": b""})

    found = cli("template", "lint", template, "--output", "json").json["findings"]

    assert [said in each["message"] for each in found] == [True] * bool(said)


def test_a_file_where_a_folder_is_needed_is_found(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [_fetch(url="./skeleton/a")], {"a": b""})

    shown = cli("template", "lint", template).err

    assert "./skeleton/a is a file, and a folder is needed: fetch:template:file takes a file" in shown


def test_a_key_that_no_template_has_is_found(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [_fetch()], {"a": b""})
    file = template / "template.yaml"
    whole = document.load(file.read_text())
    file.write_text(document.dump({**whole, "parameters": [], "specs": {}}))

    shown = cli("template", "lint", template).err

    assert "parameters: is no key of a template [metadata" in shown
    assert "specs: is no key of a template (did you mean 'spec'?) [metadata" in shown


def test_a_choice_without_a_branch_is_found(cli: Cli, tmp_path: Path) -> None:
    kind = {"type": "string", "enum": ["disk", "tape"]}
    branches: list[Any] = [{"properties": {"kind": {"enum": ["disk"]}, "size": {"type": "integer"}}}]
    more = {"dependencies": {"kind": {"oneOf": branches}}}
    template = _template(tmp_path / "t", [_fetch()], {"a": b""}, properties={"kind": kind}, **more)

    result = cli("template", "lint", template)

    branches.append(True)  # which takes every value
    taken = _template(tmp_path / "u", [_fetch()], {"a": b""}, properties={"kind": kind}, **more)

    assert "'tape' has no branch among the dependencies of 'kind', so that it is refused [" in result.err
    assert "has no branch" not in cli("template", "lint", taken).err


@pytest.mark.parametrize(
    "text",
    [
        "${{ values.x | default('/' + values.name) }} ${{ values.x }}",
        "${{ values.x | d('y') }}",
        "${{ (values.x | default({})).y }}",
        "${{ values.x or 'y' }}",
        "${{ values.x.y if values.x else 'z' }}",
        "{% if values.x %}${{ values.x }}{% endif %}",
        "{% if values.name and not values.x %}y{% endif %}",
        "{% if values.x is defined %}${{ values.x }}{% endif %}",
        "{% for y in values.x | default([]) %}${{ y }}{% endfor %}",
        "{% set y = values.x | default('y') %}${{ y }}",
    ],
)
def test_a_value_whose_absence_a_file_provides_for_need_not_be_given(
    cli: Cli, tmp_path: Path, text: str
) -> None:
    template = _template(tmp_path / "t", [_fetch()], {"a": text.encode()})

    assert cli("template", "lint", template).code == 0


@pytest.mark.parametrize(
    "text", ["{% if values.nmae %}x{% endif %}", "${{ values.name or values.x }}", "${{ values.x + 1 }}"]
)
def test_a_slip_of_the_pen_is_found_in_a_condition_too(cli: Cli, tmp_path: Path, text: str) -> None:
    template = _template(tmp_path / "t", [_fetch()], {"a": text.encode()})

    assert "the step 'fetch' gives no value" in cli("template", "lint", template).err


def test_with_cookiecutters_names_values_has_another_one(cli: Cli, tmp_path: Path) -> None:
    step = _fetch(cookiecutterCompat=True)
    template = _template(tmp_path / "t", [step], {"a": b"{{ values.name }} {{ cookiecutter.name }}"})

    result = cli("template", "lint", template)

    assert "the step 'fetch' has cookiecutterCompat, which calls it cookiecutter" in result.err
    assert result.err.count("[undefined-value: ") == 1


def test_a_default_that_makes_somebody_choose_is_no_mistake(cli: Cli, tmp_path: Path) -> None:
    accept = {"type": "boolean", "default": None, "enum": [None, True]}
    template = _template(tmp_path / "t", [_fetch(copyWithoutRender=[])], properties={"accept": accept})

    assert cli("template", "lint", template).code == 0


def test_a_value_that_another_step_gives_to_the_same_skeleton_is_left_out_on_purpose(
    cli: Cli, tmp_path: Path
) -> None:
    other = _fetch(values={"name": "x", "kind": "Resource"}) | {"id": "again"}
    template = _template(tmp_path / "t", [_fetch(), other], {"a": b"{% if values.kind %}x{% endif %}"})

    result = cli("template", "lint", template)

    assert (result.code, result.out) == (0, "portal is clean.\n"), result.err


def test_names_that_a_catalog_refuses_are_found(cli: Cli, tmp_path: Path) -> None:
    metadata = {"name": "My template", "tags": ["go", "c++", "kind:api", "Recommended", "a_b"]}

    result = cli("template", "lint", write_template(tmp_path / "t", metadata=metadata))

    assert result.code == 8
    found = [line.partition(": ")[2].partition(" is not")[0] for line in result.err.splitlines()]
    assert [each for each in found if each.startswith("metadata")] == [
        "metadata.name: 'My template'",
        "metadata.tags.3: 'Recommended'",
        "metadata.tags.4: 'a_b'",
    ]


def test_what_a_catalog_refuses_besides_is_found(cli: Cli, tmp_path: Path) -> None:
    spec = {
        "type": "service",
        "owner": "",
        "steps": [{"action": "debug:log", "input": {"message": "x"}}],
        "output": {"links": [{"url": 3}], "more": None},
    }
    metadata = {**METADATA, "links": [{"title": "no address"}]}
    template = write_template(tmp_path / "t", metadata=metadata, spec=spec)

    result = cli("template", "lint", template)

    assert result.code == 8
    found = [line.partition(": ")[2].partition(" [")[0] for line in result.err.splitlines()]
    assert [each for each in found if each.startswith(("metadata", "spec.o"))] == [
        "metadata.links.0: has no url",
        "spec.owner: is empty",
        "spec.output.links.0.url: must be text, and is a number",
        "spec.output.more: must be text, and is nothing",
    ]


def test_a_form_that_cannot_be_read_is_one_finding_and_the_rest_is_judged(cli: Cli, tmp_path: Path) -> None:
    steps = [{"action": "debug:log", "input": {"message": "${{ parameters.a | slug }}"}}]
    page = {"properties": True, "required": "name"}
    template = write_template(tmp_path / "t", steps, page, metadata=METADATA)

    found = cli("template", "lint", template)
    shown = cli("template", "show", template)

    assert (found.code, shown.code) == (8, 3)
    said = [line.partition(": ")[2].partition(" [")[0] for line in found.err.splitlines()[1:3]]
    assert said[0] == 'spec.parameters.0.properties: true is not of type "object"'
    assert said[1].startswith("spec.steps.0.input.message: ${{ parameters.a | slug }}: there is no filter")
    assert 'spec.parameters.0.properties: true is not of type "object"' in shown.err


def test_copy_without_render_is_for_cookiecutter(cli: Cli, tmp_path: Path) -> None:
    step = {"action": "fetch:cookiecutter", "input": {"url": "./skeleton", "copyWithoutRender": ["x"]}}
    template = _template(tmp_path / "t", [step], {"a": b""})

    result = cli("template", "lint", template)

    assert "copy-without-render" not in result.err


def test_what_is_only_copied_is_not_looked_at(cli: Cli, tmp_path: Path) -> None:
    files = {"a.yaml": b"${{ github.ref }}", "b.bin": b"\0${{ x }}", "c.txt": b"${{ values.name }}"}
    template = _template(tmp_path / "t", [_fetch(copyWithoutTemplating=["*.yaml"])], files)

    result = cli("template", "lint", template)

    assert (result.code, result.out) == (0, "portal is clean.\n"), result.err


@pytest.mark.parametrize(
    ("properties", "more", "message"),
    [
        ({"n": {"type": "integer", "default": "one"}}, {}, "the default is not what the schema allows"),
        ({"n": {"enum": [1, 2], "enumNames": ["one"]}}, {}, "1 names for 2 choices"),
        ({}, {"required": ["nmae"]}, "'nmae' is required and not described (did you mean 'name'?)"),
        ({"n": {"type": "strng"}}, {}, "not valid under any of the"),
    ],
)
def test_a_mistake_in_a_schema_is_found(
    cli: Cli, tmp_path: Path, properties: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    template = _template(tmp_path / "t", [], properties=properties, **more)

    result = cli("template", "lint", template)

    assert result.code == 8
    assert message in result.err
    assert "[parameter-schema: " in result.err


def test_findings_come_as_sarif(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [_fetch()], {"a b.txt": b"\n${{ github.ref }}"})

    result = cli("template", "lint", template, "--output", "sarif")

    report = json.loads(result.out)
    (found,) = report["runs"][0]["results"]
    assert result.code == 8
    assert report["version"] == "2.1.0"
    assert found["ruleId"] == "foreign-expression"
    assert found["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "skeleton/a%20b.txt"},
        "region": {"startLine": 2},
    }


def test_a_rule_can_be_left_out(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [{"action": "acme:own"}])

    assert cli("template", "lint", template, "--ignore", "unknown-action").code == 0
    refused = cli("template", "lint", template, "--ignore", "unknown-acton")
    assert refused.code == 2
    assert "there is no rule 'unknown-acton' (did you mean 'unknown-action'?)" in refused.err


@pytest.mark.parametrize(
    ("action", "address"),
    [
        ("publish:azure", "dev.azure.com?organization=g&project=p&repo=b"),
        ("publish:bitbucketServer", "bb.example.com?project=PR&repo=b"),
        ("publish:bitbucketCloud", "bitbucket.org?workspace=w&project=p&repo=b"),
        ("publish:gerrit", "ge.example.com?workspace=home&repo=b"),
        ("publish:gitlab", "gitlab.com?owner=g/sub/team&repo=b"),
        ("publish:gitlab:merge-request", "gitlab.com?owner=g/sub/team&repo=b"),
    ],
)
def test_an_address_is_read_as_its_forge_reads_it(
    cli: Cli, tmp_path: Path, action: str, address: str
) -> None:
    template = _template(tmp_path / "t", [{"action": action, "input": {"repoUrl": address}}])

    result = cli("template", "lint", template)

    assert result.code == 0, result.err
    assert "repoUrl" not in result.out


def test_an_address_without_what_its_forge_needs_is_found(cli: Cli, tmp_path: Path) -> None:
    address = {"repoUrl": "dev.azure.com?owner=g&project=p&repo=b"}
    template = _template(tmp_path / "t", [{"action": "publish:azure", "input": address}])

    result = cli("template", "lint", template)

    assert result.code == 8
    assert "'dev.azure.com?owner=g&project=p&repo=b' names no organization [step: " in result.err


@pytest.mark.parametrize(
    "input",
    [
        {"settings": {"visibility": "public", "merge_method": "ff"}, "skipExisting": True},
        {"branches": [{"name": "dev", "create": True}], "projectVariables": [{"key": "a", "value": "b"}]},
        {"setUserAsOwner": True, "ownerUsername": "ada", "signCommit": True, "sourcePath": False},
    ],
)
def test_what_gitlabs_module_takes_is_no_finding(cli: Cli, tmp_path: Path, input: dict[str, Any]) -> None:
    whole = {"repoUrl": "gitlab.com?owner=g&repo=b", **input}
    template = _template(tmp_path / "t", [{"action": "publish:gitlab", "input": whole}])

    result = cli("template", "lint", template)

    assert (result.code, result.out) == (0, "portal is clean.\n"), result.err


PORTALS = [
    {"id": "rails", "action": "fetch:rails", "input": {"url": "./skeleton"}},
    {"action": "debug:log", "input": {"message": "${{ steps.rails.output.anything }}"}},
]


def test_an_action_that_only_a_portal_has_is_a_note(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", PORTALS)

    shown = cli("template", "lint", template)
    listed = cli("template", "lint", template, "--output", "json")
    report = json.loads(cli("template", "lint", template, "--output", "sarif").out)
    ignored = cli("template", "lint", template, "--ignore", "portal-action")

    said, clean = shown.out.splitlines()
    assert (shown.code, clean) == (0, "portal is clean.")
    assert said.startswith("Note: template.yaml:")
    assert ": spec.steps.0.action: only a portal has the action 'fetch:rails' [portal-action: " in said
    assert listed.code == 0
    assert [(each["rule"], each["level"]) for each in listed.json["findings"]] == [("portal-action", "note")]
    assert [each["level"] for each in report["runs"][0]["results"]] == ["note"]
    assert (ignored.code, ignored.out) == (0, "portal is clean.\n")


def test_notes_are_listed_and_not_counted_with_what_is_wrong(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [*PORTALS, {"action": "fetch:rials"}])

    shown = cli("template", "lint", template)
    listed = cli("template", "lint", template, "--output", "json")

    assert (shown.code, listed.code) == (8, 8)
    assert shown.out.count("portal-action") == 1
    assert "1 finding in the template 'portal'" in shown.err
    assert "there is no action 'fetch:rials' (did you mean 'fetch:rails'?) [unknown-action: " in shown.err
    assert "portal-action" not in shown.err
    assert [each["level"] for each in listed.json["findings"]] == ["note", "error"]


def test_in_our_own_dialect_an_action_of_a_portals_is_an_error(cli: Cli, tmp_path: Path) -> None:
    result = cli("template", "lint", _template(tmp_path / "t", PORTALS), "--dialect", "kickstart")

    assert result.code == 8
    assert "only a portal has the action 'fetch:rails' [unknown-action: " in result.err


def test_our_own_template_is_clean(cli: Cli) -> None:
    assert cli("template", "lint").code == 0


def test_globs_that_stand_for_too_many_are_found(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [_fetch(copyWithoutTemplating=["{1..2000}"])], {"a": b"x"})

    linted, rendered = cli("template", "lint", template), cli("template", "validate", template)

    assert "the globs {1..2000}, {1..2000}/** stand for too many patterns" in linted.err
    assert linted.code == 8
    assert rendered.code in {0, 3}
