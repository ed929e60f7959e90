"""Pages of a form that say no more than Pydantic checks by itself, as those of many templates do.

They need no JSON Schema library, whose loading is what checking parameters costs most. A page that
is not plain, and values that are not valid, are left to the library: the reader sees its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, create_model
from pydantic_core import SchemaError, SchemaValidator, core_schema

from kickstart.template import model

Schema = Mapping[str, Any]

_WORDS = {"title": str, "description": str, "default": object, "errorMessage": object, "enumNames": object}
_PAGE = {**_WORDS, "type": str, "properties": Mapping, "required": list, "when": object}
_KINDS: Mapping[str, Mapping[str, type]] = {
    "string": {"minLength": int, "maxLength": int, "pattern": str},
    "integer": {"minimum": int, "maximum": int},
    "boolean": {},
    "array": {"minItems": int, "maxItems": int, "items": Mapping},
}
_SIZES = ("minLength", "maxLength", "minItems", "maxItems")
# What means the same to every engine: no escapes, no extensions, no dot for any character.
_RANGES = r"(?:\w-\w|[\w:/@.,])+"
_PATTERN = re.compile(
    rf"\^?(?:[\w:/@,-]|\[\^?(?:-?{_RANGES}|{_RANGES}-)\]|\((?!\?)|[)|*+?]|\{{\d{{1,2}}(?:,\d{{0,2}})?\}})*\$?",
    re.ASCII,
)


def is_plain(page: Schema) -> bool:
    """Tell whether a page is a valid JSON Schema, and Pydantic knows every word of it."""
    if not _has_only(page, _PAGE) or page.get("type", "object") != "object":
        return False
    properties, required = page.get("properties", {}), page.get("required", [])
    return (
        all(isinstance(name, str) for name in (*properties, *required))
        and len(set(required)) == len(required)
        and all(isinstance(each, Mapping) and _is_plain(each) for each in properties.values())
    )


def accepts(page: Schema, values: Mapping[str, Any]) -> bool:
    """Tell whether a page is plain, and `values` are valid against it."""
    if not is_plain(page) or any(name not in values for name in page.get("required", [])):
        return False
    properties = {name: each for name, each in page.get("properties", {}).items() if name in values}
    fields: dict[str, Any] = {
        f"p{index}": (_annotation(schema), Field(alias=name))
        for index, (name, schema) in enumerate(properties.items())
    }
    checked = create_model("Page", __config__=ConfigDict(strict=True), **fields)
    try:
        checked.model_validate({name: values[name] for name in properties})
    except ValidationError:
        return False
    return True


def _annotation(schema: Schema) -> Any:
    plain = model.annotation(schema)
    return Annotated[plain, Field(pattern=schema["pattern"])] if "pattern" in schema else plain


def _is_plain(schema: Schema, *, item: bool = False) -> bool:
    kind = str(schema.get("type"))
    if kind == "string" and "enum" in schema:
        choices = schema["enum"]
        return (
            _has_only(schema, {**_WORDS, "type": str, "enum": list})
            and bool(choices)
            and all(isinstance(choice, str) for choice in choices)
        )
    if kind not in _KINDS or not _has_only(schema, {**_WORDS, "type": str, **_KINDS[kind]}):
        return False
    if any(not 0 <= schema.get(size, 0) < model.LONGEST for size in _SIZES):
        return False
    if "pattern" in schema:
        return not item and _is_plain_pattern(schema["pattern"])
    return _is_plain(schema["items"], item=True) if "items" in schema else True


def _is_plain_pattern(pattern: str) -> bool:
    if not _PATTERN.fullmatch(pattern):
        return False
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return False
    return True


def _has_only(schema: Schema, words: Mapping[str, type]) -> bool:
    """Tell whether a schema has only `words`, each of its type, beside those of a portal's form."""
    return all(
        str(name).startswith(("ui:", "backstage:"))
        if name not in words
        else isinstance(value, words[name]) and not (words[name] is int and isinstance(value, bool))
        for name, value in schema.items()
    )
