"""Strict schemas: what an API server refuses when it is asked to validate fields strictly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

from msgspec import Struct

from kickstart.checks.builtin import Builtin, is_builtin
from kickstart.checks.manifest import Manifest, Path, documents, load, mapping, mappings

FORMAT = "2"  # of what is kept in a store: another number, and everything is converted again

_KEPT = frozenset(
    {
        *("enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"),
        *("uniqueItems", "minProperties", "maxProperties", "required", "multipleOf"),
    }
)
_MOST_SAID = 3  # definitions that cannot be used
_COMBINED = ("allOf", "anyOf", "oneOf")
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Location(Protocol):
    """Where definitions of custom kinds lie."""

    def files(self) -> Mapping[str, bytes]:
        """Return all files by name, where the location can list them."""
        ...

    def kinds(self) -> Iterable[tuple[str, str]]:
        """Return apiVersion and kind of what it is known to have, where it cannot list files."""
        ...

    def fetch(self, group: str, version: str, kind: str, accepts: Callable[[bytes], bool]) -> bytes | None:
        """Return the file that defines a kind, where the location is asked for one kind at a time.

        accepts: tells whether a file holds any definition.
        """
        ...

    def trouble(self) -> str:
        """Return why the location could not be asked; "" where it could."""
        ...


class Store(Protocol):
    """Keeps what was converted, for the next run."""

    def get(self, key: str) -> Any:
        """Return what was put under `key`, or None."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value."""
        ...


class Definition(Struct, frozen=True):
    """One version of a custom kind. `key` is where its schema is kept."""

    api_version: str
    kind: str
    served: bool
    deprecated: str  # what the definition says of it; "" where it is not deprecated
    key: str


class Problem(Struct, frozen=True):
    """What a schema refuses. `rule` is one of ours."""

    rule: str
    path: Path
    message: str


class Unknown(Struct, frozen=True):
    """A kind that nothing is known of: its objects are not checked."""

    reason: str


