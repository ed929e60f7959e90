"""`kickstart create`: from a template to published repositories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kickstart.cli import options

if TYPE_CHECKING:
    from kickstart.actions.base import Effect
    from kickstart.cli.console import Console
    from kickstart.cli.project import Project
    from kickstart.plan import Plan


def create(
    name: options.NAME = "",
    template: options.TEMPLATE = None,
    dialect: options.DIALECT = None,
    set_: options.SET = None,
    values: options.VALUES = None,
    no_input: options.NO_INPUT = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan with all files and differences; publish nothing.")
    ] = False,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir", metavar="DIR", help="Also write the files to a folder for each repository."
        ),
    ] = None,
    no_validate: Annotated[
        bool, typer.Option("--no-validate", help="Do not check what would be deployed before writing it.")
    ] = False,
    renew_secrets: Annotated[
        bool, typer.Option("--renew-secrets", help="Set secrets again that exist already, with these values.")
    ] = False,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    visibility: options.VISIBILITY = None,
    bootstrap: options.BOOTSTRAP = None,
    context: options.CONTEXT = None,
    kubeconfig: options.KUBECONFIG = None,
    argocd_namespace: options.ARGOCD_NAMESPACE = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until Argo CD reports everything synced and healthy.")
    ] = False,
    timeout: options.TIMEOUT = "5m",
    resume: Annotated[
        bool, typer.Option("--resume", help="Take template, forge and parameters from the last run of NAME.")
    ] = False,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="FILE", help="Create all projects of a file instead of NAME."),
    ] = None,
    jobs: options.JOBS = 4,
    output: options.OUTPUT = "text",
    verbose: options.VERBOSE = False,
    quiet: options.QUIET = False,
    no_color: options.NO_COLOR = False,
) -> None:
    """Create a project: check, render and publish its repositories.

    Charts and manifests are checked as `kickstart validate` does, before anything is written.
    Running it again converges: what is there already is unchanged, and what an interrupted run left
    out is done.
    """
    from kickstart import run
    from kickstart.actions.base import Change
    from kickstart.cli import begun, precheck, project, results
    from kickstart.errors import ParameterError
    from kickstart.template.languages import dialect_of

    flags = {
        "template": template,
        "forge": forge,
        "github-url": github_url,
        "owner": owner,
        "visibility": visibility,
        "context": context,
        "kubeconfig": kubeconfig,
        "argocd-namespace": argocd_namespace,
    }
    if batch is not None:
        if name or resume or output_dir or values:
            raise ParameterError(
                "--batch does not go together with NAME, --resume, --output-dir and --values",
                hint="write the projects and their parameters into the file",
            )
        from kickstart.cli.batch import create as create_all

        options_of_each = {
            "set": set_,
            "dialect": dialect,
            "context": context,
            "kubeconfig": kubeconfig,
            "argocd-namespace": argocd_namespace,
            "timeout": timeout,
            "bootstrap": bootstrap is True,
            "no-bootstrap": bootstrap is False,
            "wait": wait,
            "dry-run": dry_run,
            "no-validate": no_validate,
            "renew-secrets": renew_secrets,
        }
        console = results.console("Batch", output, verbose, quiet, no_color)
        create_all(batch, jobs, flags, options_of_each, console)
        return
    console = results.console("Create", output, verbose, quiet, no_color)
    request = project.Request(
        name, flags, set_ or [], values or [], no_input, resume, dialect, bootstrap, renew_secrets
    )
    prepared = project.prepare(request, console)
    effects = _effects(prepared.plan, output_dir)
    if not effects and not dry_run:
        _refuse_empty(prepared.plan)
    notes = run.preflight(effects, prepared.tools)
    follow = None
    if wait:
        from kickstart.cli import waiting

        follow = waiting.follower(prepared, timeout, console)
    _examine_cluster(prepared, console)
    prepared, pending = begun.preview(prepared, lambda plan: _effects(plan, output_dir))
    if dry_run:
        notes = [*notes, *_refusals(prepared.plan, effects)]
    prepared = prepared.noting(notes)
    plan = prepared.plan
    if verbose:
        console.parameters(plan.parameters)
    if dry_run or prepared.interactive:
        console.plan(plan, pending, files=dry_run)
    if dry_run:
        planned = results.body("planned", plan, pending, files=True)
        console.remember(planned)  # a conflict and findings are shown with what differs
    else:
        results.refuse_missing(plan)
    run.refuse_conflicts(pending, hint=results.conflict_hint(prepared, pending))
    if not no_validate:
        precheck.check(
            [each for each in pending if each.change is not Change.NONE],
            prepared.home,
            console,
            for_portal=dialect_of(plan.source, dialect) == "backstage",
        )
    if dry_run:
        console.result(planned)
        return
    if prepared.interactive and not _confirmed():
        console.result(results.body("declined", plan, pending))
        console.print("Nothing was written.")
        return
    results.apply(prepared, pending, console, follow)


def _effects(plan: Plan, output_dir: Path | None) -> list[Effect]:
    return plan.effects + (plan.folders(output_dir.expanduser().absolute()) if output_dir else [])


def _refuse_empty(plan: Plan) -> None:
    """Stop for a plan without any effect, for which there may be a reason."""
    from kickstart.cli import results
    from kickstart.errors import ParameterError

    results.refuse_missing(plan)
    raise ParameterError(
        f"the template '{plan.source.name}' publishes nothing",
        hint=f"write its files to a folder: {results.as_render(plan)}",
    )


def _refusals(plan: Plan, effects: Sequence[Effect]) -> Iterator[str]:
    """Say why nothing would be published without --dry-run, if so."""
    from kickstart.cli import results

    if plan.refused:
        yield f"without --dry-run this is refused, since only a portal can do {results.left(plan)}"
    elif not effects:
        yield "without --dry-run this is refused, since the template publishes nothing"


def _examine_cluster(prepared: Project, console: Console) -> None:
    """Stop for what the cluster lacks, and say what it could do better. Without a cluster, do nothing."""
    cluster = prepared.tools.cluster
    if cluster is None:
        return
    from kickstart import doctor

    needs = doctor.needs(prepared.plan)
    checks = doctor.examine(cluster, needs, prepared.settings.get("argocd-namespace"))
    doctor.require(checks)
    for each in checks:
        if each.state is doctor.State.WARNING:
            console.say(f"Note: {each.what}: {each.found}; {each.fix}")


def _confirmed() -> bool:
    from kickstart.cli.prompts import confirm

    return confirm("Create this?")
