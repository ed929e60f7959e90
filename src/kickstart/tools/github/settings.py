"""A repository's settings: each is compared with what is there, and made as it was asked for.

Settings have Backstage's names. What nobody asked for is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from kickstart.errors import KickstartError, PreflightError
from kickstart.tools import Repository
from kickstart.tools.github import unfinished
from kickstart.tools.github.api import Api, RefusedError, quoted

# What `PATCH /repos/{owner}/{repo}` calls the settings that are Backstage's in camel case.
_PLAIN = {
    "deleteBranchOnMerge": "delete_branch_on_merge",
    "allowMergeCommit": "allow_merge_commit",
    "allowSquashMerge": "allow_squash_merge",
    "allowRebaseMerge": "allow_rebase_merge",
    "allowAutoMerge": "allow_auto_merge",
    "allowUpdateBranch": "allow_update_branch",
    "squashMergeCommitTitle": "squash_merge_commit_title",
    "squashMergeCommitMessage": "squash_merge_commit_message",
    "hasProjects": "has_projects",
    "hasWiki": "has_wiki",
    "hasIssues": "has_issues",
    "homepage": "homepage",
}
# Lists answer with a role where a change takes a permission.
_ROLES = {"pull": "read", "push": "write"}


class Part(Struct, frozen=True):
    """One group of settings. apply: returns a note about what GitHub would not do, or "".

    needs_files: it is about a branch, or says that the repository is finished.
    """

    name: str
    differs: Callable[[], bool]
    apply: Callable[[], str]
    needs_files: bool = False


def parts(
    api: Api,
    repository: Repository,
    found: Any,
    branch: str,
    settings: Mapping[str, Any],
    *,
    renew_secrets: bool,
) -> list[Part]:
    """Return the groups of settings that were asked for. found: the repository as GitHub tells it.

    branch: "" for a repository that is not filled yet. renew_secrets: those that exist differ too.
    """
    path = f"/repos/{repository}"
    made = [
        _plain(api, path, found, branch, settings),
        _topics(api, path, found, settings),
        *_people(api, repository, settings),
        _variables(api, path, settings),
        _secrets(api, path, settings, renew=renew_secrets),
        _properties(api, path, settings),
        _oidc(api, path, settings),
        _workflow_access(api, path, settings),
        _subscription(api, path, settings),
        protection(api, path, branch, settings) if branch and settings.get("protectDefaultBranch") else None,
    ]
    return [part for part in made if part is not None]


def _plain(api: Api, path: str, found: Any, branch: str, settings: Mapping[str, Any]) -> Part:
    wanted: dict[str, Any] = {}
    is_unfinished = unfinished.project_of(found["description"]) is not None
    is_filled = bool(branch)
    if is_filled and (is_unfinished or "defaultBranch" in settings):
        wanted["default_branch"] = branch
    if is_filled and is_unfinished and "description" not in settings:
        wanted["description"] = unfinished.text_of(found["description"])
    elif "description" in settings and (is_filled or not is_unfinished):
        wanted["description"] = " ".join(str(settings["description"] or "").split())
    wanted |= {theirs: settings[ours] for ours, theirs in _PLAIN.items() if settings.get(ours) is not None}
    if "squash_merge_commit_message" in wanted:  # which GitHub takes only together with the title
        told = found.get("squash_merge_commit_title")
        wanted.setdefault("squash_merge_commit_title", told or "COMMIT_OR_PR_TITLE")
    visibility = settings.get("repoVisibility")
    if visibility and visibility != _visibility(found):  # some organisations refuse even to repeat it
        wanted["visibility"] = visibility
    # An answer to somebody who may not administer the repository leaves most of them out.
    missing = [name for name in wanted if (found.get(name) or "") != (wanted[name] or "")]

    def apply() -> str:
        answer = api.write("PATCH", path, wanted) if wanted else {}
        ignored = [name for name in missing if (answer.get(name) or "") != (wanted[name] or "")]
        return (
            f"GitHub ignores {', '.join(ignored)} here, as plans without that feature do" if ignored else ""
        )

    return Part(", ".join(missing), lambda: bool(missing), apply, needs_files=is_filled)


def _visibility(found: Any) -> str:
    return str(found.get("visibility") or ("private" if found.get("private") else "public"))


def _topics(api: Api, path: str, found: Any, settings: Mapping[str, Any]) -> Part | None:
    names = [str(topic).lower() for topic in settings.get("topics") or []]
    if not names:
        return None

    def apply() -> str:
        api.write("PUT", f"{path}/topics", {"names": names})
        return ""

    return Part("topics", lambda: set(found.get("topics") or []) != set(names), apply)


def _people(api: Api, repository: Repository, settings: Mapping[str, Any]) -> list[Part]:
    """`access` is a user, or a team as ORGANISATION/TEAM; `collaborators` name a user or a team each."""
    users: dict[str, str] = {}
    teams: dict[str, str] = {}
    access = str(settings.get("access") or "")
    if "/" in access:
        teams[access.partition("/")[2]] = "admin"
    elif access and access.lower() != repository.owner.lower():
        users[access] = "admin"
    for each in settings.get("collaborators") or []:
        user, permission = each.get("user") or each.get("username"), str(each.get("access") or "push")
        if user:
            users[str(user)] = permission
        elif each.get("team"):
            teams[str(each["team"]).rpartition("/")[2]] = permission
    made = []
    if users:
        made.append(
            Part(
                "collaborators",
                lambda: _user_lacks(api, repository, users),
                lambda: _add_users(api, repository, users),
            )
        )
    if teams:
        made.append(
            Part(
                "teams",
                lambda: _team_lacks(api, repository, teams),
                lambda: _add_teams(api, repository, teams),
            )
        )
    return made


def _user_lacks(api: Api, repository: Repository, users: Mapping[str, str]) -> bool:
    path = f"/repos/{repository}"
    roles = {
        item["login"].lower(): item["role_name"]
        for item in api.all(f"{path}/collaborators?affiliation=direct")
    }
    for item in api.all(f"{path}/invitations"):  # asked, and not yet answered
        if item.get("invitee"):
            roles.setdefault(item["invitee"]["login"].lower(), item["permissions"])
    return any(roles.get(user.lower()) != _ROLES.get(role, role) for user, role in users.items())


def _add_users(api: Api, repository: Repository, users: Mapping[str, str]) -> str:
    for user, permission in users.items():
        api.write("PUT", f"/repos/{repository}/collaborators/{quoted(user)}", {"permission": permission})
    return ""


def _team_lacks(api: Api, repository: Repository, teams: Mapping[str, str]) -> bool:
    found = {item["slug"]: item["permission"] for item in api.all(f"/repos/{repository}/teams")}
    return any(found.get(team) != role for team, role in teams.items())


def _add_teams(api: Api, repository: Repository, teams: Mapping[str, str]) -> str:
    for team, permission in teams.items():
        path = f"/orgs/{repository.owner}/teams/{quoted(team)}/repos/{repository}"
        api.write("PUT", path, {"permission": permission})
    return ""


def _variables(api: Api, path: str, settings: Mapping[str, Any]) -> Part | None:
    wanted = {str(name).upper(): str(value) for name, value in (settings.get("repoVariables") or {}).items()}
    if not wanted:
        return None

    def found() -> dict[str, str]:
        return {item["name"]: item["value"] for item in api.all(f"{path}/actions/variables", "variables")}

    def apply() -> str:
        there = found()
        for name, value in wanted.items():
            if name not in there:
                api.write("POST", f"{path}/actions/variables", {"name": name, "value": value})
            elif there[name] != value:
                api.write("PATCH", f"{path}/actions/variables/{quoted(name)}", {"name": name, "value": value})
        return ""

    return Part("variables", lambda: not wanted.items() <= found().items(), apply)


def _secrets(api: Api, path: str, settings: Mapping[str, Any], *, renew: bool) -> Part | None:
    wanted = {str(name).upper(): value for name, value in (settings.get("secrets") or {}).items()}
    if not wanted:
        return None

    def differs() -> bool:
        # Their values cannot be read, and so not be compared.
        if renew:
            return True
        there = {item["name"] for item in api.all(f"{path}/actions/secrets", "secrets")}
        return bool(wanted.keys() - there)

    def apply() -> str:
        seal_all(api, f"{path}/actions/secrets", wanted)
        return ""

    return Part("secrets", differs, apply)


def seal_all(api: Api, path: str, secrets: Mapping[str, Any]) -> None:
    """Store secrets below `path`, sealed with the public key that GitHub has for them."""
    from github.PublicKey import encrypt

    key = api.get(f"{path}/public-key", missing=False)
    for name, value in secrets.items():
        sealed = encrypt(key["key"], value.get_secret_value())
        api.write("PUT", f"{path}/{quoted(name)}", {"encrypted_value": sealed, "key_id": key["key_id"]})


def _properties(api: Api, path: str, settings: Mapping[str, Any]) -> Part | None:
    wanted = settings.get("customProperties") or {}
    if not wanted:
        return None
    path = f"{path}/properties/values"

    def differs() -> bool:
        found = {item["property_name"]: item["value"] for item in api.get(path, missing=False)}
        return any(_unordered(found.get(name)) != _unordered(value) for name, value in wanted.items())

    def apply() -> str:
        values = [{"property_name": name, "value": value} for name, value in wanted.items()]
        api.write("PATCH", path, {"properties": values})
        return ""

    return Part("custom properties", differs, apply)


def _unordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _oidc(api: Api, path: str, settings: Mapping[str, Any]) -> Part | None:
    asked = settings.get("oidcCustomization")
    if not asked:
        return None
    path = f"{path}/actions/oidc/customization/sub"
    wanted: dict[str, Any] = {"use_default": asked["useDefault"]}
    if not asked["useDefault"]:  # with the default, GitHub ignores the claims
        wanted["include_claim_keys"] = asked["includeClaimKeys"]

    def differs() -> bool:
        found = api.get(path, missing=False)
        return any(found.get(name) != value for name, value in wanted.items())

    def apply() -> str:
        api.write("PUT", path, wanted)
        return ""

    return Part("OIDC subject", differs, apply)


def _workflow_access(api: Api, path: str, settings: Mapping[str, Any]) -> Part | None:
    asked = settings.get("workflowAccess")
    if not asked:
        return None
    at = f"{path}/actions/permissions/access"

    def differs() -> bool:
        return bool(api.get(at, missing=False)["access_level"] != asked)

    def apply() -> str:
        api.write("PUT", at, {"access_level": asked})
        return ""

    return Part("workflow access", differs, apply)


def _subscription(api: Api, path: str, settings: Mapping[str, Any]) -> Part | None:
    """Whoever publishes watches the repository; an App and some tokens cannot, which is a note."""
    if not settings.get("subscribe"):
        return None
    at = f"{path}/subscription"

    def differs() -> bool:
        try:
            return not api.send("GET", at)["subscribed"]
        except RefusedError as refused:
            if refused.status in {403, 404}:
                return refused.status == 404
            raise refused.error from None

    def apply() -> str:
        try:
            api.send("PUT", at, {"subscribed": True, "ignored": False})
        except RefusedError as refused:
            if refused.status != 403:
                raise refused.error from None
            return f"{path.removeprefix('/repos/')} is not watched: {refused.said}"
        return ""

    return Part("subscription", differs, apply)


def protection(api: Api, path: str, branch: str, settings: Mapping[str, Any]) -> Part:
    """Return the rules of a branch of the repository at `path`."""
    at = f"{path}/branches/{quoted(branch)}/protection"
    wanted = _rules(settings)
    there: dict[str, Any] = {}
    signed = bool(settings.get("requiredCommitSigning"))

    def differs() -> bool:
        try:
            found = api.send("GET", at)
        except RefusedError as refused:
            if _needs_a_plan(refused):
                return False
            if refused.status == 404:
                return True
            raise refused.error from None
        there.update(found)
        rules = _found_rules(found)
        asked = _comparable(wanted)
        return any(rules[name] != rule for name, rule in asked.items()) or signed != _is_on(
            found, "required_signatures"
        )

    def apply() -> str:
        try:
            api.send("PUT", at, _with_the_teams(wanted, there))
            if signed:
                api.send("POST", f"{at}/required_signatures")
        except RefusedError as refused:
            if _needs_a_plan(refused):
                return (
                    f"the branch {branch} of {path.removeprefix('/repos/')} is not protected: {refused.said} "
                    "(or publish it with protectDefaultBranch: false)"
                )
            raise _protection_error(refused, path) from None
        return ""

    return Part("branch protection", differs, apply, needs_files=True)


def _needs_a_plan(refused: RefusedError) -> bool:
    """Tell whether GitHub refuses protection because nobody pays for it on a private repository."""
    return refused.status == 403 and "upgrade" in refused.said.lower()


def _protection_error(refused: RefusedError, path: str) -> KickstartError:
    if refused.status == 404:
        return PreflightError(
            f"the branch of {path.removeprefix('/repos/')} may not be protected by this token",
            hint="the permission to administer the repository is missing: the scope repo, or administration",
        )
    return refused.error


def _rules(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that sets all rules: what is left out would be switched off anyway."""
    reviews: dict[str, Any] = {
        "required_approving_review_count": settings.get("requiredApprovingReviewCount", 1),
        "require_code_owner_reviews": bool(settings.get("requireCodeOwnerReviews")),
        "dismiss_stale_reviews": bool(settings.get("dismissStaleReviews")),
        "require_last_push_approval": bool(settings.get("requireLastPushApproval")),
    }
    bypass = _allowed(settings.get("bypassPullRequestAllowances") or {})
    if any(bypass.values()):  # GitHub tells nothing of nobody
        reviews["bypass_pull_request_allowances"] = bypass
    only = settings.get("restrictions")
    contexts = list(settings.get("requiredStatusCheckContexts") or [])
    strict = bool(settings.get("requireBranchesToBeUpToDate", True))
    return {
        "required_status_checks": {"strict": strict, "contexts": contexts},
        "enforce_admins": bool(settings.get("protectEnforceAdmins", True)),
        "required_pull_request_reviews": reviews,
        "restrictions": None if only is None else _allowed(only),
        "required_linear_history": bool(settings.get("requiredLinearHistory")),
        "allow_force_pushes": False,
        "allow_deletions": False,
        "block_creations": bool(settings.get("blockCreations")),
        "required_conversation_resolution": bool(settings.get("requiredConversationResolution")),
        "lock_branch": False,
        "allow_fork_syncing": False,
    }


