"""What a forge may have for a repository besides its files and settings, as values."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import SecretStr


class Match(enum.Enum):
    """How a forge has a thing."""

    ABSENT = "absent"
    DIFFERENT = "different"
    SAME = "same"
    UNKNOWN = "unknown"  # this forge has no such things


class Webhook(Struct, frozen=True):
    """An address that is told of events. Its secret cannot be read back, and so not compared."""

    url: str
    events: tuple[str, ...]
    active: bool
    content_type: str
    insecure: bool
    secret: SecretStr | None = None


class DeployKey(Struct, frozen=True):
    """A public key that may read a repository, or also write to it. Its title is unique."""

    title: str
    key: str
    read_only: bool
    # The private half, as a secret for workflows: its name and its text.
    secret: tuple[str, SecretStr] | None = None


class Environment(Struct, frozen=True):
    """Where workflows deploy to.

    branches: `protected`, `custom`, or "" for all. patterns: with `custom`, what may deploy: the kind,
    `branch` or `tag`, and the pattern. reviewers: who must approve: the kind, `User` or `Team`, and the
    login, or the team's name in its address.
    """

    name: str
    wait_minutes: int
    prevent_self_review: bool
    branches: str
    patterns: Sequence[tuple[str, str]] = ()
    reviewers: Sequence[tuple[str, str]] = ()
    variables: Mapping[str, str] = {}
    secrets: Mapping[str, SecretStr] = {}


class Dispatch(Struct, frozen=True):
    """One run of a workflow, started by hand. One that was started on that branch is enough."""

    workflow: str
    branch: str
    inputs: Mapping[str, Any] = {}


class Labels(Struct, frozen=True):
    """Labels of an issue or a pull request; others that it has stay.

    branch: instead of the number, for the newest pull request of a branch; of the user's own fork, after
    a `~:`. title: instead of both, for the issue of that title.
    """

    number: int
    names: tuple[str, ...]
    branch: str = ""
    title: str = ""


class Issue(Struct, frozen=True):
    """An issue, known by its title. One that is there, open or closed, is its readers'."""

    title: str
    body: str
    assignees: Sequence[str] = ()
    labels: Sequence[str] = ()
    milestone: int | None = None


class Autolink(Struct, frozen=True):
    """What makes references to another system links: `prefix` and a number, which `url` has as `<num>`."""

    prefix: str
    url: str
    is_alphanumeric: bool


class Pages(Struct, frozen=True):
    """A repository's site. build: `workflow`, or `legacy` from a branch and a path."""

    build: str
    branch: str
    path: str


class Protection(Struct, frozen=True):
    """The rules of a branch, by their names as inputs of `publish:github`; "" is the default branch."""

    branch: str
    rules: Mapping[str, Any]


Thing = Webhook | DeployKey | Environment | Dispatch | Labels | Issue | Autolink | Pages | Protection


class ReadAccess(Struct, frozen=True):
    """What lets somebody else read a repository over SSH. Keep it in memory: it is nowhere else."""

    url: str
    private_key: SecretStr
    fingerprint: str


def has_secret(thing: Thing) -> bool:
    """Tell whether a part of a thing cannot be read back, and so not compared."""
    return bool(getattr(thing, "secret", None) or getattr(thing, "secrets", None))
