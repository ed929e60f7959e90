"""The kinds that Kubernetes itself has, by version.

`scripts/schemas.py` packs them from Kubernetes' OpenAPI descriptions (Apache License 2.0).
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Iterator
from functools import cached_property
from importlib.resources import files
from typing import Any

_PREFIX = "#/$defs/"

# Kubernetes' own objects are in these groups and in those without a dot; other groups under k8s.io,
# such as gateway.networking.k8s.io, belong to projects that bring their own definitions.
_GROUPS = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)


def is_builtin(api_version: str) -> bool:
    """Tell whether a group is one that Kubernetes itself serves."""
    group, slash, _ = api_version.rpartition("/")
    return not slash or "." not in group or group in _GROUPS


class Builtin:
    """The schemas of Kubernetes' own kinds."""

    @cached_property
    def _packed(self) -> dict[str, Any]:
        content = (files("kickstart.checks") / "builtin.json.xz").read_bytes()
        packed: dict[str, Any] = json.loads(lzma.decompress(content))
        return packed

    @property
    def versions(self) -> list[str]:
        """The versions of Kubernetes that are known, the oldest first, as `1.30`."""
        return list(self._packed["versions"])

    def kinds(self, version: str) -> Collection[tuple[str, str]]:
        """Return every apiVersion and kind of a version of Kubernetes."""
        return self._names[version].keys()

    def schema(self, version: str, api_version: str, kind: str) -> dict[str, Any]:
        """Return the strict JSON Schema of a kind, with all it refers to."""
        return self.definition(version, self._names[version][api_version, kind])

    def definition(self, version: str, name: str) -> dict[str, Any]:
        """Return the strict JSON Schema of a definition by its name, with all it refers to."""
        wanted = [name]
        found: dict[str, Any] = {}
        while wanted:
            each = wanted.pop()
            if each not in found:
                found[each] = self._definition(version, each)
                wanted += _references(found[each])
        return {"$ref": _PREFIX + name, "$defs": found}

    def _definition(self, version: str, name: str) -> Any:
        return self._packed["definitions"][self._packed["versions"][version][name]]

    @cached_property
    def _names(self) -> dict[str, dict[tuple[str, str], str]]:
        found: dict[str, dict[tuple[str, str], str]] = {}
        for version, names in self._packed["versions"].items():
            found[version] = {}
            for name in names:
                for each in self._definition(version, name).get("x-kubernetes-group-version-kind", ()):
                    api = "/".join(filter(None, (each["group"], each["version"])))
                    # DeleteOptions stands in every group; it is no object.
                    found[version].setdefault((api, each["kind"]), name)
        return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.removeprefix(_PREFIX)
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)
