"""The cases of Backstage's form (rjsf 5 with `allOf: populateDefaults`)."""

from __future__ import annotations

from typing import Any

import pytest

from kickstart.template import conditions

STRING = {"type": "string"}
ONE_OF: dict[str, Any] = {
    "properties": {"kind": {"type": "string", "enum": ["s3", "disk"], "default": "s3"}},
    "dependencies": {
        "kind": {
            "oneOf": [
                {"properties": {"kind": {"const": "s3"}, "bucket": {"type": "string", "default": "models"}}},
                {"properties": {"kind": {"const": "disk"}, "size": {"type": "integer", "default": 10}}},
            ]
        }
    },
}
FLAG: dict[str, Any] = {
    "properties": {"gpu": {"type": "boolean"}},
    "dependencies": {
        "gpu": {
            "oneOf": [
                {"properties": {"gpu": {"const": True}, "count": {"type": "integer", "default": 1}}},
                {"properties": {"gpu": {"const": False}, "threads": {"type": "integer", "default": 4}}},
            ]
        }
    },
}
IF: dict[str, Any] = {
    "properties": {"env": {"type": "string", "default": "dev"}},
    "if": {"properties": {"env": {"const": "prod"}}, "required": ["env"]},
    "then": {"properties": {"replicas": {"type": "integer", "default": 3}}},
    "else": {"properties": {"debug": {"type": "boolean", "default": True}}},
}


@pytest.mark.parametrize(
    ("page", "given", "filled"),
    [
        pytest.param({"properties": {"a": {"default": 1}}}, {}, {"a": 1}, id="a default"),
        pytest.param({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}, id="null is given"),
        pytest.param({"properties": {"a": {"default": False}}}, {}, {"a": False}, id="a false default"),
        pytest.param({"properties": {"a": {"const": "x"}}}, {}, {"a": "x"}, id="const"),
        pytest.param({"properties": {"a": {"const": "x"}}}, {"a": "y"}, {"a": "y"}, id="const, but given"),
        pytest.param({"properties": {"a": {"enum": ["only"]}}}, {}, {}, id="an enum of one gives nothing"),
        pytest.param({"properties": {"a": {"type": "boolean"}}}, {}, {}, id="a boolean gives nothing"),
        pytest.param({"properties": {"a": {"type": "array"}}}, {}, {"a": []}, id="a list is empty"),
        pytest.param(
            {"properties": {"a": {"type": "object", "properties": {"b": {"default": 1}, "c": STRING}}}},
            {},
            {"a": {"b": 1}},
            id="an object is created and filled",
        ),
        pytest.param(
            {
                "properties": {
                    "a": {"type": "object", "default": {"c": "z"}, "properties": {"b": {"default": 1}}}
                }
            },
            {},
            {"a": {"c": "z", "b": 1}},
            id="an object's default is completed",
        ),
        pytest.param(
            {"properties": {"a": {"type": "array", "minItems": 3, "items": {"default": "x"}}}},
            {"a": ["y"]},
            {"a": ["y", "x", "x"]},
            id="minItems pads with the item's default",
        ),
        pytest.param(
            {"properties": {"a": {"type": "array", "minItems": 2, "items": STRING}}},
            {},
            {"a": []},
            id="minItems without an item's default pads nothing",
        ),
        pytest.param(
            {"properties": {"a": {"type": "array", "items": {"properties": {"n": {"default": 1}}}}}},
            {"a": [{}, {"n": 2}, "x"]},
            {"a": [{"n": 1}, {"n": 2}, "x"]},
            id="items are completed",
        ),
        pytest.param(ONE_OF, {}, {"kind": "s3", "bucket": "models"}, id="a default activates a branch"),
        pytest.param(ONE_OF, {"kind": "disk"}, {"kind": "disk", "size": 10}, id="a value selects a branch"),
        pytest.param(ONE_OF, {"kind": "tape"}, {"kind": "tape"}, id="no branch fits"),
        pytest.param(
            ONE_OF,
            {"kind": "disk", "bucket": "b"},
            {"kind": "disk", "bucket": "b", "size": 10},
            id="stale value",
        ),
        pytest.param(FLAG, {}, {}, id="neither branch of an unanswered boolean"),
        pytest.param(FLAG, {"gpu": True}, {"gpu": True, "count": 1}, id="true branch"),
        pytest.param(FLAG, {"gpu": False}, {"gpu": False, "threads": 4}, id="false branch"),
        pytest.param(IF, {}, {"env": "dev", "debug": True}, id="else"),
        pytest.param(IF, {"env": "prod"}, {"env": "prod", "replicas": 3}, id="then"),
        pytest.param({"allOf": [IF, FLAG]}, {"env": "prod"}, {"env": "prod", "replicas": 3}, id="allOf"),
        pytest.param(
            {"dependencies": {"a": {"properties": {"b": {"default": 2}}}}},
            {"a": 1},
            {"a": 1, "b": 2},
            id="schema",
        ),
        pytest.param(
            {"dependentSchemas": {"a": {"properties": {"b": {"default": 2}}}}}, {}, {}, id="not depended upon"
        ),
        pytest.param(
            {
                "oneOf": [
                    {"properties": {"a": {"const": 1}}},
                    {"properties": {"a": {"const": 2}, "b": {"default": 3}}},
                ]
            },
            {"a": 2},
            {"a": 2, "b": 3},
            id="oneOf of a page",
        ),
    ],
)
def test_defaults_are_filled_in_as_a_portals_form_does(
    page: dict[str, Any], given: dict[str, Any], filled: dict[str, Any]
) -> None:
    before = repr(given)

    assert conditions.settled([page], given)[0] == filled
    assert repr(given) == before


