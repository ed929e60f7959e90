from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart import document
from kickstart.errors import ParameterError, TemplateError
from kickstart.template.parameters import Form, Given, Parameters
from kickstart.template.property import choices


def _form(**properties: Any) -> Form:
    return Form([{"title": "Page", "properties": properties}])


def _resolve(form: Form, **values: Any) -> Parameters:
    return form.resolve({name: Given(value, "values.yaml") for name, value in values.items()})


def _faults(form: Form, given: dict[str, Given]) -> list[str]:
    with pytest.raises(ParameterError) as raised:
        form.resolve(given)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "1", "1"),
        ({"type": "string"}, " a ", " a "),
        ({"type": "integer"}, " 3 ", 3),
        ({"type": "number"}, "3", 3),
        ({"type": "number"}, "3.5", 3.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "no", False),
        ({"type": "array", "items": {"type": "integer"}}, "1, 2", [1, 2]),
        ({"type": "array", "items": {"type": "string"}}, "", []),
        ({"type": "array", "items": {"type": "string"}}, "[a, 'b,c']", ["a", "b,c"]),
        ({"type": "array"}, "a,b", ["a", "b"]),
        ({"type": "object"}, "{a: 1}", {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": 1, "b": 2}', {"a": 1, "b": 2}),
        ({"type": ["integer", "null"]}, "5", 5),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": [True, "x"]}, "true", True),
        ({"enum": [None, "x"]}, "null", None),
        ({"type": "number", "enum": [0.5, 1]}, "0.5", 0.5),
        ({}, "{a: [1, yes]}", {"a": [1, "yes"]}),
    ],
)
def test_text_becomes_what_the_schema_wants(schema: dict[str, Any], text: str, value: Any) -> None:
    form = _form(p=schema)

    resolved = form.resolve({"p": Given(text, "--set", text=True)}).values["p"]

    assert (resolved, type(resolved)) == (value, type(value))
    assert form.convert("p", text) == value


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "string"}, 1, "must be text; put it in quotes"),
        ({"type": "string"}, None, "has no value: give one, or leave it out"),
        ({"type": "integer"}, "3", "must be a whole number"),
        ({"type": "integer"}, 3.5, "must be a whole number"),
        ({"type": "integer"}, True, "must be a whole number"),
        ({"type": "number"}, "x", "must be a number"),
        ({"type": "number", "minimum": 1}, 0.5, "must be greater than or equal to 1"),
        ({"type": "boolean"}, "true", "must be true or false"),
        ({"type": "boolean"}, 1, "must be true or false"),
        ({"type": "array"}, "a", "must be a list"),
        ({"type": "object"}, [], "must be a mapping"),
        ({"type": "string", "maxLength": 2}, "abc", "is too long: at most 2 are possible"),
        ({"type": "string", "minLength": 2}, "a", "must have at least 2 characters"),
        ({"type": "string", "minLength": 2.0}, "a", "must have at least 2 characters"),
        ({"type": "string", "minLength": 10**30}, "a", '"a" is shorter than 18446744073709551615 characters'),
        ({"type": "integer", "minimum": 1}, 0, "must be greater than or equal to 1"),
        ({"type": "number", "exclusiveMaximum": 1}, 1, "must be less than 1"),
        ({"type": "array", "maxItems": 1}, [1, 2], "is too long: at most 1 are possible"),
        ({"type": "string", "pattern": "^a"}, "b", '"b" does not match "^a"'),
        ({"type": "string", "pattern": "^a", "description": "Starts with a."}, "b", "(Starts with a.)"),
        ({"type": "string", "pattern": "^a", "ui:help": "Use a."}, "b", "(Use a.)"),
        ({"type": "integer", "multipleOf": 5}, 7, "7 is not a multiple of 5"),
        ({"enum": ["small", "large"]}, "smal", "'smal' is not one of small, large (did you mean 'small'?)"),
        ({"enum": ["a"], "enumNames": ["The letter"]}, "The letter", "'The letter' is not one of a"),
        ({"const": 5}, 6, "5 was expected"),
        ({"type": "string", "allOf": [{"minLength": 2}]}, "a", '"a" is shorter than 2 characters'),
        ({"type": ["integer", "null"]}, "x", "must be a whole number"),
        ({"type": "number"}, float("nan"), 'is not of type "number"'),
    ],
)
def test_a_wrong_value_is_refused_in_words_for_its_reader(
    schema: dict[str, Any], value: Any, said: str
) -> None:
    (fault,) = _faults(_form(p=schema), {"p": Given(value, "values.yaml")})

    assert fault.startswith("p (values.yaml): ")
    assert said in fault


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        ({"type": "array", "items": {"enum": ["q", "r"]}}, ["q", "s"], "p.1 (f): 's' is not one of q, r"),
        (
            {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}},
            {"a": "z"},
            "p.a (f): 'z' is not one of x, y",
        ),
        ({"type": "array", "items": {"pattern": "^a"}}, ["a", "b"], 'p.1 (f): "b" does not match "^a"'),
        (
            {"type": ["object", "string"], "properties": {"a": {"type": "integer"}}},
            {"a": "x"},
            "p.a (f): must be a whole number",
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
            {"b": 1},
            "p.b (f): Extra inputs are not permitted",
        ),
    ],
)
def test_a_fault_inside_a_value_names_its_place(schema: dict[str, Any], value: Any, place: str) -> None:
    assert _faults(_form(p=schema), {"p": Given(value, "f")}) == [place]


