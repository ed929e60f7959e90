"""`kickstart delete`: take away what a project's markers prove to be ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from kickstart.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kickstart.run import Outcome, Pending


def delete(
    name: options.NAME,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete for good, with everything in it, instead of archiving.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the name again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken away; change nothing.")
    ] = False,
    cluster: Annotated[
        bool,
        typer.Option("--cluster/--no-cluster", help="Also take it off the cluster that it is on."),
    ] = True,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Also delete databases and volumes on the cluster.")
    ] = False,
    context: options.CONTEXT = None,
    kubeconfig: options.KUBECONFIG = None,
    argocd_namespace: options.ARGOCD_NAMESPACE = None,
    timeout: options.TIMEOUT = "5m",
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """Take a project off its cluster and its portal, and archive its repositories or delete them.

    Only what is proven to be made by kickstart for this project is touched. Looks where the last run
    on this machine published; the flags say another place.
    """
    from kickstart import durations, journal, run
    from kickstart.actions.base import Change, Effect
    from kickstart.actions.catalog import LOCATION, Unregister
    from kickstart.actions.remove import Remove
    from kickstart.cli import connect, existing, results
    from kickstart.errors import ParameterError
    from kickstart.removal import LeaveCluster

    console = results.console("Delete", output, False, False, no_color)
    flags = {
        "forge": forge,
        "github-url": github_url,
        "owner": owner,
        "context": context,
        "kubeconfig": kubeconfig,
        "argocd-namespace": argocd_namespace,
    }
    found = existing.find(name, flags)
    seconds = durations.seconds(timeout)
    # What was made last goes first: nothing is left that points to what is gone.
    effects: list[Effect] = [Remove(place.repository, name, purge) for place in reversed(found.places)]
    tools = found.tools
    chosen, namespace = found.cluster() if cluster else (None, "")
    if chosen is not None:
        tools = replace(tools, cluster=chosen)
        effects.insert(0, LeaveCluster(name, chosen.name, namespace, delete_data, seconds))
    portal = connect.portal()
    ours = [found.address.clone_url(place.repository) for place in found.places if place.is_ours]
    ours = [each for each in ours if each.startswith("http")]  # no portal reads a folder of this machine
    known = [each for each in found.planned.get("targets") or () if each.startswith(LOCATION)]
    if portal is None and known:
        console.say(
            f"Note: a portal may go on reading {', '.join(each.removeprefix(LOCATION) for each in known)}; "
            "to have it forget that: export KICKSTART_PORTAL_URL"
        )
    if portal is not None and ours:
        tools = replace(tools, portal=portal)
        effects.insert(0, Unregister(tuple(each.removesuffix(".git") for each in ours), portal.name))
    pending = run.preview(effects, tools)
    todo = [each for each in pending if each.change is not Change.NONE]
    for each in pending:
        console.pending(each, files=False)
    if dry_run or not todo:
        console.result(_body(name, "planned" if todo else "unchanged", pending))
        return
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ParameterError("delete asks before it acts", hint="the same command with --yes")
        from kickstart.cli.prompts import typed

        if not typed(f"Type {name} to go on", name):
            console.result(_body(name, "declined", pending))
            console.print("Nothing was changed.")
            return
    outcomes = []
    with journal.opened(found.home.state, name) as log:
        log.record("removing", forge=found.forge, purge=purge, targets=[e.effect.target for e in todo])
        with console.progress() as progress:
            for outcome in run.apply(pending, tools, log):
                if outcome.pending.change is not Change.NONE:
                    progress.draw(outcome)
                outcomes += [outcome] if outcome.done else []
        log.record("removed")
    console.result(_body(name, "changed", pending, outcomes))
    for outcome in outcomes:
        if "archive" in outcome.facts:
            console.print(f"  {outcome.pending.effect.target} is kept in {outcome.facts['archive']}")


def _body(
    project: str, outcome: str, pending: Sequence[Pending], outcomes: Sequence[Outcome] = ()
) -> dict[str, Any]:
    facts = {each.pending.effect.target: each.facts for each in outcomes}
    return {
        "outcome": outcome,
        "project": project,
        "removals": [
            {
                "target": each.effect.target,
                "change": each.change.value,
                "detail": each.inspection.detail,
                "facts": facts.get(each.effect.target, {}),
            }
            for each in pending
        ],
    }
