from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstart.template import filters
from kickstart.template.cache import CodeCache
from kickstart.template.engine import Engine
from kickstart.template.expressions import ExpressionError, evaluate, is_truthy
from kickstart.template.language import UNDEFINED, EngineError, is_plain

CONTEXT: dict[str, Any] = {
    "parameters": {
        "n": 3,
        "text": "123",
        "on": True,
        "off": False,
        "null": None,
        "list": ["x", "y"],
        "map": {"a": 1, "items": 2, "keys": 3},
        "ratio": 2.5,
        "whole": 4.0,
    },
    "steps": {"fetch-base": {"output": {"url": "u"}}},
}


@pytest.fixture
def skeletons() -> Engine:
    return Engine(CodeCache(None, ""), strict=True)


@pytest.fixture
def steps() -> Engine:
    return Engine(CodeCache(None, ""), strict=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ parameters.n }}", 3),
        ("${{parameters.n}}", 3),
        ("${{ parameters['n'] }}", 3),
        ("${{\n parameters.n\n}}", 3),
        ("{# why #}${{ parameters.n }}", 3),
        ("n=${{ parameters.n }}", "n=3"),
        (" ${{ parameters.n }}", " 3"),
        ("${{ parameters.n }}\n", "3\n"),
        ("${{ parameters.n }}${{ parameters.n }}", "33"),
        ("${{ parameters.text }}", "123"),
        ("${{ parameters.on }}", True),
        ("${{ not parameters.on }}", False),
        ("x${{ parameters.on }}", "xtrue"),
        ("${{ parameters.null }}", None),
        ("x${{ parameters.null }}", "x"),
        ("x${{ parameters.missing.a.b }}", "x"),
        ("${{ parameters.list }}", ["x", "y"]),
        ("${{ parameters.map }}", {"a": 1, "items": 2, "keys": 3}),
        ("${{ parameters.map.items }}", 2),
        ("${{ parameters.map['keys'] }}", 3),
        ("${{ steps['fetch-base'].output.url }}", "u"),
        ("${{ true }}", True),
        ("${{ none }}", None),
        ("${{ null }}", None),
        ("${{ parameters.null == null }}", True),
        ("${{ 7 / 2 }}", 3.5),
        ("${{ 4 / 2 }}", 2),
        ("x${{ 4 / 2 }}", "x2"),
        ("x${{ parameters.whole }}", "x4"),
        ("${{ 'a' if parameters.off else 'b' }}", "b"),
        ("${{ [1, parameters.n] }}", [1, 3]),
        ('${{ {"a": parameters.n} }}', {"a": 3}),
        ("${{ ['a'] | map('upper') }}", ["A"]),
        ("${{ parameters.map | dictsort }}", [["a", 1], ["items", 2], ["keys", 3]]),
        ("${{ 'x' | safe }}", "x"),
        ("{% if parameters.on %}yes{% endif %}", "yes"),
        ("{% for x in parameters.list %}${{ loop.index }}${{ x }}{% endfor %}", "1x2y"),
        ("plain, {{ .Values.helm }} and $x", "plain, {{ .Values.helm }} and $x"),
        ("a\r\nb\r${{ parameters.n }}\n", "a\r\nb\r3\n"),
    ],
)
def test_a_lone_expression_keeps_its_type_and_all_else_is_text(steps: Engine, text: str, value: Any) -> None:
    found = steps.evaluate(text, CONTEXT)

    assert (found, type(found)) == (value, type(value))


def test_an_undefined_value_drops_its_key_and_leaves_a_null_in_a_list(steps: Engine) -> None:
    value = {
        "kept": "${{ parameters.n }}",
        "gone": "${{ parameters.missing.deeper }}",
        "list": [1, "${{ parameters.missing }}"],
        "${{ parameters.n }}": "keys are never touched",
        "nested": {"gone": "${{ parameters.missing }}"},
        "inside": "${{ [parameters.missing, {'a': parameters.missing}] }}",
    }

    assert evaluate(value, CONTEXT, steps) == {
        "kept": 3,
        "list": [1, None],
        "${{ parameters.n }}": "keys are never touched",
        "nested": {},
        "inside": [None, {}],
    }


