"""Small templates that cover the language, each construct with each kind of value.

They are made here, in a fixed order; what Backstage's engines make of them is in recorded.json.
"""

# ruff: noqa: E501 - templates are data

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

VALUES: dict[str, Any] = {
    "nil": None,
    "yes": True,
    "no": False,
    "zero": 0,
    "one": 1,
    "seven": 7,
    "minus": -3,
    "half": 2.5,
    "third": 0.1,
    "big": 12345678901234567890,
    "huge": 1e21,
    "tiny": 1.5e-7,
    "empty": "",
    "text": "Hello, wide World",
    "name": "my-service_one two",
    "digits": "42",
    "decimal": " 3.50 ",
    "hex": "0x1F",
    "html": "<b>a & 'b'</b> \"c\"",
    "lines": "one\n  two\r\n\nthree",
    "accents": "Straße Ünïcödé",
    "astral": "a😀b",
    "none_list": [],
    "list": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "mixed": [1, "1", True, None, [2, [3]], {"a": 1}],
    "nested": [[1, 2], [3, 4], [5]],
    "people": [
        {"name": "Ada", "age": 36, "tags": ["x"]},
        {"name": "bob", "age": 7, "tags": []},
        {"name": "Cy", "age": 36, "on": True},
    ],
    "nothing": {},
    "map": {"b": 2, "a": "x", "10": "ten", "2": None},
    "deep": {"a": {"b": {"c": [10, 20]}}, "length": 2, "0": "p", "1": "q"},
    "repo": "github.com?owner=acme&repo=shop",
    "entity": "component:default/shop",
}
NAMES = [f"values.{name}" for name in VALUES]
CONTEXT = {"values": VALUES}
FEW = ["values.nil", "values.missing", "values.yes", "values.zero", "values.seven", "values.half"]
FEW += ["values.empty", "values.digits", "values.text", "values.none_list", "values.list", "values.map"]
LITERALS = ["1", "1.0", "0.5", "007", "100000000000000000000", "'a'", '"it\'s"', r"'a\nb\t\'c\\'", "true"]
LITERALS += [
    "false",
    "none",
    "null",
    "[]",
    "[1, 'b', none]",
    "{}",
    "{'a': 1, b: 2}",
    "(1, 2)",
    "True",
    "None",
]
LITERALS += [".5", "1.", "1e3", "r/a+/gi", "undefined", "nil", "-1", "+'3'", "'1' + 1", "{1: 2}", "x.y.z"]

FILTERS = ["abs", "batch(2)", "batch(2, 'z')", "capitalize", "center", "center(21)", "default('d')"]
FILTERS += ["default('d', true)", "d('e', boolean=true)", "default", "dictsort", "dictsort(true)"]
FILTERS += ["dictsort(false, 'value')", "dump", "dump(2)", "dump('--')", "dump(1.5)", "e", "escape", "first"]
FILTERS += ["float", "float(1.5)", "forceescape", "groupby('age')", "groupby('0')", "indent", "indent(2)"]
FILTERS += ["indent(2, true)", "indent('3')", "int", "int(5)", "int(default=5, base=16)", "int(0, 2)", "join"]
FILTERS += ["join(', ')", "join('-', 'name')", "join(0)", "last", "length", "list", "lower", "nl2br"]
FILTERS += ["reject", "reject('odd')", "reject('none')", "rejectattr('on')", "replace('a', 'o')"]
FILTERS += [
    "replace('', '-')",
    "replace('e', 'E', 1)",
    "replace(r/[aeo]/g, '<$&>')",
    "replace(r/l(.)/, '[$1]')",
]
FILTERS += [
    "replace('.', '')",
    "replace(1, 2)",
    "replace('a')",
    "reverse",
    "round",
    "round(1)",
    "round(0, 'floor')",
]
FILTERS += ["round(-1, 'ceil')", "safe", "select", "select('odd')", "select('string')", "selectattr('on')"]
FILTERS += ["selectattr('tags')", "slice(2)", "slice(2, 'z')", "sort", "sort(true)", "sort(true, true)"]
FILTERS += ["sort(attribute='age')", "sort(reverse=true)", "sort(attribute='name')", "string", "striptags"]
FILTERS += ["striptags(true)", "sum", "sum('age')", "sum('age', 10)", "title", "trim", "truncate(5)"]
FILTERS += [
    "truncate(5, true)",
    "truncate(5, true, '!')",
    "truncate",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
]
FILTERS += ["pick('a')", "pick('a.b.c[1]')", "pick('[0].name')", "pick('0')", "parseRepoUrl | dump"]
FILTERS += [
    "projectSlug",
    "parseEntityRef | dump",
    "parseEntityRef({'defaultKind': 'group'}) | dump",
    "jsonify",
]
FILTERS += [
    "tojson",
    "map('name')",
    "unknown",
    "first | upper",
    "length + 1",
    "safe | length",
    "escape | dump",
]