def test_one_report_has_every_fault_once_with_its_source() -> None:
    form = Form(
        [
            {
                "required": ["name", "owner"],
                "properties": {"name": {"type": "string", "maxLength": 3, "pattern": "^a"}},
            },
            {"properties": {"owner": {"type": "string"}, "replicas": {"type": "integer", "minimum": 1}}},
        ]
    )

    faults = _faults(
        form,
        {
            "name": Given("bcde", "NAME", text=True),
            "replicas": Given("x", "--set", text=True),
            "replica": Given(1, "values.yaml"),
        },
    )

    assert faults == [
        "replica (values.yaml): the template has no such parameter (did you mean 'replicas'?)",
        "name (NAME): is too long: at most 3 are possible",
        "replicas (--set): must be a whole number",
        "owner: is required",
    ]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "maxLength": 1, "errorMessage": "no"}, "abc"),
        ({"type": "string", "maxLength": 1, "errorMessage": {"maxLength": "no"}}, "abc"),
        ({"type": "array", "minItems": 1, "errorMessage": {"minItems": "no"}}, []),
        ({"type": "integer", "maximum": 1, "errorMessage": {"maximum": "no"}}, 2),
        ({"type": "integer", "errorMessage": {"type": "no"}}, "x"),
        ({"enum": ["a"], "errorMessage": {"enum": "no"}}, "x"),
        ({"type": "string", "pattern": "^a", "errorMessage": {"pattern": "no"}}, "x"),
    ],
)
def test_the_templates_own_words_for_a_fault_win(schema: dict[str, Any], value: Any) -> None:
    assert _faults(_form(p=schema), {"p": Given(value, "f")}) == ["p (f): no"]


def test_a_pages_own_words_for_its_parameters_win() -> None:
    own = {"required": {"name": "who are you?"}, "properties": {"size": "as large as a hat"}}
    size = {"type": "string", "pattern": "^[0-9]+$"}
    page = {
        "properties": {"name": {"type": "string"}, "size": size},
        "required": ["name"],
        "errorMessage": own,
    }

    assert _faults(Form([{**page, "errorMessage": own}]), {"size": Given("x", "--set")}) == [
        "name: who are you?",
        "size (--set): as large as a hat",
    ]


def test_a_name_that_is_required_and_not_described_is_taken_where_it_is_given() -> None:
    form = Form([{"properties": {"repo": {"type": "string"}}, "required": ["repo", "name"]}])

    assert _faults(form, {"repo": Given("r", "--set")}) == ["name: is required"]
    found = form.resolve({"name": Given("x", "--set", text=True), "repo": Given("r", "--set")})
    assert found.values == {"repo": "r", "name": "x"}


def test_values_are_in_the_order_of_the_form() -> None:
    properties = {name: {"type": "string"} for name in ("c", "a", "b")}
    properties["a"]["default"] = "x"

    found = Form([{"properties": properties}]).resolve({n: Given(n, "--set") for n in ("b", "c")})

    assert list(found.values) == ["c", "a", "b"]


