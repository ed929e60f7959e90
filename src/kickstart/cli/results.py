"""What `create` and `render` do with a previewed plan, and what they print of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kickstart import journal, run
from kickstart.actions.base import Change
from kickstart.cli.console import Console, for_command
from kickstart.cli.project import Project, fingerprint
from kickstart.errors import TemplateError
from kickstart.naming import counted
from kickstart.plan import Plan
from kickstart.run import Outcome, Pending
from kickstart.tree import Entry, Tree

console = for_command  # for the commands that need more of this module as well


def conflict_hint(prepared: Project, pending: Sequence[Pending]) -> str:
    """Return what to type after a conflict."""
    from kickstart.actions.folder import WriteFolder

    conflicts = [each for each in pending if each.change is Change.CONFLICT]
    if all(isinstance(each.effect, WriteFolder) for each in conflicts):
        return "choose another --output-dir, or move the folder away"
    project = prepared.plan.project
    if all(each.inspection.detail == "is archived" for each in conflicts):
        gone = f"to delete it for good: kickstart delete {project} --purge"
        return f"choose another name, or unarchive it in its settings; {gone}"
    if all(each.inspection.detail.endswith(" is not a folder") for each in conflicts):
        return "move it away, or choose another folder: --forge local:DIR"
    hint = "choose another name; to see what differs: the same command with --dry-run"
    last = journal.last_planned(prepared.home.state, project) or {}
    asked = fingerprint(prepared.plan.source, prepared.plan.parameters, prepared.forge)
    if last and any(last.get(key) != value for key, value in asked.items()):
        hint += f"; to go on with the parameters of the last run: kickstart create {project} --resume"
    return hint


def refuse_missing(plan: Plan) -> None:
    """Raise TemplateError for steps that only a portal could carry out, or what kept one from being tried."""
    if not plan.refused:
        return
    for step in plan.refused:
        if step.failure:
            raise step.failure
    ids = [plan.source.template.step_id(index) for index in range(len(plan.source.template.spec.steps))]
    faults = [
        plan.source.fault(("spec", "steps", ids.index(step.id), "action"), step.missing or step.unknown)
        for step in plan.refused
    ]
    raise TemplateError(
        "the template needs what kickstart does not have here; nothing was written",
        faults=faults,
        hint=f"write the files without these steps: {as_render(plan)}; "
        "or install a plug-in that has the action: docs/how-to/extend-with-plug-ins.md",
    )


def as_render(plan: Plan) -> str:
    """Return what to type to have the files of a plan in a folder."""
    import shlex

    return f"kickstart render {plan.project} --template {shlex.quote(plan.source.origin)} --output-dir DIR"


def left(plan: Plan) -> str:
    """Name the steps that only a portal could carry out, each with its reason."""
    return ", ".join(f"{step.id} ({step.missing or step.unknown})" for step in plan.refused)


def apply(
    prepared: Project,
    pending: Sequence[Pending],
    console: Console,
    follow: Callable[[], None] | None = None,
) -> None:
    """Carry out what is pending, and print the result.

    follow: what has to come true afterwards; what it raises is the result then.
    """
    plan = prepared.plan
    outcomes: list[Outcome] = []
    with journal.opened(prepared.home.state, plan.project) as log:
        log.record(
            "planned",
            **fingerprint(plan.source, plan.parameters, prepared.forge),
            commitTime=prepared.commit_time.isoformat(),
            targets=[each.effect.target for each in pending],
            cluster=prepared.tools.cluster.name if prepared.tools.cluster else "",
            argocdNamespace=prepared.settings.get("argocd-namespace"),
            links=[dict(link) for link in plan.links],
        )
        with console.progress() as progress:
            for outcome in run.apply(pending, prepared.tools, log):
                progress.draw(outcome)
                if outcome.done:
                    outcomes.append(outcome)
        log.record("completed")
    changed = any(each.change is not Change.NONE for each in pending)
    result = body("changed" if changed else "unchanged", plan, pending, outcomes=outcomes)
    _summary(plan, outcomes, changed, console)
    if follow is not None:
        console.remember(result)
        follow()
    console.result(result)


def write(prepared: Project, pending: Sequence[Pending], console: Console) -> None:
    """Write folders, and print where they are. Rendering leaves no journal: it publishes nothing."""
    outcomes: list[Outcome] = []
    with console.progress() as progress:
        for outcome in run.apply(pending, prepared.tools, None):
            progress.draw(outcome)
            if outcome.done:
                outcomes.append(outcome)
    changed = any(each.change is not Change.NONE for each in pending)
    console.result(body("changed" if changed else "unchanged", prepared.plan, pending, outcomes=outcomes))
    for note in prepared.plan.notes:
        console.say(f"Note: {note}")
    for step in prepared.plan.missing:
        console.say(f"Left out: {step.id} ({step.action}): {step.messages[0]}")
        for line in step.messages[1:]:
            console.say(f"  {line}")
    for each in pending:
        console.print(f"{each.effect.target}: {counted(len(each.effect.tree), 'file')}")
    if not prepared.plan.effects:  # else it is about what is not there
        console.told(prepared.plan)


def _summary(plan: Plan, outcomes: Sequence[Outcome], changed: bool, console: Console) -> None:
    learnt = (str(each.facts["note"]) for each in outcomes if "note" in each.facts)
    for note in (*plan.notes, *learnt):
        console.say(f"Note: {note}")
    if changed:
        console.print(console.paint(f"{plan.project} is ready.", "green"))
    else:
        console.print(f"{plan.project} is unchanged: everything is there that the template makes.")
    console.told(plan)


def body(
    outcome: str,
    plan: Plan,
    pending: Sequence[Pending],
    *,
    files: bool = False,
    outcomes: Sequence[Outcome] = (),
) -> dict[str, Any]:
    """Return the result as JSON: docs/reference/output.schema.json describes it."""
    facts = {each.pending.effect.target: each.facts for each in outcomes}
    return {
        "outcome": outcome,
        "project": plan.project,
        "template": {
            "name": plan.source.name,
            "version": plan.source.version,
            "origin": plan.source.origin,
            "commit": plan.source.commit,
        },
        "parameters": plan.public_parameters,
        "steps": [
            {
                "id": step.id,
                "name": step.name,
                "action": step.action,
                "skipped": step.skipped,
                "messages": list(step.messages),
            }
            for step in plan.steps
        ],
        "changes": [_change(each, facts.get(each.effect.target, {}), files) for each in pending],
        "links": [dict(link) for link in plan.links],
        "texts": [dict(text) for text in plan.texts],
        "notes": list(plan.notes),
    }


def _change(pending: Pending, facts: dict[str, Any], files: bool) -> dict[str, Any]:
    tree = pending.effect.tree
    change: dict[str, Any] = {
        "target": pending.effect.target,
        "change": pending.change.value,
        "detail": pending.inspection.detail,
        "fileCount": len(tree),
        "bytes": tree.size,
        "facts": facts,
    }
    if files:
        existing = pending.inspection.existing or Tree()
        change["files"] = [_file(path, entry, existing.get(path)) for path, entry in tree.items()]
    return change


def _file(path: str, entry: Entry, existing: Entry | None) -> dict[str, Any]:
    change = "create" if existing is None else "unchanged" if existing == entry else "update"
    return {"path": path, "bytes": len(entry.content), "mode": f"{entry.mode:o}", "change": change}
