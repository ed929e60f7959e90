"""What the commands share that change a published repository: finding it, editing it, saying so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from kickstart import marker, naming, redact
from kickstart.cli import connect, existing
from kickstart.errors import ConflictError, Fault, ParameterError
from kickstart.tools import Address, Repository, Tools
from kickstart.tree import Edit, Entry

if TYPE_CHECKING:
    from kickstart.cli.console import Console
    from kickstart.tools.clone import Clone
    from kickstart.tools.working_copy import Made, WorkingCopy

REPOSITORY = Annotated[
    str | None,
    typer.Option(
        "--repository",
        metavar="OWNER/NAME",
        help="The GitOps repository, where no run on this machine has made it.",
    ),
]
PULL_REQUEST = Annotated[
    bool, typer.Option("--pull-request", help="Propose the change instead of committing it.")
]
DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Show the difference; write nothing.")]


class Wanted(Struct, frozen=True):
    """What the user typed about where the repository is; None is not typed. suffix: of its name."""

    project: str
    forge: str | None
    github_url: str | None
    owner: str | None
    repository: str | None = None
    suffix: str = "-gitops"


class Place(Struct, frozen=True):
    """A published repository, and what it takes to reach it. forge: with its address, in one word."""

    repository: Repository
    address: Address
    tools: Tools
    forge: str


def find(wanted: Wanted, faults: Sequence[Fault] = ()) -> Place:
    """Return where a project's repository is: as typed, else as the last run on this machine had it.

    Raises ParameterError with `faults`, which the command found, and what is wrong here.
    """
    problems = list(faults)
    name_problem = naming.project_name_problem(wanted.project)
    if name_problem:
        problems.append(Fault("NAME", f"'{wanted.project}' {name_problem}"))
    if wanted.repository is not None:
        problems += _repository_problems(wanted.repository)
    if problems:
        raise ParameterError("the command is wrong", faults=problems, hint="add --help to see its options")
    flags = {"forge": wanted.forge, "github-url": wanted.github_url, "owner": wanted.owner}
    at = existing.locate(wanted.project, flags)
    if wanted.repository:
        return Place(Repository(*wanted.repository.split("/")), at.address, at.tools, at.forge)
    named = [each for each in at.repositories() if each.name.endswith(wanted.suffix)]
    if not named:
        raise ParameterError(
            f"the last run of '{wanted.project}' published no repository NAME{wanted.suffix}",
            hint="name it: --repository OWNER/NAME",
        )
    return Place(named[0], at.address, at.tools, at.forge)


def _repository_problems(text: str) -> list[Fault]:
    owner, slash, name = text.partition("/")
    if not slash:
        return [Fault("--repository", f"'{text}' is not of the form OWNER/NAME")]
    found = (
        (owner, naming.owner_name_problem(owner)),
        (name, naming.repository_name_problem(name)),
    )
    return [Fault("--repository", f"'{part}' {problem}") for part, problem in found if problem]


@contextmanager
def opened(place: Place, project: str) -> Iterator[WorkingCopy]:
    """Bring a project's repository here. Raises ConflictError when it is not that project's."""
    with connect.working_copy(place.address, place.tools, place.repository) as copy:
        mark = marker_of(copy)
        if mark.project != project:
            raise ConflictError(
                f"{place.repository} belongs to the project {mark.project}",
                hint=f"name that project, or another --repository than {place.repository}",
            )
        yield copy


def cloned(
    folder: Path,
    mark: marker.Marker,
    forge: str | None,
    github_url: str | None,
    owner: str | None,
    stack: ExitStack,
) -> tuple[Place, Clone]:
    """Open the clone of a project's repository, and return it with where that is published.

    forge: else the clone's own remotes tell it, else the last run or the settings. Raises ParameterError
    where nobody does: what a template makes of a repository names its forge.
    """
    from kickstart.tools import clone

    connect.forget_callers_repository()
    copy = stack.enter_context(clone.borrowed(folder, mark.repository))
    urls = [copy.url] if copy.url else copy.urls
    told = (clone.forge_of(url, mark.repository) for url in urls)
    spec = forge or ("github" if github_url else next(filter(None, told), None))
    if spec is None:
        at = existing.locate(mark.project, {"forge": None, "github-url": None, "owner": owner})
        if not at.events and at.settings.values["forge"].source == "default":
            shown = ", ".join(map(redact.urls, urls)) or "no remote"
            raise ParameterError(
                f"the clone does not tell which forge {mark.repository} is on: it has {shown}",
                hint="--forge github, with --github-url URL for an Enterprise; or --forge local:FOLDER",
            )
    return find(Wanted(mark.project, spec, github_url, owner, mark.repository)), copy


def marker_of(copy: WorkingCopy) -> marker.Marker:
    """Return a repository's marker. Raises ConflictError when it has none."""
    found = copy.read([marker.FILE_NAME]).get(marker.FILE_NAME)
    if found is None:
        raise ConflictError(
            f"{copy.shown} was not made by kickstart: it has no {marker.FILE_NAME}",
            hint="name the right one: --repository OWNER/NAME",
        )
    mark = marker.read(found.content)
    if mark is None:
        raise unreadable_marker(copy.shown)
    return mark


