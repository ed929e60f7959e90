"""A form's conditions as a portal reads them: which pages and parts are active, which defaults apply.

The rules are those of Backstage's form (rjsf 5 with `allOf: populateDefaults`): a default may
activate a branch whose defaults activate another, so filling runs to a fixpoint.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kickstart.template.expressions import is_truthy
from kickstart.template.language import EngineError

if TYPE_CHECKING:
    import jsonschema_rs

Schema = Mapping[str, Any]
_MISSING: Any = object()
_MOST_PARTS = 20_000  # of one page after its references are followed
_ROUNDS = 50  # a chain of conditions deeper than this does not end

CONDITIONS = frozenset(
    {"dependencies", "dependentSchemas", "dependentRequired", "allOf", "oneOf", "anyOf", "if", "then", "else"}
)


class EndlessDefaultsError(ValueError):
    """The defaults of a schema keep changing one another."""


def validator(schema: Schema) -> jsonschema_rs.Validator:
    """Compile a draft-07 schema that reaches no network, with regular expressions that end."""
    return _compiled(json.dumps(schema, sort_keys=True, default=str))


@lru_cache(maxsize=1024)
def _compiled(schema: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        {"$schema": "http://json-schema.org/draft-07/schema#", **json.loads(schema)},
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=1_000_000),
    )


def matches(schema: Schema | bool, value: Any) -> bool:
    """Tell whether `value` is valid against `schema`."""
    return schema if isinstance(schema, bool) else bool(validator(schema).is_valid(value))


def with_references(page: Schema) -> dict[str, Any]:
    """Return a page with each `$ref` replaced by the part of the page that it names, as a form reads it.

    One that names nothing, or what it is itself inside of, stays for the validator.
    """
    left = [_MOST_PARTS]  # references to references could multiply

    def replaced(value: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [replaced(item, inside) for item in value]
        if not isinstance(value, Mapping):
            return value
        left[0] -= 1
        name = value.get("$ref")
        if isinstance(name, str) and name not in inside and left[0] > 0:
            part = _part(page, name)
            if isinstance(part, Mapping):
                own = {key: item for key, item in value.items() if key != "$ref"}
                return replaced({**part, **own}, (*inside, name))
        return {key: replaced(item, inside) for key, item in value.items()}

    found: dict[str, Any] = replaced(page, ())
    return found


def _part(page: Schema, pointer: str) -> Any:
    """Return what a JSON pointer of a page itself names, or None."""
    found: Any = page
    start, *names = unquote(pointer).split("/")
    for name in names:
        name = name.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if start == "#" else None


def active_parts(schema: Schema, value: Mapping[str, Any]) -> Iterator[Schema]:
    """Yield `schema` and every conditional part of it that `value` activates, outermost first."""
    yield schema
    for part in _next_parts(schema, value):
        yield from active_parts(part, value)


def all_parts(schema: Schema) -> Iterator[Schema]:
    """Yield `schema` and every conditional part of it, active or not."""
    yield schema
    parts: list[Any] = [schema.get("then"), schema.get("else")]
    for key in ("allOf", "oneOf", "anyOf"):
        parts.extend(schema.get(key) or [])
    for key in ("dependencies", "dependentSchemas"):
        parts.extend(mapping(schema, key).values())
    for part in parts:
        if isinstance(part, Mapping):
            yield from all_parts(part)


def _next_parts(schema: Schema, value: Mapping[str, Any]) -> Iterator[Schema]:
    for key in ("dependencies", "dependentSchemas"):
        for name, part in mapping(schema, key).items():
            if name not in value:
                continue
            if isinstance(part, list):
                yield {"required": part}
            elif isinstance(part, Mapping):
                yield _dependent(part, name, value)
    for name, required in mapping(schema, "dependentRequired").items():
        if name in value and isinstance(required, list):
            yield {"required": required}
    if "if" in schema:
        branch = schema.get("then" if matches(schema["if"], value) else "else")
        if isinstance(branch, Mapping):
            yield branch
    for part in schema.get("allOf") or []:
        if isinstance(part, Mapping):
            yield part
    for key in ("oneOf", "anyOf"):
        options = [part for part in schema.get(key) or [] if isinstance(part, Mapping)]
        if options:
            yield next((part for part in options if matches(part, value)), options[0])


def mapping(schema: Schema, key: str) -> Mapping[str, Any]:
    """Return a keyword's mapping. Keywords younger than draft 7 may hold anything: it checks none of them."""
    found = schema.get(key)
    return found if isinstance(found, Mapping) else {}


