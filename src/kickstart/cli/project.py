"""What `create` and `render` share: from flags to a plan."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from kickstart import actions, journal, naming, settings
from kickstart.cli import connect, parameters
from kickstart.cli.console import Console
from kickstart.errors import ParameterError
from kickstart.plan import UNPUBLISHED, Circumstances, Plan, build, public
from kickstart.settings import Home, Settings
from kickstart.template import catalog
from kickstart.template.catalog import Source
from kickstart.template.languages import dialect_of, languages
from kickstart.template.parameters import Form, Parameters
from kickstart.tools import Address, Tools


class Earlier(Struct, frozen=True):
    """The run that made a repository, as the repository itself tells. recorded: as in a journal.

    secrets: which no repository tells, as this run was given them before, each as JSON.
    """

    project: str
    recorded: Mapping[str, Any]
    author: str
    at: datetime
    secrets: Mapping[str, SecretStr] = {}


class Request(Struct, frozen=True):
    """What the user typed. Settings that were not typed are None.

    publishes: whether commits may be made. earlier: what is rendered again, by the same author at the
    same time, so that only the template and the parameters can make a difference.
    """

    name: str
    flags: Mapping[str, Any]
    assignments: Sequence[str]
    values_files: Sequence[str]
    no_input: bool
    resume: bool = False
    dialect: str | None = None
    bootstrap: bool | None = False
    renew_secrets: bool = False
    publishes: bool = True
    earlier: Earlier | None = None


class Project(Struct, frozen=True):
    """A plan, and what it takes to carry it out.

    replan: makes the same plan with commits that stand published already, as in `Circumstances`.
    """

    plan: Plan
    replan: Callable[[Mapping[str, str]], Plan]
    address: Address
    tools: Tools
    settings: Settings
    home: Home
    forge: str
    interactive: bool
    commit_time: datetime
    secrets: Mapping[str, SecretStr]

    def noting(self, notes: Sequence[str]) -> Project:
        """Return the same with further notes in its plan."""
        return replace(self, plan=replace(self.plan, notes=(*self.plan.notes, *notes)))


def prepare(request: Request, console: Console) -> Project:
    """Resolve settings and parameters, ask for what is missing, and plan.

    Writes nothing but the cache of compiled templates.
    """
    connect.forget_callers_repository()
    # What was imported stays: from here on, garbage is what rendering leaves.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    home = settings.home(os.environ)
    recorded = _recorded(request, home)
    resolved = settings.resolve(request.flags, os.environ, Path.cwd(), home.config)
    spec = connect.forge_spec(_setting("forge", resolved, recorded), resolved.values.get("github-url"))
    address, tools = connect.forge(spec, home, renew_secrets=request.renew_secrets)
    tools = replace(tools, portal=connect.portal())
    argocd_namespace = ""
    if _wants_cluster(request, resolved):
        tools = replace(tools, cluster=connect.cluster(resolved))
        argocd_namespace = str(resolved.get("argocd-namespace"))
    source = _source(resolved, recorded, home)
    form = Form(source.template.spec.parameters)
    form.check(source.fault)
    dialect = dialect_of(source, request.dialect)
    on_github, free = spec.startswith("github"), dialect == "backstage"
    given = parameters.collect(request, resolved, recorded, form, source, on_github=on_github, free=free)
    # Of a project that is there everything is known, as a rule: no question, and no prompt to load.
    interactive = _can_ask(request) and not (request.earlier and parameters.is_complete(form, given))
    if interactive:
        from kickstart.cli.prompts import ask

        given = ask(form, given, everything=request.earlier is None)
    console.hide(form.unread(given))
    chosen = parameters.resolve(form, given, source)
    secrets = parameters.secrets(form, given)
    project = _name(request, chosen, source, free=free)
    author, known = _author(request, source)
    at = _commit_time(request, home, project, source, chosen, spec)

    def planned(commits: Mapping[str, str]) -> Plan:
        with closing(languages(source, dialect, home.cache / "templates")) as spoken:
            about = Circumstances(
                project,
                address,
                author,
                at,
                spoken.steps,
                spoken.skeletons,
                argocd_namespace,
                tools.portal,
                commits,
            )
            plan = build(source, chosen, about)
            spoken.save()
        return plan

    plan = planned({})
    if not known:
        console.say(
            f"Git knows no identity of yours, so that commits are by {author}.\n"
            "To change it: git config --global user.name NAME; git config --global user.email ADDRESS"
        )
    return Project(plan, planned, address, tools, resolved, home, spec, interactive, at, secrets)


def _source(resolved: Settings, recorded: Mapping[str, Any], home: Home) -> Source:
    """Find the template; a recorded one keeps the name by which it was first asked for."""
    name = _setting("template", resolved, recorded)
    if name == recorded.get("template"):
        known = str(recorded.get("templateReference") or name)
        return replace(catalog.find(known, connect.checkout(home), connect.origin), origin=name)
    return catalog.find(name, connect.checkout(home), connect.origin)


def _wants_cluster(request: Request, resolved: Settings) -> bool:
    """A cluster is used when it is asked for: by the flag, or by naming a context anywhere."""
    return bool(resolved.get("context")) if request.bootstrap is None else request.bootstrap


def fingerprint(source: Source, parameters: Parameters, forge: str) -> dict[str, Any]:
    """Return what tells one request for a project from another, without a secret."""
    return {
        "template": source.origin,
        "templateReference": source.reference,
        "templateVersion": source.version,
        "forge": forge,
        "parameters": public(parameters),
    }


def _recorded(request: Request, home: Home) -> dict[str, Any]:
    """Return what the journal has of the last run, for `--resume`, or what a repository tells."""
    if request.earlier:
        return dict(request.earlier.recorded)
    if not request.resume:
        return {}
    found = journal.last_planned(home.state, request.name) if request.name else None
    if found is None:
        shown = f"of '{request.name}'" if request.name else "without a NAME"
        raise ParameterError(
            f"there is no recorded run {shown} to resume", hint="run kickstart create NAME without --resume"
        )
    return found


def _setting(key: str, resolved: Settings, recorded: Mapping[str, Any]) -> str:
    """A flag wins over the recorded run, which wins over everything else."""
    setting = resolved.values[key]
    if key in recorded and not setting.source.startswith("--"):
        return str(recorded[key])
    return str(setting.value)


def _author(request: Request, source: Source) -> tuple[str, bool]:
    """Return the author of commits, and whether it is the right one."""
    if request.earlier:
        return request.earlier.author, True
    return connect.author() if _has_author(source) else ("", True)


def _commit_time(
    request: Request, home: Home, project: str, source: Source, parameters: Parameters, forge: str
) -> datetime:
    """Return the time of the last run with the same input; without one, now.

    So the same input makes the same commits, also after an interruption.
    """
    if request.earlier:
        return request.earlier.at
    last = journal.last_planned(home.state, project)
    asked = fingerprint(source, parameters, forge)
    if last and {key: last.get(key) for key in asked} == asked:
        try:
            return datetime.fromisoformat(str(last["commitTime"]))
        except (KeyError, ValueError):
            pass
    return datetime.now().astimezone().replace(microsecond=0) if request.publishes else UNPUBLISHED


def _can_ask(request: Request) -> bool:
    if request.no_input or os.environ.get("CI") or "-" in request.values_files:
        return False
    return sys.stdin.isatty() and sys.stderr.isatty()


# Actions of ours that make files alone.
_FILES = ("fetch:", "fs:", "debug:")


def _has_author(source: Source) -> bool:
    """Tell whether a template may ask who runs it, or makes a commit: Git is not asked for nothing."""
    steps = source.template.spec.steps
    return (
        bool(source.included)
        or "user" in source.text
        or not all(step.action in actions.ACTIONS and step.action.startswith(_FILES) for step in steps)
    )


def _name(request: Request, parameters: Parameters, source: Source, *, free: bool) -> str:
    """Return the project's name: as it was typed, or the parameter's. Raises ParameterError.

    free: a portal's template may ask for no name, or for any text.
    """
    name = request.name or str(parameters.values.get("name") or "")
    problem = naming.project_name_problem(name)
    if name and not problem:
        return name
    if free and not request.name:
        return naming.project_name_from(name or source.name)
    if not name:
        raise ParameterError("the project has no name", hint="kickstart create NAME")
    raise ParameterError(f"the name '{name}' {problem}", hint="kickstart create NAME, as in my-chatbot")
