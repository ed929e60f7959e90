"""Waiting until a project is healthy, by one stream of what Argo CD writes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from msgspec import Struct

from kickstart import health
from kickstart.errors import NotHealthyError, PreflightError
from kickstart.health import DEGRADED, Application, Trouble
from kickstart.tools import Cluster, Manifest, Ref
from kickstart.tools.kinds import APPLICATION, APPLICATION_SET

# Operators report "degraded" for a moment while they work; a Deployment gives up after ten minutes.
GRACE = 60.0  # seconds
SET_PAUSE = 5.0  # seconds until an ApplicationSet is looked at again
LOOK_PAUSE = 5.0  # seconds until the objects of an Application are looked at again


class Sight(Struct, frozen=True):
    """What was seen at one moment. trouble: the first thing that is wrong; none when all is healthy."""

    applications: tuple[Application, ...]
    trouble: Trouble | None


class Watch(Struct):
    """Looks at some Applications of one Argo CD, and at those that some ApplicationSets make."""

    cluster: Cluster
    namespace: str
    applications: Sequence[str]
    sets: Sequence[str] = ()
    _looked: dict[str, tuple[float, list[Manifest]]] = {}

    def look(self) -> Sight:
        """Return what is there now."""
        return self._sight(self.cluster.objects(APPLICATION, self.namespace))

    def follow(self, seconds: float) -> Iterator[Sight]:
        """Yield what is seen at every change, and end as soon as everything is healthy.

        Raises NotHealthyError with the last trouble after so many seconds, and when something stays
        degraded for longer than what passes.
        """
        until = time.monotonic() + seconds
        degraded: dict[str, float] = {}
        sight = Sight((), None)
        while True:
            pause = min([until, *(since + GRACE for since in degraded.values())]) - time.monotonic()
            if self.sets:
                pause = min(pause, SET_PAUSE)
            for manifests in self.cluster.watch(APPLICATION, self.namespace, seconds=max(pause, 0)):
                before, sight = sight, self._sight(manifests)
                if sight != before:
                    yield sight
                if sight.trouble is None:
                    return
                if self._note(sight, degraded):
                    break  # the stream shall end with the shortest grace
            now = time.monotonic()
            lasting = [name for name, since in degraded.items() if now - since >= GRACE]
            if lasting or now >= until:
                self._looked.clear()
                raise _not_healthy(self.look(), seconds, lasting)

    def _note(self, sight: Sight, degraded: dict[str, float]) -> bool:
        """Remember since when each Application is degraded; tell whether one became so."""
        now = time.monotonic()
        names = {each.name for each in sight.applications if each.health == DEGRADED}
        came = names - degraded.keys()
        for name in degraded.keys() - names:
            del degraded[name]
        degraded.update(dict.fromkeys(came, now))
        return bool(came)

    def _sight(self, manifests: Sequence[Manifest]) -> Sight:
        ours = [each for each in manifests if health.is_of(each, self.applications, self.sets)]
        found = []
        troubles = []
        for each in sorted((health.application(each) for each in ours), key=lambda each: each.name):
            objects = self._objects(each)
            found.append(health.with_objects(each, objects))
            troubles.append(health.trouble(found[-1], objects))
        there = {each.name for each in found}
        troubles += [
            Trouble(f"Application {name}", "is not there") for name in self.applications if name not in there
        ]
        trouble = next((each for each in troubles if each), None) or self._set_trouble()
        return Sight(tuple(found), trouble)

    def _set_trouble(self) -> Trouble | None:
        """Say which ApplicationSet has not made its Applications yet."""
        for name in self.sets:
            found = self.cluster.get(Ref(APPLICATION_SET, name, self.namespace))
            conditions = ((found or {}).get("status") or {}).get("conditions") or ()
            states = {each["type"]: each for each in conditions}
            if states.get("ErrorOccurred", {}).get("status") == "True":
                return Trouble(f"ApplicationSet {name}", str(states["ErrorOccurred"].get("message", "")))
            if states.get("ResourcesUpToDate", {}).get("status") != "True":
                return Trouble(f"ApplicationSet {name}", "has not made its Applications yet")
        return None

    def _objects(self, found: Application) -> list[Manifest]:
        """Return what lives in an unhealthy Application's namespace, as far as it may be looked at."""
        if found.is_healthy or not found.here or not found.namespace:
            return []
        at, objects = self._looked.get(found.name, (0.0, []))
        if time.monotonic() - at < LOOK_PAUSE and objects:
            return objects
        objects = []
        served = set(self.cluster.served())
        for kind in health.kinds_to_look_at(found):
            if kind in served:
                try:
                    objects += self.cluster.objects(kind, found.namespace)
                except PreflightError:  # not permitted: the rest may say enough
                    continue
        self._looked[found.name] = time.monotonic(), objects
        return objects


def _not_healthy(sight: Sight, seconds: float, lasting: Sequence[str]) -> NotHealthyError:
    if lasting:
        since = f"{', '.join(lasting)} stayed degraded for {GRACE:.0f} seconds"
    else:
        since = f"not healthy after {seconds:.0f} seconds"
    return NotHealthyError(
        f"{since}: {sight.trouble}" if sight.trouble else since,
        hint="everything was applied; look at what is named, or wait longer with --timeout",
    )
