from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart import actions, wiring
from kickstart.actions.portal_only import PORTAL_ONLY
from kickstart.template.cache import CodeCache
from kickstart.template.engine import Engine
from kickstart.template.parameters import Form
from tests.unit.building import source

PARAMETERS = {"name": {"type": "string"}, "repo": {"type": "string"}}


def _check(
    folder: Path, steps: list[dict[str, Any]], output: dict[str, Any] | None = None
) -> wiring.Findings:
    found = source(folder, steps, properties=PARAMETERS, output=output)
    return wiring.check(
        found, Form(found.template.spec.parameters), Engine(CodeCache(None, ""), strict=False)
    )


def _log(message: str, **more: Any) -> dict[str, Any]:
    return {"id": "log", "action": "debug:log", "input": {"message": message}, **more}


READ = {"id": "read-all", "action": "fs:readdir", "input": {"paths": ["."]}}
PUBLISH = {"id": "publish", "action": "publish:github", "input": {"repoUrl": "${{ parameters.repo }}"}}


@pytest.mark.parametrize(
    "step",
    [
        _log("${{ parameters.name }}, ${{ user.entity.metadata.name }}, ${{ context.task.id }}"),
        _log("${{ steps['read-all'].output.files }}"),
        _log("${{ steps.publish.output.remoteUrl }}"),
        _log("${{ steps[parameters.name].output }}"),
        _log("${{ secrets.token }}"),
        _log("${{ each.key }}: ${{ each.value }}", each=["a"]),
        _log("x", each="${{ parameters.name }}"),
        _log("x", each={"a": 1}),
        _log("x", **{"if": "${{ always() }}"}),
        _log("{% for x in range(3) %}${{ loop.index }}${{ x }}{% endfor %}"),
        _log("{% set own = parameters.name %}${{ own }}"),
        _log("{% macro m(a) %}${{ a }}${{ varargs }}{% endmacro %}${{ m(1) }}"),
        _log("${{ true and not none and null != false }}"),
        _log("${{ environment.parameters.region }}"),
    ],
)
def test_what_refers_to_something_is_fine(tmp_path: Path, step: dict[str, Any]) -> None:
    assert _check(tmp_path, [READ, PUBLISH, step]) == wiring.Findings((), ())


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            _log("${{ parameters.nmae }}"),
            "parameters.nmae: there is no parameter 'nmae' (did you mean 'name'?)",
        ),
        (
            _log("${{ parameter.name }}"),
            "parameter.name: nothing is called 'parameter' (did you mean 'parameters'?)",
        ),
        (_log("${{ values.name }}"), "values.name: nothing is called 'values'"),
        (_log("${{ each.value }}"), "each.value: the step has no 'each'"),
        (_log("${{ steps.log.output }}"), "steps.log.output: the step 'log' is this step itself"),
        (_log("${{ steps.later.output }}"), "steps.later.output: the step 'later' runs later"),
        (_log("${{ steps.pubish.output }}"), "there is no step 'pubish' (did you mean 'publish'?)"),
        (_log("${{ steps.read-all.output }}"), "reads as a subtraction; write steps['read-all']"),
        (_log("${{ steps.publish.remoteUrl }}"), "steps.publish.remoteUrl: a step has only 'output'"),
        (
            _log("${{ steps.publish.output.remoteURL }}"),
            "publish:github has no output 'remoteURL' (did you mean 'remoteUrl'?)",
        ),
        (_log("${{ parameters.name | uper }}"), "there is no filter 'uper' (did you mean 'upper'?)"),
        (_log("${{ parameters.name && true }}"), "${{ parameters.name && true }}: unexpected char '&'"),
        (_log("x", each=3), "must be a list or a mapping, and is 3"),
        (_log("x", each="text"), "must be a list or a mapping, and is 'text'"),
        (_log("x", each=True), "must be a list or a mapping, and is True"),
        (
            _log("x", iff="${{ true }}"),
            "iff: is not a key that a step has (did you mean 'if'?); it is ignored",
        ),
        ({"id": "log", "action": "debug:lgo"}, "there is no action 'debug:lgo' (did you mean 'debug:log'?)"),
        (_log("x", **{"if": "${{ parameters.no }}"}), "there is no parameter 'no'"),
    ],
)
def test_what_refers_to_nothing_is_an_error_with_a_suggestion(
    tmp_path: Path, step: dict[str, Any], said: str
) -> None:
    later = {"id": "later", "action": "debug:log"}

    findings = _check(tmp_path, [READ, PUBLISH, step, later])

    assert said in str(findings.errors[0])
    assert findings.warnings == ()


def test_an_error_names_file_line_and_place(tmp_path: Path) -> None:
    findings = _check(tmp_path, [READ, _log("${{ parameters.no }}")])

    (fault,) = findings.errors
    lines = (tmp_path / "template.yaml").read_text().splitlines()
    assert fault.where == f"template.yaml:{lines.index('        message: ${{ parameters.no }}') + 1}"
    assert fault.message == "spec.steps.1.input.message: parameters.no: there is no parameter 'no'"


