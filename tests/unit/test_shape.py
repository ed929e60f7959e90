"""A template renders the same, whether it is compiled whole or by its shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart.template import engine as engines
from kickstart.template import shape
from kickstart.template.cache import CodeCache
from kickstart.template.engine import Engine
from kickstart.template.language import EngineError

CONTEXT: dict[str, Any] = {"values": {"name": "chat", "on": True, "off": False, "list": ["a", "b"]}}

PIECES = st.sampled_from(
    [
        *(
            "text",
            "\n",
            "\r\n",
            "  ",
            "\t",
            "{{ .Values.x }}",
            "$",
            "{",
            "}",
            "%}",
            "'",
            '"',
            "\\",
            "ü",
            "\u2028",
        ),
        *("${{ values.name }}", "${{- values.name -}}", "${{ 'a}}b' }}", '${{ "it\'s" | upper }}'),
        *("${{ {'a': {'b': 1}}.a.b }}", "${{ 'x' ~ values.name }}", "${{ 7 % 4 }}", "${{ missing }}"),
        *("{# a ${{ comment }} #}", "{#- tight -#}", "{% raw %}", "{% endraw %}", "{%- raw -%}", "${{", "{%"),
        *("{% if values.on %}", "{%- if values.off -%}", "{% else %}", "{% endif %}", "{%- endif %}"),
        *("{% for item in values.list %}", "{% endfor %}", "${{ item }}", "${{ loop.index }}"),
        *("{% set x %}", "{% endset %}", "${{ x }}", "{% filter upper %}", "{% endfilter %}"),
        *("{% macro m(a) %}", "{% endmacro %}", "${{ m(1) }}", "{% call m(2) %}", "{% endcall %}"),
        "{% block b %}",
        "{% endblock %}",
    ]
)


ENGINE = Engine(CodeCache(None, ""), strict=True)


def rendered(source: str, options: dict[str, bool]) -> object:
    try:
        return ENGINE.render(source, CONTEXT, **options)
    except EngineError as error:
        return error.message, error.line, error.expression


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map("".join), st.booleans(), st.booleans())
def test_a_shape_changes_nothing_in_what_is_rendered(source: str, trim: bool, lstrip: bool) -> None:
    options = {"trim_blocks": trim, "lstrip_blocks": lstrip}
    by_shape = rendered(source, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape, "split", lambda source: (source, []))
        whole = rendered(source, options)

    assert by_shape == whole


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a ${{ x }} b\n", ["a", "b"]),
        ("  two words\n${{ x }}", ["two words"]),
        ("${{ x }}{{ helm }}", ["{{ helm }}"]),
        ("{# no text #}${{ '}}' }}\n", []),
        ("ONE{% if x %}TWO{% else %}THREE{% endif %}FOUR", ["ONE", "TWO", "THREE", "FOUR"]),
    ],
)
def test_the_texts_between_tags_are_taken_out(source: str, texts: list[str]) -> None:
    outline, found = shape.split(source)

    assert found == texts
    assert not any(text in outline for text in texts)


@pytest.mark.parametrize(
    "source",
    [
        "a {% raw %}${{ x }}{% endraw %}",
        "a ${{ {'b': 1} }}",
        r"a ${{ 'it\'s }}' }}",
        "a {# never closed",
        "a ${{ never closed",
        f"a {shape.SIGN}0{shape.SIGN} ${{{{ x }}}}",
    ],
)
def test_a_source_that_is_not_plain_to_read_is_its_own_shape(source: str) -> None:
    assert shape.split(source) == (source, [])


def test_files_of_one_shape_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    compile_source = engines._compile

    def counting(environment: Any, source: str) -> Any:
        compiled.append(source)
        return compile_source(environment, source)

    monkeypatch.setattr(engines, "_compile", counting)
    engine = Engine(CodeCache(None, ""), strict=True)

    texts = [engine.render(f"number {n}: ${{{{ values.name }}}}\n", CONTEXT) for n in range(50)]

    assert texts == [f"number {n}: chat\n" for n in range(50)]
    assert len(compiled) == 1


def test_a_value_that_looks_like_a_stand_in_is_a_value() -> None:
    engine = Engine(CodeCache(None, ""), strict=True)
    value = f"{shape.SIGN}0{shape.SIGN}"

    assert engine.render("text ${{ values.name }}", {"values": {"name": value}}) == f"text {value}"


def test_an_error_is_told_in_the_line_of_the_source() -> None:
    engine = Engine(CodeCache(None, ""), strict=True)

    with pytest.raises(EngineError, match=r"'nmae' is not defined \(did you mean 'name'") as error:
        engine.render("one\ntwo\nthree\n${{ values.nmae }}\n", CONTEXT)

    assert (error.value.line, error.value.expression) == (4, "${{ values.nmae }}")
