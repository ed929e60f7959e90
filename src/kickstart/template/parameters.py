"""Parameters: what a template asks for, checked as one report.

Types, bounds and coercion of text are Pydantic's, conditions and patterns are JSON Schema's; the
reader sees one list of faults, a parameter once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pydantic import BaseModel, SecretStr, ValidationError

from kickstart import document
from kickstart.errors import Fault, ParameterError, TemplateError
from kickstart.naming import closest
from kickstart.template import conditions, hidden, model, plain

if TYPE_CHECKING:
    import jsonschema_rs

Schema = Mapping[str, Any]


class Given(Struct, frozen=True):
    """A value somebody gave. `source` says where; `text` values are converted to the schema's type.

    filled_in: nobody gave it for this parameter, so that it holds only where the parameter is asked for.
    """

    value: Any
    source: str
    text: bool = False
    filled_in: bool = False


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


class Parameters(Struct, frozen=True):
    """Complete and valid. A secret's value is only in `secrets`; in `values` stand asterisks.

    hidden: the names of values that are not to be written down.
    """

    values: dict[str, Any]
    secrets: dict[str, SecretStr] = {}
    hidden: frozenset[str] = frozenset()
    sources: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class Form:
    """The parameter pages of a template."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self.pages = [conditions.with_references(page) for page in pages]

    @cached_property
    def properties(self) -> dict[str, Property]:
        """Every parameter of every page and branch, in the order in which a reader meets them."""
        found: dict[str, Property] = {}
        settled: set[str] = set()  # what a page itself says of a parameter holds in each of its branches
        for page in self.pages:
            for part in conditions.all_parts(page):
                for name, schema in (part.get("properties") or {}).items():
                    # A bare `const` only says when its branch is active.
                    if isinstance(schema, Mapping) and not (name in found and "const" in schema):
                        known = found.get(name)
                        always = part is page and page.get("when") is None
                        required = always and name in (page.get("required") or [])
                        required = required or bool(known and known.required)
                        if known and name in settled:
                            schema = known.schema
                        elif known and not always:
                            schema = _loosest(known.schema, schema)
                        if always:
                            settled.add(name)
                        title = known.page if known else str(page.get("title") or "")
                        when = known.when if known else page.get("when")
                        found[name] = Property(name, schema, title, required, when)
        for page in self.pages:
            names, title = page.get("required"), str(page.get("title") or "")
            for name in map(str, names if isinstance(names, list) else ()):
                # A portal's form has no field for it, and takes it where somebody gives it.
                found.setdefault(name, Property(name, {}, title, True, page.get("when")))
        return found

    @cached_property
    def sometimes_required(self) -> frozenset[str]:
        """The parameters that are required with some values of others, and not with all."""
        found: set[str] = set()
        for page in self.pages:
            for part in conditions.all_parts(page):
                lists = [part.get("required")]
                for key in ("dependencies", "dependentRequired"):
                    lists += conditions.mapping(part, key).values()
                found.update(name for each in lists if isinstance(each, list) for name in each)
        return frozenset(name for name in found & {*self.properties} if not self.properties[name].required)

    @cached_property
    def _model(self) -> type[BaseModel]:
        schemas = {name: prop.schema for name, prop in self.properties.items()}
        return model.build("Parameters", schemas, closed=False)

    def active(self, page: Schema, values: Mapping[str, Any]) -> dict[str, Property]:
        """Return the parameters of one page that `values` make active, for asking them in turn."""
        found: dict[str, Property] = {}
        for part in conditions.active_parts(page, values):
            required = part.get("required") or []
            for name, schema in (part.get("properties") or {}).items():
                if isinstance(schema, Mapping) and not (name in found and "const" in schema):
                    known = found.get(name)  # what is said later is said in addition, as in a portal's form
                    schema = {**known.schema, **schema} if known else schema
                    is_required = name in required or bool(known and known.required)
                    found[name] = Property(name, schema, str(page.get("title") or ""), is_required)
            for name in required:
                if name in found:
                    known = found[name]
                    found[name] = Property(name, known.schema, known.page, True)
        return found

    def check(self, fault: Callable[[document.Path, str], Fault]) -> None:
        """Raise TemplateError when a page is not a JSON Schema that can be used.

        fault: places a message in the template, as `Source.fault` does.
        """
        pages = [(number, page) for number, page in enumerate(self.pages) if not plain.is_plain(page)]
        if not pages:
            return
        import jsonschema_rs

        faults = []
        for number, page in pages:
            at = ("spec", "parameters", number)
            try:
                conditions.validator(page)
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
                message = getattr(error, "message", None) or str(error).splitlines()[0]
                faults.append(fault((*at, *getattr(error, "instance_path", ())), message))
                continue
            for part in conditions.all_parts(page):
                for name, schema in (part.get("properties") or {}).items():
                    if not isinstance(schema, Mapping | bool):
                        message = "a parameter is described by a mapping"
                        faults.append(fault((*at, "properties", name), message))
        if faults:
            raise TemplateError("the parameters are not a valid JSON Schema", faults=faults)

    def json_schema(self, title: str) -> dict[str, Any]:
        """Return one JSON Schema of all parameters, for editors and other tools."""
        properties = {
            name: {key: value for key, value in prop.schema.items() if not key.startswith("ui:")}
            for name, prop in self.properties.items()
        }
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": title,
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            # The pages carry what one flat list cannot: what is required, and under which condition.
            "allOf": [_without_ui(page) for page in self.pages if page.get("when") is None],
        }

    def unread(self, given: Mapping[str, Given]) -> Iterator[str]:
        """Yield every text that was given and that nobody is to read."""
        for name, item in given.items():
            if name in self.properties and self.properties[name].is_hidden:
                schema = self.properties[name].schema
                value = _from_text(schema, item.value) if item.text else item.value
                yield from (str(each) for _, _, each in hidden.found(schema, value))
                if isinstance(item.value, str):
                    yield item.value

    def convert(self, name: str, text: str) -> Any:
        """Return `text` as the type of the parameter `name`. Raises ValueError with the reason."""
        schema = self.properties[name].schema
        one = model.build("Parameter", {name: schema}, closed=True)
        try:
            typed = one.model_validate({name: _from_text(schema, text)})
        except ValidationError as error:
            raise ValueError(_first(error, schema, {name: _from_text(schema, text)})) from None
        return typed.model_dump(by_alias=True, exclude_unset=True)[name]

    def problem(self, prop: Property, value: Any) -> str | None:
        """Say what is wrong with one answer, or None. For prompts; `resolve` checks everything."""
        one = model.build("Parameter", {prop.name: prop.schema}, closed=True)
        try:
            one.model_validate({prop.name: value}, strict=True)
        except ValidationError as error:
            return _first(error, prop.schema, {prop.name: value})
        found = next(iter(conditions.validator(_plain(prop.schema)).iter_errors(value)), None)
        if found is not None:
            return _said(found, _schema_at(prop.schema, list(found.instance_path)))
        return _address_problem(value) if is_address(prop.schema) and value else None

    def resolve(self, given: Mapping[str, Given]) -> Parameters:
        """Convert, fill in defaults, and check. Raises ParameterError with every fault at once."""
        faults: dict[str, Fault] = {}
        values: dict[str, Any] = {}
        given = self._without_idle(given)
        for name, item in given.items():
            if name not in self.properties:
                said = f"the template has no such parameter{closest(name, self.properties)}"
                whole, _, inside = name.partition(".")
                if inside and whole in self.properties:
                    said = f"is inside of '{whole}', which is given as a whole: {whole}={{{inside}: ...}}"
                faults[name] = Fault(_where(name, given), said)
            elif isinstance(item.value, str) and not _is_utf8(item.value):
                faults[name] = Fault(_where(name, given), "is not UTF-8 text")
            else:
                values[name] = item.value
        values = self._typed(values, given, faults)
        try:
            filled, shown = conditions.settled(self.pages, values)
        except conditions.EndlessDefaultsError as error:
            raise TemplateError(str(error)) from error
        # In the order of the form, as a portal has them, whoever gave which of them first.
        filled = {name: filled[name] for name in self.properties if name in filled} | filled
        self._check_pages(shown, filled, given, faults)
        self._check_addresses(shown, filled, given, faults)
        if faults:
            raise ParameterError(
                "one parameter is wrong" if len(faults) == 1 else f"{len(faults)} parameters are wrong",
                faults=list(faults.values()),
                hint="kickstart template show TEMPLATE lists every parameter",
            )
        return self._split(shown, filled, given)

    def _without_idle(self, given: Mapping[str, Given]) -> Mapping[str, Given]:
        """Leave out what was filled in for parameters that the other values do not make active."""
        filled_in = {name for name, item in given.items() if item.filled_in}
        if not filled_in or not any(
            each.keys() & conditions.CONDITIONS or "when" in each for each in self.pages
        ):
            return given
        chosen = {n: item for n, item in given.items() if n in self.properties and n not in filled_in}
        values = self._typed({name: item.value for name, item in chosen.items()}, chosen, {})
        try:
            filled, shown = conditions.settled(self.pages, values)
        except conditions.EndlessDefaultsError:  # which is said where all are resolved
            return given
        active = {name for page in shown for name in self.active(page, filled)}
        return {name: item for name, item in given.items() if name not in filled_in or name in active}

    def _typed(
        self, values: dict[str, Any], given: Mapping[str, Given], faults: dict[str, Fault]
    ) -> dict[str, Any]:
        """Check the types of what was given; convert what came as text."""
        as_text = {n: _from_text(self.properties[n].schema, v) for n, v in values.items() if given[n].text}
        as_json = {n: v for n, v in values.items() if not given[n].text}
        typed: dict[str, Any] = {}
        for part, strict in ((as_text, False), (as_json, True)):
            wrong: set[str] = set()
            if part:
                try:
                    checked = self._model.model_validate(part, strict=strict)
                except ValidationError as error:
                    for found in error.errors():
                        name = str(found["loc"][0])
                        wrong.add(name)
                        path = _inside(part, found["loc"])
                        message = _sentence(found, _schema_at(self.properties[name].schema, path[1:]))
                        _tell(faults, path or [name], Fault(_where(name, given, path), message))
                    rest = {name: value for name, value in part.items() if name not in wrong}
                    checked = self._model.model_validate(rest, strict=strict)
                dumped = checked.model_dump(by_alias=True, exclude_unset=True)
                typed.update({name: dumped[name] for name in part if name not in wrong})
            # A wrong value stays, so that it is not reported a second time as missing.
            typed.update({name: part[name] for name in wrong})
        return {name: typed[name] for name in values}

    def _check_pages(
        self,
        pages: list[dict[str, Any]],
        values: dict[str, Any],
        given: Mapping[str, Given],
        faults: dict[str, Fault],
    ) -> None:
        for page in pages:
            if plain.accepts(page, values):
                continue
            for path, error in _errors(page, values):
                name = str(path[0]) if path else ""
                own = _schema_at(self.properties[name].schema, path[1:]) if name in self.properties else page
                # Without a path the library's words would show every value, the secret ones too.
                said = _said(error, own) if path else f"the values do not satisfy '{error.kind.name}'"
                said = _page_message(page, path, error.kind.name) or said
                is_default = name in values and name not in given and error.kind.name != "required"
                where = _where(name, given, path) + " (the template's default)" * is_default
                _tell(faults, path, Fault(where, said))
            if not faults and not matches_page(page, values):
                name, said = _misfit(page, values, self.properties)
                title = str(page.get("title") or "this page")
                faults.setdefault(f"page {title}", Fault(_where(name, given) if name else title, said))

    def _check_addresses(
        self,
        pages: list[dict[str, Any]],
        values: Mapping[str, Any],
        given: Mapping[str, Given],
        faults: dict[str, Fault],
    ) -> None:
        """A portal's form refuses the address of a repository that lacks a part, whatever the schema says."""
        if not any(is_address(each.schema) for each in self.properties.values()):
            return
        asked = {name: prop for page in pages for name, prop in self.active(page, values).items()}
        for name, prop in asked.items():
            value = values.get(name)
            if is_address(prop.schema) and isinstance(value, str) and (value or prop.required):
                problem = _address_problem(value)
                if problem:
                    _tell(faults, [name], Fault(_where(name, given), problem))

    def _split(
        self, pages: list[dict[str, Any]], filled: dict[str, Any], given: Mapping[str, Given]
    ) -> Parameters:
        secrets = {}
        for name, prop in self.properties.items():
            for path, schema, value in list(hidden.found(prop.schema, filled.get(name), (name,))):
                if hidden.is_secret(schema) and isinstance(value, str):
                    # As Backstage's form does: asterisks, and of its path the last name alone.
                    secrets[str(next(part for part in reversed(path) if isinstance(part, str)))] = SecretStr(
                        value
                    )
                    _put(filled, path, "*" * len(value))
        active = {name for page in pages for name in self.active(page, filled)}
        notes = tuple(
            f"the parameter '{name}' has no effect with the other values"
            for name in given
            if name not in active
        )
        sources = {name: given[name].source if name in given else "default" for name in filled}
        unread = frozenset(name for name, prop in self.properties.items() if prop.is_hidden)
        return Parameters(filled, secrets, unread, sources, notes)


