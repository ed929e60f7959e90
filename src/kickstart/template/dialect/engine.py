"""Backstage's template language, as a plan and its actions ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from kickstart.template.dialect import host, syntax
from kickstart.template.dialect.renderer import Renderer
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.language import EngineError


class Backstage:
    """Renders as a portal does, undefined names included, and with a portal's filters."""

    is_portal = True

    def __init__(self, filters: Callable[[], Mapping[str, Callable[..., Any]]] = dict) -> None:
        """filters: finds those of plug-ins. It is called when one is missed, since searching is slow."""
        self._search = filters
        self._plugins: Mapping[str, Callable[..., Any]] | None = None
        self._renderer = Renderer(host.FILTERS, _GLOBALS)

    def render(self, source: str, context: Mapping[str, Any], **settings: bool) -> str:
        """Return the rendered text. settings: also `compat`, for cookiecutter's `{{ }}`."""
        spelling = Spelling(**settings)
        return str(self._with_plugins(lambda renderer: renderer.render(source, context, spelling)))

    def evaluate(self, source: str, context: Mapping[str, Any]) -> Any:
        return self._with_plugins(lambda renderer: renderer.evaluate(source, context))

    def remembered(self, source: str, compute: Callable[[], Any]) -> Any:
        return compute()

    def names(self, source: str) -> list[tuple[str, ...]]:
        return [reading.chain for reading in names_read(syntax.parse(source, Spelling()))]

    def _with_plugins(self, act: Callable[[Renderer], Any]) -> Any:
        try:
            return act(self._renderer)
        except EngineError as error:
            if self._plugins is not None or not error.message.startswith("there is no filter"):
                raise
        self._plugins = self._search()
        self._renderer = Renderer({**self._plugins, **host.FILTERS}, _GLOBALS)
        return act(self._renderer)


# A plan has no failed step: it is complete, or there is none.
_GLOBALS: Mapping[str, Any] = {"always": lambda: True, "failure": lambda: False}


class Reading(Struct, frozen=True):
    """A chain of names that a template reads, in a tag at a line."""

    chain: tuple[str, ...]
    line: int
    shown: str


def filters_used(body: syntax.Body) -> list[Reading]:
    """Return the name of each filter that is used."""
    found: list[Reading] = []
    pending: list[tuple[syntax.Node, int, str]] = [(tag, tag.line, tag.shown) for tag in reversed(body)]
    while pending:
        node, line, shown = pending.pop()
        if isinstance(node, syntax.Tag):
            line, shown = node.line, node.shown
        if isinstance(node, syntax.Filter):
            found.append(Reading((node.name,), line, shown))
        pending.extend((each, line, shown) for each in syntax.children(node))
    return found


def names_read(body: syntax.Body) -> list[Reading]:
    """Return each chain of names that is read, without those that the template itself makes."""
    own = {"loop", "caller"}
    found: list[Reading] = []
    pending: list[tuple[syntax.Node, int, str]] = [(tag, tag.line, tag.shown) for tag in reversed(body)]
    while pending:
        node, line, shown = pending.pop()
        if isinstance(node, syntax.Tag):
            line, shown = node.line, node.shown
        if isinstance(node, syntax.For | syntax.Set):
            own.update(node.targets)
        elif isinstance(node, syntax.Macro):
            own.add(node.name)
        elif isinstance(node, syntax.Parameters):
            own.update([*node.positional, *(name for name, _ in node.defaults)])
        chain = _chain(node)
        if chain:
            found.append(Reading(chain, line, shown))
        # What is between the brackets of a chain is read as well.
        inside = _keys(node) if chain else list(syntax.children(node))
        pending.extend((each, line, shown) for each in reversed(inside))
    return [reading for reading in found if reading.chain[0] not in own]


def names_asked(body: syntax.Body) -> set[tuple[str, ...]]:
    """Return the chains whose absence a template provides for: it asks for them, or has a default."""
    found: set[tuple[str, ...]] = set()
    pending: list[tuple[syntax.Node, bool]] = [(tag, False) for tag in body]
    while pending:
        node, is_asked = pending.pop()
        chain = _chain(node)
        if chain and is_asked:
            found.add(chain)
        questions = _questions(node)
        pending += [
            (each, is_asked or any(each is question for question in questions))
            for each in (_keys(node) if chain else syntax.children(node))
        ]
    return found


def _questions(node: syntax.Node) -> list[syntax.Node]:
    """Return the parts of a node that may be about nothing."""
    if isinstance(node, syntax.Branch):
        return [node.condition]
    if isinstance(node, syntax.Choice):
        return [node.condition]
    if isinstance(node, syntax.Test) and node.name in {"defined", "undefined"}:
        return [node.operand]
    if isinstance(node, syntax.Filter) and node.name in {"default", "d"}:
        return [node.arguments]
    if isinstance(node, syntax.Binary) and node.sign in {"or", "and"}:
        return [node.left]
    return []


def _chain(node: syntax.Node) -> tuple[str, ...]:
    if isinstance(node, syntax.Name):
        return (node.name,)
    if isinstance(node, syntax.Lookup):
        head = _chain(node.target)
        if head and isinstance(node.key, syntax.Literal):
            return (*head, str(node.key.value))
    return ()


def _keys(node: syntax.Node) -> list[syntax.Node]:
    keys: list[syntax.Node] = []
    while isinstance(node, syntax.Lookup):
        keys.append(node.key)
        node = node.target
    return keys
