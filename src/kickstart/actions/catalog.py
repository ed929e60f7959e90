"""Actions for a Backstage catalog."""

from __future__ import annotations

import re
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
        entity = {**input.entity, "metadata": {**metadata, "annotations": annotations}}
        if given.engine.is_portal:
            from kickstart.template.dialect import yaml_text

            text = yaml_text.dump(entity)
        else:
            text = document.dump(entity)
        path = normal_path(input.file_path)
        return Promise(tree=given.tree.adding({path: Entry(text.encode())}))


def _mapping(entity: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = entity.get(key) or {}
    if not isinstance(found, Mapping):
        raise InputError(f"the entity's '{key}' must be a mapping")
    return found


class CatalogRegister:
    """Say what a portal would register. kickstart has no catalog, so that nothing is registered."""

    name: ClassVar[str] = "catalog:register"

    class Input(Model):
        """Where the entity is described: by its own URL, or by its repository's and a path."""

        catalog_info_url: str | None = Field(default=None, description="The URL of the description.")
        repo_contents_url: str | None = Field(default=None, description="The URL of the repository's files.")
        catalog_info_path: str = Field(
            default="/catalog-info.yaml", description="The path of the description in the repository."
        )
        optional: bool = Field(default=False, description="The description need not be there.")

    class Output(Model):
        """What a portal would know then."""

        catalog_info_url: str = Field(description="The URL of the description.")
        entity_ref: str = Field(description="The entity, if its description is in the workspace.")

    def promise(self, given: Given, input: Input) -> Promise:
        path = input.catalog_info_path.removeprefix(".").lstrip("/")
        url = input.catalog_info_url
        if not url:
            if not input.repo_contents_url:
                raise InputError("catalogInfoUrl or repoContentsUrl is required")
            url = f"{input.repo_contents_url.rstrip('/')}/{path}"
        entity = _entity(given.tree, path)
        reference = {"entityRef": entity} if entity else {}
        return Promise(
            output={"catalogInfoUrl": url, **reference},
            messages=(f"not registered, since only a portal has a catalog: {url}",),
        )


def _entity(tree: Mapping[str, Entry], path: str) -> str:
    """Return the reference of the first component, or else entity, that is described at `path`."""
    places = [place for place in tree if place == path or place.endswith(f"/{path}")]
    found: list[str] = []
    for place in sorted(places, key=len)[:1]:
        for text in re.split(r"^---", tree[place].content.decode("utf-8", "replace"), flags=re.MULTILINE):
            try:
                entity = document.load(text)
            except document.DocumentError:
                continue
            metadata = entity.get("metadata") if isinstance(entity, Mapping) else None
            if isinstance(metadata, Mapping) and metadata.get("name") and entity.get("kind"):
                namespace = metadata.get("namespace") or "default"
                found.append(f"{entity['kind']}:{namespace}/{metadata['name']}".lower())
    return next((each for each in found if each.startswith("component:")), found[0] if found else "")