def _put(values: Any, path: Sequence[str | int], value: Any) -> None:
    *above, last = path
    for part in above:
        values = values[part]
    values[last] = value


def _errors(schema: Schema, value: Any) -> Iterator[tuple[list[str | int], jsonschema_rs.ValidationError]]:
    """Yield what is wrong with a value, and where in it.

    Of an object inside of it with conditions of its own, what the branch lacks that is active: that it fits
    to none of them helps nobody.
    """
    for part in conditions.active_parts(schema, value):
        always = {key: item for key, item in part.items() if key not in conditions.CONDITIONS}
        for error in conditions.validator(_plain(always)).iter_errors(value):
            path = list(error.instance_path)
            if path and isinstance(error.instance, Mapping) and error.kind.name in {"oneOf", "anyOf"}:
                inside = [
                    ([*path, *deeper], each)
                    for deeper, each in _errors(_schema_at(part, path), error.instance)
                ]
                if inside:
                    yield from inside
                    continue
            if error.kind.name == "required":
                path.append(str(getattr(error.kind, "property", "")))
            yield path, error


def is_address(schema: Schema) -> bool:
    """Tell whether a portal's form asks for a repository, as `github.com?owner=acme&repo=shop`."""
    return schema.get("ui:field") == "RepoUrlPicker"


