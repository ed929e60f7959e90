"""Who runs a template, as a portal's catalog describes it; what only that knows stands as its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kickstart.template.language import Placeholder

Chain = tuple[str, ...]


def described(author: str, unknown: Iterable[Chain] = ()) -> dict[str, Any]:
    """Return `user` as templates read it: "Ada <ada@example.com>" is the user ada.

    unknown: the members, as `unknown_to` finds them, that are there as placeholders.
    """
    name, _, address = author.partition(" <")
    address = address.rstrip(">")
    login = (address.partition("@")[0] or name).lower()
    entity: dict[str, Any] = {
        "kind": "User",
        "metadata": {"name": login, "namespace": "default"},
        "spec": {"profile": {"displayName": name, "email": address}},
    }
    for _, _, *above, last in unknown:
        place = entity
        for key in above:
            place = place[key]
        place[last] = Placeholder(f"<{'.'.join(('user', 'entity', *above, last))}>")
    return {"ref": f"user:default/{login}", "entity": entity}


def unknown_to(author: str, chains: Iterable[Chain]) -> list[Chain]:
    """Return the members of `user.entity` among some chains of names that nobody here can know.

    A profile is known as far as it goes, since Git has a name and an address.
    """
    entity = described(author)["entity"]
    found: dict[Chain, None] = {}
    for chain in chains:
        place: Any = entity
        for index, name in enumerate(chain[2:] if chain[:2] == ("user", "entity") else ()):
            if name not in place:
                found[chain[: index + 3]] = None
            place = place.get(name)
            if name == "profile" or not isinstance(place, dict):
                break
    return list(found)