def test_a_mapping_with_branches_says_what_the_active_one_lacks() -> None:
    branches = [
        {
            "properties": {"to": {"const": True}, "where": {"type": "string", "enum": ["a", "b"]}},
            "required": ["where"],
        },
        {"properties": {"to": {"const": False}}},
    ]
    pub = {
        "type": "object",
        "properties": {"to": {"type": "boolean", "default": True}},
        "dependencies": {"to": {"oneOf": branches}},
    }
    form = _form(pub=pub, more={"type": "array", "items": pub})

    assert _faults(form, {}) == ["pub.where: is required"]
    wrong = {"pub": Given({"where": "c"}, "--set"), "more": Given([{"to": False}, {"to": True}], "--values")}
    assert _faults(form, wrong) == [
        'pub.where (--set): "c" is not one of "a" or "b"',
        "more.1.where (--values): is required",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("github.com?owner=acme&repo=shop", ""),
        ("git.acme.example?repo=shop", ""),
        ("foo", "'foo' names no repo: it is written HOST?owner=OWNER&repo=NAME"),
        ("github.com?repo=x", "'github.com?repo=x' names no owner: it is written HOST?owner=OWNER&repo=NAME"),
        ("github.com?owner=&repo=b", "names no owner"),
        ("dev.azure.com?organization=o&repo=b", "names no project"),
        ("https://github.com/a/b", "is not of the form github.com?owner=OWNER&repo=NAME"),
        ("", "is not of the form"),
    ],
)
def test_the_address_of_a_repository_is_checked_as_a_portals_form_checks_it(value: str, said: str) -> None:
    picker = {"type": "string", "ui:field": "RepoUrlPicker"}
    form = Form([{"properties": {"repo": picker}, "required": ["repo"]}])
    given_ = {"repo": Given(value, "--set", text=True)}

    if said:
        assert said in "".join(_faults(form, given_))
        assert bool(form.problem(form.properties["repo"], value)) == bool(value)
    else:
        assert form.resolve(given_).values == {"repo": value}
        assert form.problem(form.properties["repo"], value) is None


CONDITIONAL: dict[str, Any] = {
    "title": "Storage",
    "properties": {"kind": {"type": "string", "enum": ["s3", "disk"]}},
    "dependencies": {
        "kind": {
            "oneOf": [
                {
                    "properties": {"kind": {"const": "s3"}, "bucket": {"type": "string"}},
                    "required": ["bucket"],
                },
                {"properties": {"kind": {"const": "disk"}, "size": {"type": "integer", "maximum": 9}}},
            ]
        }
    },
}


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"kind": "s3"}, ["bucket: is required"]),
        ({"kind": "disk", "size": 10}, ["size (f): must be less than or equal to 9"]),
        ({"kind": "disk", "size": "x"}, ["size (f): must be a whole number"]),
        ({"kind": "tape"}, ["kind (f): 'tape' is not one of s3, disk"]),
    ],
)
def test_a_branch_asks_for_what_it_needs(values: dict[str, Any], faults: list[str]) -> None:
    given_ = {name: Given(value, "f") for name, value in values.items()}

    assert _faults(Form([CONDITIONAL]), given_) == faults


def test_a_default_that_its_schema_refuses_is_called_so() -> None:
    form = _form(port={"type": "string", "default": 8080})

    assert _faults(form, {}) == ['port (the template\'s default): 8080 is not of type "string"']


def test_a_value_without_effect_is_kept_and_noted() -> None:
    parameters = _resolve(Form([CONDITIONAL]), kind="disk", size=1, bucket="models")

    assert parameters.values == {"kind": "disk", "size": 1, "bucket": "models"}
    assert parameters.notes == ("the parameter 'bucket' has no effect with the other values",)


def test_values_that_do_not_fit_together_are_refused_without_showing_a_secret() -> None:
    page = {"properties": {"a": {"type": "string", "ui:field": "Secret"}, "b": {"type": "string"}}}
    both = Form([{**page, "not": {"required": ["a", "b"]}}])
    one = Form([{**page, "title": "Access", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}])
    given_ = {"a": Given("hunter2", "f"), "b": Given("x", "f")}

    assert _faults(both, given_) == ["the values do not satisfy 'not'"]
    assert _faults(one, given_) == ["Access: the values do not fit together"]


