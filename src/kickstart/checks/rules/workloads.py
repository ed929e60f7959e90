"""Deployments and their kin: that they start, stay up, and run with no more rights than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kickstart.checks.findings import ERROR, WARNING
from kickstart.checks.manifest import Manifest, Path, items, mapping, mappings, text
from kickstart.checks.rules.objects import Objects, Pod, matches
from kickstart.checks.rules.rule import Fault, rule

_SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
_LONG_RUNNING = (*_SCALED, "DaemonSet")


@rule(
    "workload/selector",
    ERROR,
    "selectors that do not match the labels of the workload's own pods",
    reason="Kubernetes refuses such a workload, and cannot change a selector later.",
    fix="Give the pod template the labels that spec.selector asks for.",
)
def selector(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        wanted = pod.owner.spec.get("selector")
        if pod.owner.kind in _LONG_RUNNING and wanted is not None and not matches(wanted, pod.labels):
            yield Fault(
                pod.owner, ("spec", "selector"), "the selector does not match the pod template's labels"
            )


def targets(scaler: Manifest) -> tuple[str, str]:
    """Return kind and name of what an autoscaler scales."""
    target = mapping(scaler.spec.get("scaleTargetRef"))
    return text(target.get("kind")) or "Deployment", text(target.get("name"))


@rule(
    "scaling/replicas",
    ERROR,
    "a fixed number of replicas under an autoscaler",
    reason="Argo CD sets the number back at every sync, and the autoscaler changes it again.",
    fix="Leave out spec.replicas of the workload while an autoscaler has it.",
)
def fixed_replicas(objects: Objects) -> Iterator[Fault]:
    scaled = {targets(each): each for each in objects.of("HorizontalPodAutoscaler", "ScaledObject")}
    for each in objects.of(*_SCALED):
        scaler = scaled.get((each.kind, each.name))
        if scaler is not None and each.spec.get("replicas") is not None:
            yield Fault(each, ("spec", "replicas"), f"{scaler} sets the number of replicas as well")


@rule(
    "scaling/target",
    ERROR,
    "autoscalers without a target, or several with the same one",
    reason="An autoscaler whose target does not exist never scales; two of them fight.",
    fix="Name a workload of this chart in spec.scaleTargetRef, in one autoscaler only.",
)
def scaling_target(objects: Objects) -> Iterator[Fault]:
    seen: dict[tuple[str, str], Manifest] = {}
    for each in objects.of("HorizontalPodAutoscaler", "ScaledObject"):
        kind, name = target = targets(each)
        if target in seen:
            yield Fault(each, ("spec", "scaleTargetRef"), f"{seen[target]} scales {kind} {name} as well")
        seen[target] = each
        if kind in _SCALED and name not in objects.names(kind) and not _is_a_predictor(objects, name):
            yield Fault(each, ("spec", "scaleTargetRef", "name"), f"there is no {kind} {name}")


def _is_a_predictor(objects: Objects, name: str) -> bool:
    return name.removesuffix("-predictor") in objects.names("InferenceService", "LLMInferenceService")


@rule(
    "scaling/bounds",
    ERROR,
    "autoscalers whose least replicas are above their most",
    reason="Kubernetes refuses it.",
    fix="Raise the maximum or lower the minimum.",
)
def scaling_bounds(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("HorizontalPodAutoscaler", "ScaledObject"):
        least, most = (
            ("minReplicas", "maxReplicas")
            if each.kind == "HorizontalPodAutoscaler"
            else ("minReplicaCount", "maxReplicaCount")
        )
        low, high = each.spec.get(least), each.spec.get(most)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield Fault(each, ("spec", least), f"{least} {low} is above {most} {high}")


@rule(
    "scaling/requests",
    ERROR,
    "autoscaling by utilisation of a resource that the pods do not request",
    reason="Utilisation is a share of the request; without one the autoscaler stands still.",
    fix="Give every container of the target a request for the resource.",
)
def scaling_requests(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("HorizontalPodAutoscaler"):
        pods = [pod for pod in objects.own_pods if (pod.owner.kind, pod.owner.name) == targets(each)]
        for index, metric in enumerate(mappings(each.spec.get("metrics"))):
            source = mapping(metric.get("resource") or metric.get("containerResource"))
            if mapping(source.get("target")).get("type") != "Utilization":
                continue
            for pod in pods:
                for container in mappings(pod.spec.get("containers")):
                    if source.get("container") not in (None, container.get("name")):
                        continue
                    if not _amount(container, "requests", str(source.get("name"))):
                        yield Fault(
                            each,
                            ("spec", "metrics", index),
                            f"'{container.get('name')}' of {pod.owner} requests no {source.get('name')}",
                        )


def _amount(container: dict[str, Any], kind: str, resource: str) -> Any:
    resources = mapping(container.get("resources"))
    # A limit is the request where there is none.
    return mapping(resources.get(kind)).get(resource) or mapping(resources.get("limits")).get(resource)


@rule(
    "workload/disruption",
    ERROR,
    "disruption budgets that select nothing, or never let a pod go",
    reason="A node with such a pod can never be drained.",
    fix="Set maxUnavailable: 1, and leave the budget out where there is one replica only.",
)
def disruption(objects: Objects) -> Iterator[Fault]:
    scaled = {targets(each): each for each in objects.of("HorizontalPodAutoscaler", "ScaledObject")}
    for each in objects.of("PodDisruptionBudget"):
        pods = objects.selected(each.spec.get("selector"))
        if not pods and not objects.may_be_an_operators(each.spec.get("selector")):
            yield Fault(each, ("spec", "selector"), "selects no pod")
        if each.spec.get("maxUnavailable") in (0, "0%") or each.spec.get("minAvailable") == "100%":
            yield Fault(each, ("spec",), "never lets a pod go")
        least = each.spec.get("minAvailable")
        for pod in pods:
            scaler = scaled.get((pod.owner.kind, pod.owner.name))
            replicas = scaler.spec.get("minReplicas", 1) if scaler else pod.owner.spec.get("replicas", 1)
            if isinstance(least, int) and isinstance(replicas, int) and pod.made_here and least >= replicas:
                yield Fault(
                    each,
                    ("spec", "minAvailable"),
                    f"{pod.owner} has no more than {replicas} replicas at times",
                )


@rule(
    "workload/mount",
    ERROR,
    "volume mounts without a volume",
    reason="Kubernetes refuses the pods.",
    fix="Add the volume to the pod, or remove the mount.",
)
def mount(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        volumes = {text(each.get("name")) for each in mappings(pod.spec.get("volumes"))}
        volumes |= {
            text(mapping(each.get("metadata")).get("name"))
            for each in mappings(pod.owner.spec.get("volumeClaimTemplates"))
        }
        for path, container in pod.containers:
            for index, each in enumerate(mappings(container.get("volumeMounts"))):
                if text(each.get("name")) not in volumes:
                    yield Fault(
                        pod.owner, (*path, "volumeMounts", index), f"there is no volume '{each.get('name')}'"
                    )


@rule(
    "workload/twice",
    ERROR,
    "environment variables, ports, containers or volumes that stand twice in a pod",
    reason="Server-side apply refuses them; otherwise the last one wins without a word.",
    fix="Remove one of them.",
)
def twice(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        lists: list[tuple[Path, list[dict[str, Any]], tuple[str, ...]]] = [
            ((*pod.path, "volumes"), mappings(pod.spec.get("volumes")), ("name",))
        ]
        lists += [
            ((*pod.path, key), mappings(pod.spec.get(key)), ("name",))
            for key in ("containers", "initContainers")
        ]
        for path, container in pod.containers:
            lists += [
                ((*path, "env"), mappings(container.get("env")), ("name",)),
                ((*path, "ports"), mappings(container.get("ports")), ("containerPort", "protocol")),
                ((*path, "volumeMounts"), mappings(container.get("volumeMounts")), ("mountPath",)),
            ]
        for path, found, keys in lists:
            seen = set()
            for index, each in enumerate(found):
                key = tuple(str(each.get(name) or "TCP") for name in keys)
                if key in seen:
                    yield Fault(pod.owner, (*path, index), f"'{key[0]}' stands twice in {path[-1]}")
                seen.add(key)


@rule(
    "workload/probe-port",
    ERROR,
    "probes of a port that the container does not have",
    reason="The probe fails for ever, and the pod is restarted or never becomes ready.",
    fix="Name one of the container's ports.",
)
def probe_port(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        for path, container in pod.containers:
            ports = {text(each.get("name")) for each in mappings(container.get("ports"))}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                for action in ("httpGet", "tcpSocket"):
                    port = mapping(mapping(container.get(probe)).get(action)).get("port")
                    if isinstance(port, str) and port not in ports:
                        yield Fault(
                            pod.owner, (*path, probe, action, "port"), f"there is no port named '{port}'"
                        )


def _services_pods(objects: Objects) -> Iterator[Pod]:
    """Yield the pods that serve somebody: a Service sends traffic to them, or they have a port."""
    selectors = [mapping(each.spec.get("selector")) for each in objects.of("Service", group="")]
    served = {id(pod) for each in selectors if each for pod in objects.selected({"matchLabels": each})}
    for pod in objects.own_pods:
        if pod.owner.kind in _SCALED and (id(pod) in served or pod.ports):
            yield pod


@rule(
    "workload/readiness",
    WARNING,
    "servers without a readiness probe",
    reason="Traffic reaches a pod before it can answer, and a rollout goes on with broken ones.",
    fix="Add a readinessProbe that asks what an answer needs.",
)
def readiness(objects: Objects) -> Iterator[Fault]:
    for pod in _services_pods(objects):
        containers = mappings(pod.spec.get("containers"))
        if containers and not any("readinessProbe" in each for each in containers):
            yield Fault(pod.owner, (*pod.path, "containers", 0), "no container has a readinessProbe")


@rule(
    "workload/resources",
    WARNING,
    "containers without a memory limit, or without requests",
    reason="Such a pod is the first to be evicted, and may take the node's memory from all others.",
    fix="Set resources.requests and resources.limits.memory.",
)
def resources(objects: Objects) -> Iterator[Fault]:
    if objects.names("LimitRange"):
        return
    for pod in objects.own_pods:
        if pod.is_test:
            continue
        for index, container in enumerate(mappings(pod.spec.get("containers"))):
            found = mapping(container.get("resources"))
            missing = [
                name
                for name, there in (
                    ("resources.requests", found.get("requests") or found.get("limits")),
                    ("resources.limits.memory", mapping(found.get("limits")).get("memory")),
                )
                if not there
            ]
            if missing:
                yield Fault(
                    pod.owner,
                    (*pod.path, "containers", index),
                    f"the container '{container.get('name')}' has no {' and no '.join(missing)}",
                )


@rule(
    "workload/restricted",
    WARNING,
    "pods that the Pod Security Standard 'restricted' refuses",
    reason="A namespace that enforces it refuses the pods; everywhere else they can do more than they need.",
    fix=(
        "Set runAsNonRoot: true and seccompProfile.type: RuntimeDefault on the pod, and on each container "
        "allowPrivilegeEscalation: false and capabilities.drop: [ALL]."
    ),
)
def restricted(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        above = mapping(pod.spec.get("securityContext"))
        for path, container in pod.containers:
            own = mapping(container.get("securityContext"))
            both = {**above, **own}
            wrong = []
            if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
                wrong.append("may run as root")
            if text(mapping(both.get("seccompProfile")).get("type")) not in {"RuntimeDefault", "Localhost"}:
                wrong.append("has no seccompProfile")
            if own.get("allowPrivilegeEscalation") is not False:
                wrong.append("may escalate privileges")
            if "ALL" not in items(mapping(own.get("capabilities")).get("drop")):
                wrong.append("keeps capabilities")
            if wrong:
                yield Fault(pod.owner, path, f"the container '{container.get('name')}' {', '.join(wrong)}")


@rule(
    "workload/host",
    ERROR,
    "pods that reach into the node",
    reason="A host path, host namespace or privileged container hands over the node and all that runs there.",
    fix="Remove it; an agent that needs it belongs to the platform, in a project of its own.",
)
def host(objects: Objects) -> Iterator[Fault]:
    for pod in objects.own_pods:
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(key):
                yield Fault(pod.owner, (*pod.path, key), f"uses {key}")
        for index, each in enumerate(mappings(pod.spec.get("volumes"))):
            if "hostPath" in each:
                path = mapping(each["hostPath"]).get("path")
                yield Fault(pod.owner, (*pod.path, "volumes", index), f"mounts {path} of the node")
        for where, container in pod.containers:
            if mapping(container.get("securityContext")).get("privileged"):
                yield Fault(
                    pod.owner,
                    (*where, "securityContext"),
                    f"the container '{container.get('name')}' is privileged",
                )


@rule(
    "image/tag",
    ERROR,
    "images without a tag or digest, and the tag 'latest'",
    reason="What runs then depends on when a node pulled it: no rollback, and no two equal replicas.",
    fix="Name a version, or better a digest.",
)
def image(objects: Objects) -> Iterator[Fault]:
    for pod in objects.pods:
        for path, container in pod.containers:
            name = container.get("image")
            if pod.made_here and isinstance(name, str) and _is_loose(name):
                yield Fault(pod.owner, (*path, "image"), f"the image '{name}' has no fixed version")
    for each in objects.of("ServingRuntime", "ClusterServingRuntime", "Cluster"):
        images = (
            [(("spec", "imageName"), each.spec.get("imageName"))]
            if each.kind == "Cluster"
            else [
                (("spec", "containers", index, "image"), container.get("image"))
                for index, container in enumerate(mappings(each.spec.get("containers")))
            ]
        )
        for where, name in images:
            if isinstance(name, str) and _is_loose(name):
                yield Fault(each, where, f"the image '{name}' has no fixed version")


def _is_loose(name: str) -> bool:
    if "@" in name:
        return False
    tag = re.search(r":([^/:]+)$", name)
    return tag is None or tag[1] == "latest"
