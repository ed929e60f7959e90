"""What stands published of a project, when this machine knows nothing of the run that did it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from kickstart import run
from kickstart.actions.base import Change, Effect
from kickstart.actions.publish import Publish
from kickstart.cli import connect
from kickstart.cli.project import Project
from kickstart.plan import Plan
from kickstart.run import Pending

_ANY = "0" * 40


def preview(prepared: Project, effects: Callable[[Plan], Sequence[Effect]]) -> tuple[Project, list[Pending]]:
    """Preview a plan's effects; where they name commits that stand published as others, plan again first.

    A file may name the commit of another repository, and the id that was promised for it depends on who
    runs this, and when.
    """
    commits: dict[str, str] = {}
    pending = run.preview(effects(prepared.plan), prepared.tools)
    while _learns(commits, prepared, pending):
        prepared = replace(prepared, plan=prepared.replan(commits))
        pending = run.preview(effects(prepared.plan), prepared.tools)
    return prepared, pending


def _learns(commits: dict[str, str], prepared: Project, pending: Sequence[Pending]) -> bool:
    """Add the commits that hold what the plan publishes, and tell whether it has to be made again.

    commits: what is known, from the digest of the files to the id.
    """
    if all(each.change is Change.NONE for each in pending):
        return False
    there = [
        each.effect
        for each in pending
        if isinstance(each.effect, Publish)
        and each.change in {Change.NONE, Change.UPDATE}
        and each.effect.mark.digest not in commits
    ]
    guess = {each.mark.digest: _ANY for each in there}
    if not guess or prepared.replan(commits | guess).effects == prepared.plan.effects:
        return False
    promised = {each.mark.digest: each.commit.id for each in there}
    commits |= promised
    for each in there:
        with connect.working_copy(prepared.address, prepared.tools, each.repository) as copy:
            found = copy.rendered(each.mark.digest)
        if found:
            commits[each.mark.digest] = found.commit
    return any(commits[digest] != id_ for digest, id_ in promised.items())
