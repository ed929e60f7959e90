"""The options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

MOST_JOBS = 32


# What cannot be is refused where it is read: also where nothing needs it, and before anything is asked.
def _duration(text: str) -> str:
    from kickstart import durations
    from kickstart.errors import ParameterError

    try:
        durations.seconds(text)
    except ParameterError as error:
        raise ParameterError(f"--timeout: {error.message}", hint=error.hint) from None
    return text


def _jobs(number: int) -> int:
    from kickstart.errors import ParameterError

    if not 1 <= number <= MOST_JOBS:
        raise ParameterError(f"--jobs {number} is not possible", hint=f"give a number from 1 to {MOST_JOBS}")
    return number


NAME = Annotated[str, typer.Argument(metavar="NAME", help="The project's name.", show_default=False)]
TEMPLATE = Annotated[
    str | None,
    typer.Option(
        "--template",
        "-t",
        metavar="TEMPLATE",
        help="A name, a folder or its file, or a Git URL with @REF.",
    ),
]
DIALECT = Annotated[
    str | None,
    typer.Option(
        "--dialect",
        metavar="backstage|kickstart",
        help="Whose language the template is written in; its annotations say it otherwise.",
    ),
]
SET = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Give a parameter; may be repeated."),
]
VALUES = Annotated[
    list[str] | None,
    typer.Option("--values", "-f", metavar="FILE", help="Read parameters from YAML or JSON; - is stdin."),
]
NO_INPUT = Annotated[bool, typer.Option("--no-input", help="Never ask; automatic without a terminal.")]
FORGE = Annotated[
    str | None,
    typer.Option("--forge", metavar="FORGE", help="Where to publish: local, local:DIR or github."),
]
GITHUB_URL = Annotated[
    str | None,
    typer.Option("--github-url", metavar="URL", help="With the forge github: a GitHub Enterprise."),
]
OWNER = Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Who owns the repositories.")]
VISIBILITY = Annotated[
    str | None,
    typer.Option("--visibility", metavar="private|internal|public", help="Who can read them."),
]
BOOTSTRAP = Annotated[
    bool | None,
    typer.Option(
        "--bootstrap/--no-bootstrap",
        help="Make Argo CD follow the project, on the cluster of --context or of the current context.",
        show_default=False,
    ),
]
CONTEXT = Annotated[
    str | None,
    typer.Option("--context", metavar="CONTEXT", help="The context of the kubeconfig; its cluster is used."),
]
KUBECONFIG = Annotated[
    str | None, typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig; else KUBECONFIG.")
]
TIMEOUT = Annotated[
    str,
    typer.Option(
        "--timeout", metavar="TIME", help="How long to wait, as 90s, 5m or 1h30m.", callback=_duration
    ),
]
ARGOCD_NAMESPACE = Annotated[
    str | None, typer.Option("--argocd-namespace", metavar="NAMESPACE", help="Where Argo CD is.")
]
JOBS = Annotated[
    int,
    typer.Option("--jobs", metavar="N", help="How many projects of a batch at a time.", callback=_jobs),
]
OUTPUT = Annotated[str, typer.Option("--output", "-o", metavar="text|json", help="What to print.")]
VERBOSE = Annotated[bool, typer.Option("--verbose", "-v", help="Say where each value comes from.")]
QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors only.")]
NO_COLOR = Annotated[bool, typer.Option("--no-color", help="Do not color the output.")]
HELM = Annotated[
    str | None,
    typer.Option(
        "--helm", metavar="PROGRAM", help="The helm to render charts with; else the one on the PATH."
    ),
]
