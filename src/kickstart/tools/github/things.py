"""Things of a repository on GitHub: each is looked for by what makes it unique, and made as asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kickstart.errors import ConflictError, PreflightError
from kickstart.tools import Repository
from kickstart.tools.github.api import Api, RefusedError, quoted
from kickstart.tools.github.settings import Part, protection, seal_all
from kickstart.tools.things import (
    Autolink,
    DeployKey,
    Dispatch,
    Environment,
    Issue,
    Labels,
    Match,
    Pages,
    Protection,
    Thing,
    Webhook,
    has_secret,
)


def look(api: Api, repository: Repository, thing: Thing, *, renew_secrets: bool = False) -> Match:
    """Tell how a thing is there; in a repository that is not there yet, it is absent.

    renew_secrets: one with a secret differs, whatever else is so.
    """
    try:
        match = _LOOK[type(thing)](api, f"/repos/{repository}", thing)
    except RefusedError as refused:
        if refused.status == 404:
            return Match.ABSENT
        raise refused.error from None
    is_due = renew_secrets and match is Match.SAME and has_secret(thing)
    return Match.DIFFERENT if is_due else match


def make(api: Api, repository: Repository, thing: Thing) -> str:
    """Make a thing as asked; may be called again. Returns "", or what the reader has to know of it."""
    try:
        return _MAKE[type(thing)](api, f"/repos/{repository}", thing) or ""
    except RefusedError as refused:
        # "Already exists" may be the second answer to a request whose first one was lost.
        if refused.status != 422 or look(api, repository, thing) is not Match.SAME:
            raise refused.error from None
        return ""


def _items(api: Api, path: str) -> list[Any]:
    """Return a list of which one page is enough; raises RefusedError."""
    found: list[Any] = api.send("GET", f"{path}?per_page=100")
    return found


def _hook_of(api: Api, path: str, hook: Webhook) -> Any:
    return next(
        (each for each in _items(api, f"{path}/hooks") if each["config"].get("url") == hook.url), None
    )


def _look_hook(api: Api, path: str, hook: Webhook) -> Match:
    found = _hook_of(api, path, hook)
    if found is None:
        return Match.ABSENT
    config = found["config"]
    there = (set(found["events"]), found["active"], config.get("content_type"), config.get("insecure_ssl"))
    asked = (set(hook.events), hook.active, hook.content_type, "1" if hook.insecure else "0")
    return Match.SAME if there == asked else Match.DIFFERENT


def _make_hook(api: Api, path: str, hook: Webhook) -> None:
    config = {
        "url": hook.url,
        "content_type": hook.content_type,
        "insecure_ssl": "1" if hook.insecure else "0",
    }
    if hook.secret is not None:
        config["secret"] = hook.secret.get_secret_value()
    body = {"config": config, "events": list(hook.events), "active": hook.active}
    found = _hook_of(api, path, hook)
    if found is None:
        api.send("POST", f"{path}/hooks", {"name": "web", **body})
    else:
        api.send("PATCH", f"{path}/hooks/{found['id']}", body)


def _key_of(api: Api, path: str, title: str) -> Any:
    return next((each for each in _items(api, f"{path}/keys") if each["title"] == title), None)


def _look_key(api: Api, path: str, key: DeployKey) -> Match:
    found = _key_of(api, path, key.title)
    if found is None:
        return Match.ABSENT
    return Match.SAME if _is_key(found, key) else Match.DIFFERENT


def _is_key(found: Any, key: DeployKey) -> bool:
    # GitHub leaves out the comment at the end of a key.
    return bool(found["key"].split()[:2] == key.key.split()[:2] and found["read_only"] == key.read_only)


def _make_key(api: Api, path: str, key: DeployKey) -> None:
    if key.secret is not None:
        seal_all(api, f"{path}/actions/secrets", {key.secret[0]: key.secret[1]})
    found = _key_of(api, path, key.title)
    if found is not None and _is_key(found, key):
        return
    if found is not None:  # a key cannot be changed
        api.send("DELETE", f"{path}/keys/{found['id']}")
    api.send("POST", f"{path}/keys", {"title": key.title, "key": key.key, "read_only": key.read_only})


def _look_environment(api: Api, path: str, environment: Environment) -> Match:
    wanted = _reviewers(api, path, environment)  # asked first: one that GitHub does not know stops all
    at = f"{path}/environments/{quoted(environment.name)}"
    found = api.send("GET", at)
    rules = _rules(found)
    policy = found.get("deployment_branch_policy") or {}
    branches = next((kind for kind, key in _POLICIES.items() if policy.get(key)), "")
    there = (rules.get("wait_timer", {}).get("wait_timer", 0), branches)
    if there != (environment.wait_minutes, environment.branches):
        return Match.DIFFERENT
    asked = rules.get("required_reviewers", {})
    if wanted and environment.prevent_self_review != bool(asked.get("prevent_self_review")):
        return Match.DIFFERENT
    if any(each not in _asked(rules) for each in wanted):
        return Match.DIFFERENT
    if environment.patterns and not set(environment.patterns) <= _patterns(api, at):
        return Match.DIFFERENT
    variables = {item["name"]: item["value"] for item in api.all(f"{at}/variables", "variables")}
    if not environment.variables.items() <= variables.items():
        return Match.DIFFERENT
    secrets = {item["name"] for item in api.all(f"{at}/secrets", "secrets")}
    return Match.SAME if environment.secrets.keys() <= secrets else Match.DIFFERENT


def _make_environment(api: Api, path: str, environment: Environment) -> None:
    at = f"{path}/environments/{quoted(environment.name)}"
    wanted = _reviewers(api, path, environment)
    # The request replaces the list: those whom the team has added stay on it.
    others = [each for each in _asked(_rules(api.get(at) or {})) if each not in wanted]
    policy = {key: kind == environment.branches for kind, key in _POLICIES.items()}
    body = {
        "wait_timer": environment.wait_minutes,
        "prevent_self_review": environment.prevent_self_review,
        "reviewers": [*wanted, *others],
        "deployment_branch_policy": policy if environment.branches else None,
    }
    api.send("PUT", at, body)
    if environment.patterns:
        known = _patterns(api, at)
        for kind, pattern in environment.patterns:
            if (kind, pattern) not in known:
                api.send("POST", f"{at}/deployment-branch-policies", {"name": pattern, "type": kind})
    there = {item["name"]: item["value"] for item in api.all(f"{at}/variables", "variables")}
    for name, value in environment.variables.items():
        if name not in there:
            api.send("POST", f"{at}/variables", {"name": name, "value": value})
        elif there[name] != value:
            api.send("PATCH", f"{at}/variables/{quoted(name)}", {"name": name, "value": value})
    if environment.secrets:
        seal_all(api, f"{at}/secrets", environment.secrets)


def _reviewers(api: Api, path: str, environment: Environment) -> list[dict[str, Any]]:
    """Return who must approve as GitHub numbers them. Raises PreflightError for whom it does not know."""
    owner = path.split("/")[2]
    found = []
    for kind, name in environment.reviewers:
        place = f"/users/{quoted(name)}" if kind == "User" else f"/orgs/{owner}/teams/{quoted(name)}"
        known = api.get(place)
        if known is None:
            who = (
                f"no user {name}" if kind == "User" else f"no team {name} of {owner} that this token may see"
            )
            raise PreflightError(
                f"GitHub knows {who}, but the environment {environment.name} wants their approval",
                hint="correct the reviewers in the template, or what it is given for them",
            )
        found.append({"type": kind, "id": known["id"]})
    return found


def _rules(environment: Any) -> dict[str, Any]:
    return {rule["type"]: rule for rule in environment.get("protection_rules") or []}


def _asked(rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return whose approval an environment wants."""
    there = rules.get("required_reviewers", {}).get("reviewers") or []
    return [{"type": each["type"], "id": each["reviewer"]["id"]} for each in there]