TESTS = [
    "callable",
    "defined",
    "divisibleby(3)",
    "escaped",
    "eq(1)",
    "equalto('42')",
    "even",
    "falsy",
    "ge(2)",
]
TESTS += [
    "greaterthan(2)",
    "gt('1')",
    "iterable",
    "le(2)",
    "lessthan(3)",
    "lower",
    "lt(3)",
    "mapping",
    "ne(1)",
]
TESTS += [
    "null",
    "number",
    "odd",
    "sameas(7)",
    "string",
    "truthy",
    "undefined",
    "upper",
    "none",
    "in([1, 7])",
]
TESTS += ["not defined", "not odd", "boolean", "defined()", "divisibleby", "sequence"]

METHODS = ["length", "size", "charAt(1)", "charAt()", "charCodeAt(0)", "concat('x', 1)", "endsWith('d')"]
METHODS += [
    "includes('o')",
    "includes(1)",
    "indexOf('o')",
    "indexOf('o', 5)",
    "lastIndexOf('o')",
    "replace('e', '$&$&')",
]
METHODS += [
    "replace(r/[a-z]+/g, '_')",
    "replace(r/(\\w)(\\w)/, '$2$1')",
    "slice(1)",
    "slice(-2)",
    "slice(1, 3)",
]
METHODS += [
    "split('')",
    "split(' ')",
    "split(',', 1)",
    "split()",
    "split(r/[ -]/)",
    "split(r/(l)/)",
    "startsWith('H')",
]
METHODS += [
    "substring(2)",
    "substring(3, 1)",
    "toLowerCase()",
    "toUpperCase()",
    "trim()",
    "trimStart()",
    "trimEnd()",
]
METHODS += [
    "toFixed()",
    "toFixed(2)",
    "toExponential(1)",
    "toPrecision(2)",
    "toString()",
    "toString(2)",
    "at(-1)",
]
METHODS += ["flat()", "flat(2)", "join()", "join('/')", "pop()", "push(4)", "reverse()", "shift()", "sort()"]
METHODS += [
    "splice(1, 1)",
    "splice(0, 1, 'n') | dump",
    "unshift(0)",
    "fill(0)",
    "copyWithin(0, 1)",
    "nope",
    "nope()",
]
METHODS += [
    "constructor",
    "__proto__",
    "get('a')",
    "keys()",
    "items()",
    "values()",
    "has_key('a')",
    "append(1)",
]
METHODS += ["count(1)", "index(1)", "find(2)", "insert(0, 9)", "remove(1)", "a", "a.b", "name", "0", "map"]
METHODS += [
    "split('-')[0]",
    "split('-').length",
    "split(' ') | first",
    "[0]",
    "[1]",
    "[-1]",
    "['a']",
    "['a']['b']",
]
METHODS += [
    "['length']",
    "[0].name",
    "['10']",
    "[1 + 1]",
    "padStart(20, '*')",
    "repeat(2)",
    "replaceAll('e', 'i')",
]

OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "==",
    "===",
    "!=",
    "!==",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
]
OPERATORS += ["in", "not in", "if"]

