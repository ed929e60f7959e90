"""YAML as `catalog:write` of a portal writes it; whole templates compare it with a portal's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart import document
from kickstart.template.dialect.yaml_text import dump

LONG = "word " * 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "plain", "b": ["x", {"c": 1, "d": True}]}, "a: plain\nb:\n  - x\n  - c: 1\n    d: true\n"),
        ({"a": None, "b": {}, "c": [], "d": ""}, 'a: null\nb: {}\nc: []\nd: ""\n'),
        ({"10": 1, "b": 2, "2": 3}, '"2": 3\n"10": 1\nb: 2\n'),
        ({"a": "true", "b": "1.5", "c": "yes", "d": "x: y"}, 'a: "true"\nb: "1.5"\nc: yes\nd: "x: y"\n'),
        ({"a": 'say: "it"', "b": 'it\'s: "x"'}, 'a: \'say: "it"\'\nb: "it\'s: \\"x\\""\n'),
        (
            {"a": "one\ntwo", "b": "one\n", "c": "one\n\n"},
            "a: |-\n  one\n  two\nb: |\n  one\nc: |+\n  one\n\n",
        ),
        ({"a": "  in\nx"}, "a: |2-\n    in\n  x\n"),
        ({"a": "tab\tand \x07"}, 'a: "tab\\tand \\a"\n'),
        ({"a": LONG.strip()}, f"a: {('word ' * 15).strip()}\n  {('word ' * 5).strip()}\n"),
        (
            {"a": LONG.strip() + "\nx"},
            f"a: >-\n  {('word ' * 15).strip()}\n  {('word ' * 5).strip()}\n\n  x\n",
        ),
        (
            {"a": f"- item\n  - {LONG}\n\n{LONG.strip()}"},
            f"a: >-\n  - item\n    - {LONG}\n\n  {('word ' * 15).strip()}\n  {('word ' * 5).strip()}\n",
        ),
        ({"a": f"   {LONG}\nx"}, f"a: >2-\n     {LONG}\n  x\n"),
        (
            {"a": 'one, two and "three" \n  four, which is more\n '},
            'a: "one, two and \\"three\\"\\ \n\n  \\  four, which is more\n\n  \\ "\n',
        ),
        ({"a": "# " + "x" * 90}, 'a: "#\n  ' + "x" * 77 + "\\\n  " + "x" * 13 + '"\n'),
        ({"k" * 70: LONG.strip()}, "k" * 70 + f":\n  {('word ' * 15).strip()}\n  {('word ' * 5).strip()}\n"),
    ],
)
def test_a_value_is_written_as_a_portal_writes_it(value: dict[str, Any], text: str) -> None:
    assert dump(value) == text


# Without U+2028 and U+2029, at which libyaml ends a line as YAML 1.1 did, and without tabs and lines of
# blanks alone, which it takes for indentation: to a portal, which has another reader, they are characters.
CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp"), include_characters="\n")
TEXTS = st.text(CHARACTERS).filter(lambda text: text.strip(" \n") or "\n" not in text)
KEYS = TEXTS.filter(lambda key: key != "<<")  # which merges


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, st.recursive(TEXTS | st.integers() | st.none() | st.booleans(), st.lists)))
def test_what_is_written_reads_as_it_was(value: dict[str, Any]) -> None:
    try:
        document.load(document.dump(value))
    except document.DocumentError:
        return  # no YAML that we read can hold it

    assert document.load(dump(value)) == value
