"""What one parameter is, as its JSON Schema and a portal's form describe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from kickstart import document
from kickstart.template import conditions, hidden

Schema = Mapping[str, Any]


class Property(Struct, frozen=True):
    """One parameter. `schema` is the loosest one where conditions describe it more than once.

    when: the condition of its page.
    """

    name: str
    schema: Schema
    page: str
    required: bool
    when: Any = None

    @property
    def title(self) -> str:
        return str(self.schema.get("title") or self.name)

    @property
    def is_secret(self) -> bool:
        return hidden.is_secret(self.schema)

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is to read its value, or something in it."""
        return hidden.holds(self.schema)


def choices(schema: Schema) -> list[tuple[Any, str]]:
    """Return the only values that a schema allows, each with what a form calls it; none where it is free."""
    values = schema.get("enum")
    if isinstance(values, list):
        names = schema.get("enumNames") or schema.get("ui:enumNames")
        names = names if isinstance(names, list) else []
        return [(v, str(names[i]) if i < len(names) else document_text(v)) for i, v in enumerate(values)]
    if schema.get("type") == "boolean" and isinstance(schema.get("enumNames"), list):
        return [(value, str(name)) for value, name in zip((True, False), schema["enumNames"], strict=False)]
    options = schema.get("oneOf") or schema.get("anyOf") or []
    if all(isinstance(each, Mapping) and "const" in each for each in options):
        return [(each["const"], str(each.get("title") or document_text(each["const"]))) for each in options]
    return []


def items_of(schema: Schema) -> Schema:
    """Return what describes each item of a list; nothing where that is not one schema."""
    found = schema.get("items")
    return found if isinstance(found, Mapping) else {}


def schema_at(schema: Schema, path: Sequence[str | int]) -> Schema:
    """Return what describes a part of a value, or the nearest that is described."""
    for part in path:
        inner = (
            items_of(schema) if isinstance(part, int) else conditions.mapping(schema, "properties").get(part)
        )
        if not isinstance(inner, Mapping) or not inner:
            break
        schema = inner
    return schema


def from_text(schema: Schema, text: Any) -> Any:
    """Read what somebody typed as the kind of value that `schema` wants."""
    if not isinstance(text, str):
        return text
    known = choices(schema)
    if known:
        return next((value for value, _ in known if document_text(value) == text), text)
    kind = schema.get("type")
    if kind == "string" or isinstance(kind, list):
        return text
    if kind == "array" and not text.lstrip().startswith("["):
        items = schema.get("items")
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        return [from_text(items, part) for part in parts] if isinstance(items, Mapping) else parts
    if kind in {"array", "object"} or kind is None:
        try:
            return document.load(text)
        except document.DocumentError:
            return text
    return text.strip()


def document_text(value: Any) -> str:
    """Return a scalar as YAML and JSON write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def is_address(schema: Schema) -> bool:
    """Tell whether a portal's form asks for a repository, as `github.com?owner=acme&repo=shop`."""
    return schema.get("ui:field") == "RepoUrlPicker"


def address_problem(value: Any) -> str | None:
    """Say why a value is no address of a repository, or None."""
    from kickstart.template.dialect.host import parse_repo_url  # few forms need it

    try:
        parse_repo_url(value)
    except ValueError as error:
        said = str(error)
        return said if "of the form" in said else f"{said}: it is written HOST?owner=OWNER&repo=NAME"
    return None


def as_json_schema(schema: Schema) -> Schema:
    """Drop the portal's words, which are not JSON Schema; the conditions keep theirs."""
    return {key: value for key, value in schema.items() if not key.startswith(("ui:", "backstage:"))}