EXPRESSIONS = ["not values.yes == values.no", "not 1 + 1", "not values.zero in values.list", "1 + 2 * 3"]
EXPRESSIONS += [
    "7 // 2 * 2",
    "2 * 7 // 2",
    "7 / 2 // 1",
    "10 % 4 * 3",
    "3 * 10 % 4",
    "2 ** 3 ** 2",
    "-2 ** 2",
    "-7 % 3",
]
EXPRESSIONS += [
    "7 % -3",
    "-7 // 2",
    "1 < 2 < 3",
    "3 > 2 > 1",
    "1 == 1 == 1",
    "'a' < 'B'",
    "[1, 2] == [1, 2]",
    "10 / 4 * 2",
]
EXPRESSIONS += [
    "'x' if values.no",
    "'x' if values.yes else 'y'",
    "'x' if values.no else 'y' if values.no else 'z'",
]
EXPRESSIONS += ["values.a && values.b", "!values.yes", "values.yes ? 1 : 2", "values.list | length > 2"]
EXPRESSIONS += [
    "(values.list | length) > 2",
    "'a' ~ 1 ~ none",
    "'a' + none",
    "1 + none",
    "1 + values.missing",
    "[] + 1",
]
EXPRESSIONS += [
    "{} + ''",
    "true + 1",
    "values.text.length * 2",
    "values['text']",
    'values["te" + "xt"]',
    'values["map"].a',
]
EXPRESSIONS += [
    "range(3)",
    "range(1, 3)",
    "range(6, 0, -2)",
    "range(0)",
    "range(0, 1, 0.25)",
    "range('3')",
    "range",
]
EXPRESSIONS += [
    "always()",
    "failure()",
    "values.missing.deep.er",
    "values.missing()",
    "values.text()",
    "missing()",
]
EXPRESSIONS += [
    "values.map | dump | length",
    "loop",
    "loop.index",
    "caller()",
    "'}}'",
    '"%}"',
    "'{{ x }}'",
    "'${{ x }}'",
]
EXPRESSIONS += [
    "values.text is string and 1",
    "1 is not odd",
    "values.words | sort | join(',')",
    "--1",
    "- -1",
    "+-1",
]
EXPRESSIONS += [
    "a.b|c",
    "a|",
    "|a",
    "",
    " ",
    "1 2",
    "(1",
    "1)",
    "[1",
    "{'a'",
    "'a",
    "a.",
    "a.1",
    ".a",
    "a..b",
    "a[]",
    "a()b",
]
EXPRESSIONS += [
    "{'a': {'b': 1} }",
    "{'a': {'b': 1}}",
    "r/a/.test('a')",
    "r/x/.test('a')",
    "r/(?<y>a)/.test('ba')",
    "r/[/]/",
]
EXPRESSIONS += [
    "not true",
    "not not 1",
    "values.yes and not values.no",
    "none is null",
    "values.nil == none",
    "0 == ''",
]
EXPRESSIONS += [
    "null == undefined",
    "none == 0",
    "'1' == 1",
    "'b' in 'abc'",
    "'a' in values.map",
    "1 in 5",
    "2 in values.list",
]
EXPRESSIONS += [
    "values.list[0:2]",
    "values.list[::-1]",
    "values.text[1:4]",
    "values.list[1:]",
    "values.list[:-1]",
    "values.list[0:9:2]",
]
EXPRESSIONS += [
    "values.list.concat(values.words).length",
    "values.people[0].name | upper",
    "values.people[5].name",
    "(values.yes)",
]
EXPRESSIONS += [
    "joiner()",
    "cycler('a')",
    "cycler('a', 'b').next()",
    "cycler('a').current",
    "values.list.indexOf(2)",
    "1 / 0",
    "-1 / 0",
    "0 / 0",
]
EXPRESSIONS += [
    "1 if 0",
    "'' or 'b'",
    "0 or none",
    "'a' and 0",
    "values.none_list or 'b'",
    "values.text.replace('l', 'L').replace('l', '1')",
]
EXPRESSIONS += [
    "0.1 + 0.2",
    "1e21",
    "1 * 1.5",
    "100 * 1.1",
    "9007199254740993",
    "9007199254740992 + 1",
    "2 ** 53 + 1",
    "2 ** 0.5",
    "0 * -1",
    "-0",
]