def test_a_choice_without_a_branch_is_named() -> None:
    kind = {"type": "string", "enum": ["disk", "tape"]}
    branch = {"properties": {"kind": {"enum": ["disk"]}, "size": {"type": "integer"}}}
    page = {"title": "Store", "properties": {"kind": kind}, "dependencies": {"kind": {"oneOf": [branch]}}}

    assert _faults(Form([page]), {"kind": Given("tape", "--set")}) == [
        "kind (--set): 'tape' has no branch, or more than one, among the dependencies of 'kind'"
    ]


def test_every_fault_inside_a_value_is_told_and_no_hidden_one_shown() -> None:
    members = {
        "slug": {"type": "string", "pattern": "^[a-z]+$"},
        "role": {"type": "string", "enum": ["pull", "push"]},
        "key": {"type": "string", "ui:widget": "password", "pattern": "^[a-z]{9}$"},
    }
    teams = {"type": "array", "items": {"type": "object", "required": ["slug"], "properties": members}}

    faults = _faults(_form(t=teams), {"t": Given([{"slug": "B B", "role": "x", "key": "HUNTER2"}, {}], "f")})

    assert faults == [
        "t.0.role (f): 'x' is not one of pull, push",
        't.0.slug (f): "B B" does not match "^[a-z]+$"',
        "t.0.key (f): does not satisfy 'pattern'",
        "t.1.slug (f): is required",
    ]


@pytest.mark.parametrize("more", [{}, {"ui:widget": "password"}])
def test_a_dependency_on_another_page_is_no_reason_to_fail(more: dict[str, Any]) -> None:
    branch = {"properties": {"kind": {"enum": ["disk"]}}}
    pages: list[dict[str, Any]] = [
        {"properties": {"kind": {"type": "string", **more}}},
        {"title": "Store", "dependencies": {"kind": {"oneOf": [branch]}}},
    ]

    [fault] = _faults(Form(pages), {"kind": Given("tape", "--set")})

    assert ("tape" in fault) is not bool(more)


@pytest.mark.parametrize("hidden", [{"ui:field": "Secret"}, {"ui:widget": "password"}])
@pytest.mark.parametrize("rule", [{"pattern": "^a"}, {"enum": ["abc"]}, {"minLength": 50}, {"const": "x"}])
def test_no_fault_shows_a_secret(rule: dict[str, Any], hidden: dict[str, Any]) -> None:
    form = _form(token={"type": "string", **hidden, **rule})

    faults = _faults(form, {"token": Given("hunter2", "f")})

    assert len(faults) == 1
    assert "hunter2" not in faults[0]
    assert "hunter2" not in str(form.problem(form.properties["token"], "hunter2"))


def test_a_password_is_a_value_like_any_other_that_is_not_written_down() -> None:
    resolved = _resolve(
        _form(p={"type": "string", "ui:widget": "password"}, q={"type": "string"}), p="x", q="y"
    )

    assert resolved.values == {"p": "x", "q": "y"}
    assert (resolved.secrets, resolved.hidden) == ({}, frozenset({"p"}))


PAGES_WITH_CONDITIONS = [
    {
        "required": ["cloud"],
        "properties": {"cloud": {"enum": ["aws", "gcp"]}, "watch": {"type": "boolean", "default": False}},
    },
    {
        "when": "${{ parameters.cloud === 'aws' }}",
        "required": ["zone"],
        "properties": {"zone": {"type": "string"}, "tier": {"type": "string", "default": "a"}},
    },
    {
        "when": "parameters.watch",
        "required": ["mail"],
        "properties": {"mail": {"type": "string"}, "tier": {"type": "string", "default": "w"}},
    },
    {"when": "${{ parameters.tier === 'w' }}", "properties": {"last": {"type": "string", "default": "z"}}},
]


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        ({"cloud": "gcp"}, {"cloud": "gcp", "watch": False}),
        ({"cloud": "aws", "zone": "x"}, {"cloud": "aws", "watch": False, "zone": "x", "tier": "a"}),
        (
            {"cloud": "gcp", "watch": True, "mail": "m"},
            {"cloud": "gcp", "watch": True, "mail": "m", "tier": "w", "last": "z"},
        ),
        ({"cloud": "gcp", "zone": "stale", "tier": "w"}, {"cloud": "gcp", "watch": False}),
    ],
)
def test_a_hidden_page_asks_for_nothing_and_gives_nothing(
    values: dict[str, Any], filled: dict[str, Any]
) -> None:
    assert _resolve(Form(PAGES_WITH_CONDITIONS), **values).values == filled


