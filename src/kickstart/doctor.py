"""What a project needs of a cluster, against what the cluster has.

The kinds are read from the Argo CD project that a plan publishes: it lists what the project may deploy.
What no manifest names, such as a default storage class, a template says in the annotation
`kickstart/requires`. Nothing here writes.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from kickstart import document
from kickstart.errors import Fault, PreflightError, TemplateError
from kickstart.health import GPU
from kickstart.plan import REQUIRES, Plan
from kickstart.tools import Cluster, Kind, Manifest, Ref
from kickstart.tools.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, NAMESPACE

ARGOCD_KINDS = (APP_PROJECT, APPLICATION, APPLICATION_SET)
METRICS = Kind("metrics.k8s.io/v1beta1", "PodMetrics")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
POD_SECURITY = "pod-security.kubernetes.io/enforce"

# Whose the API groups are, and what to install where one is missing.
OPERATORS = {
    "postgresql.cnpg.io": "CloudNativePG 1.26 or later",
    "barmancloud.cnpg.io": "the barman-cloud plugin of CloudNativePG, 0.14 or later",
    "external-secrets.io": "External Secrets 0.17 or later",
    "generators.external-secrets.io": "External Secrets 0.17 or later",
    "serving.kserve.io": "KServe 0.16 or later, in Standard mode",
    "gateway.networking.k8s.io": "the Gateway API 1.1 or later, with a controller",
    "networking.istio.io": "Istio 1.27 or later",
    "security.istio.io": "Istio 1.27 or later",
    "cert-manager.io": "cert-manager 1.15 or later",
    "keda.sh": "KEDA 2.17 or later",
    "monitoring.coreos.com": "the Prometheus operator",
}
# Part of every Kubernetes that is supported.
BUILT_IN = frozenset(
    {"", "apps", "autoscaling", "batch", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"}
)

_WRITTEN_KIND = re.compile(r"^apiVersion: (\S+)\n(?:#.*\n)*kind: (\w+)$", re.M)


_Named = Literal["storageClass", "gateway", "istioGateway", "ingressClass", "issuer", "gpus", "podSecurity"]


class State(enum.Enum):
    """Whether something is there. WARNING: it is not, and everything else works without it."""

    OK = "ok"
    MISSING = "missing"
    WARNING = "warning"
    UNKNOWN = "unknown"


class Check(Struct, frozen=True):
    """One line of the report. found: what is there. fix: what to do; empty when nothing is."""

    what: str
    state: State
    found: str = ""
    fix: str = ""


class Requires(BaseModel):
    """The annotation: what a project needs besides the kinds of its manifests.

    storage_class: empty for the default one. gateway, istio_gateway: NAMESPACE/NAME. advice: what else
    can be done where one of them is missing, by its name: only the template knows its parameters.
    """

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="forbid")

    kubernetes: str = ""
    argocd: str = ""
    storage_class: str | None = None
    gateway: str = ""
    istio_gateway: str = ""
    ingress_class: str = ""
    issuer: str = ""
    gpus: int = 0
    gpu_product: str = ""
    pod_security: str = ""
    advice: dict[_Named, str] = {}

    def fix(self, name: _Named, usual: str) -> str:
        """Return what to do where something is missing: what is usual, and what the template advises."""
        return "; ".join(filter(None, (usual, self.advice.get(name, ""))))


class Needs(Struct, frozen=True):
    """What a plan needs of a cluster. namespaces: those that it deploys to."""

    requires: Requires
    kinds: tuple[Kind, ...]
    namespaces: tuple[str, ...]


def needs(plan: Plan) -> Needs:
    """Read what a plan needs from what it publishes. Raises TemplateError."""
    try:
        requires = Requires.model_validate(document.load(plan.requires) or {})
    except (document.DocumentError, ValidationError) as error:
        said = str(error) if isinstance(error, document.DocumentError) else error.errors()[0]["msg"]
        fault = plan.source.fault(("metadata", "annotations", REQUIRES), str(said))
        raise TemplateError(f"the annotation {REQUIRES} is wrong", faults=[fault]) from error
    kinds: dict[Kind, None] = {}
    namespaces: dict[str, None] = {}
    for tree in (effect.tree for effect in plan.effects if effect.published):
        texts = [entry.content.decode("utf-8", "replace") for path, entry in tree.items() if _is_yaml(path)]
        written = {Kind(*pair) for text in texts for pair in _WRITTEN_KIND.findall(text)}
        for project in _projects(texts):
            spec = project.get("spec") or {}
            for allowed in spec.get("namespaceResourceWhitelist") or ():
                kinds.update(dict.fromkeys(_in_versions(allowed, written)))
            named = [each.get("namespace", "*") for each in spec.get("destinations") or ()]
            namespaces.update(dict.fromkeys(each for each in named if "*" not in each))
    return Needs(requires, tuple(kinds), tuple(namespaces))


def examine(cluster: Cluster, needs: Needs, argocd_namespace: str) -> list[Check]:
    """Return every check. Raises PreflightError and RemoteError when the cluster does not answer at all."""
    checks = [_kubernetes(cluster, needs)]
    rules: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("Argo CD", lambda: _argocd(cluster, needs, argocd_namespace)),
        ("operators", lambda: _operators(cluster, needs)),
        ("storage class", lambda: _storage(cluster, needs)),
        ("gateway", lambda: _entrances(cluster, needs)),
        ("certificate issuer", lambda: _issuer(cluster, needs)),
        ("GPU nodes", lambda: _gpus(cluster, needs)),
        ("metrics", lambda: _metrics(cluster, needs)),
        ("secret stores", lambda: _stores(cluster, needs)),
        ("Pod Security", lambda: _pod_security(cluster, needs)),
    )
    cluster.served()
    for what, rule in rules:
        try:
            checks += rule()
        except PreflightError as error:  # it may not be looked at
            said = "; ".join([error.message, *map(str, error.faults)])
            checks.append(Check(what, State.UNKNOWN, said, error.hint))
    return checks


def require(checks: Sequence[Check]) -> None:
    """Raise PreflightError with everything that is missing."""
    missing = [each for each in checks if each.state is State.MISSING]
    if missing:
        faults = [Fault(each.what, "; ".join(filter(None, (each.found, each.fix)))) for each in missing]
        raise PreflightError(
            "the cluster is not ready for this project; nothing was written",
            faults=faults,
            hint="kickstart doctor shows everything; --no-bootstrap leaves the cluster alone",
        )


def _kubernetes(cluster: Cluster, needs: Needs) -> Check:
    version, least = cluster.version(), needs.requires.kubernetes
    if least and _numbers(version) < _numbers(least):
        return Check("Kubernetes", State.MISSING, version, f"upgrade the cluster to {least} or later")
    return Check("Kubernetes", State.OK, version)


def _argocd(cluster: Cluster, needs: Needs, namespace: str) -> Iterator[Check]:
    unknown = [kind.kind for kind in ARGOCD_KINDS if kind not in cluster.served()]
    if unknown:
        fix = "install Argo CD, or choose another --context"
        yield Check("Argo CD", State.MISSING, f"{', '.join(unknown)} not served", fix)
        return
    yield _argocd_version(cluster, needs.requires.argocd, namespace)
    for kind in ARGOCD_KINDS:
        lacking = [verb for verb in ("get", "create", "patch") if not cluster.may(verb, kind, namespace)]
        what = f"permission for {kind.kind}s"
        if lacking:
            fix = f"ask an administrator for {', '.join(lacking)} in the namespace {namespace}"
            yield Check(what, State.MISSING, f"not in {namespace}: {', '.join(lacking)}", fix)
        else:
            yield Check(what, State.OK, f"in {namespace}")


def _argocd_version(cluster: Cluster, least: str, namespace: str) -> Check:
    try:
        labels = "app.kubernetes.io/part-of=argocd"
        found = cluster.objects(Kind("apps/v1", "Deployment"), namespace, labels=labels)
    except PreflightError:
        return Check("Argo CD", State.UNKNOWN, f"you may not look at Deployments in {namespace}")
    images = [each["image"] for one in found for each in one["spec"]["template"]["spec"]["containers"]]
    tags = [
        tag for image in images if "argocd" in image and (tag := re.search(r":v?(\d+\.\d+[.\d]*)", image))
    ]
    if not tags:
        fix = "where it runs elsewhere, name its namespace with --argocd-namespace"
        return Check("Argo CD", State.UNKNOWN, f"served, but not seen running in {namespace}", fix)
    version = tags[0][1]
    if least and _numbers(version) < _numbers(least):
        return Check("Argo CD", State.MISSING, version, f"upgrade it to {least} or later")
    return Check("Argo CD", State.OK, version)


def _operators(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    groups: dict[str, list[Kind]] = {}
    for kind in needs.kinds:
        if kind.group not in BUILT_IN:
            groups.setdefault(kind.group, []).append(kind)
    served = set(cluster.served())
    for group, kinds in groups.items():
        missing = [kind for kind in kinds if kind not in served]
        if not missing:
            yield Check(group, State.OK, _listed(kinds))
            continue
        others = sorted({each.api_version for each in served if each.group == group})
        found = f"{_listed(missing)} not served" + (f"; served: {', '.join(others)}" if others else "")
        yield Check(group, State.MISSING, found, f"install {OPERATORS.get(group, 'what defines it')}")


def _storage(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    wanted = needs.requires.storage_class
    if wanted is None:
        return
    found = {
        each["metadata"]["name"]: each for each in cluster.objects(Kind("storage.k8s.io/v1", "StorageClass"))
    }
    defaults = [name for name, each in found.items() if _annotation(each, DEFAULT_CLASS) == "true"]
    there = ", ".join(sorted(found)) or "none"
    if wanted and wanted not in found:
        fix = needs.requires.fix("storageClass", "make it")
        yield Check("storage class", State.MISSING, f"no '{wanted}'; there are: {there}", fix)
    elif not wanted and not defaults:
        fix = needs.requires.fix("storageClass", "mark one as default")
        yield Check("storage class", State.MISSING, f"no default; there are: {there}", fix)
    else:
        yield Check("storage class", State.OK, wanted or defaults[0])


def _entrances(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    requires = needs.requires
    entrances: tuple[tuple[str, _Named, Kind, str], ...] = (
        ("Gateway", "gateway", Kind("gateway.networking.k8s.io/v1", "Gateway"), requires.gateway),
        ("Istio Gateway", "istioGateway", Kind("networking.istio.io/v1", "Gateway"), requires.istio_gateway),
        (
            "IngressClass",
            "ingressClass",
            Kind("networking.k8s.io/v1", "IngressClass"),
            requires.ingress_class,
        ),
    )
    for what, key, kind, place in entrances:
        if not place or kind not in cluster.served():  # then its operator is missing
            continue
        namespace, _, name = place.rpartition("/")
        found = cluster.get(Ref(kind, name, namespace))
        if found is None:
            yield Check(what, State.MISSING, f"no '{place}'", requires.fix(key, "make it"))
        elif _condition(found, "Programmed") == "False":
            yield Check(
                what, State.WARNING, f"{place}: {_message(found, 'Programmed')}", "look at its controller"
            )
        else:
            yield Check(what, State.OK, place)


def _issuer(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    kind, name = Kind("cert-manager.io/v1", "ClusterIssuer"), needs.requires.issuer
    if not name or kind not in cluster.served():
        return
    found = cluster.get(Ref(kind, name))
    if found is None:
        yield Check("ClusterIssuer", State.MISSING, f"no '{name}'", needs.requires.fix("issuer", "make it"))
    elif _condition(found, "Ready") != "True":
        yield Check(
            "ClusterIssuer", State.WARNING, f"{name}: {_message(found, 'Ready')}", "look at cert-manager"
        )
    else:
        yield Check("ClusterIssuer", State.OK, name)


def _gpus(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    count, product = needs.requires.gpus, needs.requires.gpu_product
    if not count:
        return
    wanted = f"{count} of {product}" if product else str(count)
    # A node may also come when it is asked for.
    fix = needs.requires.fix("gpus", "add such a node; until then what needs it is Pending")
    nodes = [
        node
        for node in cluster.objects(Kind("v1", "Node"))
        if not product or (node["metadata"].get("labels") or {}).get(f"{GPU}.product") == product
    ]
    sizes = [int((node.get("status", {}).get("allocatable") or {}).get(GPU, "0")) for node in nodes]
    enough = [size for size in sizes if size >= count]
    if enough:
        yield Check("GPU nodes", State.OK, f"{len(enough)} with at least {wanted}; {sum(sizes)} GPUs in all")
    else:
        yield Check("GPU nodes", State.WARNING, f"none has {wanted}; {sum(sizes)} GPUs in all", fix)


def _metrics(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    if not any(kind.kind == "HorizontalPodAutoscaler" for kind in needs.kinds):
        return
    if METRICS in cluster.served():
        yield Check("metrics server", State.OK, METRICS.api_version)
    else:
        fix = "install metrics-server; until then nothing is scaled by load"
        yield Check("metrics server", State.WARNING, f"{METRICS.api_version} not served", fix)


def _stores(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    kind = next((each for each in needs.kinds if each.kind == "SecretStore"), None)
    if kind is None or kind not in cluster.served():
        return
    for namespace in needs.namespaces:
        for store in cluster.objects(kind, namespace):
            what = f"SecretStore {namespace}/{store['metadata']['name']}"
            if _condition(store, "Ready") == "True":
                yield Check(what, State.OK)
            else:
                fix = "check the address of the store and what it lets this namespace read"
                yield Check(what, State.WARNING, _message(store, "Ready") or "not ready yet", fix)


def _pod_security(cluster: Cluster, needs: Needs) -> Iterator[Check]:
    wanted = needs.requires.pod_security
    for namespace in needs.namespaces if wanted else ():
        found = cluster.get(Ref(NAMESPACE, namespace))
        level = (found["metadata"].get("labels") or {}).get(POD_SECURITY, "") if found else wanted
        if level and level != wanted:
            what = f"Pod Security of {namespace}"
            fix = needs.requires.fix("podSecurity", f"Argo CD will set it to {wanted}")
            yield Check(what, State.WARNING, level, fix)


def _in_versions(allowed: Mapping[str, str], written: set[Kind]) -> list[Kind]:
    """Return an allowed kind in the versions in which the manifests write it."""
    group, kind = allowed.get("group", ""), allowed.get("kind", "")
    return sorted(
        (each for each in written if (each.group, each.kind) == (group, kind)),
        key=lambda each: each.api_version,
    )


def _projects(texts: Sequence[str]) -> Iterator[Manifest]:
    for text in texts:
        if re.search(r"^kind: AppProject$", text, re.M):
            for each in document.load_all(text):
                if isinstance(each, dict) and each.get("kind") == "AppProject":
                    yield each


def _is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def _listed(kinds: Sequence[Kind]) -> str:
    versions: dict[str, list[str]] = {}
    for kind in kinds:
        versions.setdefault(kind.api_version.rpartition("/")[2], []).append(kind.kind)
    return "; ".join(f"{version} {', '.join(names)}" for version, names in versions.items())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:2])


def _annotation(manifest: Manifest, name: str) -> str:
    return str((manifest["metadata"].get("annotations") or {}).get(name, ""))


def _condition(manifest: Manifest, type_: str) -> str:
    return str(_found_condition(manifest, type_).get("status", ""))


def _message(manifest: Manifest, type_: str) -> str:
    return str(_found_condition(manifest, type_).get("message", ""))


def _found_condition(manifest: Manifest, type_: str) -> Mapping[str, Any]:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == type_), {})
