"""`kickstart status`: what exists of a project, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kickstart.cli import options
from kickstart.errors import ParameterError, PreflightError, RemoteError
from kickstart.naming import counted

if TYPE_CHECKING:
    from kickstart.cli.console import Console
    from kickstart.cli.existing import Existing, Place
    from kickstart.tools.history import Drift

MAX_FILES = 20  # of one repository, in text; JSON has all
_COLORS = {"ours": "green", "archived": "dim", "empty": "yellow", "absent": "yellow", "foreign": "red"}
_OUTCOMES = {"completed": "was completed", "failed": "failed", "interrupted": "was interrupted"}
_SIGNS = {"create": "+", "delete": "-", "update": "~"}


def status(
    name: options.NAME,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay until Argo CD reports everything synced and healthy.")
    ] = False,
    timeout: options.TIMEOUT = "5m",
    context: options.CONTEXT = None,
    kubeconfig: options.KUBECONFIG = None,
    argocd_namespace: options.ARGOCD_NAMESPACE = None,
    forge: options.FORGE = None,
    github_url: options.GITHUB_URL = None,
    owner: options.OWNER = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """Show what exists of a project, what differs from what was rendered, and how healthy it is.

    Looks where the last run on this machine published; the flags say another place.
    """
    from kickstart import durations
    from kickstart.cli import existing, results, waiting

    console = results.console("Status", output, False, False, no_color)
    flags = {
        "forge": forge,
        "github-url": github_url,
        "owner": owner,
        "context": context,
        "kubeconfig": kubeconfig,
        "argocd-namespace": argocd_namespace,
    }
    found = existing.find(name, flags)
    watched, sight, trouble = None, None, ""
    try:
        watched = waiting.watch_of(found)
        sight = watched.look() if watched else None
    except (PreflightError, RemoteError) as error:
        if watch:
            raise
        trouble = error.message  # the repositories can be shown all the same
    if watch and watched is None:
        raise ParameterError(f"'{name}' is on no cluster", hint="name it: --context NAME")
    drifts = [_drift(found, place) for place in found.places]
    result = {
        "outcome": "shown",
        "project": name,
        "forge": found.forge,
        "repositories": [
            _described(found, place, drift) for place, drift in zip(found.places, drifts, strict=True)
        ],
        "lastRun": _last_run(found.events),
        "links": _links(found),
        "applications": waiting.entries(sight) if sight else [],
        "trouble": str(sight.trouble or "") if sight else trouble,
    }
    for place, drift in zip(found.places, drifts, strict=True):
        _show(console, place, drift)
    _show_run(console, found)
    if watched and watch:
        console.remember({"project": name})
        sight = waiting.follow(watched, durations.seconds(timeout), console)
        result |= {"applications": waiting.entries(sight), "trouble": ""}
    elif sight:
        for line in waiting.lines(sight):
            console.print(line)
    elif trouble:
        console.print(f"not looked at: {trouble}")
    console.result(result)


def _drift(found: Existing, place: Place) -> Drift | None:
    """Return what differs in a repository of the project's that has files."""
    from kickstart.tools import State, history

    mark = place.found.marker
    if not place.is_ours or mark is None or place.found.state is not State.OURS:
        return None
    url, environment = found.address.clone_url(place.repository), found.tools.forge.git_environment()
    return history.drift(str(place.repository), url, mark.digest, environment)


def _described(found: Existing, place: Place, drift: Drift | None) -> dict[str, Any]:
    mark = place.found.marker if place.is_ours else None
    return {
        "repository": str(place.repository),
        "url": found.address.clone_url(place.repository),
        "state": place.state,
        "detail": place.detail,
        "template": dict(mark.template) if mark and mark.template else None,
        "digest": mark.digest if mark else "",
        "commits": drift.commits if drift else 0,
        "files": [
            {"path": path, "change": change} for path, change in (drift.files if drift else {}).items()
        ],
    }


def _last_run(events: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not events:
        return None
    end = next((each for each in events if each["event"] in _OUTCOMES), {"event": "interrupted"})
    return {
        "at": str(events[0].get("at", "")),
        "outcome": end["event"],
        "error": str(end.get("error", "")),
    }


def _show(console: Console, place: Place, drift: Drift | None) -> None:
    state = console.paint(f"{place.state:<9}", _COLORS[place.state])
    said = place.detail
    if drift is not None:
        said = _words(drift)
    console.print(f"{state} {place.repository}" + (f": {said}" if said else ""))
    files = list((drift.files if drift else {}).items())
    for path, change in files[:MAX_FILES]:
        console.print(f"    {_SIGNS[change]} {path}")
    if len(files) > MAX_FILES:
        console.print(f"    and {len(files) - MAX_FILES} more")


def _links(found: Existing) -> list[Any]:
    """Return the links that the last run told; what else a journal has there is left out."""
    told = found.planned.get("links")
    return [link for link in told if isinstance(link, dict)] if isinstance(told, list) else []


def _words(drift: Drift) -> str:
    if not drift.commits and not drift.files:
        return "as it was rendered"
    verb = "differs" if len(drift.files) == 1 else "differ"
    commits, files = counted(drift.commits, "commit"), counted(len(drift.files), "file")
    return f"{commits} since it was rendered, {files} {verb}"


def _show_run(console: Console, found: Existing) -> None:
    run = _last_run(found.events)
    if run is not None:
        error = f": {run['error']}" if run["error"] else ""
        console.print(f"The last run, of {run['at']}, {_OUTCOMES[run['outcome']]}{error}")
    for link in _links(found):
        address = link.get("url") or link.get("entityRef")
        if address:
            console.print(f"  {link.get('title', 'Link')}: {address}")
