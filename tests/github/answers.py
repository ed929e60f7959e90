"""GitHub's answers as JSON, with every field that its description requires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

AT = "2026-11-24T09:00:00Z"
_USER_URLS = (
    *("avatar", "events", "followers", "following", "gists", "html", "organizations", "received_events"),
    *("repos", "starred", "subscriptions"),
)
_ORGANISATION_URLS = ("repos", "events", "hooks", "issues", "members", "public_members", "avatar")
_REPOSITORY_URLS = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare"),
    *("contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs"),
    *("git_tags", "hooks", "issue_comment", "issue_events", "issues", "keys", "labels", "languages"),
    *("merges", "milestones", "notifications", "pulls", "releases", "stargazers", "statuses"),
    *("subscribers", "subscription", "tags", "teams", "trees"),
)
_REPOSITORY_COUNTS = (
    *("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count"),
    *("watchers", "watchers_count", "network_count", "subscribers_count"),
)
_PULL_URLS = (
    *("comments", "commits", "diff", "issue", "patch", "review_comment", "review_comments", "statuses"),
)
_PULL_LINKS = (
    *("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self"),
)


def urls(names: tuple[str, ...], base: str) -> dict[str, str]:
    """Return `NAME_url` for each name."""
    return {f"{name}_url": f"{base}/{name}" for name in names}


def user(web: str, login: str, kind: str = "User") -> dict[str, Any]:
    return {
        **urls(_USER_URLS, f"{web}/{login}"),
        "login": login,
        "id": 1,
        "node_id": "U",
        "gravatar_id": "",
        "site_admin": False,
        "type": kind,
        "url": f"{web}/api/v3/users/{login}",
    }


def private_user(web: str, login: str) -> dict[str, Any]:
    counts = ("public_repos", "public_gists", "followers", "following", "private_gists", "collaborators")
    return {
        **user(web, login),
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(("total_private_repos", "owned_private_repos", "disk_usage"), 0),
        **dict.fromkeys(("company", "blog", "location", "email", "hireable", "bio"), None),
        "name": login.title(),
        "created_at": AT,
        "updated_at": AT,
        "two_factor_authentication": True,
    }


def organisation(web: str, name: str, members_can_create: bool) -> dict[str, Any]:
    base = f"{web}/api/v3/orgs/{name}"
    kinds = ("repositories", "private_repositories", "public_repositories")
    return {
        **simple_organisation(web, name),
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        **{f"members_can_create_{kind}": members_can_create for kind in kinds},
        "html_url": base,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "type": "Organization",
        "archived_at": None,
        "created_at": AT,
        "updated_at": AT,
    }


def simple_organisation(web: str, name: str) -> dict[str, Any]:
    base = f"{web}/api/v3/orgs/{name}"
    more = {"login": name, "id": 7, "node_id": "O", "url": base, "description": None}
    return {**urls(_ORGANISATION_URLS, base), **more}


def membership(web: str, name: str, login: str, role: str) -> dict[str, Any]:
    """`role` is GitHub's, or `invited`."""
    base = f"{web}/api/v3/orgs/{name}"
    return {
        "url": f"{base}/memberships/{login}",
        "state": "pending" if role == "invited" else "active",
        "role": "member" if role == "invited" else role,
        "organization_url": base,
        "organization": simple_organisation(web, name),
        "user": user(web, login),
    }


def repository(
    web: str, full_name: str, owner: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, Any]:
    """`state` has what differs from one repository to the next."""
    base = f"{web}/api/v3/repos/{full_name}"
    return {
        **urls(_REPOSITORY_URLS, base),
        **dict.fromkeys(_REPOSITORY_COUNTS, 0),
        **state,
        "node_id": "R",
        "name": full_name.partition("/")[2],
        "full_name": full_name,
        "owner": owner,
        "private": state["visibility"] != "public",
        "url": base,
        "html_url": f"{web}/{full_name}",
        "clone_url": f"{web}/{full_name}.git",
        "git_url": f"git://github.test/{full_name}.git",
        "ssh_url": f"git@{urlsplit(web).hostname}:{full_name}.git",
        "svn_url": f"{web}/{full_name}",
        "mirror_url": None,
        "language": None,
        "license": None,
        "fork": False,
        "disabled": False,
        "has_pages": False,
        "pushed_at": AT,
        "created_at": AT,
        "updated_at": AT,
    }


def content(base: str, path: str, encoded: str, size: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(("url", "git_url", "html_url", "download_url"), base),
        "type": "file",
        "encoding": "base64",
        "size": size,
        "name": path.rpartition("/")[2],
        "path": path,
        "content": encoded,
        "sha": "0" * 40,
        "_links": {"self": base, "git": base, "html": base},
    }


