"""The picker of a repository in a portal's form, filled in from what a terminal knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from kickstart import actions
from kickstart.settings import Setting
from kickstart.template.property import is_address

# What owns a repository in its address, outermost first, where the host says it.
_OWNERS = {
    "github.com": ("owner",),
    "gitlab.com": ("owner",),
    "bitbucket.org": ("workspace", "project"),
    "dev.azure.com": ("organization", "project"),
}
# What limits each of them; a workspace is an owner in the form.
_ALLOWED = {
    "owner": "allowedOwners",
    "workspace": "allowedOwners",
    "organization": "allowedOrganizations",
    "project": "allowedProjects",
}


def address(
    schema: Mapping[str, Any], setting: Setting | None, owner: str, name: str, used: Iterable[str]
) -> str:
    """Return what the picker of a repository would give, within the choice that the template leaves.

    Nothing where the schema asks for something else, where the template has it all, and where there is a
    part that only its user knows. setting: the owner, if somebody named one. used: the template's
    actions; on a host of somebody's own those that publish say what an address needs.
    """
    if not is_address(schema):
        return ""
    options = schema.get("ui:options")
    options = options if isinstance(options, Mapping) else {}
    host, _, rest = str(schema.get("default") or "").partition("?")
    parts = {key: value for key, value in parse_qsl(rest) if value}
    if "repo" in parts:
        return ""

    def first_of(key: str, wanted: str, *, is_chosen: bool) -> str:
        allowed = options.get(key)
        listed = [str(each) for each in allowed] if isinstance(allowed, list) else []
        return wanted if is_chosen or not listed or wanted in listed else listed[0]

    host = host or first_of("allowedHosts", "github.com", is_chosen=False)
    publishing = (each for each in used if each.startswith("publish:") and each in actions.ACTIONS)
    owners = _OWNERS.get(host) or [part for each in publishing for part in actions.owners(each)]
    for number, part in enumerate(dict.fromkeys(owners or ["owner"])):
        wanted = "" if number else owner
        parts.setdefault(part, first_of(_ALLOWED[part], wanted, is_chosen=bool(wanted and setting)))
    parts["repo"] = first_of("allowedRepos", name, is_chosen=False)
    return f"{host}?{urlencode(parts)}" if all(parts.values()) else ""
