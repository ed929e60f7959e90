"""Services, routes, monitors and network policies: that they lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kickstart.checks.findings import ERROR, WARNING
from kickstart.checks.manifest import Manifest, Path, mapping, mappings, text, texts
from kickstart.checks.rules.objects import Objects, matches
from kickstart.checks.rules.rule import Fault, rule

_GATEWAY_API = "gateway.networking.k8s.io"
_ISTIO = "networking.istio.io"


def _port(value: Any) -> str | int | None:
    return value if isinstance(value, str | int) else None


def _selector(service: Manifest) -> dict[str, Any] | None:
    wanted = mapping(service.spec.get("selector"))
    return {"matchLabels": wanted} if wanted and service.spec.get("type") != "ExternalName" else None


@rule(
    "service/selector",
    ERROR,
    "Services that select no pod",
    reason="Every request to the Service fails.",
    fix="Select labels that a pod template has.",
)
def service_selector(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Service", group=""):
        wanted = _selector(each)
        if wanted and not objects.selected(wanted) and not objects.may_be_an_operators(wanted):
            yield Fault(each, ("spec", "selector"), "selects no pod")


@rule(
    "service/port",
    ERROR,
    "Service ports that no selected container has",
    reason="Requests to the port are refused.",
    fix="Set targetPort to a port, or to the name of a port, of the container.",
)
def service_port(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Service", group=""):
        wanted = _selector(each)
        pods = objects.selected(wanted) if wanted else []
        known: set[str | int] = set().union(*(pod.ports for pod in pods), set())
        for index, port in enumerate(mappings(each.spec.get("ports"))):
            target = _port(port.get("targetPort", port.get("port")))
            # A container may listen on a number that it does not declare, but not on an unknown name.
            if pods and (isinstance(target, str) or known) and target not in known:
                yield Fault(each, ("spec", "ports", index), f"no selected container has the port {target}")


def _backends(each: Manifest) -> Iterator[tuple[Path, str, Any]]:
    """Yield path, Service and port of everything that a route leads to in its own namespace."""
    where: Path
    if each.kind == "Ingress":
        for rule_index, item in enumerate(mappings(each.spec.get("rules"))):
            for index, path in enumerate(mappings(mapping(item.get("http")).get("paths"))):
                service = mapping(mapping(path.get("backend")).get("service"))
                port = mapping(service.get("port"))
                where = ("spec", "rules", rule_index, "http", "paths", index, "backend")
                yield where, str(service.get("name", "")), _port(port.get("number", port.get("name")))
    elif each.group == _GATEWAY_API:
        for rule_index, item in enumerate(mappings(each.spec.get("rules"))):
            for index, backend in enumerate(mappings(item.get("backendRefs"))):
                if not backend.get("namespace") and backend.get("kind", "Service") == "Service":
                    where = ("spec", "rules", rule_index, "backendRefs", index)
                    yield where, text(backend.get("name")), _port(backend.get("port"))
    elif each.kind == "VirtualService":
        for kind in ("http", "tcp", "tls"):
            for rule_index, item in enumerate(mappings(each.spec.get(kind))):
                for index, route in enumerate(mappings(item.get("route"))):
                    destination = mapping(route.get("destination"))
                    host = str(destination.get("host", ""))
                    if "." not in host:
                        where = ("spec", kind, rule_index, "route", index, "destination")
                        yield where, host, _port(mapping(destination.get("port")).get("number"))


@rule(
    "route/backend",
    ERROR,
    "routes to a Service that does not exist, or to a port that it does not have",
    reason="Requests are answered with an error of the gateway.",
    fix="Name a Service of this chart and one of its ports (not the container's port).",
)
def backend(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "VirtualService"):
        for path, name, port in _backends(each):
            if name not in objects.services:
                yield Fault(each, path, f"there is no Service {name}")
                continue
            ports = objects.services[name]
            if ports is not None and port is not None and port not in ports:
                known = ", ".join(str(one) for one in sorted(ports, key=str))
                yield Fault(each, path, f"the Service {name} has no port {port}, but {known}")


@rule(
    "route/one",
    ERROR,
    "an application that is exposed in more than one way",
    reason="Two ways have two sets of rules, certificates and time limits, and one is forgotten.",
    fix="Keep one of Gateway API, Istio and Ingress.",
)
def one_exposure(objects: Objects) -> Iterator[Fault]:
    ways: dict[str, Manifest] = {}
    for each in objects.of("Ingress", "HTTPRoute", "VirtualService"):
        if each.kind != "VirtualService" or _faces_outside(each):
            ways.setdefault(each.kind, each)
    first, *others = ways.values() if ways else [None]
    for other in others:
        if other is not None:
            yield Fault(other, ("spec",), f"{first} exposes the application as well")


def _faces_outside(service: Manifest) -> bool:
    hosts = texts(service.spec.get("hosts"))
    return bool(service.spec.get("gateways")) or any("." in host and ".svc" not in host for host in hosts)


@rule(
    "route/gateway",
    ERROR,
    "VirtualServices for an outside host that no gateway serves",
    reason="Without spec.gateways the rules hold for traffic inside the mesh only: nobody reaches them.",
    fix="Name the gateway: spec.gateways: [NAMESPACE/NAME].",
)
def gateway(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("VirtualService", group=_ISTIO):
        if not each.spec.get("gateways") and _faces_outside(each):
            yield Fault(each, ("spec",), "names no gateway, so that nothing from outside reaches it")


@rule(
    "route/parent",
    ERROR,
    "routes without a Gateway",
    reason="No Gateway takes the route: nobody reaches it.",
    fix="Name the Gateway in spec.parentRefs; one of another namespace needs its namespace.",
)
def parent(objects: Objects) -> Iterator[Fault]:
    known = objects.names("Gateway", group=_GATEWAY_API)
    for each in objects.of("HTTPRoute", "GRPCRoute"):
        if not each.spec.get("parentRefs"):
            yield Fault(each, ("spec",), "has no parentRefs")
        for index, reference in enumerate(mappings(each.spec.get("parentRefs"))):
            here = not reference.get("namespace") and reference.get("kind", "Gateway") == "Gateway"
            if here and text(reference.get("name")) not in known:
                yield Fault(
                    each, ("spec", "parentRefs", index), f"there is no Gateway {reference.get('name')} here"
                )


@rule(
    "route/class",
    ERROR,
    "Ingresses without a class",
    reason="Which controller serves it, if any, depends on the cluster's default.",
    fix="Set spec.ingressClassName.",
)
def ingress_class(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Ingress"):
        if not each.spec.get("ingressClassName") and "kubernetes.io/ingress.class" not in each.annotations:
            yield Fault(each, ("spec",), "names no ingressClassName")


@rule(
    "monitor/target",
    ERROR,
    "monitors that select nothing, or a port that is not there",
    reason="Prometheus scrapes nothing, and says nothing.",
    fix="Select the labels of a Service (of pods, for a PodMonitor), and name one of its ports.",
)
def monitor(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("ServiceMonitor"):
        services = [
            one for one in objects.of("Service", group="") if matches(each.spec.get("selector"), one.labels)
        ]
        if each.spec.get("namespaceSelector"):
            continue
        if not services and not objects.may_be_an_operators(each.spec.get("selector")):
            yield Fault(each, ("spec", "selector"), "selects no Service")
        for index, endpoint in enumerate(mappings(each.spec.get("endpoints"))):
            for service in services:
                port = _port(endpoint.get("port"))
                if port is not None and port not in {
                    text(one.get("name")) for one in mappings(service.spec.get("ports"))
                }:
                    yield Fault(
                        each, ("spec", "endpoints", index, "port"), f"{service} has no port named '{port}'"
                    )
    for each in objects.of("PodMonitor"):
        pods = objects.selected(each.spec.get("selector"))
        if not pods and not objects.may_be_an_operators(each.spec.get("selector")):
            yield Fault(each, ("spec", "selector"), "selects no pod")
        for index, endpoint in enumerate(mappings(each.spec.get("podMetricsEndpoints"))):
            for pod in pods:
                port = _port(endpoint.get("port"))
                if port is not None and pod.ports and port not in pod.ports:
                    where = ("spec", "podMetricsEndpoints", index, "port")
                    yield Fault(each, where, f"the pods of {pod.owner} have no port named '{port}'")


@rule(
    "network/peer",
    ERROR,
    "network policies that select no pod, or let in pods that do not exist",
    reason="The path that the policy was written for stays closed, or what it should protect stays open.",
    fix="Use the labels that the pod templates have.",
)
def peer(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("NetworkPolicy"):
        wanted = mapping(each.spec.get("podSelector"))
        if wanted and not objects.selected(wanted) and not objects.may_be_an_operators(wanted):
            yield Fault(each, ("spec", "podSelector"), "selects no pod")
        for side, key in (("ingress", "from"), ("egress", "to")):
            for rule_index, item in enumerate(mappings(each.spec.get(side))):
                for index, one in enumerate(mappings(item.get(key))):
                    pods = one.get("podSelector")
                    if pods is None or "namespaceSelector" in one or objects.selected(pods):
                        continue
                    if not objects.may_be_an_operators(pods):
                        yield Fault(
                            each,
                            ("spec", side, rule_index, key, index),
                            f"the {side} rule names pods that do not exist",
                        )


@rule(
    "network/types",
    ERROR,
    "network policies that do not say which directions they are for",
    reason="Without policyTypes, egress stays open unless there is an egress rule.",
    fix="Set spec.policyTypes to what is meant, as in [Ingress, Egress].",
)
def types(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("NetworkPolicy"):
        named = texts(each.spec.get("policyTypes"))
        if not named:
            yield Fault(each, ("spec",), "has no policyTypes")
            continue
        for side in ("ingress", "egress"):
            if each.spec.get(side) and side.capitalize() not in named:
                yield Fault(
                    each, ("spec", side), f"has {side} rules, and policyTypes without {side.capitalize()}"
                )


@rule(
    "network/open",
    ERROR,
    "network rules that are open to everybody by an empty list",
    reason="An empty from or to means everything, not nothing.",
    fix="Leave out the whole rule to allow nothing.",
)
def open_rule(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("NetworkPolicy"):
        for side, key in (("ingress", "from"), ("egress", "to")):
            for index, item in enumerate(mappings(each.spec.get(side))):
                if key in item and not item[key]:
                    yield Fault(
                        each, ("spec", side, index, key), f"'{key}' is empty, which allows everything"
                    )


@rule(
    "network/default-deny",
    ERROR,
    "network policies without one that denies all else",
    reason="A pod that no policy selects talks to everybody: forgetting one leaves it open.",
    fix="Add a policy with an empty podSelector, both policyTypes and no rules.",
)
def default_deny(objects: Objects) -> Iterator[Fault]:
    policies = list(objects.of("NetworkPolicy"))
    closed: set[str] = set()
    for each in policies:
        if not mapping(each.spec.get("podSelector")):
            closed |= {
                side
                for side in texts(each.spec.get("policyTypes")) or ["Ingress"]
                if not each.spec.get(side.lower())
            }
    for side in ("Ingress", "Egress"):
        if policies and side not in closed:
            yield Fault(policies[0], ("spec",), f"no policy denies all {side.lower()} traffic first")


@rule(
    "network/uncovered",
    ERROR,
    "pods that no network policy of their own selects",
    reason="Under a default deny they can talk to nobody.",
    fix="Add a policy with the paths that the pods need.",
)
def uncovered(objects: Objects) -> Iterator[Fault]:
    policies = [each for each in objects.of("NetworkPolicy") if mapping(each.spec.get("podSelector"))]
    for pod in objects.pods if policies else ():
        if not any(matches(each.spec.get("podSelector"), pod.labels) for each in policies):
            yield Fault(pod.owner, pod.path, "no NetworkPolicy selects these pods")


@rule(
    "mesh/selector",
    ERROR,
    "mesh policies that select no pod, or name an account that does not exist",
    reason="A policy for nobody protects nothing; one for a wrong account shuts out the right one.",
    fix="Use the labels of a pod template, and the name of a ServiceAccount.",
)
def mesh(objects: Objects) -> Iterator[Fault]:
    accounts = objects.names("ServiceAccount") | {"*"}
    for each in objects.of("PeerAuthentication", "AuthorizationPolicy", "RequestAuthentication", "Telemetry"):
        wanted = mapping(each.spec.get("selector"))
        if wanted and not objects.selected(wanted) and not objects.may_be_an_operators(wanted):
            yield Fault(each, ("spec", "selector"), "selects no pod")
        for rule_index, item in enumerate(mappings(each.spec.get("rules"))):
            for index, source in enumerate(mappings(item.get("from"))):
                for principal in texts(mapping(source.get("source")).get("principals")):
                    _, found, account = principal.rpartition("/sa/")
                    if found and principal.startswith("*") and account not in accounts:
                        where = ("spec", "rules", rule_index, "from", index)
                        yield Fault(each, where, f"there is no ServiceAccount {account}")


@rule(
    "route/retries",
    WARNING,
    "routes whose retries repeat requests that change something",
    reason="Istio tries twice again by default, also a POST: an answer is generated and paid for twice.",
    fix="Set retries.attempts: 0 on the route, or name what may be retried.",
)
def retries(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("VirtualService", group=_ISTIO):
        for index, item in enumerate(mappings(each.spec.get("http"))):
            if item.get("route") and "retries" not in item and _faces_outside(each):
                yield Fault(each, ("spec", "http", index), "leaves retries at Istio's default")
