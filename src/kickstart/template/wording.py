"""What the author of a template reads of an error of Pydantic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The types of JSON Schema, and of Pydantic's errors.
TYPES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_WANTED = {
    "string_type": TYPES["string"],
    "dict_type": TYPES["object"],
    "list_type": TYPES["array"],
    "bool_type": TYPES["boolean"],
    "int_type": TYPES["integer"],
    "float_type": TYPES["number"],
}


def kind_of(value: Any) -> str:
    """Return what a value is, as one would say of a line of YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def problem(found: Mapping[str, Any]) -> str:
    """Return one of the errors that `ValidationError.errors` lists, less the place that it is about."""
    if found["type"] == "missing":
        return "is required"
    wanted = _WANTED.get(found["type"])
    if wanted:
        return f"must be {wanted}, and is {kind_of(found['input'])}"
    return str(found["msg"]).replace("Input should", "must", 1)