def _address_problem(value: Any) -> str | None:
    from kickstart.template.dialect.host import parse_repo_url  # few forms need it

    try:
        parse_repo_url(value)
    except ValueError as error:
        said = str(error)
        return said if "of the form" in said else f"{said}: it is written HOST?owner=OWNER&repo=NAME"
    return None


def _misfit(page: Schema, values: Mapping[str, Any], known: Mapping[str, Property]) -> tuple[str, str]:
    """Say why values that are valid one by one do not fit together: a parameter, if it is about one.

    known: every parameter, since another page may say that one is not to be shown.
    """
    for error in conditions.validator(_plain(page)).iter_errors(values):
        match [str(part) for part in error.schema_path]:
            case ["dependencies", name, "oneOf" | "anyOf", *_] if name in known and not known[name].is_hidden:
                shown = document_text(values.get(name))
                return name, f"{shown!r} has no branch, or more than one, among the dependencies of '{name}'"
    return "", "the values do not fit together"


def matches_page(page: Schema, values: Mapping[str, Any]) -> bool:
    """Tell whether all `values` together are valid against one page, conditions included."""
    return conditions.matches(_plain(page), values)


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


def _loosest(first: Schema, second: Schema) -> Schema:
    """Keep what two descriptions of one parameter agree on; the first one's words win."""
    words = {"title", "description", "ui:help", "ui:field", "ui:widget", "errorMessage", "default"}
    return {key: value for key, value in first.items() if key in words or second.get(key) == value}


