"""What has to be so before the first write: who this is, and whether they may publish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kickstart.errors import Fault, PreflightError
from kickstart.tools import Publication
from kickstart.tools.github.api import Api, Identity, RefusedError, quoted

WORKFLOWS = ".github/workflows/"
NEEDED = 15  # requests for one repository with every setting, rounded up


def check(api: Api, publications: Sequence[Publication]) -> list[str]:
    """Return lines about the identity. Raises PreflightError with everything that is missing."""
    identity = api.identity()
    faults = [
        *_missing_rights(identity, publications),
        *_owner_faults(api, identity, publications),
        *_limit_faults(api, publications),
    ]
    if faults:
        raise PreflightError(
            f"{identity.login} may not publish on {api.address.name}: nothing was written",
            faults=faults,
            hint=_hint(api, identity, faults),
        )
    return [_summary(api, identity)]


def _missing_rights(identity: Identity, publications: Sequence[Publication]) -> Iterator[Fault]:
    workflows = [each for each in publications if any(path.startswith(WORKFLOWS) for path in each.tree)]
    if identity.scopes is not None:
        private = any(each.visibility != "public" for each in publications)
        if "repo" not in identity.scopes and (private or "public_repo" not in identity.scopes):
            yield Fault("scope repo", "is missing: without it no repository can be made")
        if workflows and "workflow" not in identity.scopes:
            yield Fault("scope workflow", f"is missing: {_names(workflows)} has files in {WORKFLOWS}")
    if identity.permissions is not None:
        for permission in ("administration", "contents", *(["workflows"] if workflows else [])):
            if identity.permissions.get(permission) != "write":
                yield Fault(f"permission {permission}: write", "is missing from the App")


def _owner_faults(api: Api, identity: Identity, publications: Sequence[Publication]) -> Iterator[Fault]:
    for owner in dict.fromkeys(each.repository.owner for each in publications):
        mine = [each for each in publications if each.repository.owner == owner]
        if identity.permissions is not None:
            if owner.lower() != identity.login.lower():
                yield Fault(owner, f"is not where the App is installed: that is {identity.login}")
        elif owner.lower() == identity.login.lower():
            if any(each.visibility == "internal" for each in mine):
                yield Fault(owner, "is a user, and internal repositories are for organisations only")
            if any(each.has_properties for each in mine):
                yield Fault(owner, "is a user, and customProperties are for organisations only")
        else:
            yield from _membership_faults(api, identity, owner, mine)


def _membership_faults(
    api: Api, identity: Identity, owner: str, publications: Sequence[Publication]
) -> Iterator[Fault]:
    try:
        membership = api.send("GET", f"/user/memberships/orgs/{quoted(owner)}")
    except RefusedError as refused:
        if refused.status == 404:
            yield Fault(owner, f"is no organisation of which {identity.login} is a member")
        elif refused.status == 403 and not refused.said.startswith("Resource not accessible"):
            raise refused.error from None
        return  # a token without the right to see it may still have the right to create
    if membership["state"] != "active":
        yield Fault(owner, "has invited you: accept it, and run the same command again")
    elif membership["role"] != "admin":
        organisation = api.get(f"/orgs/{quoted(owner)}") or {}
        for each in publications:
            # Only some members may see this; who may not is told by GitHub when it refuses.
            right = f"members_can_create_{each.visibility}_repositories"
            if organisation.get(right, organisation.get("members_can_create_repositories", True)) is False:
                yield Fault(
                    str(each.repository), f"members of {owner} may not create {each.visibility} repositories"
                )


def _limit_faults(api: Api, publications: Sequence[Publication]) -> Iterator[Fault]:
    if api.remaining is not None and api.remaining[0] < NEEDED * len(publications):
        left, reset = api.remaining
        yield Fault("rate limit", f"{left} requests are left until {reset.astimezone():%H:%M}")


def _summary(api: Api, identity: Identity) -> str:
    who = f"the GitHub App at {identity.login}" if identity.permissions is not None else identity.login
    rights = ""
    if identity.scopes is not None:
        rights = f", with the scopes {', '.join(sorted(identity.scopes)) or 'none'}"
    left = f"; {api.remaining[0]} requests left" if api.remaining else ""
    return f"on {api.address.name} as {who} ({api.source}){rights}{left}"


def _hint(api: Api, identity: Identity, faults: Sequence[Fault]) -> str:
    kinds = {fault.where.partition(" ")[0] for fault in faults}
    if kinds == {"rate"}:
        return "wait, and run the same command again"
    if "scope" in kinds and api.source.startswith("gh "):
        wanted = ",".join(
            fault.where.removeprefix("scope ") for fault in faults if fault.where.startswith("scope")
        )
        return f"gh auth refresh --hostname {api.address.host} --scopes {wanted}"
    if "scope" in kinds:
        return f"give the token of {api.source} the scopes, or take another token"
    if identity.permissions is not None:
        return "correct the App's permissions and installation, or take another owner: --owner"
    return "ask an owner of the organisation, or take another owner: --owner"


def _names(publications: Sequence[Publication]) -> str:
    return ", ".join(str(each.repository) for each in publications)
