"""What Backstage's language is besides its results: errors with their place, limits, plug-ins."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstart.template.dialect.binary import is_binary
from kickstart.template.dialect.engine import Backstage
from kickstart.template.dialect.values import number_text
from kickstart.template.language import EngineError, LimitError


@pytest.fixture
def engine() -> Backstage:
    return Backstage()


@pytest.mark.parametrize(
    ("source", "line", "expression", "message"),
    [
        ("a\n${{ x | nope }}", 2, "${{ x | nope }}", "there is no filter 'nope'"),
        ("a\n\n{% if %}{% endif %}", 3, "{% if %}", "the expression ends too early"),
        ("{% for x in y %}\n${{ x }}", 1, "{% for x in y %}", "there is no {% endfor %}"),
        ("${{ values.a && 1 }}", 1, "${{ values.a && 1 }}", "write 'and'"),
        ("x\n${#array[@]}", 2, "{#array[@]}", "'{#' has no '#}'"),
        ("{% for i in [1] %}\n\n${{ i.x() }}{% endfor %}", 3, "${{ i.x() }}", "'i.x' is undefined"),
        ("${{ values.list.map(1) }}", 1, "${{ values.list.map(1) }}", "'values.list.map' is undefined"),
        ("{% include 'a' %}", 1, "{% include 'a' %}", "load no other files"),
        ("${{ 'x' | parseRepoUrl }}", 1, "${{ 'x' | parseRepoUrl }}", "names no repo"),
    ],
)
def test_an_error_names_line_and_expression(
    engine: Backstage, source: str, line: int, expression: str, message: str
) -> None:
    with pytest.raises(EngineError) as raised:
        engine.render(source, {"values": {"list": []}})

    assert (raised.value.line, raised.value.expression) == (line, expression)
    assert message in raised.value.message


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "[m] | length",
            "[[m], 1] | first",
            "{'a': {'b': m} } | length",
            "1 | default([m])",
            "[range] | list",
        ),
        *("[m] is defined", "{'a': m} is mapping", "[m].slice(0, 1)", "[m].includes(1)", "[1].concat([m])"),
    ],
)
def test_a_function_goes_to_no_filter_test_or_method_inside_of_a_value_either(
    engine: Backstage, expression: str
) -> None:
    with pytest.raises(EngineError, match="takes no functions"):
        engine.render(f"{{% macro m() %}}{{% endmacro %}}${{{{ {expression} }}}}", {})


def test_a_function_is_a_value_where_only_the_language_sees_it(engine: Backstage) -> None:
    source = (
        "{% macro m() %}x{% endmacro %}{% set l = [m] %}${{ l.length }}${{ l[0]() }}${{ l[0] is callable }}"
    )

    assert engine.render(source, {}) == "1xtrue"


HOSTILE = {
    "a loop without end": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a range without end": "${{ range(1000000000) }}",
    "a range of no steps": "{% for i in range(0, 1, 0.0000000001) %}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}${{ m() }}{% endmacro %}${{ m() }}",
    "text that doubles": "{% set s = 'xxxxxxxx' %}{% for i in range(99) %}{% set s = s ~ s %}{% endfor %}",
    "text that is repeated": "${{ 'x'.repeat(1000000000) }}",
    "padding": "${{ 'x'.padStart(10000000000) }}${{ 'x' | center(10000000000) }}",
    "replacing with much": "{% set s = 'x'.repeat(9999) %}${{ s | replace('', s) | replace('x', s) }}",
    "joining much": "{% set s = 'x'.repeat(99999) %}${{ s | list | join(s) }}",
    "a list that doubles": "{% set l = [1] %}{% for i in range(99) %}{% set l = l.concat(l) %}{% endfor %}",
    "a list of lists": "{% set l = [1] %}{% for i in range(40) %}{% set l = [l, l] %}{% endfor %}${{ l }}",
    "a list in itself": "{% set l = [1] %}${{ l.push(l) }}${{ l }}",
    "JSON of lists": "{% set l = [] %}{% for i in range(40) %}{% set l = [l, l] %}{% endfor %}${{ l|dump }}",
    "a regular expression": "${{ ('a'.repeat(40) + 'b').replace(r/(a|aa|a?)+$/, '') }}",
    "brackets": "${{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "not": "${{ " + "not " * 5000 + "1 }}",
    "minus": "${{ " + "-(" * 200 + "1" + ")" * 200 + " }}",
    "blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "a chain of filters": "${{ 1" + " | abs" * 20000 + " }}",
    "a chain of additions": "${{ 1" + " + 1" * 20000 + " }}",
    "a chain of properties": "${{ values" + ".a" * 20000 + " }}",
    "fill": "${{ [1] | batch(1000000000, 1) }}${{ [1] | slice(1000000000, 1) }}",
    "a big number": "${{ '9'.repeat(100000) | int }}",
    "tags": "${{ ('<' ~ '<'.repeat(99999)) | striptags }}",
    "an array-like": "${{ {'length': 1000000000} | sort }}{% for x in {'length': 1000000000} %}{% endfor %}",
}


@pytest.fixture
def unwatched() -> Iterator[None]:
    """No measurement of coverage, which takes five times as long as what it watches."""
    watching = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(watching)


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_ends_soon_with_an_error(engine: Backstage, source: str) -> None:
    started = time.process_time()

    with pytest.raises(EngineError):
        engine.render(source, {"values": {}})

    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "expression",
    [
        "values.constructor",
        "values['con' + 'structor']",
        "''.__class__",
        "''['__class__']",
        "values.__class__.__mro__",
        "range.__globals__",
        "range['func_globals']",
        "[].__init__.__globals__",
        "values.items",
        "values.get",
        "(values.text).format",
        "values.text.encode",
        "self",
        "namespace",
        "lipsum.__globals__",
        "cycler.__init__",
        "m.body",
        "''.join",
    ],
)
def test_no_template_reaches_python(engine: Backstage, expression: str) -> None:
    source = f"{{% macro m() %}}{{% endmacro %}}[${{{{ {expression} }}}}]"
    try:
        found = engine.render(source, {"values": {"text": "x"}})
    except EngineError:
        return

    assert found in {"[]", "[x]"}


def test_filters_of_plug_ins_are_searched_for_when_one_is_missed() -> None:
    searched = []

    def search() -> dict[str, Any]:
        searched.append(1)
        return {"shout": lambda text: f"{text}!", "pick": lambda *_: "not this one"}

    engine = Backstage(search)

    assert engine.render("${{ 'a' | upper }}", {}) == "A"
    assert not searched
    assert engine.render("${{ 'a' | shout }}${{ {'a': 1} | pick('a') }}", {}) == "a!1"
    assert engine.evaluate("${{ 'b' | shout }}", {}) == "b!"
    assert searched == [1]


def test_the_names_that_a_template_reads_are_known(engine: Backstage) -> None:
    source = (
        "${{ steps.a.output['b'] | default(parameters.c) }}{% for x in values.list %}${{ x.y }}"
        "{% if loop.first and steps[values.z].q %}{% endif %}{% endfor %}{% set s = user.ref %}${{ s }}"
    )

    assert engine.names(source) == [
        ("steps", "a", "output", "b"),
        ("parameters", "c"),
        ("values", "list"),
        ("steps",),
        ("values", "z"),
        ("user", "ref"),
    ]


def test_a_line_ends_where_it_does_in_javascript(engine: Backstage) -> None:
    given = {"text": "#  \r\n \ta\r b \u2028 c"}  # what Backstage's own code makes of it

    assert engine.render("${{ text | striptags(true) }}", given) == "#\n\ta\rb\u2028c"


def test_a_template_cannot_change_what_another_one_sees(engine: Backstage) -> None:
    context = {"values": {"list": [1]}}

    assert engine.render("${{ values.list.push(2) }}${{ values.list }}", context) == "21,2"
    assert engine.render("${{ values.list }}", context) == "1"
    assert context == {"values": {"list": [1]}}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_reads_as_itself(value: float) -> None:
    assert float(number_text(value)) == value


@given(st.text())
def test_text_without_tags_stays_as_it_is(text: str) -> None:
    engine = Backstage()
    plain = text.replace("{", "").replace("#}", "")

    assert engine.render(plain, {}) == plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.text(alphabet="${}%#-'\"|.()[] \n\rabr/endifforx=1", max_size=60))
def test_whatever_stands_in_a_template_ends_in_text_or_an_error(text: str) -> None:
    with contextlib.suppress(EngineError):
        Backstage().render(text, {"a": [1]})


@pytest.mark.parametrize(
    ("content", "binary"),
    [
        (b"", False),
        (b"text\n", False),
        ("Ünïcödé".encode(), False),
        (b"a\0b", True),
        (b"%PDF-1.7", True),
        (b"\xff\xfea\0b\0", False),
        (b"\xef\xbb\xbf\0", False),
        (b"caf\xe9 " * 9, True),
        (b"a rather long line of text with one caf\xe9 in it, which is not enough", False),
        (b"x" * 600 + b"\0", False),
        (bytes(range(128, 256)) * 4, True),
        (b"\x08\x96\x01" * 40 + b"\xc3(", True),
        (b"x" * 511 + "é".encode(), False),
    ],
)
def test_binary_files_are_told_from_text(content: bytes, binary: bool) -> None:
    assert is_binary(content) is binary


def test_a_limit_is_told_from_other_errors(engine: Backstage) -> None:
    with pytest.raises(LimitError, match="more than 2,000,000 steps"):
        engine.evaluate("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", {})
