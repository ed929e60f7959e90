"""Names, labels, quantities, and objects that stand twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kickstart.checks.findings import ERROR
from kickstart.checks.manifest import Manifest, Path, mapping, walk
from kickstart.checks.rules.objects import Objects, Pod
from kickstart.checks.rules.rule import Fault, rule

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3})?")
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
# RBAC's names are looser: system:node is one.
_LOOSE = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
# A name that becomes a label or a host name of its own.
_LABELLED = {"Service": 63, "Namespace": 63, "StatefulSet": 52, "CronJob": 52, "Job": 63, "Cluster": 50}


@rule(
    "object/duplicate",
    ERROR,
    "two objects with the same kind, name and namespace",
    reason="The second one overwrites the first, or the sync is refused.",
    fix="Remove one of them, or give it another name.",
)
def duplicate(objects: Objects) -> Iterator[Fault]:
    seen: dict[tuple[str, str, str, str], str] = {}
    for each in objects.all:
        key = (each.group, each.kind, str(each.metadata.get("namespace", "")), each.name)
        if not each.name or "generateName" in each.metadata:
            continue
        if key in seen:
            yield Fault(
                each, ("metadata", "name"), f"there are two of {each}; the other one is in {seen[key]}"
            )
        else:
            seen[key] = each.file


@rule(
    "object/name",
    ERROR,
    "names that Kubernetes refuses",
    reason="Names are DNS names: lower case letters, digits and hyphens, and not too long.",
    fix="Shorten or correct the name; a chart should cut what it derives from the release's name.",
)
def name(objects: Objects) -> Iterator[Fault]:
    for each in objects.all:
        namespace = each.metadata.get("namespace")
        if isinstance(namespace, str) and namespace and not _NAMESPACE.fullmatch(namespace):
            yield Fault(each, ("metadata", "namespace"), f"'{namespace}' is no namespace's name")
        if not each.name:
            yield Fault(each, ("metadata",), "has no name")
            continue
        if each.kind in _LOOSE:
            continue
        most = _LABELLED.get(each.kind, 253)
        pattern = _LABEL if each.kind == "Service" else _SUBDOMAIN
        if len(each.name) > most:
            yield Fault(
                each, ("metadata", "name"), f"the name has {len(each.name)} characters; {most} are possible"
            )
        elif not pattern.fullmatch(each.name):
            yield Fault(each, ("metadata", "name"), f"'{each.name}' is no DNS name")


@rule(
    "object/label",
    ERROR,
    "labels and annotations that Kubernetes refuses",
    reason="Label values have at most 63 characters, and both labels and annotations are text.",
    fix="Quote numbers and booleans; cut long values.",
)
def label(objects: Objects) -> Iterator[Fault]:
    pods: dict[Manifest, list[Pod]] = {}
    for pod in objects.own_pods:
        pods.setdefault(pod.owner, []).append(pod)
    for each in objects.all:
        places: list[tuple[Path, dict[str, Any]]] = [(("metadata", "labels"), each.labels)]
        places += [((*pod.path[:-1], "metadata", "labels"), dict(pod.labels)) for pod in pods.get(each, ())]
        for path, labels in places:
            for key, value in labels.items():
                if not isinstance(value, str):
                    yield Fault(
                        each,
                        (*path, key),
                        f"the label '{key}' is {json.dumps(value, default=str)}, and no text",
                    )
                elif len(value) > 63 or not _VALUE.fullmatch(value):
                    yield Fault(each, (*path, key), f"the label '{key}' has the value '{value[:80]}'")
                elif not _KEY.fullmatch(key):
                    yield Fault(each, (*path, key), f"'{key[:80]}' cannot be a label")
        for key, value in each.annotations.items():
            if not isinstance(value, str):
                yield Fault(
                    each,
                    ("metadata", "annotations", key),
                    f"the annotation '{key}' is {json.dumps(value, default=str)}, and no text",
                )


@rule(
    "object/quantity",
    ERROR,
    "quantities that Kubernetes cannot read, and requests above their limits",
    reason="4Gib and 500 m are refused; so is a request that is larger than its limit.",
    fix="Write 4Gi, 500m, 0.5.",
)
def quantity(objects: Objects) -> Iterator[Fault]:
    for each in objects.all:
        for path, value in walk(each.value):
            if not path or not isinstance(value, dict):
                continue
            if path[-1] == "resources":
                yield from (Fault(each, (*path, *where), text) for where, text in _resources(value))
            for key in ("storage", "sizeLimit", "size"):
                holder = path[-1] in {"requests", "emptyDir", "storage", "walStorage"}
                if holder and isinstance(value.get(key), str) and parse(value[key]) is None:
                    yield Fault(each, (*path, key), f"'{value[key]}' is no quantity")


def _resources(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    amounts: dict[str, dict[str, Decimal]] = {"requests": {}, "limits": {}}
    for kind, known in amounts.items():
        for resource, amount in mapping(value.get(kind)).items():
            parsed = parse(amount)
            if parsed is None:
                yield (kind, resource), f"'{amount}' is no quantity"
            else:
                known[resource] = parsed
    for resource, amount in amounts["requests"].items():
        limit = amounts["limits"].get(resource)
        if limit is not None and amount > limit:
            yield ("requests", resource), f"the request for {resource} is larger than its limit"


def parse(amount: Any) -> Decimal | None:
    """Return a quantity as a number, or None where it is none."""
    found = _QUANTITY.fullmatch(str(amount)) if isinstance(amount, str | int | float) else None
    if found is None:
        return None
    number, unit = Decimal(found[1]), found[2] or ""
    if unit.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(unit[0]) + 1)
    if unit in _POWERS:
        return number.scaleb(_POWERS[unit])
    return number.scaleb(int(unit[1:]))
