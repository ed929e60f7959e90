"""`kickstart promote`: the image of one environment for another."""

from __future__ import annotations

from typing import Annotated

import typer

from kickstart.cli import options, published


def promote(
    name: options.NAME,
    source: Annotated[
        str, typer.Option("--from", metavar="ENVIRONMENT", help="The environment that has the image.")
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="ENVIRONMENT", help="The environment that is to get it.")
    ],
    pull_request: published.PULL_REQUEST = False,
    dry_run: published.DRY_RUN = False,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    repository: published.REPOSITORY = None,
    output: options.OUTPUT = "text",
    quiet: options.QUIET = False,
    no_color: options.NO_COLOR = False,
) -> None:
    """Give an environment the image that another one has.

    Only the digest moves: nothing is built again, and settings stay as they are.
    """
    from kickstart import environments
    from kickstart.cli.console import for_command

    console = for_command("Promotion", output, False, quiet, no_color)
    place = published.find(published.Wanted(name, forge, github_url, owner, repository))
    with published.opened(place, name) as copy:
        done = published.change(
            place,
            copy,
            environments.PATHS,
            lambda files: environments.promote(files, source, target),
            pull_request=pull_request,
            dry_run=dry_run,
        )
    image = environments.digest(done.made.before, source)
    console.result({**done.body(), "from": source, "to": target, "digest": image})
    done.show(console, f"{target} has the image of {source}.")
