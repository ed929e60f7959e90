from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstart import document

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("2026-11-24", "2026-11-24"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("'1'", "1"),
        ("=", "="),
        ("", None),
        ("{3000: a, true: b}", {"3000": "a", "true": "b"}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ('{"json": [1, null, "\\u00e9"]}', {"json": [1, None, "é"]}),
        ("%YAML 1.1\n---\nyes", "yes"),
    ],
)
def test_yaml_is_read_as_version_1_2(text: str, value: object) -> None:
    read = document.load(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' stands twice, here and in line 1"),
        ("x:\n  1: a\n  '1': b", 3, "the key '1' stands twice, here and in line 2"),
        ("a:\n  - b: 1\n    b: 2", 3, "the key 'b' stands twice, here and in line 2"),
        ("? [a]\n: b", 1, "a key that is not text"),
        ("a: 1\n b: 2", 2, "mapping values are not allowed"),
        ("a: [1\nb: 2", 2, "parsing a flow sequence"),
        ("a: *nobody", 1, "undefined alias"),
        ("a: 1\n---\nb: 2", 2, "expected a single document"),
        ("a: &a [*a]", 1, "a value that contains itself"),
        ("a: 1\nb: !!python/object:os.system x", 2, "could not determine a constructor"),
        ("!!timestamp 2026-11-24", 1, "could not determine a constructor"),
        ("!!set {a}", 1, "could not determine a constructor"),
        ("!!int x", 0, "a value that does not fit its tag"),
        ("!!bool x", 0, "a value that does not fit its tag"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number of 5000 digits"),
        ("a: 1\nb: 0x" + "9" * 5000, 2, "a number of 5002 digits"),
        ("a: \x01", 0, "control characters are not allowed"),
        ("a: 1\nb: \udce9", 2, "a character that UTF-8 has not"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(document.DocumentError) as raised:
        document.load(text)

    assert said in raised.value.message
    assert raised.value.line == line


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "more than 100,000 values after aliases"),
        ("[" * 200_000, "nested deeper than 100 levels"),
        ("[a: " * 99 + "]" * 99, "nested deeper than 100 levels"),
        ('{"a":' * 50_000, "nested deeper than 100 levels"),
        ("- " * 50_000 + "x", "nested deeper than 100 levels"),
        ("-  " * 50_000 + "x", "nested deeper than 100 levels"),
        ("? " * 50_000 + "x", "nested deeper than 100 levels"),
        ("".join(" " * n + "a:\n" for n in range(1200)), "nested deeper than 100 levels"),
        ("a" * 2_000_000, "the document has 2,000,000 characters"),
    ],
    ids=["aliases", "lists", "pairs", "mappings", "items", "wide items", "keys", "blocks", "size"],
)
def test_a_document_that_would_explode_is_refused_quickly(text: str, said: str) -> None:
    started = time.process_time()

    with pytest.raises(document.DocumentError, match=said):
        document.load(text)
    assert time.process_time() - started < 2


def test_a_document_may_be_as_deep_and_as_wide_as_people_write_them() -> None:
    deep = "[" * 100 + "]" * 100
    wide = "".join(f"- {{name: n{n}, rule: '{'-' * 60}'}}\n" for n in range(2000))

    assert str(document.load(deep)) == deep
    assert len(document.load(wide)) == 2000


@given(st.text(max_size=200) | st.text(alphabet="-?:[]{}&*!|>'\"% \n\tab1.<#,", max_size=60))
def test_any_text_is_a_value_or_a_document_error(text: str) -> None:
    try:
        document.load(text)
    except document.DocumentError as error:
        assert 0 <= error.line <= text.count("\n") + text.count("\r") + 2


@given(VALUES)
def test_what_is_written_is_read_back_as_it_was(value: object) -> None:
    assert document.load(document.dump(value)) == value


@pytest.mark.parametrize(
    "text", ["yes", "0o17", "12e4567", "1:30", "<<", "~", "\x85", "a\u2028b", "2026-01-01"]
)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert document.load(document.dump({text: [text]})) == {text: [text]}


def test_yaml_is_written_for_readers() -> None:
    shared = {"b": [1, 2]}

    text = document.dump({"z": shared, "a": shared, "name": "Größe"})

    assert text == "z:\n  b:\n    - 1\n    - 2\na:\n  b:\n    - 1\n    - 2\nname: Größe\n"


TEXT = """\
spec:
  steps:
    - id: one
      input:
        url: a
    - action: x
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("spec", "steps"), 2),
        (("spec", "steps", 0, "input", "url"), 5),
        (("spec", "steps", 1), 6),
        (("spec", "steps", 1, "input", "url"), 6),
        (("spec", "steps", 9), 2),
        (("nothing",), 1),
    ],
)
def test_a_value_is_found_by_its_line_or_by_that_of_its_nearest_ancestor(
    path: tuple[str | int, ...], line: int
) -> None:
    assert document.line_of(TEXT, path) == line


def test_a_fault_names_file_line_and_path() -> None:
    fault = document.fault_at("template.yaml", TEXT, ("spec", "steps", 1, "action"), "is unknown")
    unreadable = document.fault_at("template.yaml", "[", ("spec",), "is unknown")

    assert str(fault) == "template.yaml:6: spec.steps.1.action: is unknown"
    assert str(unreadable) == "template.yaml: spec: is unknown"


def test_the_sign_of_a_merge_is_text_as_a_value() -> None:
    assert document.load("a: <<\nb: [<<]\n") == {"a": "<<", "b": ["<<"]}
    assert document.load("base: &x {a: 1}\nmore: {<<: *x, b: 2}\n")["more"] == {"a": 1, "b": 2}


def test_many_faults_cost_one_look_at_the_text() -> None:
    text = "".join(f"key{number}: {{a: [1, 2]}}\n" for number in range(3000))
    began = time.process_time()

    lines = [document.fault_at("x", text, [f"key{number}"], "wrong").where for number in range(300)]

    assert lines == [f"x:{number + 1}" for number in range(300)]
    assert time.process_time() - began < 3


def test_documents_are_read_apart_with_the_lines_that_they_have() -> None:
    text = "# first\na: 1\n--- {b: 2}\n---\nc:\n  - 3\n"

    found = document.load_apart(text)

    assert found == [
        ({"a": 1}, "\na: 1\n"),
        ({"b": 2}, "\n\n--- {b: 2}\n"),
        ({"c": [3]}, "\n\n\n\nc:\n  - 3\n"),
    ]
    assert [document.load(part) for _, part in found] == [value for value, _ in found]
    assert document.load_apart("a: 1\n") == [({"a": 1}, "a: 1\n")]
    assert document.load_apart("") == []


def test_texts_of_several_lines_are_shown_in_blocks_to_people() -> None:
    shown = document.dump({"a": "x  \n  y\n", "b": "1", "c": "x\ny"}, blocks=True)

    assert shown == "a: |\n  x\n    y\nb: '1'\nc: |-\n  x\n  y\n"