def test_an_expression_that_fails_is_named_with_its_place_in_the_value(steps: Engine) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate({"a": ["x", "${{ parameters.list.append(1) }}"]}, CONTEXT, steps, ("input",))

    assert raised.value.message.startswith("${{ parameters.list.append(1) }}: access to attribute 'append'")
    assert raised.value.path == ("input", "a", 1)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        (False, False),
        (None, False),
        (UNDEFINED, False),
        ("", False),
        ("0", True),
        ("false", True),
        (0, False),
        (0.0, False),
        (float("nan"), False),
        (-1, True),
        ([], False),
        ([0], True),
        ({}, True),
    ],
)
def test_truth_is_javascripts_except_that_an_empty_list_is_false(value: Any, truth: bool) -> None:
    assert is_truthy(value) is truth


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("a\nb${{ values.x }}\n", "a\nb7\n"),
        ("${{ values.x }}", "7"),
        ("${{ values.x }}\n\n\n", "7\n\n\n"),
        ("a\r\nb${{ values.x }}\r\n", "a\r\nb7\r\n"),
        ("a\rb${{ values.x }}\r", "a\rb7\r"),
        ("a\r\nb\nc\rd${{ values.x }}\r\r\n\n", "a\r\nb\nc\rd7\r\r\n\n"),
        ("\ufeffa${{ values.x }}", "\ufeffa7"),
        ("\ue00d\x0b\x0c\x85\u2028${{ values.x }}\r\n\n", "\ue00d\x0b\x0c\x85\u20287\r\n\n"),
        ("\ufdd0\r${{ values.x }}\n", "\ufdd0\r7\n"),
        ("{{ .Values.x }}${{ values.x }}", "{{ .Values.x }}7"),
        ("{% if true %}\r\nx\r\n{% endif %}\r\n", "\r\nx\r\n\r\n"),
        ("<${{ values.markup }}>", "<<b> & 'c'>"),
        ("{% raw %}${{ github.ref }}{% endraw %}", "${{ github.ref }}"),
        ("  {%- if true %} x {%- endif -%}  y", " xy"),
        ("${{ values.lines }}\r\n", "1\n2\r\n"),
    ],
)
def test_every_byte_around_an_expression_survives(skeletons: Engine, source: str, rendered: str) -> None:
    values = {"x": 7, "markup": "<b> & 'c'", "lines": "1\n2"}

    assert skeletons.render(source, {"values": values}) == rendered


PLAIN = st.text().filter(is_plain)


@given(PLAIN, PLAIN)
def test_any_text_around_an_expression_survives(before: str, after: str) -> None:
    engine = Engine(CodeCache(None, ""), strict=True)

    assert engine.render(before, {}) == before
    assert engine.render(f"{before}${{{{ x }}}}{after}", {"x": "\r\n"}) == f"{before}\r\n{after}"


def test_mixed_line_ends_are_refused_where_no_character_is_left_to_keep_them_by(skeletons: Engine) -> None:
    taken = "".join(map(chr, range(0xFDD0, 0xFDF0)))

    with pytest.raises(EngineError, match="the line ends are mixed"):
        skeletons.render(f"{taken}\r\n\n${{{{ 1 }}}}", {})


def test_white_space_of_blocks_can_be_trimmed(skeletons: Engine) -> None:
    source = "a\n  {% if true %}\nb\n  {% endif %}\nc\n"

    assert skeletons.render(source, {}, trim_blocks=True, lstrip_blocks=True) == "a\nb\nc\n"
    assert skeletons.render(source, {}, trim_blocks=True) == "a\n  b\n  c\n"
    assert skeletons.render(source, {}) == "a\n  \nb\n  \nc\n"


