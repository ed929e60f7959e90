from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart.actions.folder import WriteFolder
from kickstart.errors import TemplateError
from kickstart.plan import Plan
from tests.unit.building import plan, source, texts


def _log(message: Any, **more: Any) -> dict[str, Any]:
    return {"id": "log", "action": "debug:log", "input": {"message": message}, **more}


def _write(path: str, **more: Any) -> dict[str, Any]:
    return {"action": "catalog:write", "input": {"filePath": path, "entity": {"kind": "API"}}, **more}


def _messages(made: Plan) -> list[tuple[str, ...]]:
    return [step.messages for step in made.steps]


def _faults(found: Any, **values: Any) -> list[str]:
    with pytest.raises(TemplateError) as raised:
        plan(found, **values)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        (True, True),
        (False, False),
        ("false", True),  # text, as in a portal
        ("", False),
        ("${{ parameters.yes }}", True),
        ("${{ parameters.no }}", False),
        ("${{ not parameters.yes }}", False),
        ("${{ parameters.unanswered }}", False),
        ("${{ parameters.zero }}", False),
        ("${{ parameters.empty }}", False),
        ("${{ parameters.list }}", False),
        ("${{ {} }}", True),
        ("${{ '0' }}", True),
        ("${{ parameters.name == 'demo' }}", True),
        ("${{ parameters.name }}-${{ parameters.name }}", True),
        ("${{ steps.skipped.output.files }}", False),
        ("${{ always() }}", True),
        ("${{ failure() }}", False),
        ("${{ secrets.token }}", False),  # not in an `if`, as in a portal
    ],
)
def test_a_step_runs_when_its_condition_holds(tmp_path: Path, condition: str | bool, runs: bool) -> None:
    properties = {
        "yes": {"default": True},
        "no": {"default": False},
        "unanswered": {"type": "boolean"},
        "zero": {"default": 0},
        "empty": {"default": ""},
        "list": {"type": "array"},
        "name": {"default": "demo"},
        "token": {"type": "string", "ui:field": "Secret"},
    }
    skipped = {"id": "skipped", "action": "fs:readdir", "if": False, "input": {"paths": []}}
    found = source(tmp_path, [skipped, _log("ran", **{"if": condition})], properties=properties)

    step = plan(found, token="hunter2").steps[1]

    assert (step.skipped, step.messages) == ((False, ("ran",)) if runs else (True, ()))


def test_an_unknown_action_behind_a_false_condition_does_no_harm(tmp_path: Path) -> None:
    steps = [{"action": "gitlab:x", "if": "${{ parameters.portal }}"}, _log("x")]
    found = source(tmp_path, steps, properties={"portal": {"default": False}})

    made = plan(found)

    assert [step.skipped for step in made.steps] == [True, False]
    assert [note.partition(": ")[2] for note in made.notes] == [
        "spec.steps.0.action: there is no action 'gitlab:x'"
    ]
    assert _faults(found, portal=True) == [
        "template.yaml:8: spec.steps.0.action: there is no action 'gitlab:x'"
    ]


@pytest.mark.parametrize(
    ("each", "messages"),
    [
        (["a", "b"], ("0=a", "1=b")),
        ({"x": 1, "y": 2}, ("x=1", "y=2")),
        ("${{ parameters.list }}", ("0=p", "1=q")),
        ("${{ parameters.map }}", ("k=v",)),
        ("${{ [] }}", ()),
        ("${{ range(2) }}", ("0=0", "1=1")),
    ],
)
def test_a_step_runs_for_each_item_with_its_key(tmp_path: Path, each: Any, messages: tuple[str, ...]) -> None:
    properties = {"list": {"default": ["p", "q"]}, "map": {"default": {"k": "v"}}}
    found = source(tmp_path, [_log("${{ each.key }}=${{ each.value }}", each=each)], properties=properties)

    assert _messages(plan(found)) == [messages]


