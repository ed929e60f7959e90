"""`kickstart doctor`: what a project needs of this machine and of a cluster, against what is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kickstart.cli import options
from kickstart.errors import KickstartError, PreflightError

if TYPE_CHECKING:
    from kickstart.cli.console import Console
    from kickstart.cli.project import Project
    from kickstart.doctor import Check

_COLORS = {"ok": "green", "missing": "red", "warning": "yellow", "unknown": "yellow"}
OLDEST_GIT = (2, 31)  # the first that takes settings by the environment


def doctor(
    template: Annotated[
        str | None,
        typer.Argument(
            metavar="TEMPLATE",
            help="A name, a folder or its file, or a Git URL with @REF.",
            show_default=False,
        ),
    ] = None,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    set_: options.SET = None,
    values: options.VALUES = None,
    context: options.CONTEXT = None,
    kubeconfig: options.KUBECONFIG = None,
    argocd_namespace: options.ARGOCD_NAMESPACE = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """Check what a project needs of this machine and of a cluster.

    The parameters count: a project without a model needs no KServe. A cluster is looked at in any case,
    although publishing alone needs none. Nothing is written.
    """
    from kickstart.cli import connect, project, results

    console = results.console("Doctor", output, False, False, no_color)
    flags = {
        "template": template,
        "forge": forge,
        "github-url": github_url,
        "owner": connect.default_owner(),  # nothing is published: any will do
        "context": context,
        "kubeconfig": kubeconfig,
        "argocd-namespace": argocd_namespace,
    }
    git = _git()
    if shutil.which("git") is None:  # without it there is no plan, and so nothing known of the rest
        _tell([git, _helm()], {}, console)
        return
    request = project.Request("my-project", flags, set_ or [], values or [], no_input=True, publishes=False)
    prepared = project.prepare(request, console)
    checks = [git, _helm(), _credentials(prepared.forge), *_cluster(prepared)]
    _tell(checks, {"template": results.body("", prepared.plan, [])["template"]}, console)


def _tell(checks: Sequence[Check], about: dict[str, Any], console: Console) -> None:
    """Print the lines. Raises PreflightError where something is missing."""
    missing = sum(each.state.value == "missing" for each in checks)
    body = {**about, "checks": [_entry(each) for each in checks]}
    _draw(checks, console)
    console.remember(body)
    if missing:
        count = "1 requirement is" if missing == 1 else f"{missing} requirements are"
        raise PreflightError(f"{count} not met", hint="the lines marked 'missing' say what to do")
    console.result({"outcome": "examined", **body})


def _cluster(prepared: Project) -> list[Check]:
    from kickstart import doctor
    from kickstart.cli import connect

    needs = doctor.needs(prepared.plan)
    try:
        cluster = connect.cluster(prepared.settings)
        checks = doctor.examine(cluster, needs, prepared.settings.get("argocd-namespace"))
    except KickstartError as error:
        said = "; ".join([error.message, *map(str, error.faults)])
        return [doctor.Check("cluster", doctor.State.MISSING, said, error.hint)]
    return [doctor.Check("cluster", doctor.State.OK, cluster.name), *checks]


def _git() -> Check:
    from kickstart.doctor import Check, State
    from kickstart.tools import merge, plumbing

    try:
        version = plumbing.git("--version").decode().split()[2]
    except PreflightError as error:
        return Check("Git", State.MISSING, error.message, error.hint)
    numbers = tuple(int(each) for each in version.split(".")[:2])
    if numbers < OLDEST_GIT:
        return Check("Git", State.MISSING, version, "install Git 2.31 or newer")
    if numbers < merge.OLDEST:
        return Check("Git", State.WARNING, version, "install Git 2.38 or newer: kickstart update needs it")
    return Check("Git", State.OK, version)


def _helm() -> Check:
    from kickstart.cli import checking
    from kickstart.doctor import Check, State

    try:
        engine = checking.engine(None)
    except PreflightError as error:
        return Check("Helm", State.WARNING, error.message, error.hint)
    if engine is None:
        fix = "install Helm 3 or 4 to render a chart on this machine; Argo CD brings its own"
        return Check("Helm", State.WARNING, "not on the PATH", fix)
    return Check("Helm", State.OK, engine.name)


def _credentials(forge: str) -> Check:
    from kickstart.cli import credentials
    from kickstart.doctor import Check, State
    from kickstart.tools.github.address import PUBLIC, parse

    kind, _, place = forge.partition(":")
    host = parse(place or PUBLIC).host if kind == "github" else "github.com"
    try:
        found = credentials.find(host, os.environ)
    except PreflightError as error:
        state = State.MISSING if kind == "github" else State.WARNING
        return Check("GitHub credentials", state, error.message, error.hint)
    return Check("GitHub credentials", State.OK, f"for {host}, from {found.source}")


def _draw(checks: Sequence[Check], console: Console) -> None:
    width = max(len(each.what) for each in checks)
    for each in checks:
        state = each.state.value
        console.print(
            f"{console.paint(f'{state:<7}', _COLORS[state])}  {each.what:<{width}}  {each.found}".rstrip()
        )
        if each.fix:
            console.print(f"{'':<7}  {'':<{width}}  {console.paint(each.fix, 'dim')}")


def _entry(check: Check) -> dict[str, str]:
    return {"what": check.what, "state": check.state.value, "found": check.found, "fix": check.fix}