@pytest.mark.parametrize(
    ("source", "line", "expression", "said"),
    [
        ("a\n${{ values.nmae }}\n", 2, "${{ values.nmae }}", "'nmae' is not defined (did you mean 'name'?)"),
        ("${{ values.a.b }}", 1, "${{ values.a.b }}", "'a' is not defined"),
        (
            "${{ values.name.b }}",
            1,
            "${{ values.name.b }}",
            "'b' is not defined: the value before it is a str",
        ),
        ("${{ nobody }}", 1, "${{ nobody }}", "'nobody' is not defined"),
        ("\r\n\r\n${{ values.x }}", 3, "${{ values.x }}", "'x' is not defined"),
        ("\x0c\x85\u2028\n${{ values.x }}", 2, "${{ values.x }}", "'x' is not defined"),
        ("${{ values.name }} ${{ values.x }}", 1, "${{ values.x }}", "'x' is not defined"),
        ("\n\n{% if values.x %}{% endif %}", 3, "{% if values.x %}", "'x' is not defined"),
        ("${{ values.list }}", 1, "${{ values.list }}", "a list cannot be printed; use '| dump'"),
        ("${{ values }}", 1, "${{ values }}", "a mapping cannot be printed"),
        ("${{ 1 / 0 }}", 1, "${{ 1 / 0 }}", "division by zero"),
        ("a\n${{ values.name", 2, "", "unexpected end of template"),
        ("a\n${{ 1 === 1 }}", 2, "", "unexpected '='"),
        ("{% if true %}", 1, "", "Unexpected end of template"),
        ("a\n${{ values.name | shuot }}", 2, "", "No filter named 'shuot'"),
        ("{% include 'x' %}", 1, "{% include 'x' %}", "no loader"),
        ("{% macro f() %}\n${{ f() }}\n{% endmacro %}${{ f() }}", 2, "${{ f() }}", "endless recursion"),
        ("${{ " + "(" * 5000 + ")" * 5000 + " }}", 1, "", "too deep"),
    ],
)
def test_a_template_that_cannot_be_rendered_names_line_expression_and_reason(
    skeletons: Engine, source: str, line: int, expression: str, said: str
) -> None:
    with pytest.raises(EngineError) as raised:
        skeletons.render(source, {"values": {"name": "shop", "list": [1]}})

    assert said in raised.value.message
    assert (raised.value.line, raised.value.expression) == (line, expression)


