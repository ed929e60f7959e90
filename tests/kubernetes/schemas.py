"""Strict schemas of custom resources: what the API server's strict field validation would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

_KEPT = frozenset(
    {
        *("enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"),
        *("uniqueItems", "minProperties", "maxProperties", "required", "multipleOf"),
    }
)


class CustomResources:
    """The CustomResourceDefinitions below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _versions(self) -> dict[tuple[str, str], tuple[bool, dict[str, Any]]]:
        """(apiVersion, kind) -> (served, OpenAPI schema)."""
        found = {}
        for file in sorted(self._folder.rglob("*.yaml")):
            for document in yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader):
                spec = document["spec"]
                for version in spec["versions"]:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    found[key] = (version["served"], version["schema"]["openAPIV3Schema"])
        return found

    def knows(self, manifest: dict[str, Any]) -> bool:
        """Tell whether the group of a manifest is one of these."""
        group = str(manifest["apiVersion"]).partition("/")[0]
        return any(api.partition("/")[0] == group for api, _ in self._versions)

    def problems(self, manifest: dict[str, Any]) -> list[str]:
        """Return what an API server would refuse, as `path: reason`."""
        key = (str(manifest["apiVersion"]), str(manifest["kind"]))
        if key not in self._versions:
            return [f"there is no {key[1]} in {key[0]}"]
        served, schema = self._versions[key]
        if not served:
            return [f"{key[0]} of {key[1]} is not served"]
        errors = self._validator(key, schema).iter_errors(manifest)
        return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in errors]

    def _validator(self, key: tuple[str, str], schema: dict[str, Any]) -> jsonschema_rs.Validator:
        if key not in self._compiled:
            strict = _strict(schema)
            strict["properties"] |= {
                "apiVersion": {},
                "kind": {},
                "metadata": {"type": "object"},
                "status": {},
            }
            self._compiled[key] = jsonschema_rs.validator_for(strict)
        return self._compiled[key]

    @cached_property
    def _compiled(self) -> dict[tuple[str, str], jsonschema_rs.Validator]:
        return {}


def _strict(schema: dict[str, Any], *, closed: bool = True) -> dict[str, Any]:
    """Turn a structural OpenAPI schema into a JSON Schema that refuses unknown fields.

    closed: not inside allOf, anyOf, oneOf and not, which describe only a part of a value.
    """
    strict = {key: value for key, value in schema.items() if key in _KEPT}
    if "(?i)" in str(strict.get("pattern", "")):
        del strict["pattern"]  # Go's syntax; one pattern of PrometheusRule has it
    if schema.get("x-kubernetes-int-or-string"):
        pattern = strict.pop("pattern", None)
        text = {"type": "string", **({"pattern": pattern} if pattern else {})}
        strict["anyOf"] = [{"type": "integer"}, text]
    else:
        for key in ("allOf", "anyOf", "oneOf"):
            if key in schema:
                strict[key] = [_strict(part, closed=False) for part in schema[key]]
        if "type" in schema:
            strict["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if "not" in schema:
        strict["not"] = _strict(schema["not"], closed=False)
    if "items" in schema:
        strict["items"] = _strict(schema["items"], closed=closed)
    _add_properties(strict, schema, closed)
    return strict


def _add_properties(strict: dict[str, Any], schema: dict[str, Any], closed: bool) -> None:
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        strict["additionalProperties"] = _strict(more, closed=closed)
    elif isinstance(more, bool):
        strict["additionalProperties"] = more
    if "properties" in schema:
        strict["properties"] = {
            name: _strict(part, closed=closed) for name, part in schema["properties"].items()
        }
        is_open = schema.get("x-kubernetes-preserve-unknown-fields") or more is not None
        if closed and not is_open and not schema.get("x-kubernetes-embedded-resource"):
            strict["additionalProperties"] = False


def manifests(text: str) -> Iterator[dict[str, Any]]:
    """Yield the manifests of a rendered chart or a file."""
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if document:
            yield document
