"""`kickstart update`: what a newer template makes, merged into repositories that teams have changed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from kickstart import marker
from kickstart.cli import connect, merging, options, published
from kickstart.errors import ConflictError, Fault, FindingsError, MergeConflictError, ParameterError
from kickstart.tools import working_copy
from kickstart.tools.clone import Clone
from kickstart.tools.merge import Merged

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kickstart.actions.publish import Publish
    from kickstart.cli.console import Console
    from kickstart.cli.project import Earlier
    from kickstart.marker import Marker
    from kickstart.tools.working_copy import Rendered, WorkingCopy
    from kickstart.tree import Tree


def update(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="The project, or a clone of one of its repositories: a path with a slash, or a dot.",
            show_default=False,
        ),
    ],
    template: Annotated[
        str | None,
        typer.Option(
            "--template", "-t", metavar="TEMPLATE", help="Update to this one; else as it was named."
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TEMPLATE", help="The old version, where it cannot be found."),
    ] = None,
    dialect: options.DIALECT = None,
    set_: options.SET = None,
    values: options.VALUES = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 8 when there is an update.")
    ] = False,
    dry_run: published.DRY_RUN = False,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository", metavar="OWNER/NAME", help="Update this repository of the project only."
        ),
    ] = None,
    output: options.OUTPUT = "text",
    quiet: options.QUIET = False,
    no_color: options.NO_COLOR = False,
) -> None:
    """Propose what a newer template makes, merged with what the team has changed.

    NAME: each repository of the project gets a branch and a pull request. PATH: the clone's work tree
    gets the merge, for you to look at and to commit. Conflicts are marked, and end with exit code 9.
    """
    from kickstart.cli.console import for_command

    console = for_command("Update", output, False, quiet, no_color)
    given = _Given(
        name,
        template,
        from_,
        dialect,
        forge,
        github_url,
        owner,
        repository,
        set_ or (),
        values or (),
        console,
    )
    with ExitStack() as stack:
        first, copy = _opened(given, stack)
        carry_out = merging.checked if check else merging.planned if dry_run else merging.proposed
        if isinstance(copy, Clone) and not (check or dry_run):
            copy.refuse_changes()
            carry_out = merging.put
        mark = published.marker_of(copy)
        base = _base(copy, mark)
        earlier = _earlier(first, mark, base)
        updates = []
        effects, secrets = _rendered(given, earlier)
        earlier = replace(earlier, secrets=secrets)  # asked for once, also where the old version is rendered
        for effect in effects:
            place = replace(first, repository=effect.repository)
            if place.repository == first.repository:
                updates.append(_merged(given, earlier, place, copy, effect, base))
            elif not repository and not isinstance(copy, Clone):
                other = stack.enter_context(published.opened(place, mark.project))
                its = published.marker_of(other)
                differing = _differing(mark, its)
                if not differing:
                    updates.append(_merged(given, earlier, place, other, effect))
                    continue
                # One's proposal is merged, and the other's is not yet: neither is taken back.
                console.say(f"Note: {place.repository} was made with {differing}, and goes on from there")
                found = _base(other, its)
                alone = replace(_earlier(place, its, found), secrets=secrets)
                again = [each for each in _rendered(given, alone)[0] if each.repository == effect.repository]
                updates += [_merged(given, alone, place, other, each, found) for each in again]
        if not updates:
            raise ConflictError(
                f"the template publishes no repository {first.repository}",
                hint="name the owner that the project was made for: --owner OWNER",
            )
        # Everything is merged before the first branch is pushed.
        done = [carry_out(each) for each in updates]
        unresolved = [] if check else [fault for each in done for fault in each.unresolved()]
    _report(given, done, unresolved, check)


def _differing(mark: Marker, other: Marker) -> str:
    """Say what another repository of the project was made from that is not the first one's, or ""."""
    both = {**mark.parameters, **other.parameters}
    names = [name for name in both if mark.parameters.get(name) != other.parameters.get(name)]
    found = [f"other answers for {', '.join(names)}"] if names else []
    origin = other.template.get("origin", "")
    return " and ".join(found + ([origin] if origin != mark.template.get("origin", "") else []))