class Schemas:
    """The schemas of all kinds, Kubernetes' own and custom ones."""

    def __init__(self, locations: Sequence[Location], store: Store) -> None:
        self.builtin = Builtin()
        self._locations = locations
        self._store = store
        self._asked: dict[tuple[str, str], Definition | None] = {}
        self._contents: dict[str, tuple[bytes, tuple[str, str] | None]] = {}
        self._converted: dict[str, dict[str, Any]] = {}
        self._left: list[str] = []  # why definitions cannot be used
        self._loaded: dict[str, dict[str, Any]] = {}
        self._validators: dict[tuple[str, ...], Any] = {}

    def kinds(self) -> set[tuple[str, str]]:
        """Return apiVersion and kind of every custom kind that is known without asking for it."""
        named = {key for location in self._locations for key in location.kinds()}
        return named | {key for key, each in self._listed.items() if each.served}

    def problems(self, manifest: Manifest, version: str) -> list[Problem] | Unknown:
        """Return what version `version` of Kubernetes would refuse."""
        if is_builtin(manifest.api_version):
            return self._builtin_problems(manifest, version)
        definition = self.definition(manifest.api_version, manifest.kind)
        if definition is None:
            return self._unknown(manifest)
        if not definition.served:
            served = sorted(
                api
                for api, kind in self.kinds()
                if kind == manifest.kind and api.partition("/")[0] == manifest.group
            )
            now = f"; what is served is {', '.join(served)}" if served else ""
            return [
                Problem(
                    "schema/not-served",
                    ("apiVersion",),
                    f"{manifest.api_version} of {manifest.kind} is not served{now}",
                )
            ]
        found = self._validated((definition.key,), lambda: self._loaded_at(definition)["schema"], manifest)
        if definition.deprecated and not isinstance(found, Unknown):
            found.append(Problem("schema/deprecated", ("apiVersion",), definition.deprecated))
        return found

    def rules(self, manifest: Manifest) -> dict[str, Any]:
        """Return the tree of CEL rules and defaults of a manifest's kind; {} where there are none."""
        if is_builtin(manifest.api_version):
            return {}
        definition = self.definition(manifest.api_version, manifest.kind)
        return self._loaded_at(definition)["rules"] if definition and definition.served else {}

    def definition(self, api_version: str, kind: str) -> Definition | None:
        """Return the definition of a custom kind; the first location that has it counts."""
        key = (api_version, kind)
        if key in self._listed:
            return self._listed[key]
        if key not in self._asked:
            self._asked[key] = None
            group, _, version = api_version.rpartition("/")
            for location in self._locations:
                content = location.fetch(
                    group, version, kind, lambda file: bool(self._definitions(file, key))
                )
                for each in self._definitions(content, key) if content else ():
                    self._asked.setdefault((each.api_version, each.kind), each)
                    if (each.api_version, each.kind) == key:
                        self._asked[key] = each
                if self._asked[key]:
                    break
        return self._asked[key]

    @cached_property
    def _listed(self) -> dict[tuple[str, str], Definition]:
        found: dict[tuple[str, str], Definition] = {}
        for location in self._locations:
            for _, content in sorted(location.files().items()):
                for each in self._definitions(content, None):
                    found.setdefault((each.api_version, each.kind), each)
        return found

    def _builtin_problems(self, manifest: Manifest, version: str) -> list[Problem] | Unknown:
        api, kind = manifest.api_version, manifest.kind
        if (api, kind) in self.builtin.kinds(version):
            schema = partial(self.builtin.schema, version, api, kind)
            return self._validated((version, api, kind), schema, manifest)
        served = sorted(
            each
            for each, name in self.builtin.kinds(version)
            if name == kind and each.rpartition("/")[0] == manifest.group
        )
        now = f"; it serves {', '.join(served)}" if served else ""
        text = f"Kubernetes {version} has no {kind} in {api}{now}"
        return [Problem("schema/removed", ("apiVersion",), text)]

    def _unknown(self, manifest: Manifest) -> list[Problem] | Unknown:
        found = [*self._listed.values(), *filter(None, self._asked.values())]
        versions = sorted(
            {
                each.api_version
                for each in found
                if each.kind == manifest.kind and each.api_version.rpartition("/")[0] == manifest.group
            }
        )
        if versions:
            text = f"{manifest.kind} has no version {manifest.api_version}; there is {', '.join(versions)}"
            return [Problem("schema/not-served", ("apiVersion",), text)]
        troubles = filter(None, (each.trouble() for each in self._locations))
        said = "; ".join([*troubles, *dict.fromkeys(self._left[:_MOST_SAID])])
        return Unknown(f"its definition was not found{f' ({said})' if said else ''}")

    def _validated(
        self, key: tuple[str, ...], schema: Callable[[], dict[str, Any]], manifest: Manifest
    ) -> list[Problem] | Unknown:
        if key not in self._validators:
            import jsonschema_rs

            try:
                self._validators[key] = jsonschema_rs.validator_for(schema())
            except (ValueError, TypeError) as error:
                self._validators[key] = Unknown(
                    f"its schema cannot be read: {str(error).splitlines()[0][:200]}"
                )
        validator = self._validators[key]
        if isinstance(validator, Unknown):
            return validator
        return [
            problem
            for error in validator.iter_errors(manifest.value)
            for problem in _problems(tuple(error.instance_path), error.message)
        ]

    def _loaded_at(self, definition: Definition) -> dict[str, Any]:
        if definition.key not in self._loaded:
            found = self._store.get(definition.key) or self._convert(definition.key)
            self._loaded[definition.key] = found
            schema = found["schema"]
            metadata = self.builtin.definition(self.builtin.versions[-1], _METADATA)
            schema["$defs"] = metadata["$defs"]
            schema.setdefault("properties", {})["metadata"] = {"$ref": metadata["$ref"]}
        return self._loaded[definition.key]

    def _definitions(self, content: bytes, asked: tuple[str, str] | None) -> list[Definition]:
        """Return the definitions in a file, and keep their schemas.

        asked: what a file that is a bare JSON Schema describes.
        """
        digest = hashlib.sha256(content).hexdigest()
        key = f"{FORMAT}-{digest}" + (f"-{'-'.join(asked).replace('/', '_')}" if asked else "")
        listed = self._store.get(key)
        if listed is None:
            listed = []
            left: list[str] = []
            for number, (each, converted) in enumerate(_read(content, asked, left)):
                self._converted[f"{key}-{number}"] = converted
                self._store.put(f"{key}-{number}", converted)
                listed.append([*each, f"{key}-{number}"])
            if not left:  # else the next run shall say it too
                self._store.put(key, listed)
            self._left += left
        self._contents[key] = (content, asked)
        return [Definition(*each) for each in listed]

    def _convert(self, key: str) -> dict[str, Any]:
        """Convert a definition whose result the store did not keep."""
        if key not in self._converted:
            whole, _, number = key.rpartition("-")
            _, self._converted[key] = list(_read(*self._contents[whole], []))[int(number)]
            self._store.put(key, self._converted[key])
        return self._converted[key]


_Described = tuple[tuple[str, str, bool, str], dict[str, Any]]  # of `Definition`, and what it converts to


def _read(content: bytes, asked: tuple[str, str] | None, left: list[str]) -> Iterator[_Described]:
    """Yield what the definitions in a file describe. left: takes why one of them cannot be used."""
    for document in _documents(content):
        try:
            yield from list(_described(document, asked))
        except Exception as error:  # of a field that is missing, or of another type than it must have
            name = mapping(document.get("metadata")).get("name") or (asked or ("", "a kind"))[1]
            said = f"has no {error}" if isinstance(error, KeyError) else f"cannot be used: {error}"
            left.append(f"the definition of {name} {said}"[:200])


