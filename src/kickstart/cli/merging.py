"""One repository's update: what is merged, and the ways to carry it out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from kickstart import marker
from kickstart.cli import connect, published
from kickstart.errors import Fault
from kickstart.naming import counted
from kickstart.tools import working_copy
from kickstart.tools.clone import Clone
from kickstart.tree import Edit

if TYPE_CHECKING:
    from kickstart.actions.publish import Publish
    from kickstart.cli.console import Console
    from kickstart.marker import Marker
    from kickstart.tools.merge import Merged
    from kickstart.tools.working_copy import WorkingCopy
    from kickstart.tree import Commit

NAME = "update"  # in the names of branches
_MOST = 10  # earlier proposals that are looked at; each asks the forge


class Update(Struct, frozen=True):
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
    def is_back(self) -> bool:
        """Whether the template is an older one than that which made the repository, as far as known."""
        before, after = (re.fullmatch(r"v?(\d+(?:\.\d+)*)", each) for each in self.versions)
        if before is None or after is None:
            return False
        old, new = ([int(part) for part in each[1].split(".")] for each in (before, after))
        return new < old

    @property
    def told(self) -> Marker:
        """The new marker, as the next update will read it."""
        found = marker.read(self.effect.tree[marker.FILE_NAME].content)
        assert found is not None  # noqa: S101 - it was made by us
        return found

    @property
    def unasked(self) -> dict[str, str]:
        """What was answered before, and has no parameter any more, as JSON."""
        gone = self.mark.parameters.keys() - self.told.parameters.keys() if self.merged else ()
        return {name: json.dumps(self.mark.parameters[name], ensure_ascii=False) for name in sorted(gone)}

    @property
    def paths(self) -> Sequence[str]:
        """What the merge is about."""
        merged = self.merged
        return sorted({*merged.changes, *merged.conflicts, marker.FILE_NAME}) if merged else ()

    @property
    def rendered_ref(self) -> str:
        """Where what the template made is kept."""
        return working_copy.rendered_ref(self.effect.mark.digest)

    @property
    def beside(self) -> dict[str, Commit]:
        """What the template made, by the reference where the next update looks for it."""
        return {self.rendered_ref: self.effect.commit}

    def edit(self) -> Edit:
        """Return the merge as a commit on top of what the team has."""
        if self.merged is None:
            return Edit({})
        name, (old, new) = self.effect.mark.template["name"], self.versions
        text = f"The template made this repository as version {old or 'unknown'}."
        if self.unasked:
            listed = "\n".join(f"- {name}: {value}" for name, value in self.unasked.items())
            text += f"\n\nThe template no longer asks for what was answered before:\n\n{listed}"
        if self.merged.conflicts:
            listed = "\n".join(f"- {path}: {words}" for path, words in self.merged.conflicts.items())
            text += f"\n\nTo be resolved before this is merged:\n\n{listed}"
        return Edit(
            {**self.merged.changes, marker.FILE_NAME: self.effect.tree[marker.FILE_NAME]},
            f"{'Go back' if self.is_back else 'Update'} to {name} {new}".rstrip(),
            text,
            NAME,
            # Not the template's version: the same files from the same answers are the same update.
            f"{self.effect.mark.digest} {json.dumps(self.told.parameters, sort_keys=True, default=str)}",
        )


class Done(Struct, frozen=True):
    """What became of one repository's update.

    lost: why what the template made is kept here alone. replaced: the pull requests of earlier ones.
    """

    update: Update
    done: published.Done
    lost: str = ""
    replaced: Sequence[str] = ()

    @property
    def versions(self) -> str:
        """The template's version before and after, where it tells more than that something is new."""
        old, new = self.update.versions
        back = ", which is older" if self.update.is_back else ""
        return f"{old} -> {new}{back}" if old != new else "an update"

    def show(self, console: Console, check: bool) -> None:
        """Print it. check: what is new is an error's to tell."""
        copy, repository = self.update.copy, self.update.place.repository
        if check and self.done.outcome == "proposed":
            console.print(f"{repository}: {self.versions} is proposed, and not merged yet.")
            console.print(f"  branch {self.done.branch}")
            console.print(f"  {self.done.pull_request or 'no pull request is open for it'}")
        elif isinstance(copy, Clone) and self.done.outcome == "changed":
            edit = self.done.made.edit
            console.print(
                f"{edit.subject} is merged into {copy.folder}: {counted(len(edit.changes), 'file')}."
            )
            console.print(f"  to see it: git -C {shlex.quote(str(copy.folder))} diff HEAD")
            if self.lost:
                console.say(
                    f"What the template made is kept in this clone alone: {self.lost}.\n"
                    f"The next update of another clone needs it: git push REMOTE {self.update.rendered_ref}"
                )
        elif not check:
            self.done.show(console, "")
            for each in self.replaced:
                console.print(f"  instead of {each}, which is still open: close it")

    def unresolved(self) -> list[Fault]:
        """Return the conflicts that nobody has resolved on the branch of an earlier proposal."""
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
            "replaces": list(self.replaced),
            "unasked": list(self.update.unasked),
        }


def planned(update: Update) -> Done:
    """Write nothing."""
    paths = update.paths
    made = working_copy.Made(update.edit(), update.copy.read(paths) if paths else {})
    outcome = "planned" if made.edit.changes else "unchanged"
    return Done(update, published.Done(update.place, made, outcome, update.copy.branch))


def checked(update: Update) -> Done:
    """Tell what is new from what was proposed before, and is not merged yet."""
    look, copy, place = planned(update), update.copy, update.place
    if update.merged is None or isinstance(copy, Clone):
        return look
    edit, before = look.done.made.edit, look.done.made.before
    branch, commit = working_copy.proposal(copy, edit, before)
    if commit is None:
        return look
    url = place.tools.forge.pull_request(place.repository, branch, copy.branch)
    made = working_copy.Made(edit, before, branch, commit)
    return Done(update, published.Done(place, made, "proposed", branch, url))


def proposed(update: Update) -> Done:
    """Push the merge as a branch, with what the template made beside it: the next update starts there."""
    copy, place, edit = update.copy, update.place, update.edit()
    if not edit.changes:
        return planned(update)
    beside = {} if copy.fetch(update.rendered_ref) else update.beside
    author, _ = connect.author()
    made = working_copy.propose(copy, update.paths, lambda files: edit, author, datetime.now(UTC), beside)
    forge = place.tools.forge
    url = forge.open_pull_request(place.repository, made.branch, copy.branch, edit.subject, edit.text)
    outcome = "proposed" if made.pushed else "unchanged"
    done = published.Done(place, made, outcome, made.branch, url)
    return Done(update, done, replaced=_earlier(update, made.branch) if url else ())


def _earlier(update: Update, branch: str) -> list[str]:
    """Return the open pull requests of other updates: what they propose is in the newest one as well."""
    copy, place = update.copy, update.place
    others = [each for each in copy.branches(working_copy.proposals(NAME), _MOST) if each != branch]
    found = (place.tools.forge.pull_request(place.repository, each, copy.branch) for each in others)
    return [url for url in found if url]


def put(update: Update) -> Done:
    """Merge into a work tree; what the template made is kept in the clone, and where it is published."""
    look, copy = planned(update), update.copy
    if update.merged is None or not isinstance(copy, Clone):
        return look
    copy.put(look.done.made.edit, update.beside, update.merged.stages)
    lost = copy.publish([update.rendered_ref])
    return Done(update, replace(look.done, outcome="changed"), lost)