class _Given(Struct, frozen=True):
    """What the user typed."""

    name: str
    template: str | None
    old: str | None
    dialect: str | None
    forge: str | None
    github_url: str | None
    owner: str | None
    repository: str | None
    assignments: Sequence[str]
    values: Sequence[str]
    console: Console

    @property
    def as_typed(self) -> list[str]:
        """The arguments that decide what an update is of, for another run."""
        flags = (
            *(("--template", self.template), ("--from", self.old), ("--dialect", self.dialect)),
            *(("--set", each) for each in self.assignments),
            *(("--values", each) for each in self.values),
            *(("--forge", self.forge), ("--github-url", self.github_url), ("--owner", self.owner)),
            ("--repository", self.repository),
        )
        return [self.name, *(word for flag, value in flags if value for word in (flag, value))]

    @property
    def is_path(self) -> bool:
        """Whether a folder was named, and no project."""
        return "/" in self.name or self.name in {".", ".."}


def _opened(given: _Given, stack: ExitStack) -> tuple[published.Place, WorkingCopy]:
    """Return the repository that a path, a flag or the project's name stands for, and where it is."""
    if not given.is_path:
        wanted = published.Wanted(
            given.name, given.forge, given.github_url, given.owner, given.repository, suffix=""
        )
        place = published.find(wanted)
        return place, stack.enter_context(published.opened(place, given.name))
    folder = Path(given.name).expanduser()
    file = folder / marker.FILE_NAME
    mark = marker.read(file.read_bytes()) if file.is_file() else None
    if mark is None and file.is_file():
        raise published.unreadable_marker(given.name)
    if mark is None or not mark.repository:
        raise ParameterError(
            f"{given.name} is no clone of a repository that kickstart has made",
            hint="name a project, or a folder that has a .kickstart.yaml with a repository",
        )
    if given.repository not in {None, mark.repository}:
        raise ParameterError(
            f"{given.name} is a clone of {mark.repository}, and not of {given.repository}",
            hint="leave --repository out, or name the project instead of the clone",
        )
    return published.cloned(folder, mark, given.forge, given.github_url, given.owner, stack)


def _base(copy: WorkingCopy, mark: Marker) -> Rendered | None:
    """Return what the template made the last time, with what the command will look for besides."""
    copy.bring(working_copy.RENDERED, working_copy.proposals(merging.NAME))
    return copy.rendered(mark.digest)


def _earlier(place: published.Place, mark: Marker, found: Rendered | None) -> Earlier:
    """Return the run that made a repository; its author and time where a commit proves them."""
    from kickstart.cli.project import Earlier
    from kickstart.plan import UNPUBLISHED

    recorded = {
        "template": mark.template.get("origin", ""),
        "forge": place.forge,
        "parameters": mark.parameters,
    }
    if found:
        return Earlier(mark.project, recorded, found.author, found.at)
    return Earlier(mark.project, recorded, "kickstart <kickstart@localhost>", UNPUBLISHED)


def _rendered(
    given: _Given, earlier: Earlier, old: str | None = None
) -> tuple[list[Publish], Mapping[str, SecretStr]]:
    """Return what the newest template publishes, or what the `old` one did with its parameters.

    With the secrets that it took, which no repository tells.
    """
    from kickstart.actions.publish import Publish
    from kickstart.cli import project

    flags = {
        "template": old or given.template,
        "forge": given.forge,
        "github-url": given.github_url,
        "owner": given.owner,
    }
    request = project.Request(
        earlier.project,
        flags,
        () if old else given.assignments,
        () if old else given.values,
        no_input=False,
        dialect=given.dialect,
        earlier=earlier,
    )
    if not flags["template"]:
        _refuse_what_is_elsewhere(str(earlier.recorded["template"]))
    prepared = project.prepare(request, given.console)
    return [effect for effect in prepared.plan.effects if isinstance(effect, Publish)], prepared.secrets


def _refuse_what_is_elsewhere(origin: str) -> None:
    """Raise ParameterError for a folder that a template was in, on this machine or on another one."""
    place = Path(origin.partition("#")[0])
    if place.is_absolute() and not place.exists():
        raise ParameterError(
            f"the template was in {place}, which is not there",
            hint="name it where it is now: --template TEMPLATE",
        )


def _merged(
    given: _Given,
    earlier: Earlier,
    place: published.Place,
    copy: WorkingCopy,
    effect: Publish,
    base: Rendered | None = None,
) -> merging.Update:
    mark = published.marker_of(copy)
    same = merging.Update(place, copy, mark, effect)
    if mark.digest == effect.mark.digest:
        # Answers that change no file here may change another repository: the next update starts from them.
        is_told = same.told.parameters == mark.parameters
        return same if is_told else replace(same, merged=Merged({}, {}))
    found = base or _base(copy, mark)
    before = found.tree if found else _again(given, earlier, copy, mark)
    return merging.Update(place, copy, mark, effect, connect.merge(copy, before, effect.tree))


def _again(given: _Given, earlier: Earlier, copy: WorkingCopy, mark: Marker) -> Tree:
    """Render what the template made of a repository the last time, proved by its marker."""
    from kickstart.template.elsewhere import split_git_reference

    place, sign, which = mark.template.get("origin", "").partition("#")
    url, _, inside = split_git_reference(place)
    commit = mark.template.get("commit")
    pinned = f"{url}//{inside}@{commit}{sign}{which}" if commit else None
    for old in filter(None, (given.old, pinned)):
        for effect in _rendered(given, earlier, old)[0]:
            if effect.mark.digest == mark.digest:
                return effect.tree
    version = mark.template.get("version") or "unknown"
    raise ConflictError(
        f"what {copy.shown} was made from cannot be had: {mark.template.get('name')}, version {version}",
        hint="git fetch --unshallow"
        if isinstance(copy, Clone) and copy.is_shallow
        else "name that version of the template: --from TEMPLATE",
    )


def _report(given: _Given, done: Sequence[merging.Done], unresolved: Sequence[Fault], check: bool) -> None:
    console = given.console
    outcomes = {each.done.outcome for each in done}
    outcome = next((each for each in ("planned", "changed", "proposed") if each in outcomes), "unchanged")
    body = {"outcome": outcome, "updates": [each.body() for each in done]}
    unasked = {name: value for each in done for name, value in each.update.unasked.items()}
    for name, value in unasked.items():
        console.say(
            f"Note: the template no longer asks for {name}, which was {value}; "
            "if it has another name now, answer that: --set NAME=VALUE"
        )
    for each in done:
        each.show(console, check)
    if check and outcome == "planned":
        console.remember({"updates": body["updates"]})
        faults = [
            Fault(str(each.update.place.repository), each.versions)
            for each in done
            if each.done.outcome == "planned"
        ]
        hint = f"kickstart update {shlex.join(given.as_typed)}"
        raise FindingsError("an update is available", faults=faults, hint=hint)
    if unresolved:
        console.remember({"updates": body["updates"]})
        hint = "resolve it on the branch"
        if outcome == "planned":
            hint = "without --dry-run it is marked, for you to resolve"
        if outcome == "changed":
            hint = "resolve it, then git add and git commit; or go back to before: git reset --hard"
        raise MergeConflictError(
            "the team and the template have changed the same", faults=unresolved, hint=hint
        )
    console.result(body)
    if check and outcome == "unchanged":
        console.print("Everything is as the newest template makes it.")