def _dependent(part: Schema, name: str, value: Mapping[str, Any]) -> Schema:
    """Replace the `oneOf` of a dependency by its one branch that fits the property depended upon."""
    options = [option for option in part.get("oneOf") or [] if isinstance(option, Mapping)]
    if not options:
        return part
    fitting = [
        option
        for option in options
        if matches({"properties": {name: (option.get("properties") or {}).get(name, True)}}, value)
    ]
    rest = {key: item for key, item in part.items() if key != "oneOf"}
    if len(fitting) != 1:
        return rest
    # What a branch says of the property depended upon chose the branch, and is no part of the form.
    own = {key: item for key, item in mapping(fitting[0], "properties").items() if key != name}
    return {**rest, "allOf": [*(part.get("allOf") or []), {**fitting[0], "properties": own}]}


def shown(pages: list[dict[str, Any]], values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pages that are shown: those without a `when`, and those whose `when` holds.

    A condition does not see what only hidden pages before it ask for.
    """
    visible: set[str] = set()
    hidden: set[str] = set()
    for page in pages:
        seen = {name: value for name, value in values.items() if name not in hidden - visible}
        if _holds(page.get("when"), seen):
            visible |= _names(page)
            yield page
        else:
            hidden |= _names(page)


def _holds(condition: Any, values: Mapping[str, Any]) -> bool:
    """Evaluate a page's `when`. As in a portal, one that cannot be evaluated holds."""
    if isinstance(condition, bool):
        return condition
    if not isinstance(condition, str) or not condition.strip():
        return True
    from kickstart.template.dialect.renderer import Renderer  # few forms need it

    text = condition.strip()
    source = text if text.startswith("${{") else f"${{{{ {text} }}}}"
    try:
        return is_truthy(Renderer({}, {}).evaluate(source, {"parameters": values}))
    except EngineError:
        return True


def _names(page: Schema) -> set[str]:
    return {name for part in all_parts(page) for name in part.get("properties") or {}}


def settled(
    pages: list[dict[str, Any]], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return `given` with every default that applies, and the pages that are shown then.

    What only hidden pages ask for is not among the values. Raises EndlessDefaultsError.
    """
    values: dict[str, Any] = copy.deepcopy(dict(given))
    for _ in range(_ROUNDS):
        before = copy.deepcopy(values)
        # One by one: a page's condition sees the defaults of the pages before it.
        visible = [_filled(page, values) for page in shown(pages, values)]
        if values == before:
            hidden = {name for page in pages if page not in visible for name in _names(page)}
            hidden = hidden.difference(*map(_names, visible))
            return {name: value for name, value in values.items() if name not in hidden}, visible
    raise EndlessDefaultsError("the defaults of the parameters change one another without end")


def _filled(page: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of one page, and return the page."""
    _fill_object(page, values)
    return page


def _fill(schema: Schema, value: Any) -> Any:
    if value is _MISSING:
        if "const" in schema:
            return copy.deepcopy(schema["const"])
        if "default" in schema:
            value = copy.deepcopy(schema["default"])
    kind = schema.get("type")
    if kind == "object" or (kind is None and "properties" in schema):
        filled = _fill_object(schema, {} if value is _MISSING else value)
        return filled if isinstance(filled, dict) else value
    if kind == "array":
        return _fill_array(schema, [] if value is _MISSING else value)
    return value


def _fill_object(schema: Schema, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    for part in list(active_parts(schema, value)):
        for name, property_schema in (part.get("properties") or {}).items():
            if not isinstance(property_schema, Mapping):
                continue
            filled = _fill(property_schema, value.get(name, _MISSING))
            if filled is not _MISSING:
                value[name] = filled
    return value


def _fill_array(schema: Schema, value: Any) -> Any:
    items = schema.get("items")
    if not isinstance(value, list) or not isinstance(items, Mapping):
        return value
    filled = [_fill(items, item) for item in value]
    padding = _fill(items, _MISSING)
    if padding is not _MISSING:
        filled += [copy.deepcopy(padding) for _ in range(int(schema.get("minItems") or 0) - len(filled))]
    return filled
