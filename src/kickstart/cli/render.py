"""`kickstart render`: the files of a template in a folder, published nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kickstart.cli import options


def render(
    output_dir: Annotated[
        Path,
        typer.Option(
            "--output-dir",
            "-d",
            metavar="DIR",
            help="Where to write a folder for each repository and pull request.",
        ),
    ],
    name: options.NAME = "",
    template: options.TEMPLATE = None,
    dialect: options.DIALECT = None,
    set_: options.SET = None,
    values: options.VALUES = None,
    no_input: options.NO_INPUT = False,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    visibility: options.VISIBILITY = None,
    output: options.OUTPUT = "text",
    verbose: options.VERBOSE = False,
    quiet: options.QUIET = False,
    no_color: options.NO_COLOR = False,
) -> None:
    """Write the files of a project to a folder, and publish nothing.

    Rendering again updates a folder that nobody has changed; any other one stays as it is.
    """
    from kickstart import run
    from kickstart.cli import project, results

    console = results.console("Render", output, verbose, quiet, no_color)
    flags = {
        "template": template,
        "forge": forge,
        "github-url": github_url,
        "owner": owner,
        "visibility": visibility,
    }
    request = project.Request(
        name, flags, set_ or [], values or [], no_input, dialect=dialect, publishes=False
    )
    prepared = project.prepare(request, console)
    if verbose:
        console.parameters(prepared.plan.parameters)
    pending = run.preview(prepared.plan.folders(output_dir.expanduser().absolute()), prepared.tools)
    run.refuse_conflicts(pending, hint="choose another --output-dir, or move the folder away")
    results.write(prepared, pending, console)