@pytest.mark.parametrize(
    ("value", "shown"), [(3, "a number"), ("text", "text"), (True, "true or false"), (None, "nothing")]
)
def test_a_step_cannot_run_for_each_of_a_single_value(tmp_path: Path, value: Any, shown: str) -> None:
    found = source(tmp_path, [_log("x", each="${{ parameters.p }}")], properties={"p": {"default": value}})

    (fault,) = _faults(found)

    assert fault.endswith(f"spec.steps.0.each: must be a list or a mapping, and is {shown}")


def test_the_condition_of_a_step_with_each_is_asked_for_every_item(tmp_path: Path) -> None:
    step = _log("${{ each.key }}", each=[1, 2, 3], **{"if": "${{ each.value != 2 }}"})

    made = plan(source(tmp_path, [step]))

    assert _messages(made) == [("0", "2")]
    assert not made.steps[0].skipped


def test_a_later_step_reads_the_outputs_of_earlier_ones(tmp_path: Path) -> None:
    steps = [
        _write("a/b.yaml"),
        {"id": "one", "action": "fs:readdir", "input": {"paths": ["a"]}},
        {
            "id": "by-item",
            "action": "fs:readdir",
            "each": ["a", "."],
            "input": {"paths": ["${{ each.value }}"]},
        },
        _log("${{ steps.one.output.files[0].fullPath }} ${{ steps['by-item'].output.folders | dump }}"),
    ]

    made = plan(source(tmp_path, steps))

    assert made.steps[3].messages == ('a/b.yaml [[],[{"name":"a","path":"a","fullPath":"a"}]]',)


def test_a_skipped_step_leaves_no_output(tmp_path: Path) -> None:
    steps = [
        {"id": "one", "action": "fs:readdir", "if": False, "input": {"paths": []}},
        _log("${{ steps.one.output.files }}"),
    ]

    assert _messages(plan(source(tmp_path, steps))) == [(), ()]


def test_each_step_works_on_what_the_one_before_left(tmp_path: Path) -> None:
    steps = [
        {"action": "fetch:template", "input": {"url": "./skeleton", "values": {"n": "${{ parameters.n }}"}}},
        {"action": "fs:rename", "input": {"files": [{"from": "a", "to": "b"}]}},
        {"action": "fs:delete", "input": {"files": ["c"]}},
    ]
    files = {"skeleton/a": "n=${{ values.n }}\n", "skeleton/c": "x"}
    found = source(tmp_path, steps, properties={"n": {"type": "integer"}}, files=files)

    assert texts(plan(found, n=3).workspace) == {"b": "n=3\n"}


def test_an_input_keeps_the_type_of_its_expression(tmp_path: Path) -> None:
    properties = {"on": {"type": "boolean"}, "n": {"type": "integer"}}
    good = source(
        tmp_path / "good",
        [{"action": "fs:readdir", "input": {"paths": ["."], "recursive": "${{ parameters.on }}"}}],
        properties=properties,
    )
    bad = source(tmp_path / "bad", [_log("${{ parameters.n }}")], properties=properties)

    assert plan(good, on=True).steps[0].skipped is False
    assert _faults(bad, n=3) == [
        "template.yaml:11: spec.steps.0.input.message: must be text, and is a number"
    ]


@pytest.mark.parametrize(
    ("step", "message", "faults"),
    [
        (
            {"id": "x", "action": "fetch:plain", "input": {}},
            "step 'x' (fetch:plain) has a wrong input",
            ["template.yaml:10: spec.steps.0.input.url: is required"],
        ),
        (
            {"id": "x", "action": "fetch:plain", "input": {"url": "../x"}},
            "step 'x' (fetch:plain): ../x leaves the template's repository",
            ["template.yaml:8: spec.steps.0: is this step"],
        ),
        (
            {"action": "fs:delete", "input": {"files": ["../x"]}},
            "step 'step-1' (fs:delete) cannot be done",
            ["template.yaml:9: spec.steps.0.input: '../x' leaves the workspace"],
        ),
        (
            {"action": "fs:rename", "input": {"files": [{"from": "x", "to": "y"}]}},
            "step 'step-1' (fs:rename) cannot be done",
            ["template.yaml:9: spec.steps.0.input: x does not exist in the workspace"],
        ),
        (
            {"action": "debug:log", "input": {"message": "${{ 1 / 0 }}"}},
            "step 'step-1' (debug:log) is wrong",
            ["template.yaml:10: spec.steps.0.input.message: ${{ 1 / 0 }}: division by zero"],
        ),
        (
            {"action": "fetch:template", "input": {"url": "./skeleton"}},
            "step 'step-1' (fetch:template): the skeleton cannot be rendered",
            ["skeleton/a:2: ${{ values.x }}: 'x' is not defined"],
        ),
        (
            {"action": "publish:github", "input": {"repoUrl": "github.com?owner=acme&repo=shop"}},
            "step 'step-1' (publish:github) cannot be done",
            ["template.yaml:9: spec.steps.0.input: there is nothing to publish in the workspace"],
        ),
    ],
)
def test_a_step_that_cannot_be_done_names_itself_and_its_line(
    tmp_path: Path, step: dict[str, Any], message: str, faults: list[str]
) -> None:
    found = source(tmp_path, [step], files={"skeleton/a": "\n${{ values.x }}"})

    with pytest.raises(TemplateError) as raised:
        plan(found)

    assert raised.value.message.startswith(message)
    assert [str(fault) for fault in raised.value.faults] == faults


