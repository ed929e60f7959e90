"""Showing how a project becomes healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kickstart import health, waiting
from kickstart.actions.kubernetes import ApplyManifest
from kickstart.cli.console import Console
from kickstart.cli.project import Project
from kickstart.errors import ParameterError
from kickstart.waiting import APPLICATION, APPLICATION_SET, Sight, Watch


def follower(prepared: Project, timeout: str, console: Console) -> Callable[[], None]:
    """Return what waits for the Applications that a plan makes. Raises ParameterError without any."""
    refs = [effect.ref for effect in prepared.plan.effects if isinstance(effect, ApplyManifest)]
    applications = [ref.name for ref in refs if ref.kind == APPLICATION]
    sets = [ref.name for ref in refs if ref.kind == APPLICATION_SET]
    cluster = prepared.tools.cluster
    if cluster is None or not (applications or sets):
        raise ParameterError(
            "there is nothing to wait for: Argo CD follows this project on no cluster",
            hint="add --context NAME, or --bootstrap for the current context",
        )
    seconds = waiting.seconds(timeout)
    watch = Watch(cluster, str(prepared.settings.get("argocd-namespace")), applications, sets)
    return lambda: follow(watch, seconds, console)


def follow(watch: Watch, seconds: float, console: Console) -> None:
    """Draw every change until everything is healthy. Raises NotHealthyError."""
    with console.live() as draw:
        for sight in watch.follow(seconds):
            draw(list(_lines(sight)))


def _lines(sight: Sight) -> Iterator[str]:
    yield from health.tree(sight.applications)
    yield f"waiting for {sight.trouble}" if sight.trouble else "healthy"