def _patterns(api: Api, at: str) -> set[tuple[str, str]]:
    found = api.all(f"{at}/deployment-branch-policies", "branch_policies")
    return {(each.get("type") or "branch", each["name"]) for each in found}


def _look_dispatch(api: Api, path: str, dispatch: Dispatch) -> Match:
    at = f"{path}/actions/workflows/{quoted(dispatch.workflow)}/runs"
    asked = f"event=workflow_dispatch&branch={quoted(dispatch.branch)}&per_page=1"
    return Match.SAME if api.send("GET", f"{at}?{asked}")["total_count"] else Match.ABSENT


def _make_dispatch(api: Api, path: str, dispatch: Dispatch) -> None:
    at = f"{path}/actions/workflows/{quoted(dispatch.workflow)}/dispatches"
    api.send("POST", at, {"ref": dispatch.branch, "inputs": dict(dispatch.inputs)})


def pulls_of(api: Api, path: str, branch: str) -> list[Any]:
    """Return all pull requests of a branch of the repository at `path`, the newest first."""
    return api.all(f"{path}/pulls?state=all&head={quoted(head_of(path, branch))}")


def head_of(path: str, branch: str) -> str:
    """Return a branch as OWNER:BRANCH, where it is not said like that already."""
    return branch if ":" in branch else f"{path.split('/')[2]}:{branch}"


def _number_of(api: Api, path: str, labels: Labels) -> int | None:
    if labels.title:
        return next((int(each["number"]) for each in _issues_of(api, path, labels.title)), None)
    if not labels.branch:
        return labels.number
    branch = labels.branch
    if branch.startswith("~:"):
        branch = f"{api.identity().login}:{branch[2:]}"
    return next((int(each["number"]) for each in pulls_of(api, path, branch)), None)


