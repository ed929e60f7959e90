"""What is wrong with the values of parameters, in the words of whoever gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pydantic import ValidationError

from kickstart.errors import Fault
from kickstart.naming import closest
from kickstart.template import conditions, hidden
from kickstart.template.property import Property, Schema, as_json_schema, choices, document_text, schema_at

if TYPE_CHECKING:
    import jsonschema_rs

_KINDS = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}

_KEYWORDS = {
    "string_too_short": "minLength",
    "string_too_long": "maxLength",
    "too_short": "minItems",
    "too_long": "maxItems",
    "greater_than_equal": "minimum",
    "greater_than": "exclusiveMinimum",
    "less_than_equal": "maximum",
    "less_than": "exclusiveMaximum",
}


class Faults(Struct):
    """What is wrong with values so far; of one place it is told once. sources: by the parameter's name."""

    sources: Mapping[str, str]
    found: dict[str, Fault] = {}

    def tell(self, path: Sequence[str | int], message: str, source: str = "") -> None:
        """Add a fault, unless one is told of what it is inside of, or of what is inside of it.

        source: where the value comes from, if nobody gave it.
        """
        key = ".".join(map(str, path))
        if not any(
            f"{each}.".startswith(f"{key}.") or f"{key}.".startswith(f"{each}.") for each in self.found
        ):
            self.found[key] = Fault(self.where(path, source), message)

    def where(self, path: Sequence[str | int], source: str = "") -> str:
        """Return a place with who gave the value."""
        source = source or self.sources.get(str(path[0]) if path else "", "")
        dotted = ".".join(map(str, path))
        return f"{dotted} ({source})" if source else dotted


def errors(schema: Schema, value: Any) -> Iterator[tuple[list[str | int], jsonschema_rs.ValidationError]]:
    """Yield what is wrong with a value, and where in it.

    Of an object inside of it with conditions of its own, what the branch lacks that is active: that it fits
    to none of them helps nobody.
    """
    for part in conditions.active_parts(schema, value):
        always = {key: item for key, item in part.items() if key not in conditions.CONDITIONS}
        for error in conditions.validator(as_json_schema(always)).iter_errors(value):
            path = list(error.instance_path)
            if path and isinstance(error.instance, Mapping) and error.kind.name in {"oneOf", "anyOf"}:
                inside = [
                    ([*path, *deeper], each) for deeper, each in errors(schema_at(part, path), error.instance)
                ]
                if inside:
                    yield from inside
                    continue
            if error.kind.name == "required":
                path.append(str(getattr(error.kind, "property", "")))
            yield path, error


def first_message(error: ValidationError, schema: Schema, given: Mapping[str, Any]) -> str:
    """Return the first of Pydantic's errors about one parameter in our words."""
    found = error.errors()[0]
    return type_message(found, schema_at(schema, place_in(given, found["loc"])[1:]))


def type_message(found: Any, schema: Schema) -> str:
    """Return one of Pydantic's errors in our words."""
    kind, context = str(found["type"]), found.get("ctx") or {}
    if kind == "literal_error":
        known = [document_text(value) for value, _ in choices(schema)]
        listed = ", ".join(known) or context.get("expected")
        if isinstance(found["input"], (dict, list)) or hidden.holds(schema):
            return _own_message(schema, "enum") or f"must be one of {listed}"
        shown = document_text(found["input"])
        near = closest(shown, known)
        return _own_message(schema, "enum") or f"{shown!r} is not one of {listed}{near}"
    message = _KINDS.get(kind)
    if message and found["input"] is None:  # as `name:` in a values file, where a variable was empty
        message = "has no value: give one, or leave it out"
    if message is None:
        text = str(found["msg"]).removeprefix("Input ").removeprefix("String ").removeprefix("List ")
        message = text.replace("should", "must", 1)
    if kind in {"string_too_long", "too_long"}:
        message = f"is too long: at most {context.get('max_length')} are possible"
    return _own_message(schema, _KEYWORDS.get(kind, "type")) or message


def schema_message(error: jsonschema_rs.ValidationError, schema: Schema) -> str:
    """Return one of JSON Schema's errors in our words, without showing a secret's value."""
    kind = error.kind.name
    own = _own_message(schema, kind)
    if own:
        return own
    if kind == "required":
        return "is required"
    if hidden.holds(schema):
        return f"does not satisfy '{kind}'"
    known = [document_text(value) for value, _ in choices(schema)]
    if known and kind in {"oneOf", "anyOf"} and not isinstance(error.instance, dict | list):
        shown = document_text(error.instance)
        return f"{shown!r} is not one of {', '.join(known)}{closest(shown, known)}"
    message = str(error.message)
    help_text = schema.get("ui:help") or (schema.get("description") if kind == "pattern" else "")
    return f"{message} ({' '.join(str(help_text).split())})" if kind == "pattern" and help_text else message


def page_message(page: Schema, path: Sequence[str | int], keyword: str) -> str:
    """Return a page's own words for what is wrong with one of its parameters, or nothing."""
    said = conditions.mapping(conditions.mapping(page, "errorMessage"), "properties")
    if keyword == "required":
        said = conditions.mapping(conditions.mapping(page, "errorMessage"), "required")
    return str(said.get(str(path[0])) or "") if len(path) == 1 else ""


def misfit(page: Schema, values: Mapping[str, Any], known: Mapping[str, Property]) -> tuple[str, str]:
    """Say why values that are valid one by one do not fit together: a parameter, if it is about one.

    known: every parameter, since another page may say that one is not to be shown.
    """
    for error in conditions.validator(as_json_schema(page)).iter_errors(values):
        match [str(part) for part in error.schema_path]:
            case ["dependencies", name, "oneOf" | "anyOf", *_] if name in known and not known[name].is_hidden:
                shown = document_text(values.get(name))
                return name, f"{shown!r} has no branch, or more than one, among the dependencies of '{name}'"
    return "", "the values do not fit together"


def _own_message(schema: Schema, keyword: str) -> str:
    """Return the template's own words for a fault (`errorMessage` of ajv-errors), or nothing."""
    own = schema.get("errorMessage")
    if isinstance(own, Mapping):
        own = own.get(keyword)
    return own if isinstance(own, str) else ""


def place_in(value: Any, location: tuple[str | int, ...]) -> list[str | int]:
    """Return the parts of Pydantic's `location` that `value` has, without its names for types."""
    parts: list[str | int] = []
    for part in location:
        is_key = isinstance(value, Mapping) and part in value
        if is_key or (isinstance(value, list) and isinstance(part, int)):
            parts.append(part)
            value = value[part]
    return parts
