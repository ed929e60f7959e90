"""The template language: sandboxed Jinja2 with `${{ }}`, made to agree with Backstage where both speak.

Differences from plain Jinja2, each because a portal would print something else: true, false and
null are printed as JSON has them; a mapping has items and no Python methods; the last newline and
CRLF stay. Printing a list or a mapping is an error instead of Python's or JavaScript's idea of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property, lru_cache
from types import CodeType, TracebackType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from kickstart.naming import closest
from kickstart.template import filters, shape
from kickstart.template.cache import CodeCache
from kickstart.template.language import UNDEFINED, EngineError, is_plain

_NAME = re.compile(r"\$\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}")
_WORDS = frozenset({"true", "false", "none", "null", "True", "False", "None", "not"})  # and no names
_STAND_INS = [chr(code) for code in range(0xFDD0, 0xFDEF)]  # code points that are no characters
_REMEMBERED = 256  # shapes
RESULT = "result"
_AS_JSON = "as JSON"  # a filter that no template can name


class _Strict(jinja2.StrictUndefined):
    """An undefined value that says its name, and what was meant."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = str(self._undefined_name)
        if isinstance(self._undefined_obj, Mapping):
            return f"'{name}' is not defined{closest(name, self._undefined_obj)}"
        if self._undefined_obj is jinja2.utils.missing:
            return f"'{name}' is not defined"
        return f"'{name}' is not defined: the value before it is a {type(self._undefined_obj).__name__}"


class _Absent(jinja2.ChainableUndefined):
    """An undefined value of a step's input: it prints nothing, and alone it drops its key."""

    __slots__ = ()


class Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which a mapping is only its items."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            found = isinstance(argument, str) and argument in obj
            return obj[argument] if found else self.undefined(obj=obj, name=str(argument))
        return super().getitem(obj, argument)


def _printed(value: Any) -> Any:
    if isinstance(value, str | jinja2.Undefined):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, Mapping | list | tuple):
        kind = "mapping" if isinstance(value, Mapping) else "list"
        raise EngineError(f"a {kind} cannot be printed; use '| dump' for JSON, or '| join'")
    return value


def _as_json(value: Any) -> Any:
    """Return a lone expression's value as JSON has it; Jinja2's filters give tuples and generators."""
    if isinstance(value, str):
        return str.__str__(value)  # the `safe` of HTML is a class of its own
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {k: _as_json(v) for k, v in value.items() if not isinstance(v, jinja2.Undefined)}
    if isinstance(value, Iterable) and not isinstance(value, jinja2.Undefined):
        return [None if isinstance(item, jinja2.Undefined) else _as_json(item) for item in value]
    return value


class _Dialect(Struct, frozen=True):
    """All that shapes how a source is compiled. settings: Jinja2's options for white space."""

    compiler: Callable[[jinja2.Environment, str], CodeType]
    newline: str
    settings: tuple[tuple[str, bool], ...] = ()