def _link(number: int) -> dict[str, Any]:
    branch = {"properties": {f"p{number}": {"const": number}, f"p{number + 1}": {"default": number + 1}}}
    return {f"p{number}": {"oneOf": [branch]}}


def test_defaults_that_activate_one_another_are_followed_to_the_end_whatever_their_order() -> None:
    chain = {name: part for number in reversed(range(20)) for name, part in _link(number).items()}

    filled, _ = conditions.settled([{"dependencies": chain}], {"p0": 0})

    assert filled == {f"p{number}": number for number in range(21)}


def test_a_default_of_a_later_page_activates_a_branch_of_an_earlier_one() -> None:
    pages: list[dict[str, Any]] = [
        {"dependencies": ONE_OF["dependencies"]},
        {"properties": {"kind": {"default": "disk"}}},
    ]

    assert conditions.settled(pages, {})[0] == {"kind": "disk", "size": 10}


def test_defaults_that_never_settle_are_an_error() -> None:
    endless = {name: part for number in reversed(range(200)) for name, part in _link(number).items()}

    with pytest.raises(conditions.EndlessDefaultsError):
        conditions.settled([{"dependencies": endless}], {"p0": 0})


@pytest.mark.parametrize(
    ("page", "given", "required"),
    [
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, ["b"]),
        ({"dependencies": {"a": ["b"]}}, {}, []),
        ({"dependentRequired": {"a": ["b", "c"]}}, {"a": 1}, ["b", "c"]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}, {}, ["c"]),
        ({"dependentRequired": ["a"], "dependentSchemas": 5}, {"a": 1}, []),
        ({"dependentRequired": {"a": "b"}}, {"a": 1}, []),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"b": 1}, ["b"]),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, ["a"]),
        ({"allOf": [{"required": ["a"]}, {"allOf": [{"required": ["b"]}]}]}, {}, ["a", "b"]),
    ],
)
def test_the_active_parts_say_what_is_required(
    page: dict[str, Any], given: dict[str, Any], required: list[str]
) -> None:
    parts = conditions.active_parts(page, given)

    assert [name for part in parts for name in part.get("required", [])] == required


@pytest.mark.parametrize(
    ("when", "is_shown"),
    [
        ("${{ parameters.n > 2 }}", True),
        ("parameters.n < 2", False),
        ("${{ parameters.list }}", False),
        ("x${{ false }}", True),
        ("false", False),
        (False, False),
        (True, True),
        (" ", True),
        (None, True),
        ("${{ parameters.url | parseRepoUrl }}", True),
        ("${{ a b }}", True),
        (3, True),
    ],
)
def test_a_page_is_shown_when_its_condition_holds_or_cannot_be_evaluated(when: Any, is_shown: bool) -> None:
    pages = [{"when": when}]

    assert list(conditions.shown(pages, {"n": 3, "list": []})) == (pages if is_shown else [])


def test_a_reference_is_read_as_what_it_names() -> None:
    page = {
        "definitions": {
            "a/b": {"type": "string", "default": "x", "title": "T"},
            "o": {"$ref": "#/definitions/a~1b"},
        },
        "properties": {"p": {"$ref": "#/definitions/o", "title": "own"}, "gone": {"$ref": "#/nowhere"}},
    }

    found = conditions.with_references(page)

    assert found["properties"] == {
        "p": {"type": "string", "default": "x", "title": "own"},
        "gone": {"$ref": "#/nowhere"},
    }
    assert conditions.settled([found], {})[0] == {"p": "x"}


def test_references_end_where_they_meet_themselves_or_multiply() -> None:
    own = {"properties": {"p": {"items": {"$ref": "#/properties/p"}}}}
    many = {
        f"l{number}": {"properties": {name: {"$ref": f"#/definitions/l{number + 1}"} for name in "abcd"}}
        for number in range(40)
    }

    ended = conditions.with_references(own)
    bounded = conditions.with_references(
        {"definitions": many, "properties": {"p": {"$ref": "#/definitions/l0"}}}
    )

    assert ended == {"properties": {"p": {"items": {"items": {"$ref": "#/properties/p"}}}}}
    assert len(str(bounded)) < 10_000_000
