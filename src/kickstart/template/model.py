"""Pydantic models built from a template's JSON Schema: types, coercion of text, and messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, WrapValidator, create_model

Schema = Mapping[str, Any]

_BOUNDS = {
    "string": {"minLength": "min_length", "maxLength": "max_length"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
    "integer": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"},
}
_BOUNDS["number"] = _BOUNDS["integer"]
_LENGTHS = ("min_length", "max_length")
LONGEST = 2**53


def build(name: str, properties: Mapping[str, Schema], *, closed: bool) -> type[BaseModel]:
    """Return a model with one optional field for each of `properties`.

    Fields are reached by their alias, since JSON names need not be Python names. `closed` refuses
    names that are not in `properties`.
    """
    fields: dict[str, Any] = {
        f"p{index}": (annotation(schema), Field(default=None, alias=key))
        for index, (key, schema) in enumerate(properties.items())
    }
    return create_model(name, __config__=ConfigDict(extra="forbid" if closed else "allow"), **fields)


def annotation(schema: Schema) -> Any:
    """Return the Python type that `schema` describes; Any where only JSON Schema itself can tell."""
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(_is_literal(choice) for choice in choices):
        return Literal[tuple(choices)]
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [annotation({**schema, "type": each}) for each in kind]
        return Union[tuple(kinds)] if kinds else Any  # noqa: UP007 - built at run time
    if kind == "object":
        properties = {k: v for k, v in (schema.get("properties") or {}).items() if isinstance(v, Mapping)}
        closed = schema.get("additionalProperties") is False
        return build("Object", properties, closed=closed) if properties else dict[str, Any]
    plain: Any = {
        "string": str,
        "integer": int,
        "number": Annotated[float, WrapValidator(_number)],
        "boolean": bool,
    }.get(str(kind))
    if kind == "array":
        items = schema.get("items")
        plain = list[annotation(items)] if isinstance(items, Mapping) else list[Any]  # type: ignore[misc]
    if plain is None:
        return None if kind == "null" else Any
    bounds = _bounds(str(kind), schema)
    return Annotated[plain, Field(**bounds)] if bounds else plain


def _bounds(kind: str, schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for theirs, ours in _BOUNDS.get(kind, {}).items():
        bound = schema.get(theirs)
        if not isinstance(bound, (int, float)) or isinstance(bound, bool):
            continue
        if ours not in _LENGTHS:
            found[ours] = bound
        elif 0 <= bound < LONGEST:  # longer is nothing, and further Pydantic cannot count
            found[ours] = int(bound)
    return found


def _number(value: Any, check: Callable[[Any], float]) -> int | float:
    """Keep whole numbers whole. As a union of types, a fault would be told once for each of them."""
    number = check(value)
    if isinstance(value, int):
        return value
    whole = isinstance(value, str) and value.strip().lstrip("+-").isdecimal()
    return int(value) if whole else number


def _is_literal(value: Any) -> bool:
    return value is None or isinstance(value, (str, int))