def test_a_shown_page_asks_for_what_it_requires() -> None:
    form = Form(PAGES_WITH_CONDITIONS)

    assert _faults(form, {"cloud": Given("aws", "--set")}) == ["zone: is required"]
    assert {name: prop.required for name, prop in form.properties.items()}["zone"] is False
    assert form.json_schema("t")["allOf"] == [PAGES_WITH_CONDITIONS[0]]


def test_a_value_for_a_hidden_page_is_noted() -> None:
    resolved = _resolve(Form(PAGES_WITH_CONDITIONS), cloud="gcp", zone="stale")

    assert resolved.notes == ("the parameter 'zone' has no effect with the other values",)


def test_a_secret_is_asterisks_among_the_values() -> None:
    form = _form(token={"type": "string", "ui:field": "Secret"}, other={"type": "string"})

    parameters = _resolve(form, token="hunter2", other="x")

    assert parameters.values == {"token": "*******", "other": "x"}
    assert {name: secret.get_secret_value() for name, secret in parameters.secrets.items()} == {
        "token": "hunter2"
    }
    assert "hunter2" not in repr(parameters)


def test_every_value_says_where_it_came_from() -> None:
    form = _form(a={"default": 1}, b={"type": "integer"}, c={"type": "integer"})

    parameters = form.resolve({"b": Given("2", "--set", text=True), "c": Given(3, "values.yaml")})

    assert parameters.values == {"a": 1, "b": 2, "c": 3}
    assert parameters.sources == {"a": "default", "b": "--set", "c": "values.yaml"}


def test_a_parameter_is_known_with_page_title_and_whether_it_is_required() -> None:
    pages = [
        {"title": "One", "required": ["a"], "properties": {"a": {"title": "The A"}}},
        {**CONDITIONAL, "properties": {**CONDITIONAL["properties"], "a": {"maxLength": 3}}},
    ]

    found = {
        name: (each.title, each.page, each.required, each.is_secret)
        for name, each in Form(pages).properties.items()
    }

    assert found == {
        "a": ("The A", "One", True, False),
        "kind": ("kind", "Storage", False, False),
        "bucket": ("bucket", "Storage", False, False),
        "size": ("size", "Storage", False, False),
    }


def test_a_parameter_that_branches_describe_differently_takes_what_either_allows() -> None:
    branches = [
        {"properties": {"on": {"const": True}, "port": {"type": "integer", "maximum": 10}}},
        {"properties": {"on": {"const": False}, "port": {"type": "integer", "maximum": 90}}},
    ]
    form = Form([{"properties": {"on": {"type": "boolean"}}, "dependencies": {"on": {"oneOf": branches}}}])

    assert _resolve(form, on=False, port=50).values == {"on": False, "port": 50}
    with pytest.raises(ParameterError) as raised:
        _resolve(form, on=True, port=50)
    assert [str(fault) for fault in raised.value.faults] == [
        "port (values.yaml): 50 is greater than the maximum of 10"
    ]


def test_a_prompt_knows_the_active_parameters_of_a_page() -> None:
    form = Form([CONDITIONAL])

    active = form.active(CONDITIONAL, {"kind": "s3"})

    assert {name: prop.required for name, prop in active.items()} == {"kind": False, "bucket": True}


