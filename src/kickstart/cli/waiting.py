"""Showing how a project becomes healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kickstart import durations, health
from kickstart.actions.kubernetes import ApplyManifest, of_project
from kickstart.cli.console import Console
from kickstart.cli.existing import Existing
from kickstart.cli.project import Project
from kickstart.errors import ParameterError
from kickstart.tools.kinds import APPLICATION, APPLICATION_SET
from kickstart.waiting import Sight, Watch


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
    seconds = durations.seconds(timeout)
    watch = Watch(cluster, str(prepared.settings.get("argocd-namespace")), applications, sets)

    def wait() -> None:
        follow(watch, seconds, console)

    return wait


def watch_of(found: Existing) -> Watch | None:
    """Return what looks at the Applications of a project that exists; none where it is on no cluster."""
    cluster, namespace = found.cluster()
    if cluster is None:
        return None
    applications, sets = (
        [each["metadata"]["name"] for each in of_project(cluster, kind, namespace, found.project)]
        for kind in (APPLICATION, APPLICATION_SET)
    )
    return Watch(cluster, namespace, applications, sets)


def follow(watch: Watch, seconds: float, console: Console) -> Sight:
    """Draw every change until everything is healthy, and return the last. Raises NotHealthyError."""
    sight = Sight((), None)
    with console.live() as draw:
        for sight in watch.follow(seconds):
            draw(list(lines(sight)))
    return sight


def entries(sight: Sight) -> list[dict[str, Any]]:
    """Return Applications as the JSON output has them."""
    return [
        {
            "name": each.name,
            "sync": each.sync,
            "health": each.health,
            "message": each.message,
            "resources": [
                {
                    "apiVersion": resource.ref.kind.api_version,
                    "kind": resource.ref.kind.kind,
                    "namespace": resource.ref.namespace,
                    "name": resource.ref.name,
                    "sync": resource.sync,
                    "health": resource.health,
                    "message": resource.message,
                }
                for resource in each.resources
            ],
        }
        for each in sight.applications
    ]


def lines(sight: Sight) -> Iterator[str]:
    """Yield the lines that show what was seen."""
    yield from health.tree(sight.applications)
    yield f"waiting for {sight.trouble}" if sight.trouble else "healthy"