class Engine:
    """Renders texts and evaluates expressions, with compiled code from `cache`."""

    is_portal = False

    def __init__(self, cache: CodeCache, *, strict: bool) -> None:
        """strict: an undefined value is an error (skeletons), else it is absent (steps)."""
        self._cache = cache
        self._strict = strict
        self._has_plugins = False

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            variable_start_string="${{",
            variable_end_string="}}",
            keep_trailing_newline=True,
            undefined=_Strict if self._strict else _Absent,
            finalize=_printed,
            autoescape=False,  # files are not HTML
            cache_size=0,
        )
        environment.filters.update(filters.OWN)
        environment.filters[_AS_JSON] = _as_json
        environment.globals["null"] = None
        return environment

    def render(self, source: str, context: Mapping[str, Any], **settings: bool) -> str:
        """Return `source` with everything in it replaced. Raises EngineError.

        settings: Jinja2's trim_blocks and lstrip_blocks.
        """
        if is_plain(source):
            return source
        prepared, newline, stand_in = _prepare(source)
        text, _ = self._run(_Dialect(_compile, newline, tuple(sorted(settings.items()))), prepared, context)
        return text.replace(stand_in, "\r") if stand_in else text

    def evaluate(self, source: str, context: Mapping[str, Any]) -> Any:
        """Return the value of a text that is one expression, else the rendered text.

        The value of an undefined expression is UNDEFINED.
        """
        if is_plain(source):
            return source
        simple = _simple(source)
        if simple:
            return _known(self._look_up(simple, context))
        prepared, newline, stand_in = _prepare(source)
        text, variables = self._run(_Dialect(_compile_value, newline), prepared, context)
        if RESULT in variables:
            return _known(variables[RESULT])
        return text.replace(stand_in, "\r") if stand_in else text

    def remembered(self, source: str, compute: Callable[[], Any]) -> Any:
        """Return `compute()`, plain data that depends on `source` and this engine alone."""
        return self._cache.memo(f"{self._strict}\0{source}", compute)

    def names(self, source: str) -> list[tuple[str, ...]]:
        """Return each chain of names that `source` reads, as ("steps", "fetch", "output").

        Raises EngineError when it does not parse.
        """
        if is_plain(source):
            return []
        simple = _simple(source)
        if simple:
            return [tuple(simple)]
        try:
            parsed = self._environment.parse(source)
        except jinja2.TemplateSyntaxError as error:
            raise EngineError(error.message or "syntax error", error.lineno) from error
        except RecursionError as error:
            raise EngineError("the expression is too deep", 1) from error
        for each in parsed.find_all(nodes.Filter):
            if each.name not in self._environment.filters:
                self._load_plugins()
            if each.name not in self._environment.filters:
                near = closest(each.name, self._environment.filters)
                raise EngineError(f"there is no filter '{each.name}'{near}", each.lineno)
        own = {node.name for node in parsed.find_all(nodes.Name) if node.ctx != "load"}
        own |= {node.name for node in parsed.find_all(nodes.Macro)}
        chains: list[tuple[str, ...]] = []
        _collect(parsed, chains)
        return [chain for chain in chains if chain[0] not in own]

    def _look_up(self, path: list[str], context: Mapping[str, Any]) -> Any:
        found: Any = context
        for name in path:
            found = self._environment.getattr(found, name)
        if self._strict and isinstance(found, jinja2.Undefined):
            raise EngineError(found._undefined_message, 1, "${{ " + ".".join(path) + " }}")
        return found

    @lru_cache(maxsize=_REMEMBERED)  # noqa: B019 - an engine lives as long as the run
    def _code(self, dialect: _Dialect, source: str) -> CodeType:
        key = f"{dialect.compiler.__name__} {self._strict} {dialect.newline!r} {dialect.settings}"
        return self._cache.code(key, source, lambda: dialect.compiler(self._speaking(dialect), source))

    @cache  # noqa: B019 - likewise
    def _speaking(self, dialect: _Dialect) -> jinja2.Environment:
        return self._environment.overlay(
            newline_sequence=dialect.newline,  # type: ignore[arg-type]
            **dict(dialect.settings),  # type: ignore[arg-type]
        )

    def _run(
        self, dialect: _Dialect, source: str, context: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        """Return the text and the variables that a template made. Raises EngineError."""
        outline, texts = shape.split(source)
        if texts:
            try:
                return self._run_once(shape.fill(self._code(dialect, outline), texts), source, context)
            except EngineError:
                pass  # the source as a whole knows in which line
        try:
            return self._run_once(self._code(dialect, source), source, context)
        except EngineError as error:
            # Plug-ins are searched for only when one is missed.
            if not error.message.startswith("No filter named") or not self._load_plugins():
                raise
        return self._run_once(self._code(dialect, source), source, context)

    def _run_once(
        self, code: CodeType, source: str, context: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        template = jinja2.Template.from_code(self._environment, code, self._environment.globals)
        variables = template.new_context(dict(context))
        try:
            text = "".join(template.root_render_func(variables))
        except Exception as error:
            raise _located(error, error.__traceback__, template, source) from error
        # A template's functions and their globals hold each other: thousands would pile up.
        template.root_render_func.__globals__.clear()
        return text, variables.vars

    def _load_plugins(self) -> bool:
        """Add the filters of plug-ins. False when that was done before, or there are none."""
        if self._has_plugins:
            return False
        self._has_plugins = True
        found = {name: plugin for name, plugin in filters.plugged_in().items() if name not in filters.OWN}
        self._environment.filters.update(found)
        return bool(found)


def _known(value: Any) -> Any:
    return UNDEFINED if isinstance(value, jinja2.Undefined) else value


def _simple(source: str) -> list[str]:
    """Return the names of a text that is nothing but `${{ a.b.c }}`, else nothing."""
    found = _NAME.fullmatch(source)
    names = found.group(1).split(".") if found else []
    return [] if names and names[0] in _WORDS else names


def _prepare(source: str) -> tuple[str, str, str]:
    """Return source and newline for Jinja2, so that every line end comes out as it went in.

    Where they are mixed, a character that the source has not stands for a carriage return while
    Jinja2 looks, which would rewrite it; it is the third value.
    """
    if "\r" not in source:
        return source, "\n", ""
    if source.count("\r\n") == source.count("\n") == source.count("\r"):
        return source, "\r\n", ""
    stand_in = next((sign for sign in _STAND_INS if sign not in source), "")
    if not stand_in:
        raise EngineError("the line ends are mixed; use either \\n or \\r\\n")
    return source.replace("\r", stand_in), "\n", stand_in


def _compile(environment: jinja2.Environment, source: str) -> CodeType:
    try:
        return environment.compile(source, filename="<template>")
    except jinja2.TemplateSyntaxError as error:
        raise EngineError(error.message or "syntax error", error.lineno) from error
    except (RecursionError, MemoryError, SyntaxError, OverflowError) as error:
        raise EngineError(f"the template is too deep or too large ({type(error).__name__})", 1) from error


def _compile_value(environment: jinja2.Environment, source: str) -> CodeType:
    """Compile so that a lone expression is assigned to RESULT, as compile_expression does."""
    try:
        parsed = environment.parse(source)
        body = parsed.body
        if len(body) == 1 and isinstance(body[0], nodes.Output):
            parts = body[0].nodes
            if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData):
                value = nodes.Filter(parts[0], _AS_JSON, [], [], None, None, lineno=body[0].lineno)
                assignment = nodes.Assign(nodes.Name(RESULT, "store"), value, lineno=body[0].lineno)
                parsed = nodes.Template([assignment], lineno=1)
                parsed.set_environment(environment)
        return environment.compile(parsed, filename="<expression>")
    except jinja2.TemplateSyntaxError as error:
        raise EngineError(error.message or "syntax error", error.lineno) from error
    except (RecursionError, MemoryError, SyntaxError, OverflowError) as error:
        raise EngineError(f"the expression is too deep or too large ({type(error).__name__})", 1) from error


def _located(
    error: Exception, traceback: TracebackType | None, template: jinja2.Template, source: str
) -> EngineError:
    """Turn an error out of a rendering template into one with its line and expression."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_globals is template.root_render_func.__globals__:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    if isinstance(error, RecursionError):
        message = "endless recursion"
    return EngineError(message, line, _expression(source, line, message))


def _expression(source: str, line: int, message: str) -> str:
    """Return the `${{ }}` or `{% %}` of `line` that the message is about, as well as can be told."""
    lines = source.split("\n")  # and nowhere else: so Jinja2 counts
    if not 0 < line <= len(lines):
        return ""
    found = re.findall(r"\$\{\{.*?\}\}|\{%.*?%\}", lines[line - 1])
    quoted = re.match(r"'(\w+)'", message)
    about = [each for each in found if quoted and re.search(rf"\b{quoted.group(1)}\b", each)]
    return str((about or found or [""])[0])


def _collect(node: nodes.Node, chains: list[tuple[str, ...]]) -> None:
    chain = _chain(node)
    if chain:
        chains.append(chain)
        return
    for child in node.iter_child_nodes():
        _collect(child, chains)


def _chain(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,) if node.ctx == "load" else ()
    if isinstance(node, nodes.Getattr):
        head = _chain(node.node)
        return (*head, node.attr) if head else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        head = _chain(node.node)
        return (*head, str(node.arg.value)) if head else ()
    return ()
