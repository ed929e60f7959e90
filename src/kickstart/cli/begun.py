"""What stands published of a project, when this machine knows nothing of the run that did it."""

from __future__ import annotations

from collections.abc import Sequence

from kickstart.actions.base import Change
from kickstart.actions.publish import Publish
from kickstart.cli import connect
from kickstart.cli.project import Project
from kickstart.run import Pending

_ANY = "0" * 40


def look(prepared: Project, pending: Sequence[Pending], commits: dict[str, str]) -> bool:
    """Learn the commits that hold what the plan publishes, and tell whether it has to be made again.

    commits: what is known, from the digest of the files to the id; grows. A file may name the commit of
    another repository, and the id that was promised for it depends on who runs this, and when.
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