def test_every_wiring_fault_stops_a_plan_before_its_first_step(tmp_path: Path) -> None:
    steps = [
        {"action": "fetch:plain", "input": {"url": "./missing"}},
        _log("${{ steps.nobody.output }} ${{ parameters.no }}"),
    ]

    faults = _faults(source(tmp_path, steps))

    assert [fault.partition(".message: ")[2] for fault in faults] == [
        "steps.nobody.output: there is no step 'nobody'",
        "parameters.no: there is no parameter 'no'",
    ]


def test_the_output_shows_links_and_texts_whose_condition_holds(tmp_path: Path) -> None:
    output = {
        "links": [
            {"title": "Kept ${{ parameters.n }}", "url": "https://${{ parameters.name }}", "if": True},
            {"title": "Gone", "url": "x", "if": "${{ parameters.off }}"},
            {"title": "Gone", "url": "x", "if": False},
            {"title": "${{ parameters.off }}", "url": "${{ parameters.missing }}"},
        ],
        "text": [{"title": "${{ parameters.n }}", "content": "${{ parameters.list }}"}],
    }
    properties = {
        "n": {"default": 3},
        "name": {"default": "demo"},
        "off": {"default": False},
        "missing": {"type": "string"},
        "list": {"default": [1, "é"]},
    }

    made = plan(source(tmp_path, [_log("x")], properties=properties, output=output))

    assert made.links == (
        {"title": "Kept 3", "url": "https://demo"},
        {"title": "false"},
    )
    assert made.texts == ({"title": "3", "content": '[1,"é"]'},)


def test_a_fault_of_the_output_has_its_line(tmp_path: Path) -> None:
    found = source(tmp_path, [_log("x")], output={"text": [{"title": "t", "content": "${{ 1 / 0 }}"}]})

    assert _faults(found) == ["template.yaml:15: spec.output.text.0.content: ${{ 1 / 0 }}: division by zero"]


TOKEN = {"token": {"type": "string", "ui:field": "Secret"}, "name": {"type": "string"}}
PUBLISH: dict[str, Any] = {
    "id": "publish",
    "action": "publish:github",
    "input": {"repoUrl": "github.com?owner=acme&repo=demo"},
}


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"skeleton/env": "TOKEN=${{ values.token }}"}, "env"),
        ({"skeleton/${{ values.token }}": "x"}, "hunter2"),
    ],
)
def test_a_secret_that_would_be_published_is_refused(tmp_path: Path, files: Any, path: str) -> None:
    fetch = {
        "action": "fetch:template",
        "input": {"url": "./skeleton", "values": {"token": "${{ secrets.token }}"}},
    }
    found = source(tmp_path, [fetch, PUBLISH], properties=TOKEN, files=files)

    assert _faults(found, token="hunter2") == [f"step 'publish': would write the secret 'token' into {path}"]