def test_a_prompt_knows_what_a_condition_requires() -> None:
    page = {
        "properties": {"env": {"type": "string"}, "domain": {"type": "string"}},
        "if": {"properties": {"env": {"const": "prod"}}, "required": ["env"]},
        "then": {"required": ["domain", "elsewhere"]},
    }

    active = [Form([page]).active(page, {"env": env}) for env in ("dev", "prod")]

    assert [{name: prop.required for name, prop in found.items()} for found in active] == [
        {"env": False, "domain": False},
        {"env": False, "domain": True},
    ]


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"type": "integer"}, "x", "must be a whole number"),
        ({"enum": ["a", "b"]}, "c", "'c' is not one of a, b"),
        ({"type": "array"}, "[a", "must be a list"),
    ],
)
def test_a_prompt_is_told_why_text_is_not_of_the_type(schema: dict[str, Any], text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _form(p=schema).convert("p", text)


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "integer", "minimum": 1}, 1, None),
        ({"type": "integer", "minimum": 1}, 0, "must be greater than or equal to 1"),
        ({"type": "string", "pattern": "^a"}, "b", '"b" does not match "^a"'),
        ({"type": "string", "pattern": "^a", "ui:field": "Secret"}, "b", "does not satisfy 'pattern'"),
    ],
)
def test_a_prompt_can_check_one_answer(schema: dict[str, Any], value: Any, problem: str | None) -> None:
    form = _form(p=schema)

    assert form.problem(form.properties["p"], value) == problem


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({"properties": {"n": {"type": "strin"}}}, "spec.parameters.0.properties.n.type: "),
        (
            {"properties": {"n": {"pattern": "("}}},
            'spec.parameters.0.properties.n.pattern: "(" is not a "regex"',
        ),
        ({"properties": {"n": {"minimum": "3"}}}, "spec.parameters.0.properties.n.minimum: "),
        ({"properties": []}, "spec.parameters.0.properties: "),
        (
            {"dependentSchemas": {"a": {"properties": {"n": 5}}}},
            "spec.parameters.0.properties.n: a parameter is described by a mapping",
        ),
        ({"properties": {"n": {"$ref": "https://example.com/schema.json"}}}, "spec.parameters.0"),
    ],
)
def test_a_page_that_is_no_json_schema_is_refused(page: dict[str, Any], said: str) -> None:
    with pytest.raises(TemplateError) as raised:
        Form([page]).check(partial(document.fault_at, "template.yaml", ""))

    assert said in str(raised.value.faults[0])


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"^(a|aa)+(?!x)\1$", "^(a?){60}a{60}$"])
def test_a_regular_expression_that_explodes_ends(pattern: str) -> None:
    form = _form(p={"type": "string", "pattern": pattern})
    started = time.process_time()

    assert len(_faults(form, {"p": Given("a" * 50 + "!", "f")})) == 1
    assert time.process_time() - started < 2


@pytest.mark.parametrize("value", ["\udce9", "a\udce9b"])
def test_an_argument_that_is_not_utf_8_is_refused(value: str) -> None:
    form = _form(a={"type": "string"}, b={})
    given_ = {name: Given(value, "--set", text=True) for name in ("a", "b")}

    assert _faults(form, given_) == ["a (--set): is not UTF-8 text", "b (--set): is not UTF-8 text"]