def _plain(schema: Schema) -> Schema:
    """Drop the portal's words, which are not JSON Schema; the conditions keep theirs."""
    return {key: value for key, value in schema.items() if not key.startswith(("ui:", "backstage:"))}


def _without_ui(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_ui(v) for k, v in value.items() if not str(k).startswith(("ui:", "backstage:"))}
    if isinstance(value, list):
        return [_without_ui(item) for item in value]
    return value


def _is_utf8(text: str) -> bool:
    """Tell whether `text` can be written; arguments and variables may hold any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def items_of(schema: Schema) -> Schema:
    """Return what describes each item of a list; nothing where that is not one schema."""
    found = schema.get("items")
    return found if isinstance(found, Mapping) else {}


def _from_text(schema: Schema, text: Any) -> Any:
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
        return [_from_text(items, part) for part in parts] if isinstance(items, Mapping) else parts
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


def _tell(faults: dict[str, Fault], path: Sequence[str | int], fault: Fault) -> None:
    """Add a fault, unless one is told of what it is inside of, or of what is inside of it."""
    key = ".".join(map(str, path))
    if not any(f"{each}.".startswith(f"{key}.") or f"{key}.".startswith(f"{each}.") for each in faults):
        faults[key] = fault


def _schema_at(schema: Schema, path: Sequence[str | int]) -> Schema:
    """Return what describes a part of a value, or the nearest that is described."""
    for part in path:
        inner = (
            items_of(schema) if isinstance(part, int) else conditions.mapping(schema, "properties").get(part)
        )
        if not isinstance(inner, Mapping) or not inner:
            break
        schema = inner
    return schema


def _where(name: str, given: Mapping[str, Given], path: Any = ()) -> str:
    dotted = ".".join(str(part) for part in path) or name
    item = given.get(name)
    return f"{dotted} ({item.source})" if item else dotted


def _inside(value: Any, location: tuple[str | int, ...]) -> list[str | int]:
    """Return the parts of Pydantic's `location` that `value` has, without its names for types."""
    parts: list[str | int] = []
    for part in location:
        is_key = isinstance(value, Mapping) and part in value
        if is_key or (isinstance(value, list) and isinstance(part, int)):
            parts.append(part)
            value = value[part]
    return parts


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


