"""Actions for a Backstage catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from kickstart import document
from kickstart.actions.base import Change, Effect, Given, InputError, Inspection, Model, Nothing, Promise
from kickstart.errors import KickstartError
from kickstart.tools import Portal, Tools
from kickstart.tree import Entry, Tree, normal_path

_PAGE = re.compile(r"^(https?://[^/]+/[^/]+/[^/]+)/(?:blob|edit)/")


class CatalogWrite:
    """Write a catalog entity into the workspace."""

    name: ClassVar[str] = "catalog:write"

    class Input(Model):
        """What to write, to where."""

        file_path: str = Field(default="catalog-info.yaml", description="The file of the workspace.")
        entity: dict[str, Any] = Field(description="The entity, as Backstage's catalog takes it.")

    Output: ClassVar[type[Model]] = Nothing

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


LOCATION = "catalog location "  # how the target of a registration begins, in a journal too


class CatalogRegister:
    """Register what a file describes in the catalog of the portal that is configured.

    Without a portal, and for files on a local forge, nothing is registered, and the plan says so. A link
    of the template's output to such an entity is left out.
    """

    name: ClassVar[str] = "catalog:register"

    class Input(Model):
        """Where the entity is described: by its own URL, or by its repository's and a path."""

        catalog_info_url: str | None = Field(default=None, description="The URL of the description.")
        repo_contents_url: str | None = Field(default=None, description="The URL of the repository's files.")
        catalog_info_path: str = Field(
            default="/catalog-info.yaml", description="The path of the description in the repository."
        )
        optional: bool = Field(
            default=False, description="Go on, with a note, when the portal cannot register it."
        )

    class Output(Model):
        """Known before anything is registered."""

        catalog_info_url: str = Field(description="The URL of the description.")
        entity_ref: str = Field(description="The entity, if its description is in the workspace.")

    def promise(self, given: Given, input: Input) -> Promise:
        path = input.catalog_info_path.removeprefix(".").lstrip("/")
        url = input.catalog_info_url
        if not url:
            if not input.repo_contents_url:
                raise InputError("catalogInfoUrl or repoContentsUrl is required")
            url = f"{input.repo_contents_url.rstrip('/')}/{path}"
        tree, inside = _place(given, url, path)
        if not input.catalog_info_url:
            # A portal's catalog knows a file of GitHub's by this one of its addresses.
            url = _PAGE.sub(r"\1/tree/", url)
        entity = _reference(_described(tree, inside))
        output = {"catalogInfoUrl": url, **({"entityRef": entity} if entity else {})}
        nowhere = (entity,) if entity else ()
        if given.portal is None:
            note = f"not registered, since no portal is configured: {url}"
            return Promise(output, notes=(note,), nowhere=nowhere)
        if not url.startswith(("https://", "http://")):
            note = f"not registered, since no portal could read it: {url}"
            return Promise(output, notes=(note,), nowhere=nowhere)
        return Promise(output, effect=Register(url, entity, given.portal.name, input.optional))


@dataclass(frozen=True, slots=True)
class Register(Effect):
    """Has a portal read a description from now on. entity: the one that was promised, if one was."""

    url: str
    entity: str
    portal: str
    optional: bool

    @property
    def target(self) -> str:
        return f"{LOCATION}{self.url}"

    @property
    def texts(self) -> Mapping[str, str]:
        return {"catalogInfoUrl": self.url}

    def inspect(self, tools: Tools) -> Inspection:
        if self.url in _portal(tools).locations():
            return Inspection(Change.NONE)
        return Inspection(Change.CREATE, f"on {self.portal}")

    def apply(self, tools: Tools) -> Mapping[str, str]:
        try:
            found = _reference(_portal(tools).register(self.url))
        except KickstartError as error:
            if not self.optional:
                raise
            return {"note": f"{self.url} is not registered: {error.message}"}
        if self.entity and found != self.entity:
            return {"entityRef": found, "note": f"{self.portal} knows {self.entity} as {found}"}
        return {"entityRef": found}


@dataclass(frozen=True, slots=True)
class Unregister(Effect):
    """Has a portal forget the descriptions that are in some repositories.

    repositories: the addresses of their pages; of repositories that are proven ours, and no others.
    """

    repositories: tuple[str, ...]
    portal: str

    @property
    def target(self) -> str:
        return f"catalog of {self.portal}"

    def inspect(self, tools: Tools) -> Inspection:
        found = self._found(tools)
        if not found:
            return Inspection(Change.NONE, "has none of it")
        return Inspection(Change.DELETE, ", ".join(found))

    def apply(self, tools: Tools) -> Mapping[str, str]:
        for location in self._found(tools).values():
            _portal(tools).unregister(location)
        return {}

    def _found(self, tools: Tools) -> dict[str, str]:
        below = tuple(f"{each.lower()}/" for each in self.repositories)
        return {
            url: location
            for url, location in _portal(tools).locations().items()
            if url.lower().startswith(below)
        }