def unreadable_marker(shown: str) -> ConflictError:
    """Return the error for a marker of which nobody can tell what it says."""
    return ConflictError(
        f"{shown} has a {marker.FILE_NAME} that cannot be read",
        hint=f"bring back the last one that could be: git log -p {marker.FILE_NAME}; "
        "or use the kickstart that wrote it, if that is a newer one",
    )


class Done(Struct, frozen=True):
    """What became of an edit. outcome: planned, changed, proposed or unchanged."""

    place: Place
    made: Made
    outcome: str
    branch: str
    pull_request: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the result as JSON: docs/reference/output.schema.json describes it."""
        return {
            "outcome": self.outcome,
            "repository": str(self.place.repository),
            "branch": self.branch,
            "commit": self.made.commit,
            "pullRequest": self.pull_request,
            "files": [
                {"path": path, "change": _word(self.made.before.get(path), entry)}
                for path, entry in sorted(self.made.edit.changes.items())
            ],
        }

    def show(self, console: Console, said: str) -> None:
        """Print it: `said` when it was made, the difference when it was only planned."""
        edit, repository = self.made.edit, self.place.repository
        if not edit.changes:
            console.print(f"{repository} is unchanged.")
        elif self.outcome == "planned":
            console.print(f"{repository}: {edit.subject}")
            before = {path: entry for path, entry in self.made.before.items() if path in edit.changes}
            after = {path: entry for path, entry in edit.changes.items() if entry}
            console.diff(before, after, whole=True)
        elif self.outcome == "changed":
            console.print(f"{said}\n  {self.made.commit[:12]} on {self.branch} of {repository}")
        else:
            console.print(
                edit.subject + (" is proposed." if self.outcome == "proposed" else " was proposed before.")
            )
            console.print(f"  branch {self.branch} of {repository}")
            nowhere = f"{self.place.address.name} has no pull requests: merge the branch yourself"
            console.print(f"  {self.pull_request or nowhere}")


def change(
    place: Place,
    copy: WorkingCopy,
    paths: Sequence[str],
    make: Callable[[Mapping[str, Entry]], Edit],
    *,
    pull_request: bool,
    dry_run: bool,
) -> Done:
    """Make an edit of the files at `paths` as the flags say."""
    from kickstart.tools import working_copy

    if dry_run:
        files = copy.read(paths)
        made = working_copy.Made(make(files), files)
        return Done(place, made, "planned" if made.edit.changes else "unchanged", copy.branch)
    author, _ = connect.author()
    how = working_copy.propose if pull_request else working_copy.commit
    made = how(copy, paths, make, author, datetime.now(UTC))
    outcome = ("proposed" if pull_request else "changed") if made.pushed else "unchanged"
    url = None
    if pull_request and made.branch:
        url = place.tools.forge.open_pull_request(
            place.repository, made.branch, copy.branch, made.edit.subject, made.edit.text
        )
    return Done(place, made, outcome, made.branch or copy.branch, url)


def faults(*found: tuple[str, str | None]) -> list[Fault]:
    """Return a fault for each option that has a problem."""
    return [Fault(where, problem) for where, problem in found if problem]


def _word(before: Entry | None, after: Entry | None) -> str:
    return "delete" if after is None else "create" if before is None else "update"
