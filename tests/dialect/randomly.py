"""Random templates of everything that cases.py has, nested as no person would nest it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.dialect import cases

# What only one of Backstage's engines knows, and what JavaScript engines each do in their own way.
_LEFT_OUT = ("padStart", "replaceAll", "repeat", ".at(", "toString", "random", "**")
_NAMES = [*cases.NAMES, "x", "y", "k", "v", "m", "loop.index", "loop.last", "values.missing"]
_OPERATORS = [operator for operator in cases.OPERATORS if operator not in {"**", "if"}]
_TEXTS = [" ", "\n", "\n", "  ", "a", "b c", "\t", "{", "}", "$", "#", "'", "\r\n", "{{ h }}", "${V}"]
_DEPTH = 2


_WORDS = (
    *(
        "a",
        "word",
        "longer-word",
        "x" * 30,
        "y" * 85,
        '"q"',
        "it's",
        ":",
        "#",
        "-",
        "%x",
        "\\",
        "\t",
        "",
        " ",
    ),
    *("https://example.com/" + "a" * 40, "é", "😀", "---", "...", "\x07", "\x85", "\u2028", "null", "1.5"),
)
_KEYS = (
    *("k", "10", "true", "~", "a b", "a: b", "#c", "- x", '"q"', "it's", "x\ny", "", " lead", "\x07", "---"),
    *("%y", "k" * 70, "a\n b", "[a", "😀", "a:", "!t", "&a", "?", "-", "key with blanks " * 6),
)


def entities(seed: int, number: int) -> Iterator[dict[str, Any]]:
    """Yield values that are hard to write as YAML: long lines, blanks where they count, odd keys."""
    dice = random.Random(seed)

    def text() -> str:
        lines = []
        for _ in range(dice.choice([1, 1, 2, 3, 6])):
            words = [dice.choice(_WORDS) for _ in range(dice.choice([0, 1, 3, 8, 20]))]
            lines.append(
                dice.choice(["", "", "", " ", "  ", "\t", "    "]) + dice.choice([" ", " ", "  "]).join(words)
            )
        return "\n".join(lines) + dice.choice(["", "", "\n", "\n\n", " "])

    def value(depth: int) -> Any:
        kind = dice.random()
        if depth < 12 and kind < 0.4:
            return {dice.choice(_KEYS): value(depth + dice.choice([1, 1, 4])) for _ in range(2)}
        if depth < 12 and kind < 0.5:
            return [value(depth + 1) for _ in range(dice.choice([0, 2]))]
        return dice.choice([None, True, 1, 1.5, 1e21, {}, []]) if kind < 0.55 else text()

    for _ in range(number):
        yield {"k": value(dice.choice([0, 0, 6]))}


class _Writer:
    """Writes templates by the dice."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def _one(self, choices: list[str]) -> str:
        return self._dice.choice(choices)

    def expression(self, depth: int = 0) -> str:
        def inner() -> str:
            return self.expression(depth + 1)

        def method() -> str:
            name = self._one(cases.METHODS)
            return self._one(_NAMES) + ("" if name.startswith("[") else ".") + name

        ways: list[Callable[[], str]] = [
            lambda: self._one(_NAMES),
            lambda: self._one(cases.LITERALS),
            lambda: f"{inner()} | {self._one(cases.FILTERS)}",
            lambda: f"{inner()} {self._one(_OPERATORS)} {inner()}",
            lambda: f"({inner()})",
            lambda: f"{inner()} if {inner()} else {inner()}",
            lambda: f"not {inner()}",
            lambda: f"{self._one(_NAMES)} is {self._one(cases.TESTS)}",
            method,
            lambda: f"[{inner()}, {inner()}]",
        ]
        return ways[0]() if depth > _DEPTH else self._dice.choice(ways)()

    def text(self) -> str:
        return "".join(self._one(_TEXTS) for _ in range(self._dice.randint(0, 4)))

    def _tag(self, inside: str) -> str:
        return f"{self._one(['{%', '{%', '{%-'])} {inside} {self._one(['%}', '%}', '-%}'])}"

    def part(self, depth: int = 0) -> str:
        def body() -> str:
            return "".join(self.part(depth + 1) for _ in range(self._dice.randint(0, 2))) + self.text()

        def printed() -> str:
            space = self._one([" ", "- ", ""])
            return self.text() + "${{" + space + self.expression() + self._one([" ", " -", ""]) + "}}"

        def branches() -> str:
            other = self._tag("else") + body() if self._dice.random() < 0.5 else ""
            elif_ = self._tag(f"elif {self.expression()}") + body() if self._dice.random() < 0.3 else ""
            return self._tag(f"if {self.expression()}") + body() + elif_ + other + self._tag("endif")

        def loop() -> str:
            targets = self._one(["x", "x", "y", "k, v", "x, y", "x, y, k"])
            other = self._tag("else") + body() if self._dice.random() < 0.3 else ""
            return self._tag(f"for {targets} in {self.expression()}") + body() + other + self._tag("endfor")

        def macro() -> str:
            parameters = self._one(["", "x", "x, y=1", "y=x"])
            call = "${{ m(" + self._one(["", "1", "1, 2", "y=3"]) + ") }}"
            return self._tag(f"macro m({parameters})") + body() + self._tag("endmacro") + call

        def switch() -> str:
            cased = self._tag(f"case {self.expression()}") + body() + self._tag("default") + body()
            return self._tag(f"switch {self.expression()}") + cased + self._tag("endswitch")

        ways: list[Callable[[], str]] = [
            printed,
            printed,
            branches,
            loop,
            lambda: self._tag(f"set {self._one(['x', 'y', 'k', 'x, y'])} = {self.expression()}"),
            lambda: self._tag(f"set {self._one(['x', 'y'])}") + body() + self._tag("endset"),
            macro,
            lambda: self._tag("call m()") + body() + self._tag("endcall"),
            lambda: self._tag(f"filter {self._one(cases.FILTERS)}") + body() + self._tag("endfilter"),
            lambda: "{# " + self.text() + " #}",
            lambda: self._tag("raw") + self.text() + "{% endraw %}",
            switch,
        ]
        return printed() if depth > _DEPTH else self._dice.choice(ways)()


def templates(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` cases, always the same for one seed."""
    dice = random.Random(seed)
    writer = _Writer(dice)
    context = {"values": {name: value for name, value in cases.VALUES.items() if name != "astral"}}
    while count:
        source = "".join(writer.part() for _ in range(dice.randint(1, 4)))
        if any(word in source for word in (*_LEFT_OUT, "astral")):
            continue
        count -= 1
        compat = dice.random() < 0.2
        if compat:
            source = source.replace("${{", "{{")
        settings = {"compat": compat, "trim": dice.random() < 0.3, "lstrip": dice.random() < 0.3}
        yield {"source": source, "context": context, **settings}