ESCAPES = [
    "''.__class__.__mro__[1].__subclasses__()",
    "().__class__.__base__.__subclasses__()",
    "values.f.__globals__['os'].system('id')",
    "values.f.__code__",
    "range.__globals__.os",
    "lipsum.__globals__['os']",
    "cycler.__init__.__globals__",
    "self.__init__.__globals__",
    "'{0.__class__.__mro__}'.format(1)",
    "'%s' | format(1) | attr('__class__')",
    "values.list.append(1)",
    "values.list.__setitem__(0, 1)",
    "values.map.update({'a': 1})",
    "values.map.__class__",
    "(1).__class__",
    "joiner.__call__.__globals__",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_template_cannot_leave_its_sandbox(skeletons: Engine, steps: Engine, escape: str) -> None:
    values = {"f": lambda: 1, "list": [0], "map": {"b": 2}}

    with pytest.raises(EngineError):
        skeletons.render(f"${{{{ {escape} }}}}", {"values": values})
    try:
        found = steps.evaluate(f"${{{{ {escape} }}}}", {"values": values})
    except EngineError:
        found = ""
    assert found == "" or found is UNDEFINED
    assert (values["list"], values["map"]) == ([0], {"b": 2})


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("text", []),
        ("${{ parameters.name }}", [("parameters", "name")]),
        ("${{ steps['a-b'].output.url | upper }}", [("steps", "a-b", "output", "url")]),
        ("${{ steps[parameters.x] }}", [("steps",), ("parameters", "x")]),
        ("a ${{ x }} b ${{ y.z }}", [("x",), ("y", "z")]),
        ("{% set own = parameters.a %}${{ own.b }}", [("parameters", "a")]),
        ("{% for each_ in parameters.l %}${{ each_.n }}{% endfor %}", [("parameters", "l")]),
        ("${{ true }}", []),
        ("${{ steps.fetch-base.output }}", [("steps", "fetch"), ("base", "output")]),
    ],
)
def test_the_names_that_an_expression_reads_are_known_without_running_it(
    steps: Engine, source: str, names: list[tuple[str, ...]]
) -> None:
    assert steps.names(source) == names


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("${{ a && b }}", "unexpected char '&'"),
        ("${{ x | uper }}", "there is no filter 'uper' (did you mean 'upper'?)"),
        ("${{ " + "(" * 5000 + ")" * 5000 + " }}", "too deep"),
    ],
)
def test_names_of_an_expression_that_does_not_parse_are_an_error(
    steps: Engine, source: str, said: str
) -> None:
    with pytest.raises(EngineError) as raised:
        steps.names(source)

    assert said in raised.value.message


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two plug-in filters; the list tells when they were searched for."""
    searched: list[str] = []
    found = [
        EntryPoint("shout", "textwrap:dedent", filters.ENTRY_POINTS),
        EntryPoint("dump", "textwrap:dedent", filters.ENTRY_POINTS),
    ]

    def entry_points(*, group: str) -> list[EntryPoint]:
        searched.append(group)
        return found

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    return searched


def test_a_filter_of_a_plug_in_is_searched_for_when_it_is_missed_and_only_then(
    plugged: list[str], skeletons: Engine, steps: Engine
) -> None:
    own = skeletons.render("${{ [1] | dump }}", {})
    assert plugged == []

    rendered = [skeletons.render("${{ '  a' | shout }}", {}) for _ in range(2)]
    evaluated = steps.evaluate("${{ '  b' | shout }}", {})

    assert (own, rendered, evaluated) == ("[1]", ["a", "a"], "b")
    assert plugged == ["kickstart.filters", "kickstart.filters"]
    assert steps.names("${{ x | shout }}") == [("x",)]
    assert skeletons.render("${{ [1] | dump }}", {}) == "[1]"  # ours cannot be replaced


def test_a_compiled_template_is_kept_by_its_source_and_by_what_shapes_it(steps: Engine) -> None:
    cache = CodeCache(None, "")
    strict, lax = Engine(cache, strict=True), Engine(cache, strict=False)
    source = "  {% if true %}\n${{ x }}{% endif %}"

    assert lax.render(source, {}) == "  \n"
    assert lax.render(source, {}, trim_blocks=True) == "  "
    assert lax.render(source, {"x": 1}) == "  \n1"
    with pytest.raises(EngineError):
        strict.render(source, {})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{'a': [1, 'é', None]} | dump", '{"a":[1,"é",null]}'),
        ("{'a': 1} | dump(2)", '{\n  "a": 1\n}'),
        (
            "'github.com?owner=acme&repo=my%20shop' | parseRepoUrl",
            {"host": "github.com", "owner": "acme", "repo": "my shop"},
        ),
        ("('https://github.com?owner=acme&repo=shop' | parseRepoUrl).owner", "acme"),
        ("'github.com?owner=acme&repo=shop' | projectSlug", "acme/shop"),
        (
            "'component:tools/shop' | parseEntityRef",
            {"kind": "component", "namespace": "tools", "name": "shop"},
        ),
        (
            "'shop' | parseEntityRef({'defaultKind': 'api'})",
            {"kind": "api", "namespace": "default", "name": "shop"},
        ),
        ("{'a': [{'b': 5}]} | pick('a[0].b')", 5),
        ("{'a': [1]} | pick('a[3].b')", None),
        ("'text' | pick('a')", None),
    ],
)
def test_backstages_filters_are_there(steps: Engine, expression: str, value: Any) -> None:
    assert steps.evaluate(f"${{{{ {expression} }}}}", {}) == value


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: filters.parse_repo_url("github.com"), "is not of the form github.com"),
        (lambda: filters.parse_repo_url("github.com?owner=acme"), "is not of the form github.com"),
        (lambda: filters.parse_entity_ref("shop"), "is not a reference of the form kind:namespace/name"),
    ],
)
def test_a_filter_says_what_it_cannot_read(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        call()
