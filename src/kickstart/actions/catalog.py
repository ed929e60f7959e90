"""Actions for a Backstage catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from kickstart import document
from kickstart.actions.base import Given, InputError, Model, Promise
from kickstart.tree import Entry, normal_path


class _Nothing(Model):
    """No output."""


class CatalogWrite:
    """Write a catalog entity into the workspace."""

    name: ClassVar[str] = "catalog:write"

    class Input(Model):
        """What to write, to where."""

        file_path: str = Field(default="catalog-info.yaml", description="The file of the workspace.")
        entity: dict[str, Any] = Field(description="The entity, as Backstage's catalog takes it.")

    Output: ClassVar[type[Model]] = _Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        metadata = _mapping(input.entity, "metadata")
        # As a portal does, so that the catalog can tell which template made a component.
        origin = {"backstage.io/source-template": f"template:default/{given.source.name}"}
        annotations = {**_mapping(metadata, "annotations"), **origin}
        text = document.dump({**input.entity, "metadata": {**metadata, "annotations": annotations}})
        path = normal_path(input.file_path)
        return Promise(tree=given.tree.adding({path: Entry(text.encode())}))


def _mapping(entity: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = entity.get(key) or {}
    if not isinstance(found, Mapping):
        raise InputError(f"the entity's '{key}' must be a mapping")
    return found