def people(web: str, asked: Mapping[str, list[str]]) -> dict[str, Any]:
    """Those who are singled out in a rule; GitHub spells logins as their owners do."""
    return {
        "users": [user(web, login.title()) for login in asked["users"]],
        "teams": [team(web, slug, "push") for slug in asked["teams"]],
        "apps": [
            {"id": 1, "slug": slug, "node_id": "A", "name": slug, "owner": user(web, "acme")}
            for slug in asked["apps"]
        ],
    }


def protection(base: str, rules: Mapping[str, Any], signed: bool) -> dict[str, Any]:
    checks, reviews = rules["required_status_checks"], dict(rules["required_pull_request_reviews"])
    if "bypass_pull_request_allowances" in reviews:
        asked = reviews.pop("bypass_pull_request_allowances")
        if any(asked.values()):
            reviews["bypass_pull_request_allowances"] = people(base, {**asked, "apps": []})
    only = rules["restrictions"]
    urls = dict.fromkeys(("url", "users_url", "teams_url", "apps_url"), base)
    switches = (
        *("required_linear_history", "allow_force_pushes", "allow_deletions"),
        *("required_conversation_resolution", "block_creations"),
    )
    return {
        **({"restrictions": {**urls, **people(base, only)}} if only else {}),
        **{name: {"enabled": rules[name]} for name in switches},
        "url": base,
        "enforce_admins": {"url": base, "enabled": rules["enforce_admins"]},
        "required_pull_request_reviews": {"url": base, **reviews},
        "required_status_checks": {
            "url": base,
            "contexts_url": base,
            "strict": checks["strict"],
            "contexts": checks["contexts"],
            "checks": [{"context": name, "app_id": None} for name in checks["contexts"]],
        },
        "required_signatures": {"url": base, "enabled": signed},
    }


def team(base: str, slug: str, permission: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(("url", "html_url", "members_url", "repositories_url"), base),
        "id": 1,
        "node_id": "T",
        "name": slug,
        "slug": slug,
        "description": None,
        "parent": None,
        "permission": permission,
        "type": "organization",
        "organization_id": 7,
    }


def full_team(base: str, slug: str, organisation: Mapping[str, Any]) -> dict[str, Any]:
    counts = {"members_count": 1, "repos_count": 1}
    times = {"created_at": AT, "updated_at": AT}
    return {**team(base, slug, "pull"), **counts, **times, "organization": organisation}


def invitation(
    base: str, role: str, people: tuple[Mapping[str, Any], Mapping[str, Any]], repo: Mapping[str, Any]
) -> dict[str, Any]:
    """`people` are who invites and who is invited."""
    return {
        "id": 1,
        "node_id": "I",
        "permissions": role,
        "created_at": AT,
        "inviter": people[0],
        "invitee": people[1],
        "repository": repo,
        "url": base,
        "html_url": base,
    }


def pull(
    web: str, repo: Mapping[str, Any], number: int, body: Mapping[str, Any], by: Mapping[str, Any]
) -> dict[str, Any]:
    base = f"{web}/api/v3/repos/{repo['full_name']}/pulls/{number}"
    owner = repo["owner"]["login"]
    labels = {end: body[end] if ":" in body[end] else f"{owner}:{body[end]}" for end in ("head", "base")}
    ends = {
        end: {"label": label, "ref": label.partition(":")[2], "sha": "0" * 40, "repo": repo, "user": by}
        for end, label in labels.items()
    }
    empty = (
        *("assignee", "closed_at", "merged_at", "milestone", "merge_commit_sha", "auto_merge", "merged_by"),
        "mergeable",
    )
    counts = ("additions", "deletions", "changed_files", "comments", "commits", "review_comments")
    return {
        **urls(_PULL_URLS, base),
        **ends,
        **dict.fromkeys(empty, None),
        **dict.fromkeys(counts, 0),
        "_links": {name: {"href": base} for name in _PULL_LINKS},
        "url": base,
        "id": number,
        "node_id": "P",
        "html_url": f"{web}/{repo['full_name']}/pull/{number}",
        "number": number,
        "state": "open",
        "title": body["title"],
        "body": body["body"],
        "draft": body.get("draft", False),
        "requested_reviewers": [],
        "requested_teams": [],
        "assignees": [],
        "user": by,
        "labels": [],
        "locked": False,
        "mergeable_state": "clean",
        "merged": False,
        "maintainer_can_modify": False,
        "author_association": "OWNER",
        "created_at": AT,
        "updated_at": AT,
    }


def review(pull: Mapping[str, Any], number: int, by: Mapping[str, Any]) -> dict[str, Any]:
    page = f"{pull['html_url']}#pullrequestreview-{number}"
    return {
        "id": number,
        "node_id": "R",
        "user": by,
        "body": "",
        "state": "APPROVED",
        "html_url": page,
        "pull_request_url": pull["url"],
        "_links": {"html": {"href": page}, "pull_request": {"href": pull["url"]}},
        "commit_id": pull["head"]["sha"],
        "author_association": "MEMBER",
    }


