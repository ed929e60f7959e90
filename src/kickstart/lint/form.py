"""What a form cannot fulfil: its defaults, its choices, what it requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstart.document import Path
from kickstart.lint.finding import Finding, from_fault
from kickstart.naming import closest
from kickstart.template import conditions
from kickstart.template.catalog import Source
from kickstart.template.parameters import Form

_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def parameters(source: Source, form: Form) -> Iterator[Finding]:
    """Look at every page, at every branch of it, and into every mapping and list."""
    for number, page in enumerate(form.pages):
        at: Path = ("spec", "parameters", number)
        if not source.unread:  # a file that was not read may describe it
            described = {name: each for name, each in form.properties.items() if each.schema}
            yield from _required(source, page, at, described)
        for name, schema in conditions.mapping(page, "properties").items():
            if isinstance(schema, Mapping):
                for value in _without_branch(name, schema, page):
                    said = f"{value!r} has no branch among the dependencies of '{name}'"
                    place = (*at, "properties", name, "enum")
                    fault = source.fault(place, f"{said}, so that it is refused")
                    yield from_fault(fault, "parameter-schema", "warning")
        for where, schema in _described(page, at):
            yield from _one(source, schema, where)
            is_value = where[-1] == "items" or where[-2] == "properties"
            if is_value and "properties" in schema:
                yield from _required(source, schema, where, _members(schema))


def _described(schema: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield a schema and every one inside of it, with where it stands."""
    yield at, schema
    inside: list[tuple[Path, Any]] = [((*at, key), schema.get(key)) for key in ("then", "else", "items")]
    for key in ("allOf", "oneOf", "anyOf"):
        parts = schema.get(key)
        inside += [((*at, key, i), part) for i, part in enumerate(parts if isinstance(parts, list) else [])]
    for key in ("properties", "dependencies", "dependentSchemas"):
        inside += [((*at, key, name), part) for name, part in conditions.mapping(schema, key).items()]
    for place, part in inside:
        if isinstance(part, Mapping):
            yield from _described(part, place)


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: each
        for part in conditions.all_parts(schema)
        for name, each in conditions.mapping(part, "properties").items()
    }


def _required(
    source: Source, schema: Mapping[str, Any], at: Path, known: Mapping[str, Any]
) -> Iterator[Finding]:
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in known:
            said = f"'{name}' is required and not described{closest(str(name), known)}"
            yield from_fault(source.fault((*at, "required"), said), "parameter-schema", "error")


def _one(source: Source, schema: Mapping[str, Any], at: Path) -> Iterator[Finding]:
    """Look at what one schema says of one value."""
    choices = schema.get("enum")
    choices = choices if isinstance(choices, list) else []
    # A default that is null, and named among the choices, is there to make somebody choose.
    is_open = schema.get("default") is None and None in choices
    if "default" in schema and not is_open and not conditions.matches(_plain(schema), schema["default"]):
        fault = source.fault((*at, "default"), "the default is not what the schema allows")
        yield from_fault(fault, "parameter-schema", "error")
    kind = {"type": schema["type"]} if "type" in schema else {}
    for value in choices:
        if value is not None and not conditions.matches(kind, value):
            said = f"the choice {value!r} is not of the type {schema['type']}, so that it is refused"
            yield from_fault(source.fault((*at, "enum"), said), "parameter-schema", "warning")
    for least, most in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            said = f"{least} is {low}, and {most} is {high}: nothing is allowed"
            yield from_fault(source.fault((*at, least), said), "parameter-schema", "error")
    names = schema.get("enumNames")
    if isinstance(names, list) and choices and len(names) != len(choices):
        fault = source.fault((*at, "enumNames"), f"{len(names)} names for {len(choices)} choices")
        yield from_fault(fault, "parameter-schema", "warning")


def _without_branch(name: str, schema: Mapping[str, Any], page: Mapping[str, Any]) -> list[Any]:
    """Return the choices of a parameter that none of its dependency's branches is about."""
    dependency = conditions.mapping(page, "dependencies").get(name)
    branches = dependency.get("oneOf") if isinstance(dependency, Mapping) else None
    found = [
        conditions.mapping(each, "properties").get(name) if isinstance(each, Mapping) else None
        for each in branches or []
    ]
    about = [each for each in found if isinstance(each, Mapping)]
    if len(about) < max(len(found), 1):
        return []
    return [
        value
        for value in schema.get("enum") or []
        if not any(conditions.matches(each, value) for each in about)
    ]


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if ":" not in key}
