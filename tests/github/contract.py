"""A server's own description of its API, against which every exchange with a fake is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

# What any operation may answer, whether or not its own list says so.
ANYWHERE = {401, 403, 404, 429, 500, 502, 503}


@dataclass
class Contract:
    """Checks exchanges, and remembers what does not fit. checked: how many exchanges it has seen."""

    document: Mapping[str, Any]
    findings: list[str] = field(default_factory=list)
    checked: int = 0
    _validators: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def check(self, operation: str, query: Mapping[str, str], body: Any, status: int, answer: Any) -> None:
        """Check one exchange. operation: a verb and a path of the description."""
        self.checked += 1
        verb, _, path = operation.partition(" ")
        described = self.document["paths"].get(path, {}).get(verb.lower())
        if described is None:
            self.findings.append(f"{operation}: no such operation")
            return
        parameters = {self._resolved(each)["name"] for each in described.get("parameters", [])}
        self.findings += [f"{operation}: no query parameter {name}" for name in query.keys() - parameters]
        self._check_body(operation, described, body)
        self._check_answer(operation, described, status, answer)

    def _check_body(self, operation: str, described: Mapping[str, Any], body: Any) -> None:
        if body is None:
            return
        content = self._resolved(described.get("requestBody", {})).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            self.findings.append(f"{operation}: takes no body")
            return
        properties = self._resolved(schema).get("properties")
        if properties and isinstance(body, Mapping):
            self.findings += [f"{operation}: no field {name}" for name in body.keys() - properties]
        self._validate((operation, "body"), schema, body)

    def _check_answer(self, operation: str, described: Mapping[str, Any], status: int, answer: Any) -> None:
        responses = described["responses"]
        response = responses.get(str(status)) or responses.get("default")
        if response is None:
            if status not in ANYWHERE:
                self.findings.append(f"{operation}: does not answer {status}")
            return
        content = self._resolved(response).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None and answer is not None and status < 400:
            self.findings.append(f"{operation}: answers {status} without a body")
        if schema is not None:
            self._validate((operation, str(status)), schema, answer)

    def _validate(self, key: tuple[str, ...], schema: Any, value: Any) -> None:
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(self._whole(schema))
        for error in self._validators[key].iter_errors(value):
            at = "/".join(map(str, error.instance_path))
            self.findings.append(f"{' '.join(key)}: {at}: {error.message[:200]}")

    def _whole(self, schema: Any) -> dict[str, Any]:
        """Return a schema with all that it refers to, as JSON Schema says `nullable`."""
        definitions: dict[str, Any] = {}

        def convert(node: Any) -> Any:
            if isinstance(node, list):
                return [convert(each) for each in node]
            if not isinstance(node, dict):
                return node
            if "$ref" in node:
                name = node["$ref"].rpartition("/")[2]
                if name not in definitions:
                    definitions[name] = None  # a schema may refer to itself
                    definitions[name] = convert(self.document["components"]["schemas"][name])
                return {"$ref": f"#/$defs/{name}"}
            # `properties` of that name are nodes like any other: only a schema's own are dropped.
            made = {key: convert(value) for key, value in node.items() if key not in {"example", "examples"}}
            if node.get("nullable") is True:
                made.pop("nullable")
                return {"anyOf": [made, {"type": "null"}]}
            return made

        return {**convert(schema), "$defs": definitions}

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


@cache
def document(file: Path) -> Mapping[str, Any]:
    """Return a description."""
    loaded: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded
