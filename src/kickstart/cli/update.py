"""`kickstart update`: what a newer template makes, merged into repositories that teams have changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kickstart.cli import options, published
from kickstart.marker import FILE_NAME

if TYPE_CHECKING:
    from kickstart.actions.publish import Publish
    from kickstart.cli.console import Console
    from kickstart.cli.project import Earlier
    from kickstart.errors import Fault
    from kickstart.marker import Marker
    from kickstart.tools.merge import Merged
    from kickstart.tools.working_copy import Rendered, WorkingCopy
    from kickstart.tree import Edit, Tree

NAME = "update"  # in the names of branches


def update(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="The project, or a clone of one of its repositories (with a slash).",
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

    Each repository gets a branch and a pull request. Conflicts are marked there, and end with exit
    code 9.
    """
    from kickstart.cli import results

    console = results.console("Update", output, False, quiet, no_color)
    name, repository = _named(name, repository)
    first = published.find(published.Wanted(name, forge, github_url, owner, repository, suffix=""))
    with ExitStack() as stack:
        copy = stack.enter_context(published.opened(first, name))
        mark = published.marker_of(copy)
        given = _Given(
            name, template, from_, dialect, forge, github_url, owner, set_ or (), values or (), console
        )
        base = _base(copy, mark)
        earlier = _earlier(mark, base)
        updates = []
        for effect in _rendered(given, earlier):
            place = published.Place(effect.repository, first.address, first.tools)
            if place.repository == first.repository:
                updates.append(_merged(given, earlier, place, copy, effect, base))
            elif not repository:
                other = stack.enter_context(published.opened(place, name))
                updates.append(_merged(given, earlier, place, other, effect))
        # Everything is merged before the first branch is pushed.
        done = [_planned(each) if check or dry_run else _proposed(each) for each in updates]
        unresolved = [fault for each in done for fault in each.unresolved()]
    _report(done, unresolved, check, console)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the user typed."""

    project: str
    template: str | None
    old: str | None
    dialect: str | None
    forge: str | None
    github_url: str | None
    owner: str | None
    assignments: Sequence[str]
    values: Sequence[str]
    console: Console


def _named(name: str, repository: str | None) -> tuple[str, str | None]:
    """Return project and repository; a path names a clone whose marker tells both."""
    from kickstart import marker
    from kickstart.errors import ParameterError

    if "/" not in name and name not in {".", ".."}:
        return name, repository
    file = Path(name).expanduser() / marker.FILE_NAME
    mark = marker.read(file.read_bytes()) if file.is_file() else None
    if mark is None or not mark.repository:
        raise ParameterError(
            f"{name} is no clone of a repository that kickstart has made",
            hint="name a project, or a folder that has a .kickstart.yaml with a repository",
        )
    return mark.project, repository or mark.repository


def _base(copy: WorkingCopy, mark: Marker) -> Rendered | None:
    """Return what the template made the last time, with what the command will look for besides."""
    from kickstart.tools import working_copy

    copy.bring(working_copy.RENDERED, working_copy.proposals(NAME))
    return copy.rendered(mark.digest)


def _earlier(mark: Marker, found: Rendered | None) -> Earlier:
    """Return the run that made a repository; its author and time where a commit proves them."""
    from kickstart.cli.project import Earlier

    recorded = {"template": mark.template.get("origin", ""), "parameters": mark.parameters}
    if found:
        return Earlier(recorded, found.author, found.at)
    return Earlier(recorded, "kickstart <kickstart@localhost>", datetime(2000, 1, 1, tzinfo=UTC))


def _rendered(given: _Given, earlier: Earlier, old: str | None = None) -> list[Publish]:
    """Return what the newest template publishes, or what the `old` one did with its parameters."""
    from kickstart.actions.publish import Publish
    from kickstart.cli import project

    flags = {
        "template": old or given.template,
        "forge": given.forge,
        "github-url": given.github_url,
        "owner": given.owner,
    }
    request = project.Request(
        given.project,
        flags,
        () if old else given.assignments,
        () if old else given.values,
        no_input=True,
        dialect=given.dialect,
        earlier=earlier,
    )
    effects = project.prepare(request, given.console).plan.effects
    return [effect for effect in effects if isinstance(effect, Publish)]


@dataclass(frozen=True, slots=True)
class _Update:
    """One repository and what is new for it. No `merged`: nothing is."""

    place: published.Place
    copy: WorkingCopy
    mark: Marker
    effect: Publish
    merged: Merged | None = None

    @property
    def versions(self) -> tuple[str, str]:
        """The template's version before and after."""
        return self.mark.template.get("version", ""), self.effect.mark.template["version"]

    @property
    def paths(self) -> Sequence[str]:
        """What the merge is about."""
        return sorted({*self.merged.changes, *self.merged.conflicts, FILE_NAME}) if self.merged else ()

    def edit(self) -> Edit:
        """Return the merge as a commit on top of what the team has."""
        from kickstart.tree import Edit

        if self.merged is None:
            return Edit({})
        name, (old, new) = self.effect.mark.template["name"], self.versions
        text = f"The template made this repository as version {old or 'unknown'}."
        if self.merged.conflicts:
            listed = "\n".join(f"- {path}: {words}" for path, words in self.merged.conflicts.items())
            text += f"\n\nTo be resolved before this is merged:\n\n{listed}"
        return Edit(
            {**self.merged.changes, FILE_NAME: self.effect.tree[FILE_NAME]},
            f"Update to {name} {new}".rstrip(),
            text,
            NAME,
            self.effect.mark.digest,
        )


def _merged(
    given: _Given,
    earlier: Earlier,
    place: published.Place,
    copy: WorkingCopy,
    effect: Publish,
    base: Rendered | None = None,
) -> _Update:
    from kickstart.cli import connect

    mark = published.marker_of(copy)
    if mark.digest == effect.mark.digest:
        return _Update(place, copy, mark, effect)
    found = base or _base(copy, mark)
    before = found.tree if found else _again(given, earlier, copy, mark)
    return _Update(place, copy, mark, effect, connect.merge(copy, before, effect.tree))


def _again(given: _Given, earlier: Earlier, copy: WorkingCopy, mark: Marker) -> Tree:
    """Render what the template made of a repository the last time, proved by its marker."""
    from kickstart.errors import ConflictError
    from kickstart.template import catalog

    url, _, inside = catalog.split_git_reference(mark.template.get("origin", ""))
    pinned = f"{url}//{inside}@{mark.template['commit']}" if mark.template.get("commit") else None
    for old in filter(None, (given.old, pinned)):
        for effect in _rendered(given, earlier, old):
            if effect.mark.digest == mark.digest:
                return effect.tree
    version = mark.template.get("version") or "unknown"
    raise ConflictError(
        f"what {copy.shown} was made from cannot be had: {mark.template.get('name')}, version {version}",
        hint="name that version of the template: --from TEMPLATE",
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of one repository's update."""

    update: _Update
    done: published.Done

    @property
    def available(self) -> bool:
        """Whether there is something new."""
        return self.update.merged is not None

    def unresolved(self) -> list[Fault]:
        """Return the conflicts that nobody has resolved on the branch of an earlier proposal."""
        from kickstart.errors import Fault

        merged, commit = self.update.merged, self.done.made.commit
        conflicts = dict(merged.conflicts) if merged else {}
        if merged and commit and conflicts:
            there = self.update.copy.read(sorted(conflicts), commit)
            team = self.done.made.before
            expected = {path: merged.changes.get(path, team.get(path)) for path in conflicts}
            conflicts = {
                path: words for path, words in conflicts.items() if there.get(path) == expected[path]
            }
        return [Fault(f"{self.update.place.repository}: {path}", words) for path, words in conflicts.items()]

    def body(self) -> dict[str, Any]:
        """Return the result as JSON."""
        merged = self.update.merged
        body = self.done.body()
        old, new = self.update.versions
        conflicts = merged.conflicts.items() if merged else ()
        return {
            **body,
            "fromVersion": old,
            "toVersion": new,
            "conflicts": [{"where": path, "message": words} for path, words in conflicts],
        }


def _planned(update: _Update) -> _Done:
    from kickstart.tools.working_copy import Made

    made = Made(update.edit(), update.copy.read(update.paths) if update.paths else {})
    outcome = "planned" if made.edit.changes else "unchanged"
    return _Done(update, published.Done(update.place, made, outcome, update.copy.branch))


def _proposed(update: _Update) -> _Done:
    """Push the merge as a branch, with what the template made beside it: the next update starts there."""
    from kickstart.cli import connect
    from kickstart.tools import working_copy

    copy, place, edit = update.copy, update.place, update.edit()
    if not edit.changes:
        return _planned(update)
    also = copy.keep(update.effect.commit, update.effect.mark.digest)
    author, _ = connect.author()
    made = working_copy.propose(copy, update.paths, lambda files: edit, author, datetime.now(UTC), also)
    url = None
    if made.branch:
        forge = place.tools.forge
        url = forge.open_pull_request(place.repository, made.branch, copy.branch, edit.subject, edit.text)
    outcome = "proposed" if made.pushed else "unchanged"
    return _Done(update, published.Done(place, made, outcome, made.branch or copy.branch, url))


def _report(done: Sequence[_Done], unresolved: Sequence[Fault], check: bool, console: Console) -> None:
    from kickstart.errors import Fault, FindingsError, MergeConflictError

    outcomes = {each.done.outcome for each in done}
    outcome = next((each for each in ("planned", "proposed") if each in outcomes), "unchanged")
    body = {"outcome": outcome, "updates": [each.body() for each in done]}
    for each in done:
        if not check:
            each.done.show(console, "")
    if check and outcome == "planned":
        console.remember({"updates": body["updates"]})
        faults = [
            Fault(str(each.update.place.repository), "{} -> {}".format(*each.update.versions))
            for each in done
            if each.available
        ]
        raise FindingsError("an update is available", faults=faults, hint="kickstart update NAME")
    if unresolved:
        console.remember({"updates": body["updates"]})
        raise MergeConflictError(
            "the team and the template have changed the same",
            faults=unresolved,
            hint="resolve it on the branch",
        )
    console.result(body)
    if check:
        console.print("Everything is as the newest template makes it.")