def _first(error: ValidationError, schema: Schema, given: Mapping[str, Any]) -> str:
    """Return the first of Pydantic's errors about one parameter in our words."""
    found = error.errors()[0]
    return _sentence(found, _schema_at(schema, _inside(given, found["loc"])[1:]))


def _sentence(found: Any, schema: Schema) -> str:
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
    if message is None:
        text = str(found["msg"]).removeprefix("Input ").removeprefix("String ").removeprefix("List ")
        message = text.replace("should", "must", 1)
    if kind in {"string_too_long", "too_long"}:
        message = f"is too long: at most {context.get('max_length')} are possible"
    return _own_message(schema, _KEYWORDS.get(kind, "type")) or message


def _said(error: jsonschema_rs.ValidationError, schema: Schema) -> str:
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


def _page_message(page: Schema, path: Sequence[str | int], keyword: str) -> str:
    """Return a page's own words for what is wrong with one of its parameters, or nothing."""
    said = conditions.mapping(conditions.mapping(page, "errorMessage"), "properties")
    if keyword == "required":
        said = conditions.mapping(conditions.mapping(page, "errorMessage"), "required")
    return str(said.get(str(path[0])) or "") if len(path) == 1 else ""


def _own_message(schema: Schema, keyword: str) -> str:
    """Return the template's own words for a fault (`errorMessage` of ajv-errors), or nothing."""
    own = schema.get("errorMessage")
    if isinstance(own, Mapping):
        own = own.get(keyword)
    return own if isinstance(own, str) else ""