def issue(pull: Mapping[str, Any]) -> dict[str, Any]:
    """A pull request as the issue that it is as well."""
    shared = (
        *(
            "assignee",
            "assignees",
            "closed_at",
            "comments",
            "created_at",
            "html_url",
            "id",
            "labels",
            "locked",
        ),
        *("milestone", "node_id", "number", "state", "title", "updated_at", "user"),
    )
    base = str(pull["issue_url"])
    return {
        **{name: pull[name] for name in shared},
        **urls(("comments", "events", "labels", "repository"), base),
        "url": base,
    }


def installation(base: str, account: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": 77,
        "account": account,
        "access_tokens_url": base,
        "repositories_url": base,
        "html_url": base,
        "app_id": 5,
        "client_id": "c",
        "target_id": 7,
        "target_type": "Organization",
        "permissions": {},
        "events": [],
        "created_at": AT,
        "updated_at": AT,
        "single_file_name": None,
        "app_slug": "kick",
        "repository_selection": "all",
        "suspended_by": None,
        "suspended_at": None,
    }


def key(base: str, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "key": " ".join(body["key"].split()[:2]),
        "title": body["title"],
        "read_only": body["read_only"],
        "url": base,
        "verified": True,
        "created_at": AT,
    }


def hook(base: str, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in body["config"].items() if name != "secret"}
    return {
        **dict.fromkeys(("url", "test_url", "ping_url", "deliveries_url"), base),
        "type": "Repository",
        "id": number,
        "name": "web",
        "active": body["active"],
        "events": body["events"],
        "config": shown | ({"secret": "********"} if "secret" in body["config"] else {}),
        "created_at": AT,
        "updated_at": AT,
        "last_response": {"code": None, "status": "unused", "message": None},
    }


def environment(
    base: str, name: str, body: Mapping[str, Any], reviewers: list[dict[str, Any]]
) -> dict[str, Any]:
    wait = {"id": 1, "node_id": "W", "type": "wait_timer", "wait_timer": body["wait_timer"]}
    review = {
        "id": 2,
        "node_id": "R",
        "type": "required_reviewers",
        "prevent_self_review": body["prevent_self_review"],
        "reviewers": reviewers,
    }
    return {
        "id": 1,
        "node_id": "E",
        "name": name,
        "url": base,
        "html_url": base,
        "created_at": AT,
        "updated_at": AT,
        "protection_rules": [wait] * bool(body["wait_timer"]) + [review] * bool(reviewers),
        "deployment_branch_policy": body["deployment_branch_policy"],
    }


def subscription(base: str) -> dict[str, Any]:
    return {
        "subscribed": True,
        "ignored": False,
        "reason": None,
        "created_at": AT,
        "url": f"{base}/subscription",
        "repository_url": base,
    }


def own_issue(
    web: str,
    repository: str,
    issue: Mapping[str, Any],
    by: Mapping[str, Any],
    people: list[dict[str, Any]],
    labels: list[dict[str, Any]],
) -> dict[str, Any]:
    number = issue["number"]
    base = f"{web}/api/v3/repos/{repository}/issues/{number}"
    places = ("url", "comments_url", "events_url", "labels_url", "repository_url")
    return {
        **dict.fromkeys(places, base),
        **dict.fromkeys(("assignee", "milestone", "closed_at"), None),
        "html_url": f"{web}/{repository}/issues/{number}",
        "id": number,
        "node_id": "I",
        "number": number,
        "state": "open",
        "title": issue["title"],
        "body": issue["body"],
        "user": by,
        "labels": labels,
        "assignees": people,
        "locked": False,
        "comments": 0,
        "author_association": "OWNER",
        "created_at": AT,
        "updated_at": AT,
        **({"pull_request": dict.fromkeys(_PULL_PLACES, base)} if issue.get("is_pull") else {}),
    }


_PULL_PLACES = ("diff_url", "html_url", "patch_url", "url")


def label(base: str, name: str) -> dict[str, Any]:
    return {
        "id": 1,
        "node_id": "L",
        "url": base,
        "name": name,
        "description": None,
        "color": "ededed",
        "default": False,
    }


def secrets(names: Mapping[str, str]) -> dict[str, Any]:
    made = [{"name": name, "created_at": AT, "updated_at": AT} for name in names]
    return {"total_count": len(made), "secrets": made}


def variables(values: Mapping[str, str]) -> dict[str, Any]:
    made = [
        {"name": name, "value": value, "created_at": AT, "updated_at": AT} for name, value in values.items()
    ]
    return {"total_count": len(made), "variables": made}