@pytest.mark.parametrize("input_", ["description", "gitCommitMessage", "homepage", "gitAuthorName"])
def test_a_secret_beside_the_files_is_refused_too(tmp_path: Path, input_: str) -> None:
    fetch = {"action": "fetch:plain", "input": {"url": "./skeleton"}}
    repository = {**PUBLISH["input"], input_: "see ${{ secrets.token }}"}
    found = source(
        tmp_path, [fetch, {**PUBLISH, "input": repository}], properties=TOKEN, files={"skeleton/a": "x"}
    )

    assert _faults(found, token="hunter2") == [
        f"step 'publish': would write the secret 'token' into {input_}"
    ]


KEY = "-----BEGIN KEY-----\nab/c+\\n'\"d\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("input_", "content", "place"),
    [
        ({"repoVariables": {"KEY": "${{ secrets.token }}"}}, "x", "repoVariables"),
        ({}, "key: |\n  ${{ values.token | indent(2) }}\n", "a"),
        ({}, "${{ values.token | dump }}", "a"),
    ],
)
def test_a_secret_of_several_lines_is_found_however_it_is_laid_out(
    tmp_path: Path, input_: dict[str, Any], content: str, place: str
) -> None:
    values = {"token": "${{ secrets.token }}"}
    fetch = {"action": "fetch:template", "input": {"url": "./skeleton", "values": values}}
    publish = {**PUBLISH, "input": {**PUBLISH["input"], **input_}}
    found = source(tmp_path, [fetch, publish], properties=TOKEN, files={"skeleton/a": content})

    assert _faults(found, token=KEY) == [f"step 'publish': would write the secret 'token' into {place}"]


def test_a_secret_for_workflows_is_not_refused(tmp_path: Path) -> None:
    fetch = {"action": "fetch:plain", "input": {"url": "./skeleton"}}
    repository = {**PUBLISH["input"], "secrets": {"TOKEN": "${{ secrets.token }}"}}
    found = source(
        tmp_path, [fetch, {**PUBLISH, "input": repository}], properties=TOKEN, files={"skeleton/a": "x"}
    )

    assert len(plan(found, token="hunter2").effects) == 1


def test_a_parameter_that_is_a_secret_gives_only_asterisks(tmp_path: Path) -> None:
    fetch = {
        "action": "fetch:template",
        "input": {"url": "./skeleton", "values": {"token": "${{ parameters.token }}"}},
    }
    files = {"skeleton/env": "TOKEN=${{ values.token }}"}

    made = plan(source(tmp_path, [fetch, PUBLISH], properties=TOKEN, files=files), token="hunter2", name="x")

    assert texts(made.workspace) == {"env": "TOKEN=*******"}
    assert made.public_parameters == {"name": "x"}
    assert "hunter2" not in repr(made)


def test_a_plan_can_be_written_to_a_folder_for_each_repository(tmp_path: Path) -> None:
    fetch = {"action": "fetch:plain", "input": {"url": "./skeleton"}}
    one = {**PUBLISH, "id": "one", "input": {**PUBLISH["input"], "sourcePath": "a"}}
    two = {
        "action": "publish:github",
        "input": {"repoUrl": "github.com?owner=acme&repo=ops", "sourcePath": "b"},
    }
    files = {"skeleton/a/x": "1", "skeleton/b/y": "2"}

    made = plan(source(tmp_path, [fetch, one, two], files=files)).folders(tmp_path / "out")

    assert [(effect.target, sorted(effect.tree)) for effect in made] == [
        (f"folder {tmp_path}/out/demo", [".kickstart.yaml", "x"]),
        (f"folder {tmp_path}/out/ops", [".kickstart.yaml", "y"]),
    ]


def test_a_plan_that_publishes_nothing_is_written_to_one_folder(tmp_path: Path) -> None:
    made = plan(source(tmp_path, [_write("a.yaml")]))

    (effect,) = made.folders(tmp_path / "out")

    assert isinstance(effect, WriteFolder)
    assert effect.folder == tmp_path / "out" / "demo"
    assert sorted(effect.tree) == [".kickstart.yaml", "a.yaml"]


def test_a_plan_is_the_same_each_time(tmp_path: Path) -> None:
    found = source(tmp_path, [_write("a.yaml"), PUBLISH])

    assert repr(plan(found)) == repr(plan(found))
