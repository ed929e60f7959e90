"""What is judged without the JSON Schema library is judged as the library would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart.template import conditions, plain

NAME = {"type": "string", "pattern": "^[a-z][-a-z0-9]*$", "maxLength": 4, "ui:autofocus": True}
PAGE: dict[str, Any] = {
    "title": "One",
    "required": ["name"],
    "properties": {
        "name": NAME,
        "count": {"type": "integer", "minimum": 1, "maximum": 3, "default": 2},
        "kind": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 2},
        "open": {"type": "boolean"},
    },
}

_PIECES = [
    *("^", "$", "a", "[a-z]", "[^a-z]", "[-a]", "[a-]", "(a|b)", "*", "+", "?", "{1,2}", "(", ")", "[", "]"),
    *("\\d", ".", "(?i)", "&&", "--", "[[a]]", "{", "é", " ", "-", "/"),
]
PATTERNS = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 1.0, True])
TEXTS = st.sampled_from(["", "a", "ab", "A", "a\n", "\n", "é", "-", "aa-", "/", "a1", "\udc80"])
ITEMS = [{"type": "string"}, {"type": "string", "pattern": "^a"}, {"type": "integer", "minimum": 1}, True]
COMMON = {"title": st.sampled_from(["T", 1]), "format": st.just("email"), "ui:widget": st.just("password")}


def _schema(kind: Any, **words: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional={**words, **COMMON})


SCHEMAS = st.one_of(
    _schema("string", pattern=PATTERNS, minLength=NUMBERS, maxLength=NUMBERS),
    _schema(
        "string", enum=st.lists(st.sampled_from(["a", "ab", 1, True, None]), max_size=2), maxLength=NUMBERS
    ),
    _schema("integer", minimum=NUMBERS, maximum=NUMBERS, enum=st.just([1, 2])),
    _schema("array", items=st.sampled_from(ITEMS), minItems=NUMBERS, uniqueItems=st.booleans()),
    _schema("boolean", const=st.booleans()),
    _schema("object", properties=st.just({"a": {"type": "string"}})),
    *(_schema(kind) for kind in ("number", "null", 3)),
)
VALUES = st.one_of(
    *(TEXTS, NUMBERS, st.lists(st.one_of(TEXTS, NUMBERS), max_size=3)),
    *(st.just({}), st.none(), st.just(2**70)),
)
NAMES = st.sampled_from(["a", "b", "c d"])
PAGES = st.fixed_dictionaries(
    {"properties": st.dictionaries(NAMES, SCHEMAS, max_size=3)},
    optional={
        "required": st.lists(NAMES, max_size=3),
        "type": st.sampled_from(["object", "string"]),
        "if": st.just({"required": ["a"]}),
    },
)


@settings(max_examples=1500)
@given(PAGES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_is_accepted_is_valid_for_the_library_too(page: dict[str, Any], values: dict[str, Any]) -> None:
    if plain.is_plain(page):
        validator = conditions.validator(page)  # raises where it is not valid as a schema
        if plain.accepts(page, values):
            assert validator.is_valid(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": "ab"}, True),
        ({"name": "ab", "count": 3, "kind": "b", "tags": ["x"], "open": False, "other": object}, True),
        ({}, False),
        ({"name": "abcde"}, False),
        ({"name": "Ab"}, False),
        ({"name": "ab\n"}, False),
        ({"name": "ab", "count": 4}, False),
        ({"name": "ab", "count": True}, False),
        ({"name": "ab", "kind": "c"}, False),
        ({"name": "ab", "tags": ["x", ""]}, False),
        ({"name": "ab", "tags": ["x", "y", "z"]}, False),
        ({"name": "ab", "open": "true"}, False),
    ],
)
def test_a_plain_page_is_judged(values: dict[str, Any], expected: bool) -> None:
    assert plain.accepts(PAGE, values) is expected


@pytest.mark.parametrize(
    "changed",
    [
        {"if": {"required": ["count"]}},
        {"dependencies": {"name": ["count"]}},
        {"required": ["name", "name"]},
        {"required": [1]},
        {"properties": {"name": True}},
        {"properties": {1: NAME}},
        {"properties": {"name": {**NAME, "format": "email"}}},
        {"properties": {"name": {**NAME, "pattern": r"^\d+$"}}},
        {"properties": {"name": {**NAME, "pattern": "("}}},
        {"properties": {"name": {**NAME, "maxLength": -1}}},
        {"properties": {"name": {**NAME, "maxLength": True}}},
        {"properties": {"name": {**NAME, "maxLength": 10**30}}},
        {"properties": {"name": {"type": "string", "enum": []}}},
        {"properties": {"name": {"type": "string", "enum": ["a"], "minLength": 2}}},
        {"properties": {"name": {"type": "array", "items": {"type": "string", "pattern": "a"}}}},
        {"properties": {"name": {"type": ["string", "null"]}}},
        {"properties": {"name": {}}},
        {"title": 5},
    ],
    ids=str,
)
def test_what_only_the_library_knows_is_left_to_it(changed: dict[str, Any]) -> None:
    assert not plain.accepts({**PAGE, **changed}, {"name": "a"})
