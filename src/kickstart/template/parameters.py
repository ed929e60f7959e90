"""Parameters: what a template asks for, checked as one report.

Types, bounds and coercion of text are Pydantic's, conditions and patterns are JSON Schema's; the
reader sees one list of faults, a parameter once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, SecretStr, ValidationError

from kickstart import document
from kickstart.errors import Fault, ParameterError, TemplateError
from kickstart.naming import closest
from kickstart.template import conditions, hidden, model, plain
from kickstart.template.faults import (
    Faults,
    errors,
    first_message,
    misfit,
    page_message,
    place_in,
    schema_message,
    type_message,
)
from kickstart.template.property import (
    Property,
    Schema,
    address_problem,
    as_json_schema,
    from_text,
    is_address,
    schema_at,
)


class Given(Struct, frozen=True):
    """A value somebody gave. `source` says where; `text` values are converted to the schema's type.

    filled_in: nobody gave it for this parameter, so that it holds only where the parameter is asked for.
    """

    value: Any
    source: str
    text: bool = False
    filled_in: bool = False


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
                always = part is page and page.get("when") is None
                for name, schema in (part.get("properties") or {}).items():
                    known = found.get(name)
                    # A bare `const` only says when its branch is active.
                    if not isinstance(schema, Mapping) or (known and "const" in schema):
                        continue
                    if known and name in settled:
                        schema = known.schema
                    elif known and not always:
                        schema = _loosest(known.schema, schema)
                    if always:
                        settled.add(name)
                    required = always and name in (page.get("required") or [])
                    if known:
                        required = required or known.required
                        found[name] = Property(name, schema, known.page, required, known.when)
                    else:
                        title = str(page.get("title") or "")
                        found[name] = Property(name, schema, title, required, page.get("when"))
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
                value = from_text(schema, item.value) if item.text else item.value
                yield from (str(each) for _, _, each in hidden.found(schema, value))
                if isinstance(item.value, str):
                    yield item.value

    def convert(self, name: str, text: str) -> Any:
        """Return `text` as the type of the parameter `name`. Raises ValueError with the reason."""
        schema = self.properties[name].schema
        one = model.build("Parameter", {name: schema}, closed=True)
        try:
            typed = one.model_validate({name: from_text(schema, text)})
        except ValidationError as error:
            raise ValueError(first_message(error, schema, {name: from_text(schema, text)})) from None
        return typed.model_dump(by_alias=True, exclude_unset=True)[name]

    def problem(self, prop: Property, value: Any) -> str | None:
        """Say what is wrong with one answer, or None. For prompts; `resolve` checks everything."""
        one = model.build("Parameter", {prop.name: prop.schema}, closed=True)
        try:
            one.model_validate({prop.name: value}, strict=True)
        except ValidationError as error:
            return first_message(error, prop.schema, {prop.name: value})
        found = next(iter(conditions.validator(as_json_schema(prop.schema)).iter_errors(value)), None)
        if found is not None:
            return schema_message(found, schema_at(prop.schema, list(found.instance_path)))
        return address_problem(value) if is_address(prop.schema) and value else None

    def resolve(self, given: Mapping[str, Given]) -> Parameters:
        """Convert, fill in defaults, and check. Raises ParameterError with every fault at once."""
        given = self._without_idle(given)
        faults = Faults({name: item.source for name, item in given.items()})
        values: dict[str, Any] = {}
        for name, item in given.items():
            if name not in self.properties:
                said = f"the template has no such parameter{closest(name, self.properties)}"
                whole, _, inside = name.partition(".")
                if inside and whole in self.properties:
                    said = f"is inside of '{whole}', which is given as a whole: {whole}={{{inside}: ...}}"
                faults.found[name] = Fault(faults.where([name]), said)
            elif isinstance(item.value, str) and not _is_utf8(item.value):
                faults.found[name] = Fault(faults.where([name]), "is not UTF-8 text")
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
        self._check_addresses(shown, filled, faults)
        if faults.found:
            count = len(faults.found)
            raise ParameterError(
                "one parameter is wrong" if count == 1 else f"{count} parameters are wrong",
                faults=list(faults.found.values()),
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
        values = self._typed({name: item.value for name, item in chosen.items()}, chosen, Faults({}))
        try:
            filled, shown = conditions.settled(self.pages, values)
        except conditions.EndlessDefaultsError:  # which is said where all are resolved
            return given
        active = {name for page in shown for name in self.active(page, filled)}
        return {name: item for name, item in given.items() if name not in filled_in or name in active}

    def _typed(self, values: dict[str, Any], given: Mapping[str, Given], faults: Faults) -> dict[str, Any]:
        """Check the types of what was given; convert what came as text."""
        as_text = {n: from_text(self.properties[n].schema, v) for n, v in values.items() if given[n].text}
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
                        path = place_in(part, found["loc"])
                        message = type_message(found, schema_at(self.properties[name].schema, path[1:]))
                        faults.tell(path or [name], message)
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
        faults: Faults,
    ) -> None:
        for page in pages:
            if plain.accepts(page, values):
                continue
            for path, error in errors(page, values):
                name = str(path[0]) if path else ""
                own = schema_at(self.properties[name].schema, path[1:]) if name in self.properties else page
                # Without a path the library's words would show every value, the secret ones too.
                said = (
                    schema_message(error, own) if path else f"the values do not satisfy '{error.kind.name}'"
                )
                said = page_message(page, path, error.kind.name) or said
                is_default = name in values and name not in given and error.kind.name != "required"
                faults.tell(path, said, "the template's default" if is_default else "")
            if not faults.found and not matches_page(page, values):
                name, said = misfit(page, values, self.properties)
                title = str(page.get("title") or "this page")
                faults.found[f"page {title}"] = Fault(faults.where([name]) if name else title, said)

    def _check_addresses(
        self,
        pages: list[dict[str, Any]],
        values: Mapping[str, Any],
        faults: Faults,
    ) -> None:
        """A portal's form refuses the address of a repository that lacks a part, whatever the schema says."""
        if not any(is_address(each.schema) for each in self.properties.values()):
            return
        asked = {name: prop for page in pages for name, prop in self.active(page, values).items()}
        for name, prop in asked.items():
            value = values.get(name)
            if is_address(prop.schema) and isinstance(value, str) and (value or prop.required):
                problem = address_problem(value)
                if problem:
                    faults.tell([name], problem)

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


def matches_page(page: Schema, values: Mapping[str, Any]) -> bool:
    """Tell whether all `values` together are valid against one page, conditions included."""
    return conditions.matches(as_json_schema(page), values)


def _loosest(first: Schema, second: Schema) -> Schema:
    """Keep what two descriptions of one parameter agree on; the first one's words win."""
    words = {"title", "description", "ui:help", "ui:field", "ui:widget", "errorMessage", "default"}
    return {key: value for key, value in first.items() if key in words or second.get(key) == value}


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