def _look_labels(api: Api, path: str, labels: Labels) -> Match:
    number = _number_of(api, path, labels)
    if number is None:
        return Match.ABSENT
    there = {item["name"] for item in _items(api, f"{path}/issues/{number}/labels")}
    return Match.SAME if set(labels.names) <= there else Match.ABSENT


def _make_labels(api: Api, path: str, labels: Labels) -> None:
    number = _number_of(api, path, labels)
    if number is None:
        what = f"no issue '{labels.title}'" if labels.title else f"no pull request of {labels.branch}"
        raise ConflictError(f"there is {what} to label", hint="open one, and run the same command again")
    api.send("POST", f"{path}/issues/{number}/labels", {"labels": list(labels.names)})


def _look_issue(api: Api, path: str, issue: Issue) -> Match:
    return Match.SAME if _issues_of(api, path, issue.title) else Match.ABSENT


def _issues_of(api: Api, path: str, title: str) -> list[Any]:
    api.send("GET", path)  # where there is no repository, there is none
    found = api.all(f"{path}/issues?state=all")
    return [each for each in found if each["title"] == title and "pull_request" not in each]


def _make_issue(api: Api, path: str, issue: Issue) -> str:
    body: dict[str, Any] = {"title": issue.title, "body": issue.body}
    body |= {"assignees": list(issue.assignees), "labels": list(issue.labels)}
    if issue.milestone is not None:
        body["milestone"] = issue.milestone
    made = api.send("POST", f"{path}/issues", body)
    took = {each["login"].lower() for each in made["assignees"]}
    left = [login for login in issue.assignees if login.lower() not in took]
    return f"GitHub ignores the assignees {', '.join(left)} of {made['html_url']}" if left else ""


def _autolink_of(api: Api, path: str, prefix: str) -> Any:
    found = api.send("GET", f"{path}/autolinks")
    return next((each for each in found if each["key_prefix"] == prefix), None)


def _look_autolink(api: Api, path: str, link: Autolink) -> Match:
    found = _autolink_of(api, path, link.prefix)
    if found is None:
        return Match.ABSENT
    is_same = (found["url_template"], found["is_alphanumeric"]) == (link.url, link.is_alphanumeric)
    return Match.SAME if is_same else Match.DIFFERENT


def _make_autolink(api: Api, path: str, link: Autolink) -> None:
    there = _autolink_of(api, path, link.prefix)
    if there is not None:  # GitHub changes none
        api.send("DELETE", f"{path}/autolinks/{there['id']}")
    body = {"key_prefix": link.prefix, "url_template": link.url, "is_alphanumeric": link.is_alphanumeric}
    api.send("POST", f"{path}/autolinks", body)


def _look_pages(api: Api, path: str, pages: Pages) -> Match:
    found = api.send("GET", f"{path}/pages")
    source = found.get("source") or {}
    is_same = (found.get("build_type") or "legacy") == pages.build and (
        pages.build == "workflow" or (source.get("branch"), source.get("path")) == (pages.branch, pages.path)
    )
    return Match.SAME if is_same else Match.DIFFERENT


def _make_pages(api: Api, path: str, pages: Pages) -> None:
    body = {"build_type": pages.build, "source": {"branch": pages.branch, "path": pages.path}}
    is_there = api.get(f"{path}/pages") is not None
    api.send("PUT" if is_there else "POST", f"{path}/pages", body)


def _protection(api: Api, path: str, wanted: Protection) -> Part:
    found = api.send("GET", path)
    return protection(api, path, wanted.branch or str(found["default_branch"]), wanted.rules)


def _look_protection(api: Api, path: str, wanted: Protection) -> Match:
    return Match.DIFFERENT if _protection(api, path, wanted).differs() else Match.SAME


def _make_protection(api: Api, path: str, wanted: Protection) -> str:
    part = _protection(api, path, wanted)
    part.differs()  # which finds those whom the team has singled out
    return part.apply()


_POLICIES = {"protected": "protected_branches", "custom": "custom_branch_policies"}
_LOOK: dict[type[Any], Callable[[Api, str, Any], Match]] = {
    Webhook: _look_hook,
    DeployKey: _look_key,
    Environment: _look_environment,
    Dispatch: _look_dispatch,
    Labels: _look_labels,
    Issue: _look_issue,
    Autolink: _look_autolink,
    Pages: _look_pages,
    Protection: _look_protection,
}
_MAKE: dict[type[Any], Callable[[Api, str, Any], str | None]] = {
    Webhook: _make_hook,
    DeployKey: _make_key,
    Environment: _make_environment,
    Dispatch: _make_dispatch,
    Labels: _make_labels,
    Issue: _make_issue,
    Autolink: _make_autolink,
    Pages: _make_pages,
    Protection: _make_protection,
}