class CatalogFetch:
    """Read entities from the catalog of the portal that is configured.

    They are read while the plan is made, so that a dry run reads them too. Without a portal the step
    is left to one, as those are whose action kickstart does not have; with `optional: true` it finds
    nothing, as in a portal that has no such entity, and the plan says so.
    """

    name: ClassVar[str] = "catalog:fetch"

    class Input(Model):
        """One entity, or several: each as `[KIND:][NAMESPACE/]NAME`."""

        entity_ref: str | None = Field(default=None, description="The entity.")
        entity_refs: list[str] | None = Field(default=None, description="The entities.")
        optional: bool = Field(default=False, description="They need not be there; null stands for one.")
        default_kind: str | None = Field(default=None, description="The kind, where none is named.")
        default_namespace: str | None = Field(
            default=None, description="The namespace, where none is named; `default` by default."
        )

    class Output(Model):
        """As the catalog has them."""

        entity: dict[str, Any] | None = Field(description="What `entityRef` refers to.")
        entities: list[dict[str, Any] | None] = Field(description="What `entityRefs` refer to, in order.")

    @staticmethod
    def needs_portal(input: Mapping[str, Any]) -> bool:
        """Tell whether a step is nothing without a portal. input: as the template has it."""
        return input.get("optional") is not True

    def promise(self, given: Given, input: Input) -> Promise:
        if not input.entity_ref and input.entity_refs is None:
            if input.optional:
                return Promise()
            raise InputError("entityRef or entityRefs is required")
        single = [input.entity_ref] if input.entity_ref else []
        asked = [*single, *(input.entity_refs or [])]
        references = [_complete(each, input) for each in asked]
        shown = ", ".join(asked) or "nothing"
        found: list[Mapping[str, Any] | None] = [None] * len(asked)
        if given.portal is not None:
            found = given.portal.entities(references) if asked else []
            absent = [reference for reference, entity in zip(asked, found, strict=True) if entity is None]
            if absent and not input.optional:
                raise InputError(f"{given.portal.name} has no entity {', '.join(absent)}")
        elif not input.optional:
            raise InputError("no portal is configured: export KICKSTART_PORTAL_URL")
        output: dict[str, Any] = {"entity": found[0]} if single else {}
        if input.entity_refs is not None:
            output["entities"] = found[len(single) :]
        if given.portal is not None:
            return Promise(output, messages=(f"read from {given.portal.name}: {shown}",))
        why = "since none is configured: KICKSTART_PORTAL_URL"
        return Promise(output, notes=(f"planned as in a portal that has no {shown}, {why}",), is_guess=True)


def _complete(reference: str, input: CatalogFetch.Input) -> str:
    """Return a reference as a catalog compares them. Raises InputError."""
    from kickstart.template.dialect.host import parse_entity_ref

    defaults = {"defaultKind": input.default_kind, "defaultNamespace": input.default_namespace}
    try:
        parts = parse_entity_ref(reference, defaults)
    except ValueError as error:
        raise InputError(str(error)) from error
    return f"{parts['kind']}:{parts['namespace']}/{parts['name']}".lower()


def _portal(tools: Tools) -> Portal:
    if tools.portal is None:
        raise AssertionError("nothing is registered where the plan knew of no portal")
    return tools.portal


def _place(given: Given, url: str, path: str) -> tuple[Tree, str]:
    """Return where a description is: in a repository that is published, else somewhere in the workspace."""
    for contents, tree in given.published.items():
        if url.startswith(f"{contents.rstrip('/')}/"):
            return tree, url[len(contents) :].lstrip("/")
    return given.tree, path


def _described(tree: Mapping[str, Entry], path: str) -> list[Mapping[str, Any]]:
    """Return the entities that are described at `path`."""
    places = [place for place in tree if place == path or place.endswith(f"/{path}")]
    found: list[Mapping[str, Any]] = []
    for place in sorted(places, key=len)[:1]:
        for text in re.split(r"^---", tree[place].content.decode("utf-8", "replace"), flags=re.MULTILINE):
            try:
                entity = document.load(text)
            except document.DocumentError:
                continue
            metadata = entity.get("metadata") if isinstance(entity, Mapping) else None
            if isinstance(metadata, Mapping) and metadata.get("name") and entity.get("kind"):
                found.append(entity)
    return found


def _reference(entities: Sequence[Mapping[str, Any]]) -> str:
    """Return the one that a portal would name: the first component, else the first that somebody wrote."""
    written = [each for each in entities if not str(each["metadata"]["name"]).startswith("generated-")]
    components = [each for each in written if each["kind"] == "Component"]
    for each in (*components, *written, *entities):
        metadata = each["metadata"]
        return f"{each['kind']}:{metadata.get('namespace') or 'default'}/{metadata['name']}".lower()
    return ""