def test_one_json_schema_describes_all_pages_for_an_editor() -> None:
    page = {"title": "P", "required": ["a"], "properties": {"a": {"type": "string", "ui:help": "x"}}}

    schema = Form([page, CONDITIONAL]).json_schema("shop")

    assert schema["properties"] == {
        "a": {"type": "string"},
        "kind": {"type": "string", "enum": ["s3", "disk"]},
        "bucket": {"type": "string"},
        "size": {"type": "integer", "maximum": 9},
    }
    assert schema["allOf"] == [
        {"title": "P", "required": ["a"], "properties": {"a": {"type": "string"}}},
        CONDITIONAL,
    ]
    assert schema["additionalProperties"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
EVERYTHING = Form(
    [
        {
            "required": ["text"],
            "properties": {
                "text": {"type": "string", "minLength": 1, "pattern": "^[a-z]"},
                "whole": {"type": "integer", "minimum": 0},
                "number": {"type": "number", "exclusiveMaximum": 5},
                "flag": {"type": "boolean"},
                "list": {"type": "array", "items": {"enum": ["a", 1, True]}, "minItems": 1},
                "object": {"type": "object", "properties": {"a": {"type": "integer"}}},
                "any": {},
                "union": {"type": ["string", "object", "null"], "properties": {"a": {"type": "string"}}},
                "secret": {"type": "string", "ui:field": "Secret"},
            },
        },
        CONDITIONAL,
    ]
)


@given(
    st.dictionaries(
        st.sampled_from([*EVERYTHING.properties, "unknown"]),
        st.builds(Given, JSON, st.just("f"))
        | st.builds(Given, st.text(max_size=20), st.just("f"), st.just(True)),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_values_are_accepted_or_reported_and_nothing_else(values: dict[str, Given]) -> None:
    try:
        parameters = EVERYTHING.resolve(values)
    except ParameterError as error:
        assert error.faults
    else:
        assert set(values) <= set(parameters.values)


BRANCHED: dict[str, Any] = {
    "title": "What",
    "required": ["scope"],
    "properties": {
        "scope": {
            "type": "string",
            "enum": ["all", "one", "1.0"],
            "enumNames": ["Everything", "One"],
            "default": "all",
        },
        "place": {"type": "object", "required": ["zone"], "properties": {"zone": {"type": "string"}}},
    },
    "dependencies": {
        "scope": {
            "oneOf": [
                {"properties": {"scope": {"enum": ["all"]}}},
                {"properties": {"scope": {"enum": ["one", "1.0"]}, "target": {"type": "string"}}}
                | {"required": ["target"]},
            ]
        }
    },
}


def test_what_a_page_says_of_a_parameter_holds_beside_its_branches() -> None:
    form = Form([BRANCHED])

    assert form.properties["scope"].schema == BRANCHED["properties"]["scope"]
    for values in ({"scope": "all"}, {"scope": "one"}):
        offered = form.active(form.pages[0], values)["scope"]
        assert (offered.schema["enum"], offered.required) == (["all", "one", "1.0"], True)
    assert set(form.active(form.pages[0], {"scope": "one"})) == {"scope", "place", "target"}
    text = {"scope": Given("1.0", "--set", text=True), "target": Given("x", "--set", text=True)}
    assert form.resolve(text | {"place": Given({"zone": "a"}, "x")}).values["scope"] == "1.0"
    assert form.sometimes_required == {"target"}
    assert Form([{**BRANCHED, "dependentRequired": ["anything"]}]).sometimes_required == {"target"}


def test_a_branch_says_in_addition_what_its_page_leaves_open() -> None:
    page = {
        "properties": {"on": {"type": "boolean"}, "size": {"type": "string", "title": "Size"}},
        "if": {"properties": {"on": {"const": True}}, "required": ["on"]},
        "then": {"properties": {"size": {"enum": ["s", "m"]}}, "required": ["size"]},
    }
    form = Form([page])

    size = form.active(form.pages[0], {"on": True})["size"]

    assert size.schema == {"type": "string", "title": "Size", "enum": ["s", "m"]}
    assert size.required
    assert not form.active(form.pages[0], {})["size"].required


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_choices_with_titles_are_listed_and_converted(keyword: str) -> None:
    options = [{"const": 1, "title": "One"}, {"const": 2}, {"const": "many"}]
    form = Form([{"properties": {"size": {keyword: options}}}])

    assert choices(form.properties["size"].schema) == [(1, "One"), (2, "2"), ("many", "many")]
    assert form.resolve({"size": Given("2", "--set", text=True)}).values == {"size": 2}
    with pytest.raises(ParameterError) as caught:
        form.resolve({"size": Given("mani", "--set", text=True)})
    assert [str(fault) for fault in caught.value.faults] == [
        "size (--set): 'mani' is not one of 1, 2, many (did you mean 'many'?)"
    ]


def test_a_member_is_given_with_the_whole() -> None:
    with pytest.raises(ParameterError) as caught:
        Form([BRANCHED]).resolve({"place.zone": Given("x", "--set", text=True)})

    assert [str(fault) for fault in caught.value.faults] == [
        "place.zone (--set): is inside of 'place', which is given as a whole: place={zone: ...}",
    ]


def test_every_member_that_is_missing_is_named() -> None:
    place = {"type": "object", "required": ["zone", "row"]}

    with pytest.raises(ParameterError) as caught:
        Form([{"properties": {"place": place}}]).resolve({"place": Given({}, "file")})

    assert [str(fault) for fault in caught.value.faults] == [
        "place.zone (file): is required",
        "place.row (file): is required",
    ]


@pytest.mark.parametrize(("mode", "active"), [("new", "url"), ("existing", "target")])
def test_what_is_filled_in_holds_only_where_it_is_asked_for(mode: str, active: str) -> None:
    branches = [
        {"properties": {"mode": {"const": "new"}, "url": {"type": "string"}}},
        {"properties": {"mode": {"const": "existing"}, "target": {"type": "string"}}},
    ]
    page = {
        "properties": {"mode": {"enum": ["new", "existing"]}},
        "dependencies": {"mode": {"oneOf": branches}},
    }
    filled = {name: Given("x", "--owner", filled_in=True) for name in ("url", "target")}

    found = Form([page]).resolve({"mode": Given(mode, "--set"), **filled})

    assert found.values == {"mode": mode, active: "x"}
    assert found.notes == ()
