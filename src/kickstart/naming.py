"""Which names the outside accepts."""

from __future__ import annotations

import re

MAX_LABEL = 63  # characters; RFC 1123, which Kubernetes uses for most names
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # GitHub's rule
# What Git takes for a branch nowhere: `git check-ref-format` says so, a hyphen at the start aside.
_NO_BRANCH = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(^|/)\.|\.lock(/|$)|\.$|^[-/]|/$|^(@|HEAD)?$", re.S
)
_LONGEST_BRANCH = 244  # bytes; GitHub's limit with `refs/heads/`
# GitHub's managed users end in an underscore and the short name of their enterprise.
_OWNER = re.compile(r"[A-Za-z0-9]([-_A-Za-z0-9]*[A-Za-z0-9])?")


def project_name_problem(name: str) -> str | None:
    """Say why `name` cannot name a project, or None.

    A project's name becomes the start of Kubernetes names, host names and repository names, so it
    is a DNS label that starts with a letter.
    """
    if not name:
        return "is empty"
    if len(name) > MAX_LABEL:
        return f"has {len(name)} characters; {MAX_LABEL} are possible"
    if not _LABEL.fullmatch(name):
        return (
            "is not a DNS label: use lower case letters, digits and hyphens, "
            "start with a letter and do not end with a hyphen"
        )
    return None


def project_name_from(text: str) -> str:
    """Make a project's name of any text; `project` when nothing of it is left."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", name)[:MAX_LABEL].strip("-") or "project"


def repository_name_problem(name: str) -> str | None:
    """Say why `name` cannot name a Git repository, or None."""
    if not _REPOSITORY.fullmatch(name) or name in {".", ".."} or name.lower().endswith(".git"):
        return (
            "is not a repository name: use up to 100 letters, digits, '.', '-' and '_', "
            "without '.git' at the end"
        )
    return None


def branch_name_problem(name: str) -> str | None:
    """Say why `name` cannot name a branch, or None."""
    if _NO_BRANCH.search(name) or len(name.encode("utf-8", "replace")) > _LONGEST_BRANCH:
        return "is not a branch name: use letters, digits, '.', '-', '_' and '/'"
    return None


def owner_name_problem(name: str) -> str | None:
    """Say why `name` cannot name a user or organisation, or None."""
    if len(name) > 39 or not _OWNER.fullmatch(name):  # GitHub's rule and limit
        return "is not a user or organisation name: use up to 39 letters, digits, hyphens and '_'"
    return None


def owner_from_login(login: str) -> str:
    """Make an owner's name of an operating system login; `local` when nothing of it is left."""
    return re.sub(r"[^A-Za-z0-9]+", "-", login).strip("-")[:39].rstrip("-") or "local"


def closest(word: str, candidates: object) -> str:
    """Return " (did you mean 'x'?)" for the candidate nearest to `word`, or an empty string."""
    import difflib

    names = [str(name) for name in candidates]  # type: ignore[attr-defined]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def counted(number: int, noun: str) -> str:
    """Return a number of things, as `1 file` and `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
