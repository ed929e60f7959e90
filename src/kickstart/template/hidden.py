"""Values that nobody is to read: secrets and passwords, however deep in a parameter they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstart.template import conditions

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]


def is_secret(schema: Schema) -> bool:
    """Tell whether a portal's form keeps the value apart, with asterisks in its place."""
    return schema.get("ui:field") == "Secret"


def is_hidden(schema: Schema) -> bool:
    """Tell whether a schema's own value is a secret, or what a portal's form asks for as a password."""
    return is_secret(schema) or schema.get("ui:widget") == "password"


def holds(schema: Schema) -> bool:
    """Tell whether a value is hidden, or has a hidden one inside of it."""
    return is_hidden(schema) or any(holds(inner) for _, inner in _inside(schema))


def found(schema: Schema, value: Any, path: Path = ()) -> Iterator[tuple[Path, Schema, Any]]:
    """Yield every hidden value in `value`: where it is, its schema, and itself."""
    if is_hidden(schema):
        yield path, schema, value
    elif isinstance(value, Mapping):
        for name, inner in _inside(schema):
            if name in value:
                yield from found(inner, value[name], (*path, name))
    elif isinstance(value, list):
        for name, inner in _inside(schema):
            for index, item in enumerate(value) if name == "" else ():
                yield from found(inner, item, (*path, index))


def _inside(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the members of a mapping, those of its branches too, and as "" what the items of a list are."""
    for part in conditions.all_parts(schema):
        for name, inner in conditions.mapping(part, "properties").items():
            if isinstance(inner, Mapping):
                yield name, inner
        items = part.get("items")
        if isinstance(items, Mapping):
            yield "", items