TEMPLATES = [
    "{% if values.yes %}A{% endif %}",
    "{% if values.none_list %}A{% else %}B{% endif %}",
    "{% if values.nothing %}A{% else %}B{% endif %}",
    "{% if values.no %}A{% elif values.one %}B{% else %}C{% endif %}",
    "{% if values.no %}A{% elseif values.zero %}B{% else %}C{% endif %}",
    "{% if values.no %}A{% else if values.one %}B{% endif %}",
    "{% if %}A{% endif %}",
    "{% if values.yes %}A",
    "{% endif %}",
    "{% for x in values.list %}${{ x }},{% endfor %}",
    "{% for x in values.none_list %}${{ x }}{% else %}none{% endfor %}",
    "{% for x in values.missing %}${{ x }}{% else %}none{% endfor %}",
    "{% for x in values.nil %}${{ x }}{% else %}none{% endfor %}",
    "{% for x in values.seven %}${{ x }}{% else %}none{% endfor %}",
    "{% for x in values.map %}${{ x }}{% else %}none{% endfor %}",
    "{% for x in values.deep %}${{ x }};{% else %}none{% endfor %}",
    "{% for x in 'abc' %}${{ x }}-{% endfor %}",
    "{% for x in values.astral %}[${{ x }}]{% endfor %}",
    "{% for k, v in values.map %}${{ k }}=${{ v }};{% endfor %}",
    "{% for k, v in values.nested %}${{ k }}:${{ v }};{% endfor %}",
    "{% for a, b, c in values.nested %}${{ a }}:${{ b }}:${{ c }};{% endfor %}",
    "{% for k, v in 'ab' %}${{ k }}:${{ v }};{% endfor %}",
    "{% for k, v in values.nothing %}x{% else %}none{% endfor %}",
    "{% for k, v in values.list %}${{ k }}{% endfor %}",
    "{% for x in values.list %}${{ loop.index }}/${{ loop.index0 }}/${{ loop.revindex }}/${{ loop.revindex0 }}"
    "/${{ loop.first }}/${{ loop.last }}/${{ loop.length }};{% endfor %}",
    "{% for k, v in values.map %}${{ loop.index }}${{ loop.last }}${{ loop.length }};{% endfor %}",
    "{% for x in values.nested %}{% for y in x %}${{ loop.index }}${{ y }}{% endfor %}|${{ loop.index }};{% endfor %}",
    "{% for x in [1] %}{% for y in [] %}{% else %}e{% endfor %}{% endfor %}",
    "{% for x in [[1], none, []] %}{% for y in x %}${{ y }}{% else %}e{% endfor %};{% endfor %}",
    "{% set x = 1 %}${{ x }}",
    "{% set x, y = 1 %}${{ x }}${{ y }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{% endfor %}${{ x }}",
    "{% for i in [1, 2] %}{% set y = i %}${{ y }}{% endfor %}|${{ y }}",
    "{% for i in [1, 2] %}${{ y }}{% set y = i %}{% endfor %}|${{ y }}",
    "{% for i in [1, 2] %}{% set i = 9 %}${{ i }}{% endfor %}|${{ i }}",
    "{% if values.yes %}{% set x = 1 %}{% endif %}${{ x }}",
    "{% set values = 1 %}${{ values }}",
    "{% for i in [1] %}{% set values = 1 %}${{ values }}{% endfor %}${{ values.one }}",
    "{% set x %}a${{ values.one }}b{% endset %}[${{ x }}]",
    "{% set x %}{% set y = 2 %}{% endset %}[${{ x }}${{ y }}]",
    "{% set x = [] %}{% for i in [1, 2] %}{% set z = x.push(i) %}{% endfor %}${{ x }}",
    "{% set x = values.list %}${{ x.push(9) }}${{ values.list }}",
    "{% set none = 1 %}",
    "{% set x.y = 1 %}",
    "{% set x == 1 %}",
    "{% macro m(a, b='d') %}[${{ a }}${{ b }}]{% endmacro %}${{ m(1) }}${{ m(1, 2) }}${{ m(b=3, a=4) }}${{ m() }}",
    "{% macro m(a) %}${{ values.one }}${{ a }}{% endmacro %}${{ m(2) }}",
    "{% set x = 5 %}{% macro m() %}${{ x }}{% endmacro %}${{ m() }}",
    "{% macro m() %}${{ x }}{% endmacro %}{% set x = 5 %}${{ m() }}",
    "{% for x in [1] %}{% macro m() %}[${{ x }}]{% endmacro %}${{ m() }}{% endfor %}",
    "{% macro m() %}${{ x }}{% endmacro %}{% for x in [1] %}${{ m() }}{% endfor %}",
    "{% macro m(n) %}${{ n }}{% if n > 0 %}${{ m(n - 1) }}{% endif %}{% endmacro %}${{ m(3) }}",
    "{% macro a() %}${{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}${{ a() }}",
    "{% macro a() %}{% macro b() %}B{% endmacro %}${{ b() }}{% endmacro %}${{ a() }}${{ b() }}",
    "{% if values.no %}{% macro m() %}x{% endmacro %}{% endif %}${{ m }}",
    "{% macro m(a, a2) %}${{ a }}${{ a2 }}{% endmacro %}${{ m(1, 2, 3) }}",
    "{% macro m(a=1, b=a) %}${{ a }}${{ b }}{% endmacro %}${{ m() }}${{ m(2) }}",
    "{% macro m(x) %}{% set x = 2 %}${{ x }}{% endmacro %}${{ m(1) }}${{ x }}",
    "{% macro m() %}<${{ caller() }}>{% endmacro %}{% call m() %}in${{ values.one }}{% endcall %}",
    "{% macro m() %}<${{ caller(1, 2) }}>{% endmacro %}{% call(a, b) m() %}${{ a }}-${{ b }}{% endcall %}",
    "{% for i in [1, 2] %}{% macro m() %}<${{ caller() }}>{% endmacro %}{% call m() %}${{ i }}{% endcall %}{% endfor %}",
    "{% macro m() %}x{% endmacro %}${{ m() | length }}${{ m() == 'x' }}${{ m() | upper }}${{ m() + 'y' }}",
    "{% macro m() %}{% endmacro %}{% if m() %}true{% else %}false{% endif %}",
    "{% call x() %}{% endcall %}",
    "{% macro %}{% endmacro %}",
    "{% filter upper %}a${{ values.text }}b{% endfilter %}",
    "{% filter replace('a', 'b') %}banana{% endfilter %}",
    "{% filter upper | lower %}a{% endfilter %}",
    "{% switch values.one %}{% case 1 %}A{% case 2 %}B{% default %}C{% endswitch %}",
    "{% switch values.seven %}{% case 1 %}A{% case 2 %}B{% default %}C{% endswitch %}",
    "{% switch values.digits %}{% case 42 %}A{% case '42' %}B{% endswitch %}",
    "{% switch 1 %}{% case 1 %}{% case 2 %}B{% endswitch %}",
    "{% switch 1 %}x{% case 1 %}{% endswitch %}",
    "{% block b %}x${{ values.one }}{% endblock %}",
    "{% block b %}x{% endblock b %}",
    "{% block b %}{% endblock c %}",
    "{% block b %}1{% endblock %}{% block b %}2{% endblock %}",
    "{% set x = 1 %}{% block b %}${{ x }}{% set x = 2 %}${{ x }}{% endblock %}${{ x }}",
    "{% for x in [1] %}{% block b %}[${{ x }}]{% endblock %}{% endfor %}",
    "{% raw %}${{ x }}{% if %}{% endraw %}",
    "{% verbatim %}${{ x }}{% endverbatim %}",
    "a {%- raw %} b {% endraw %} c",
    "a {% raw -%} b {% endraw %} c",
    "a {% raw %} b {%- endraw %} c",
    "a {% raw %} b {% endraw -%} c{% endraw %}",
    "{% raw %}{% raw %}x{% endraw %}y{% endraw %}z",
    "{% raw %}{# c #}{% endraw %}",
    "{% raw x %}{% endraw %}",
    "{% raw %}",
    "{% raw %}a{%\nendraw %}",
    "a{# comment ${{ x }} #}b",
    "a {#- c -#} b",
    "a{# open",
    "a #} b",
    "${#array[@]}",
    "echo ${VAR} $((1+2)) {{ .Values.x }} {{- end }}",
    "$${{ values.one }}",
    "${{{ values.one }}}",
    "${ { values.one }}",
    "${{values.one}}}",
    "${{ values.one",
    "{% x",
    "{% nope %}",
    "{% %}",
    "{%+ if values.yes %}x{% endif %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% ifAsync x %}{% endif %}",
    "a \n ${{- values.one -}} \n b",
    "a \n {%- if values.yes -%} \n x \n {%- endif -%} \n b",
    "a\n{% if values.yes %}\nx\n{% endif %}\nb\n",
    "a\r\n{% if values.yes %}\r\nx\r\n{% endif %}\r\nb\r\n",
    "  {% if values.yes %}\n  x\n  {% endif %}\n  y\n",
    "a  {% if values.yes %}  \nx{% endif %}  {# c #}\n  {# c #}\nb",
    "\t{% set x = 1 %}\n\n{% set y = 2 %}\n${{ x }}\n",
    "x {% if values.yes %}{% endif %} {% set y = 1 %}\nz",
    "  {# c #}{% if values.yes %}\n a{% endif %}",
    "{% if values.yes %}\n\n{% endif %}\n\n",
    "  {% raw %}\n x\n  {% endraw %}\n y",
    " {%- if values.yes %}\n x {% endif -%}\n y",
    "\ufeffa${{ values.one }}\n",
    "${{ values.text }}\n${{ values.missing }}\n",
    "${{\n  values.one\n}}",
    "${{ values.one }} ${{ values.astral }} ${{ values.astral | length }} ${{ values.astral[1] }}",
    "{% set c = cycler('a', 'b') %}{% for i in [1, 2, 3] %}${{ c.next() }}${{ c.current }}{% endfor %}",
    "{% set j = joiner('; ') %}{% for i in [1, 2] %}${{ j() }}${{ i }}{% endfor %}",
    "{% set d = {'a': 1} %}${{ d.a }}${{ d['a'] }}${{ d | dump }}",
    "{% for p in values.people | sort(attribute='name') %}${{ p.name }} {% endfor %}",
    "{% for k, v in values.people | groupby('age') %}${{ k }}:${{ v | length }};{% endfor %}",
    "{% for row in values.list | batch(2) %}${{ row | join('+') }};{% endfor %}",
    "{% for x in range(3) %}{% if loop.last %}${{ x }}{% endif %}{% endfor %}",
    "{%if values.yes%}x{%endif%}",
    "{% if values.yes%}x{%-endif %}",
    "{% if 'a' in values.text and (values.one or values.no) %}x{% endif %}",
    "{% for in in values.list %}${{ in }}{% endfor %}",
    "{% for loop in values.list %}x{% endfor %}",
    "{% for x values.list %}x{% endfor %}",
    "{% for x in values.list %}${{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% set ns = {'v': 1} %}{% for i in [1] %}{% set ns = {'v': 2} %}{% endfor %}${{ ns.v }}",
    "${{ values.name | replace('-', ' ') | title | replace(' ', '') }}",
    "${{ values.name.split('-') | join('_') | upper }}",
    "${{ (values.repo | parseRepoUrl).owner }}/${{ (values.repo | parseRepoUrl)['repo'] }}",
    "${{ values.repo | parseRepoUrl | pick('owner') }}",
    "${{ '%s' | format('x') }}",
    "${{ values.lines }}|${{ values.lines | dump }}|${{ values.lines | indent(2) }}",
    "{% if values.text == 'Hello, wide World' %}1{% endif %}{% if values.text === 'x' %}2{% endif %}",
    "{% if not values.no %}1{% endif %}{% if values.missing is not defined %}2{% endif %}",
    "{% if values.missing is undefined and values.map.a is defined %}1{% endif %}",
]


