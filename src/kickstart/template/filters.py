"""Filters that every `${{ }}` has besides Jinja2's: Backstage's own, and those of plug-ins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

ENTRY_POINTS = "kickstart.filters"

Filters = Mapping[str, Callable[..., Any]]


def plugged_in() -> Filters:
    """Return the filters that installed packages bring by entry points. Slow: it searches them all."""
    from importlib.metadata import entry_points

    return {each.name: each.load() for each in entry_points(group=ENTRY_POINTS)}


def dump(value: Any, indent: int | None = None) -> str:
    """Return `value` as JSON, as JavaScript's JSON.stringify does."""
    separators = None if indent else (",", ":")
    return json.dumps(value, indent=indent or None, ensure_ascii=False, separators=separators)


def parse_repo_url(url: str) -> dict[str, str]:
    """Split `github.com?owner=acme&repo=shop` into host, owner and repo."""
    host, _, query = str(url).removeprefix("https://").partition("?")
    fields = {key: values[0] for key, values in parse_qs(query).items()}
    if not host or not fields.get("repo"):
        raise ValueError(f"'{url}' is not of the form github.com?owner=OWNER&repo=NAME")
    known = ("owner", "organization", "workspace", "project", "repo")
    return {"host": host, **{key: fields[key] for key in known if key in fields}}


def project_slug(url: str) -> str:
    """Return `acme/shop` of a repository URL."""
    parsed = parse_repo_url(url)
    return f"{parsed.get('owner', '')}/{parsed['repo']}"


def parse_entity_ref(ref: str, context: Mapping[str, str] | None = None) -> dict[str, str]:
    """Split `component:default/shop` into kind, namespace and name."""
    defaults = context or {}
    kind, colon, rest = str(ref).rpartition(":")
    namespace, slash, name = rest.rpartition("/")
    kind = kind if colon else defaults.get("defaultKind", "")
    if not kind or not name:
        raise ValueError(f"'{ref}' is not a reference of the form kind:namespace/name")
    return {
        "kind": kind,
        "namespace": namespace if slash else defaults.get("defaultNamespace", "default"),
        "name": name,
    }


def pick(value: Any, path: str) -> Any:
    """Return what lies at `path` ("a.b[0]") in a value, or null."""
    for part in str(path).replace("[", ".").replace("]", "").split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


OWN: Filters = {
    "dump": dump,
    "parseRepoUrl": parse_repo_url,
    "projectSlug": project_slug,
    "parseEntityRef": parse_entity_ref,
    "pick": pick,
}
