"""What an action promises, and what an effect does.

An action is pure: from its input and what is given it makes a promise, with a complete output.
Whatever reaches outside is an effect: `inspect` only reads, `apply` may be repeated.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol

from msgspec import Struct
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from kickstart.errors import Fault
from kickstart.template.catalog import Source
from kickstart.template.language import Language
from kickstart.tools import Address, Found, Portal, Publication, Repository, Tools
from kickstart.tree import Tree


class Model(BaseModel):
    """Base of inputs and outputs: Backstage's camelCase outside, Python's names inside.

    An input that Backstage does not know is reported by the plan and ignored.
    """

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", defer_build=True)


class Nothing(Model):
    """The output of an action that has none, or none that can be promised."""


class Change(enum.Enum):
    """What an effect does, or would do."""

    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"
    DELETE = "delete"
    NONE = "unchanged"
    CONFLICT = "conflict"


class Inspection(Struct, frozen=True):
    """What an effect found. `existing` is what stands there now, where it is to be compared."""

    change: Change
    detail: str = ""
    existing: Tree | None = None


class Effect(Protocol):
    """Something that happens outside."""

    @property
    def target(self) -> str:
        """What is changed, in the reader's words."""
        ...

    @property
    def tree(self) -> Tree:
        """The files that are put there; none, when it is not about files."""
        return Tree()

    @property
    def published(self) -> Repository | None:
        """The repository that `tree` becomes, if it becomes one."""
        return None

    @property
    def proposed(self) -> tuple[Repository, str] | None:
        """The repository that `tree` is proposed to, and by which branch, if it is."""
        return None

    @property
    def publication(self) -> Publication | None:
        """What the forge has to allow for it, if it publishes."""
        return None

    @property
    def texts(self) -> Mapping[str, str]:
        """What others can read there besides the files, by the input it comes from."""
        return {}

    def inspect(self, tools: Tools) -> Inspection:
        """Look, and change nothing."""
        ...

    def apply(self, tools: Tools) -> Mapping[str, str]:
        """Make it so, and return the facts learnt."""
        ...


class Given(Struct, frozen=True):
    """All that a promise may depend on.

    tree: the workspace as the steps before left it. engine: renders skeletons.
    author: "Name <address>" of commits. at: the time of commits. argocd_namespace: where Argo CD is
    on the cluster that the user chose; empty when none was chosen. portal: the one that is configured,
    only to be read here. published: what the steps before publish, by the URL under which it is seen.
    commits: what stands published already, from the digest of its files to the id of its commit.
    left_out: the steps before that only a portal can carry out, and whose files are not there.
    """

    tree: Tree
    source: Source
    engine: Language
    address: Address
    project: str
    author: str
    at: datetime
    parameters: Mapping[str, Any]
    argocd_namespace: str = ""
    portal: Portal | None = None
    published: Mapping[str, Tree] = {}
    commits: Mapping[str, str] = {}
    left_out: Sequence[str] = ()


class Promise(Struct, frozen=True):
    """What a step will have done: its output, the workspace after it, and perhaps an effect.

    effects: instead of `effect`, where there are several, in order. messages: shown with the step in a
    dry run. notes: what whoever runs it should know in any case. is_guess: a portal's output may be
    another one. nowhere: entities of the output that no catalog will have.
    """

    output: Mapping[str, Any] = {}
    tree: Tree | None = None
    effect: Effect | None = None
    effects: tuple[Effect, ...] = ()
    messages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_guess: bool = False
    nowhere: tuple[str, ...] = ()


class InputError(ValueError):
    """An input that an action cannot work with; the plan adds the step and the line."""

    def __init__(self, message: str, *, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults


class AbsentError(InputError):
    """Something that the workspace does not have, and that an earlier step may have to bring."""


class BeyondError(InputError):
    """Something that a portal can do, and kickstart cannot."""


class Action(Protocol):
    """One of a template's verbs. Its docstring and its models are its reference page."""

    name: ClassVar[str]
    Input: ClassVar[type[Model]]
    Output: ClassVar[type[Model]]

    def promise(self, given: Given, input: Any) -> Promise:
        """Return what the step will have done. Raises InputError or TemplateError."""
        ...


def repository_from(repo_url: str) -> Repository:
    """Read Backstage's `host?owner=...&repo=...`. Raises InputError."""
    from urllib.parse import parse_qs

    from kickstart.naming import owner_name_problem, repository_name_problem

    host, question, query = repo_url.removeprefix("https://").partition("?")
    fields = parse_qs(query, keep_blank_values=True)
    if not host or not question:
        raise InputError(f"{repo_url!r} is not of the form github.com?owner=OWNER&repo=NAME")
    values = {}
    for key, problem_of in (("owner", owner_name_problem), ("repo", repository_name_problem)):
        value = (fields.get(key) or [""])[0]
        if not value:
            raise InputError(f"{repo_url!r} names no {key}")
        problem = problem_of(value)
        if problem:
            raise InputError(f"the {key} {value!r} {problem}")
        values[key] = value
    return Repository(values["owner"], values["repo"])


UNKNOWN_NUMBER = "<number of the "


def unknown_number(what: str) -> str:
    """Return what stands in texts for a number that only a forge will know."""
    return f"{UNKNOWN_NUMBER}{what}>"


def known_by(number: str) -> tuple[str, str]:
    """Return what `unknown_number` was about: a pull request with its branch, or an issue with its title.

    Raises InputError.
    """
    for what in ("pull request", "issue"):
        start = f"{UNKNOWN_NUMBER}{what} "
        if number.startswith(start) and number.endswith(">"):
            return what, number[len(start) : -1]
    raise InputError(f"{number!r} is not the number of an issue or a pull request")


def why_not_ours(found: Found, repository: Repository, project: str) -> str:
    """Say why what a forge has at a name is not the project's; empty when it is."""
    if found.marker is None:
        return found.reason or "it is not there"
    if found.marker.project != project:
        return f"it belongs to the project {found.marker.project}"
    if found.marker.repository.lower() != str(repository).lower():
        return f"it is a copy of {found.marker.repository}"
    return ""


def author_of(given: Given, name: str | None, address: str | None) -> str:
    """Return the author of a commit: what the template says, else the user. Raises InputError."""
    own_name, _, own_address = given.author.partition(" <")
    name, address = name or own_name, address or own_address.rstrip(">")
    if any(sign in name + address for sign in "<>\n\0"):
        raise InputError("gitAuthorName and gitAuthorEmail may not hold '<', '>' or a line's end")
    return f"{name} <{address}>"