def _described(document: dict[str, Any], asked: tuple[str, str] | None) -> Iterator[_Described]:
    if document.get("kind") == "CustomResourceDefinition":
        spec = document.get("spec") or {}
        for version in spec.get("versions") or ():
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            if schema:
                api, kind = f"{spec['group']}/{version['name']}", str(spec["names"]["kind"])
                yield (api, kind, bool(version.get("served")), _deprecation(version, api)), _converted(schema)
    elif asked and "properties" in document and "apiVersion" not in document:
        yield (*asked, True, ""), _converted(document)


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": strict(schema), "rules": rules(schema)}


def _documents(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the mappings that a file of JSON or YAML holds; nothing, where it is neither."""
    try:
        found = [json.loads(content)]  # YAML reads most of JSON as well, and takes far longer
    except (ValueError, RecursionError):
        try:
            found = [load(part) for _, part in documents(content.decode("utf-8"))]
        except ValueError:
            return
    yield from mappings(found)


def _deprecation(version: Mapping[str, Any], api: str) -> str:
    if not version.get("deprecated"):
        return ""
    return str(version.get("deprecationWarning") or f"{api} is deprecated")


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn the structural OpenAPI schema of a custom kind into a JSON Schema that refuses unknown fields."""
    converted = _strict(schema, closed=True)
    converted.setdefault("properties", {}).update(
        {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}, "status": {}}
    )
    return converted


def _strict(schema: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    """closed: not inside allOf, anyOf, oneOf and not, which describe only a part of a value."""
    made = {key: value for key, value in schema.items() if key in _KEPT}
    if isinstance(made.get("pattern"), str):
        made["pattern"] = _pattern(made["pattern"])
    for bound in ("minimum", "maximum"):
        name = f"exclusive{bound.capitalize()}"
        if schema.get(name) is True and bound in made:  # as OpenAPI 3.0 writes it
            made[name] = made.pop(bound)
        elif name in schema and not isinstance(schema[name], bool):
            made[name] = schema[name]
    if schema.get("x-kubernetes-int-or-string"):
        pattern = made.pop("pattern", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string", **({"pattern": pattern} if pattern else {})}]
    else:
        made |= {
            key: [_strict(each, closed=False) for each in schema[key]] for key in _COMBINED if key in schema
        }
        if "type" in schema:
            made["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if schema.get("nullable") and "enum" in made:
        made["enum"] = [*made["enum"], None]
    if "not" in schema:
        made["not"] = _strict(schema["not"], closed=False)
    if isinstance(schema.get("items"), dict):
        made["items"] = _strict(schema["items"], closed=closed)
    _add_properties(made, schema, closed)
    return made


def _add_properties(made: dict[str, Any], schema: dict[str, Any], closed: bool) -> None:
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        made["additionalProperties"] = _strict(more, closed=closed)
    elif isinstance(more, bool):
        made["additionalProperties"] = more
    if "properties" not in schema:
        return
    made["properties"] = {name: _strict(each, closed=closed) for name, each in schema["properties"].items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or more is not None
    if closed and not is_open:
        made["additionalProperties"] = False
        if schema.get("x-kubernetes-embedded-resource"):
            made["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}


def _pattern(pattern: str) -> str:
    """Put Go's `(?i)` where other engines want it: in front."""
    return f"(?i){pattern.replace('(?i)', '')}" if pattern.startswith("^(?i)") else pattern


def rules(schema: dict[str, Any]) -> dict[str, Any]:
    """Return only what CEL rules need of a schema: the rules, and the defaults that they see."""
    made: dict[str, Any] = {}
    if "default" in schema:
        made["default"] = schema["default"]
    if schema.get("x-kubernetes-validations"):
        made["rules"] = schema["x-kubernetes-validations"]
    properties = {name: rules(each) for name, each in (schema.get("properties") or {}).items()}
    if any(properties.values()):
        made["properties"] = {name: each for name, each in properties.items() if each}
    for key, name in (("items", "items"), ("additionalProperties", "additional")):
        if isinstance(schema.get(key), dict) and (each := rules(schema[key])):
            made[name] = each
    return made


_UNKNOWN = re.compile(r"^Additional properties are not allowed \((.*) (?:was|were) unexpected\)$", re.S)
_NAME = re.compile(r"'((?:[^'\\]|\\.)*)'")
_MISSING = re.compile(r'^"(.*)" is a required property$')


def _problems(path: Path, message: str) -> Iterator[Problem]:
    """Say it in the reader's words, each unknown field at its own place."""
    if found := _UNKNOWN.match(message):
        for name in _NAME.findall(found[1]):
            yield Problem("schema/invalid", (*path, name), f"there is no field '{name}' here")
    elif found := _MISSING.match(message):
        yield Problem("schema/invalid", path, f"the field '{found[1]}' is missing")
    else:
        yield Problem("schema/invalid", path, _shortened(message))


def _shortened(message: str) -> str:
    return message if len(message) < 300 else f"{message[:140]} ... {message[-140:]}"
