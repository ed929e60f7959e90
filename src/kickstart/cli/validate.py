"""`kickstart validate`: what a cluster would say of a repository, before it is pushed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kickstart.cli import options

if TYPE_CHECKING:
    from kickstart.cli.console import Console
    from kickstart.tree import Tree


def validate(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A folder or file.", show_default=False)
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME", help="Check this environment only; may be repeated."),
    ] = None,
    kube_version: Annotated[
        list[str] | None,
        typer.Option(
            "--kube-version", metavar="VERSION", help="Check for this version of Kubernetes; may be repeated."
        ),
    ] = None,
    schema_location: Annotated[
        list[str] | None,
        typer.Option(
            "--schema-location",
            metavar="PLACE",
            help="A folder of definitions, an address with {group}, {version}, {kind}, "
            "or cluster[:CONTEXT]; may be repeated.",
        ),
    ] = None,
    kubeconfig: options.KUBECONFIG = None,
    helm: options.HELM = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="RULE", help="Check only this rule or area; may be repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="RULE", help="Leave out this rule or area; may be repeated."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch no schemas; use those that were fetched before.")
    ] = False,
    list_rules: Annotated[
        bool, typer.Option("--list-rules", help="Print all rules, and check nothing.")
    ] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="text|json|sarif", help="What to print.")
    ] = "text",
    quiet: options.QUIET = False,
    no_color: options.NO_COLOR = False,
) -> None:
    """Check charts and manifests as a cluster would, before they are pushed.

    Every environment of every chart below PATH is rendered by Helm, and every object is compared with
    the schemas of its kind, their rules, and rules of kickstart's own. What could not be checked is
    listed as such. Hidden folders, venv, node_modules and __pycache__ are passed over; name one to check it.

    A chart needs a Helm on this machine. Definitions of custom kinds are fetched the first time and kept;
    `kickstart create` fetches none, and uses those that are kept.
    """
    from kickstart import settings
    from kickstart.checks import repository
    from kickstart.cli import checking, results
    from kickstart.errors import FindingsError, ParameterError, PreflightError

    as_sarif = output == "sarif"
    console = results.console("Validate", "text" if as_sarif else output, False, quiet, no_color)
    if list_rules:
        _list_rules(console)
        return
    if path is None:
        raise ParameterError(
            "there is no PATH to check", hint="kickstart validate PATH, as in: kickstart validate ."
        )
    tree = _read(path, console)
    schemas = checking.schemas(
        schema_location or [], settings.home(os.environ), offline=offline, kubeconfig=kubeconfig
    )
    wanted = repository.Wanted(
        _environments(env or [], tree),
        checking.versions(kube_version or [], schemas.builtin.versions),
        checking.rules(select, "--select") if select else None,
        checking.rules(ignore or [], "--ignore"),
        os.cpu_count() or 1,
    )
    report = repository.check(tree, schemas, checking.engine(helm), wanted)
    outcome = {
        "outcome": "findings" if report.findings else "clean",
        "path": str(path),
        **checking.body(report),
    }
    console.remember(outcome)
    if as_sarif:
        from kickstart.cli import sarif

        sys.stdout.write(sarif.of_report(report) + "\n")
    else:
        checking.draw(report, console)
    if report.findings:
        raise FindingsError(
            f"{path}: {checking.counts(report)}",
            hint="correct them; docs/reference/rules.md explains each rule, and how to ignore one",
        )
    if report.charts and not report.engine:
        raise PreflightError("charts were not checked, since there is no Helm", hint=checking.NO_HELM)
    console.result(outcome)
    if not as_sarif:
        found = report.objects or report.charts
        console.print("No findings." if found else f"{path} holds no chart and no manifest to check.")


def _read(path: Path, console: Console) -> Tree:
    from kickstart import folders
    from kickstart.errors import PreflightError
    from kickstart.tree import PathError, Tree

    if path.is_dir():
        entries, left = folders.read_visible(path)
        for name, reason in left:
            console.say(f"NOT CHECKED: {name} {reason}")
        return Tree(entries)
    if path.is_file():
        try:
            return Tree({path.name: folders.read_file(path)})
        except PathError as error:
            raise PreflightError(str(error), hint="give the file another name") from error
    raise PreflightError(f"there is no file or folder {path}", hint="kickstart validate PATH")


def _environments(given: list[str], tree: Tree) -> frozenset[str]:
    from kickstart.checks import repository
    from kickstart.errors import ParameterError

    known = repository.environments(tree)
    for name in given:
        if name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "no chart here has values-NAME.yaml"
            raise ParameterError(f"there is no environment '{name}'", hint=there)
    return frozenset(given)


def _list_rules(console: Console) -> None:
    from kickstart.checks.catalog import RULES

    width = max(map(len, RULES))
    for name, rule in sorted(RULES.items()):
        console.print(f"{name:<{width}}  {rule.severity:<7}  {rule.summary}")
    console.result(
        {
            "outcome": "listed",
            "rules": [
                {
                    "rule": name,
                    "level": rule.severity,
                    "summary": rule.summary,
                    "reason": rule.reason,
                    "fix": rule.fix,
                }
                for name, rule in sorted(RULES.items())
            ],
        }
    )
