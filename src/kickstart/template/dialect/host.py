"""What Backstage adds to the language: its filters, for the hosts that every portal knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kickstart.template.dialect.values import Budget, inward, text_of
from kickstart.template.language import UNDEFINED

# What a repository's address needs, by its host. Another host is a forge of the portal's own, and
# only the portal's configuration knows of which kind.
_NEEDS = {
    "github.com": ("repo", "owner"),
    "gitlab.com": ("owner", "repo"),
    "bitbucket.org": ("workspace", "project", "repo"),
    "dev.azure.com": ("project", "repo"),
}


def parse_repo_url(url: Any, *_: Any) -> dict[str, Any]:
    """Split `github.com?owner=acme&repo=shop` into its parts. Raises ValueError."""
    text = url if isinstance(url, str) else text_of(inward(url), Budget())
    try:
        parsed = urlsplit(f"https://{text}")
        host = parsed.netloc.lower()
    except ValueError as error:
        raise ValueError(f"{text!r} is no address of a repository") from error
    fields = {key: values[0] for key, values in parse_qs(parsed.query, keep_blank_values=True).items()}
    if not host or ":" in host.rstrip("0123456789:") or (host == "https:" and parsed.path.startswith("//")):
        raise ValueError(f"{text!r} is not of the form github.com?owner=OWNER&repo=NAME")
    needs = _NEEDS.get(host, ("repo",))
    for name in needs if not (host == "gitlab.com" and fields.get("project")) else ():
        if not fields.get(name):
            raise ValueError(f"{text!r} names no {name}")
    keys = ("owner", "repo", "organization", "workspace", "project")
    return {"host": host, **{key: fields[key].strip("/") for key in keys if key in fields}}


def project_slug(url: Any, *_: Any) -> str:
    """Return `acme/shop` of a repository's address. Raises ValueError."""
    parts = parse_repo_url(url)
    return f"{parts.get('owner', 'undefined')}/{parts['repo']}"


def parse_entity_ref(ref: Any, context: Any = UNDEFINED, *_: Any) -> dict[str, str]:
    """Split `component:default/shop` into kind, namespace and name. Raises ValueError."""
    defaults = context if isinstance(context, Mapping) else {}
    if not ref or ref is UNDEFINED:
        raise ValueError("there is no reference")
    if isinstance(ref, str):
        found = re.fullmatch(r"(?:([^:/]+):)?(?:([^:/]+)/)?([^:/]+)", ref)
        if not found:
            raise ValueError(f"{ref!r} is not of the form [kind:][namespace/]name")
        given = {"kind": found[1], "namespace": found[2], "name": found[3]}
    elif isinstance(ref, Mapping):
        given = {key: ref.get(key) for key in ("kind", "namespace", "name")}
    else:
        raise ValueError(f"{ref!r} is no reference")  # noqa: TRY004 - what a host cannot do
    kind = given["kind"] or defaults.get("defaultKind")
    namespace = given["namespace"] or defaults.get("defaultNamespace") or "default"
    if not kind:
        raise ValueError(f"{ref!r} has no kind")
    if not given["name"]:
        raise ValueError(f"{ref!r} has no name")
    return {"kind": kind, "namespace": namespace, "name": given["name"]}


_PATH = r"[^.[\]]+|\[(?:(-?\d+(?:\.\d+)?)|([\"'])(.*?)\2)\]|(?=(?:\.|\[\])(?:\.|\[\]|$))"


def pick(value: Any, path: Any = UNDEFINED, default: Any = UNDEFINED, *_: Any) -> Any:
    """Return what lies at `path` ("a.b[0]") in a value, as lodash's get does."""
    parts = path if isinstance(path, list) else _parts(value, path)
    found = value
    for part in parts:
        if isinstance(found, Mapping) and str(part) in found:
            found = found[str(part)]
        elif isinstance(found, list | str) and str(part) == "length":
            found = len(found)
        elif isinstance(found, list | str) and str(part).isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return default
    return found if parts else default


def _parts(value: Any, path: Any) -> list[str]:
    if path is UNDEFINED or path is None:
        return [{UNDEFINED: "undefined", None: "null"}[path]]
    text = str(path)
    if isinstance(value, Mapping) and text in value:
        return [text]
    return [found[3] or found[1] or found[0] for found in re.finditer(_PATH, text)]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "parseRepoUrl": parse_repo_url,
    "projectSlug": project_slug,
    "parseEntityRef": parse_entity_ref,
    "pick": pick,
}