def test_every_error_is_reported_at_once(tmp_path: Path) -> None:
    steps = [_log("${{ a }} ${{ b }} ${{ a }}"), {"id": "x", "action": "no"}]

    findings = _check(tmp_path, steps, {"links": [{"url": "${{ steps.x.output.y }} ${{ c }}"}]})

    assert [fault.message.partition(": ")[2] for fault in findings.errors] == [
        "a: nothing is called 'a'",
        "b: nothing is called 'b'",
        "there is no action 'no'",
        "c: nothing is called 'c'",
    ]


@pytest.mark.parametrize(
    ("steps", "warning"),
    [
        (
            [{"action": "fetch:plain", "input": {"url": ".", "targetPaht": "x"}}],
            "fetch:plain has no input 'targetPaht' (did you mean 'targetPath'?); it is ignored",
        ),
        ([READ, READ], "'read-all' is the id of an earlier step too"),
        ([{**READ, "if": "${{ parameters.name }}"}, READ], "'read-all' is the id of an earlier step too"),
        ([{"action": "gitlab:x", "if": "${{ parameters.name }}"}], "there is no action 'gitlab:x'"),
    ],
)
def test_what_a_portal_lets_pass_is_only_a_warning(
    tmp_path: Path, steps: list[dict[str, Any]], warning: str
) -> None:
    findings = _check(tmp_path, steps)

    assert [fault.message.partition(": ")[2] for fault in findings.warnings] == [warning]
    assert findings.errors == ()


def test_steps_of_one_id_of_which_one_runs_are_as_they_should_be(tmp_path: Path) -> None:
    here, there = ({**READ, "if": f"${{{{ parameters.name {sign} 'x' }}}}"} for sign in ("==", "!="))

    assert _check(tmp_path, [here, there]).warnings == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fech:template", "fetch:template"),
        ("publish:gitub", "publish:github"),
        ("fs:rename:file", "fs:rename"),
        ("publish:gitlab:merge-requst", "publish:gitlab:merge-request"),
        ("gitlab:repo:psuh", "gitlab:repo:push"),
        ("fetch:rail", "fetch:rails"),
        ("bitbucket:repo:push", ""),
        ("ansible:content:create", ""),
        ("acme:kubernetes:apply", ""),
    ],
)
def test_an_action_of_somebody_elses_is_no_slip_of_the_pen(name: str, meant: str) -> None:
    assert actions.nearest(name) == (f" (did you mean '{meant}'?)" if meant else "")


@pytest.mark.parametrize("name", ["publish:gitlab:merge-request", "fetch:rails", "http:backstage:request"])
def test_an_action_of_a_known_module_is_not_taken_for_another(tmp_path: Path, name: str) -> None:
    (fault,) = _check(tmp_path, [{"id": "x", "action": name}]).errors

    assert fault.message == f"spec.steps.0.action: only a portal has the action '{name}'"


def test_what_is_here_is_in_no_list_of_what_only_portals_have() -> None:
    assert not PORTAL_ONLY & {*actions.ACTIONS}


def test_a_plug_in_that_brings_a_portals_action_makes_it_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert actions.is_portals("fetch:rails")

    monkeypatch.setattr(actions, "plugged_in", lambda: {"fetch:rails": "rails:Fetch"})

    assert not actions.is_portals("fetch:rails")


@pytest.mark.parametrize(
    ("action", "input", "said"),
    [
        ("publish:gitlab", "description", " (did you mean 'settings.description'?)"),
        ("publish:azure", "topics", ""),
        ("publish:azure", "repoVisibility", ""),
        ("publish:gitea", "topics", ""),
        ("publish:gitea", "token", ""),
        ("publish:gerrit", "repoVisibility", ""),
        ("publish:bitbucketCloud", "topics", ""),
        ("publish:bitbucketServer", "topics", ""),
        ("publish:bitbucketCloud", "enableLFS", ""),
    ],
)
def test_an_input_that_a_forges_module_has_not_is_named(
    tmp_path: Path, action: str, input: str, said: str
) -> None:
    given = {"repoUrl": "${{ parameters.repo }}", "description": "x", input: "y"}
    if action == "publish:gitlab":
        del given["description"]
        given[input] = "y"

    (warning,) = _check(tmp_path, [{"action": action, "input": given}]).warnings

    assert warning.message == (
        f"spec.steps.0.input.{input}: {action} has no input '{input}'{said}; it is ignored"
    )


def test_an_input_within_an_input_is_looked_at_too(tmp_path: Path) -> None:
    given = {"repoUrl": "${{ parameters.repo }}", "settings": {"visiblity": "public", "topics": ["a"]}}

    (warning,) = _check(tmp_path, [{"action": "publish:gitlab", "input": given}]).warnings

    assert warning.message == (
        "spec.steps.0.input.settings.visiblity: publish:gitlab has no input 'settings.visiblity' "
        "(did you mean 'settings.visibility'?); it is ignored"
    )


def test_gitea_needs_a_description(tmp_path: Path) -> None:
    step = {"action": "publish:gitea", "input": {"repoUrl": "${{ parameters.repo }}"}}

    (warning,) = _check(tmp_path, [step]).warnings

    assert warning.message == "spec.steps.0.input: publish:gitea needs the input 'description'"