def _allowed(asked: Mapping[str, Any]) -> dict[str, list[str]]:
    return {kind: sorted(map(str.lower, asked.get(kind) or [])) for kind in ("users", "teams", "apps")}


def _found_allowed(found: Any) -> dict[str, list[str]] | None:
    """Return what `_allowed` has, of people as GitHub tells them; None where nobody is singled out."""
    if not found:
        return None
    keys = {"users": "login", "teams": "slug", "apps": "slug"}
    return {kind: sorted(each[key].lower() for each in found.get(kind) or []) for kind, key in keys.items()}


def _with_the_teams(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with the people whom the team has singled out, where the template names none."""
    rules, reviews = _found_rules(there), wanted["required_pull_request_reviews"]
    bypass = rules["bypass_pull_request_allowances"]
    if bypass and "bypass_pull_request_allowances" not in reviews:
        reviews = {**reviews, "bypass_pull_request_allowances": bypass}
    only = wanted["restrictions"] or rules["restrictions"]
    return {**wanted, "required_pull_request_reviews": reviews, "restrictions": only}


def _comparable(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules that a template asks for: it need not name people."""
    checks = wanted["required_status_checks"]
    return {
        "strict": checks["strict"],
        "contexts": sorted(checks["contexts"]),
        "enforce_admins": wanted["enforce_admins"],
        "required_linear_history": wanted["required_linear_history"],
        "required_conversation_resolution": wanted["required_conversation_resolution"],
        "block_creations": wanted["block_creations"],
        **({"restrictions": wanted["restrictions"]} if wanted["restrictions"] else {}),
        **wanted["required_pull_request_reviews"],
    }


def _found_rules(found: Any) -> dict[str, Any]:
    """Return the rules that `_comparable` has, of a protection as GitHub tells it."""
    reviews = found.get("required_pull_request_reviews") or {}
    checks = found.get("required_status_checks") or {}
    return {
        "strict": bool(checks.get("strict")),
        "contexts": sorted(checks.get("contexts") or []),
        "enforce_admins": _is_on(found, "enforce_admins"),
        "required_linear_history": _is_on(found, "required_linear_history"),
        "required_conversation_resolution": _is_on(found, "required_conversation_resolution"),
        "block_creations": _is_on(found, "block_creations"),
        "restrictions": _found_allowed(found.get("restrictions")),
        "bypass_pull_request_allowances": _found_allowed(reviews.get("bypass_pull_request_allowances")),
        "required_approving_review_count": reviews.get("required_approving_review_count", 0),
        "require_code_owner_reviews": bool(reviews.get("require_code_owner_reviews")),
        "dismiss_stale_reviews": bool(reviews.get("dismiss_stale_reviews")),
        "require_last_push_approval": bool(reviews.get("require_last_push_approval")),
    }


def _is_on(found: Any, rule: str) -> bool:
    return bool((found.get(rule) or {}).get("enabled"))