def all_cases() -> Iterator[dict[str, Any]]:
    """Yield every case: source, context, and what differs from the plain settings."""
    for literal in LITERALS:
        yield from _expression(literal)
    for name in [*NAMES, "values", "values.missing", "missing"]:
        yield from _expression(name)
        yield _text("{% if " + name + " %}1{% else %}0{% endif %}")
    for name, filter_ in product([*NAMES, "values.missing"], FILTERS):
        yield from _expression(f"{name} | {filter_}")
    for name, test in product([*NAMES, "values.missing"], TESTS):
        yield _text("${{ " + f"{name} is {test}" + " }}")
    for name, method in product([*NAMES, "values.missing"], METHODS):
        dot = "" if method.startswith("[") else "."
        yield _text("${{ " + f"{name}{dot}{method}" + " }}")
    for operator, left, right in product(OPERATORS, FEW, FEW):
        if operator == "**" and left != "values.seven":
            continue  # the last digit of a power is V8's own affair
        yield _text("${{ " + f"{left} {operator} {right}" + " }}")
    for expression in EXPRESSIONS:
        yield from _expression(expression)
        yield _text("{% if " + expression + " %}1{% else %}0{% endif %}")
    for template in TEMPLATES:
        yield {"source": template, "context": CONTEXT, "value": True}
        for compat, trim, lstrip in product((False, True), repeat=3):
            source = template.replace("${{", "{{") if compat else template
            yield {"source": source, "context": CONTEXT, "compat": compat, "trim": trim, "lstrip": lstrip}
    for name, method in product(NAMES, METHODS):
        dot = "" if method.startswith("[") else "."
        yield {"source": "{{ " + f"{name}{dot}{method}" + " }}", "context": CONTEXT, "compat": True}


def _text(source: str) -> dict[str, Any]:
    return {"source": source, "context": CONTEXT}


def _expression(expression: str) -> Iterator[dict[str, Any]]:
    """Yield an expression printed, among text, and as a whole value."""
    source = "${{ " + expression + " }}"
    yield _text(source)
    yield {"source": source, "context": CONTEXT, "value": True}
