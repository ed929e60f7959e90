"""`kickstart preview`: environments of pull requests, added to and taken from a GitOps repository."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kickstart.cli import options, published
from kickstart.errors import Fault

if TYPE_CHECKING:
    from kickstart.previews import Preview

app = typer.Typer(
    help="Add and remove environments for pull requests.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_NUMBER = Annotated[
    str,
    typer.Option("--pr", metavar="NUMBER", help="The pull request of the source repository."),
]


@app.command("create")
def create(
    name: options.NAME,
    pr: _NUMBER,
    image_digest: Annotated[
        str,
        typer.Option(
            "--image-digest", metavar="DIGEST", help="The image that the pipeline has pushed, as sha256:..."
        ),
    ],
    ttl: Annotated[
        str,
        typer.Option("--ttl", metavar="TIME", help="How long it lives after its last change: 30m, 72h, 7d."),
    ] = "72h",
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
    """Add the environment of a pull request, or give it another image.

    Argo CD deploys it to a namespace of its own. Running it again with the same image is unchanged.
    """
    from kickstart import previews
    from kickstart.cli.console import for_command
    from kickstart.environments import digest_problem

    console = for_command("PreviewCreate", output, False, quiet, no_color)
    faults = published.faults(
        ("--pr", previews.number_problem(pr)),
        ("--image-digest", digest_problem(image_digest)),
        ("--ttl", previews.duration_problem(ttl)),
    )
    place = published.find(published.Wanted(name, forge, github_url, owner, repository), faults)
    number, now = int(pr), datetime.now(UTC)
    with published.opened(place, name) as copy:
        done = published.change(
            place,
            copy,
            previews.PATHS,
            lambda files: previews.create(files, name, number, image_digest, ttl, now),
            pull_request=pull_request,
            dry_run=dry_run,
        )
    files = {path: entry for path, entry in {**done.made.before, **done.made.edit.changes}.items() if entry}
    preview = previews.one(files, number)
    console.result({**done.body(), "preview": _described(preview, now)})
    done.show(console, f"The preview of pull request {number} is in Git.")
    if not dry_run:
        console.print(f"  namespace {preview.namespace}, host {preview.host}, until {_when(preview)}")


@app.command("list")
def list_(
    name: options.NAME,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    repository: published.REPOSITORY = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """List the environments of pull requests."""
    from kickstart import previews
    from kickstart.cli.console import for_command

    console = for_command("PreviewList", output, False, False, no_color)
    place = published.find(published.Wanted(name, forge, github_url, owner, repository))
    now = datetime.now(UTC)
    with published.opened(place, name) as copy:
        found = previews.read(copy.read(previews.PATHS))
    console.result(
        {
            "outcome": "listed",
            "repository": str(place.repository),
            "previews": [_described(each, now) for each in found],
        }
    )
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        state = _state(each, now)
        line = f"{each.name:<{width}}  {console.paint(f'{state:<7}', _COLORS[state])} "
        console.print(f"{line} {each.problem or f'until {_when(each)}  {each.host}  {each.digest[:19]}'}")
    if not found:
        console.print(f"{place.repository} has no previews.")


@app.command("delete")
def delete(
    name: options.NAME,
    pr: _NUMBER,
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
    """Remove the environment of a pull request.

    Argo CD deletes its namespace and everything in it.
    """
    from kickstart import previews
    from kickstart.cli.console import for_command

    console = for_command("PreviewDelete", output, False, quiet, no_color)
    faults = published.faults(("--pr", previews.number_problem(pr)))
    place = published.find(published.Wanted(name, forge, github_url, owner, repository), faults)
    number = int(pr)
    with published.opened(place, name) as copy:
        done = published.change(
            place,
            copy,
            previews.PATHS,
            lambda files: previews.delete(files, number),
            pull_request=pull_request,
            dry_run=dry_run,
        )
    console.result(done.body())
    done.show(console, f"The preview of pull request {number} is removed.")


@app.command("gc")
def gc(
    name: options.NAME,
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
    """Remove the environments whose time is over.

    One that cannot be understood does not hold up the others: it is named at the end, with exit code 8.
    """
    from kickstart import previews
    from kickstart.cli.console import for_command
    from kickstart.errors import FindingsError

    console = for_command("PreviewCollection", output, False, quiet, no_color)
    place = published.find(published.Wanted(name, forge, github_url, owner, repository))
    now = datetime.now(UTC)
    with published.opened(place, name) as copy:
        done = published.change(
            place,
            copy,
            previews.PATHS,
            lambda files: previews.collect(files, now),
            pull_request=pull_request,
            dry_run=dry_run,
        )
    found = previews.read(done.made.before)
    removed = [each for each in found if each.path in done.made.edit.changes]
    broken = _faults(each for each in found if each.problem and each not in removed)
    body = {**done.body(), "removed": [each.number for each in removed]}
    done.show(console, f"Removed {', '.join(each.name for each in removed)}.")
    if broken:
        console.remember(body)
        raise FindingsError(
            "some previews cannot be understood, and stay",
            faults=broken,
            hint=f"correct them, or remove them: kickstart preview delete {name} --pr NUMBER",
        )
    console.result(body)


def _faults(broken: Iterable[Preview]) -> list[Fault]:
    return [Fault(each.path, each.problem) for each in broken]


_COLORS = {"active": "green", "expired": "yellow", "broken": "red"}


def _state(preview: Preview, now: datetime) -> str:
    expires = preview.expires
    return "broken" if preview.problem or expires is None else "expired" if expires <= now else "active"


def _when(preview: Preview) -> str:
    return preview.expires.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if preview.expires else "never"


def _described(preview: Preview, now: datetime) -> dict[str, Any]:
    return {
        "number": preview.number,
        "environment": preview.name,
        "state": _state(preview, now),
        "namespace": preview.namespace,
        "host": preview.host,
        "digest": preview.digest,
        "expires": preview.expires.isoformat() if preview.expires else None,
        "problem": preview.problem,
    }
