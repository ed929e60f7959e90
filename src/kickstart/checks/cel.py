"""CEL rules of custom kinds (`x-kubernetes-validations`), evaluated where they stand in the schema.

Not every function that Kubernetes adds to CEL is known here. A rule that cannot be evaluated counts
as not checked, never as passed.
"""

from __future__ import annotations

import copy
import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from typing import Any

from msgspec import Struct

from kickstart.checks.manifest import Path
from kickstart.checks.schemas import Problem

# What Kubernetes calls a field whose name is a word of CEL's.
_WORDS = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"),
        *("if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


class Unevaluated(Struct, frozen=True):
    """A rule that could not be evaluated, and why."""

    rule: str
    reason: str


@cache
def _library() -> Any:
    """Return the compiled module alone: its package would import its own command line as well."""
    package = importlib.util.find_spec("cel")
    if package is None or package.submodule_search_locations is None:
        raise ImportError("the package common-expression-language is not installed")
    spec = PathFinder.find_spec("cel", list(package.submodule_search_locations))
    if spec is None or spec.loader is None:
        raise ImportError("the package common-expression-language has no module 'cel'")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _program(rule: str) -> Any:
    return _library().compile(rule)


def evaluate(tree: Mapping[str, Any], value: Any) -> Iterator[Problem | Unevaluated]:
    """Yield what the rules of a kind say of an object.

    tree: what `schemas.rules` has left of its schema.
    """
    if tree:
        value = copy.deepcopy(value)
        _set_defaults(tree, value)
        yield from _evaluate(tree, value, ())


def _evaluate(tree: Mapping[str, Any], value: Any, path: Path) -> Iterator[Problem | Unevaluated]:
    if value is None:
        return
    for each in tree.get("rules", ()):
        found = _judge(each, value, path)
        if found is not None:
            yield found
    if isinstance(value, dict):
        properties = tree.get("properties", {})
        for key, inner in value.items():
            below = properties.get(key) or tree.get("additional")
            if below:
                yield from _evaluate(below, inner, (*path, key))
    elif isinstance(value, list) and "items" in tree:
        for index, inner in enumerate(value):
            yield from _evaluate(tree["items"], inner, (*path, index))


def _judge(each: Mapping[str, Any], value: Any, path: Path) -> Problem | Unevaluated | None:
    rule = str(each["rule"])
    if re.search(r"\boldSelf\b", rule):
        return Unevaluated(rule, "it compares with the object that is in the cluster")
    try:
        holds = _program(rule).execute({"self": _escaped(value) if "__" in rule else value})
    except Exception as error:  # of the library: a function it lacks, or a type it cannot compare
        return Unevaluated(rule, str(error).splitlines()[0][:120] if str(error) else type(error).__name__)
    if holds is True:
        return None
    if holds is not False:
        return Unevaluated(rule, f"it gave {type(holds).__name__}")
    return Problem(
        "schema/rule", path, str(each.get("message") or _message(each, value) or f"breaks the rule {rule}")
    )


def _message(each: Mapping[str, Any], value: Any) -> str:
    expression = each.get("messageExpression")
    if not expression:
        return ""
    try:
        return str(_program(str(expression)).execute({"self": value}))
    except Exception:  # likewise; the rule itself is then the message
        return ""


def _set_defaults(tree: Mapping[str, Any], value: Any) -> None:
    """Give `value` the defaults of its schema, as an API server does before it asks the rules."""
    if isinstance(value, dict):
        for name, below in tree.get("properties", {}).items():
            if value.get(name) is None and "default" in below:
                value[name] = copy.deepcopy(below["default"])
            if name in value:
                _set_defaults(below, value[name])
        if "additional" in tree:
            for name in value.keys() - tree.get("properties", {}).keys():
                _set_defaults(tree["additional"], value[name])
    elif isinstance(value, list) and "items" in tree:
        for each in value:
            _set_defaults(tree["items"], each)


def _escaped(value: Any) -> Any:
    """Return `value` with every field also under the name that a rule would have to use."""
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, each in value.items():
        made[key] = _escaped(each)
        name = f"__{key}__" if key in _WORDS else key
        if name == key:
            for sign, escape in _ESCAPES:
                name = name.replace(sign, escape)
        made[name] = made[key]
    return made
