"""The objects that are deployed together, and what they are to each other."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from msgspec import Struct

from kickstart.checks.manifest import Manifest, Path, items, mapping, mappings, text

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
_TEMPLATES: Mapping[str, Path] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
RUNTIMES = ("ServingRuntime", "ClusterServingRuntime")
WAVE = "argocd.argoproj.io/sync-wave"
HOOK = "argocd.argoproj.io/hook"
_LAST = 1_000_000  # the wave of what runs after the sync
_FIRST = -_LAST

# What the operators call the pods, Services and Secrets that they make.
_CNPG_PORTS = [("postgresql", 5432), ("metrics", 9187), ("status", 8000)]
_CNPG_KEYS = frozenset(
    {
        "username",
        "user",
        "password",
        "dbname",
        "host",
        "port",
        "uri",
        "jdbc-uri",
        "fqdn-uri",
        "fqdn-jdbc-uri",
        "pgpass",
    }
)


@dataclass(frozen=True, eq=False)
class Pod:
    """A pod that an object makes, or an operator for it. `made_here`: we know its whole spec."""

    owner: Manifest
    labels: Mapping[str, Any]
    spec: Mapping[str, Any]
    path: Path  # of the spec in the owner
    made_here: bool = True

    @property
    def containers(self) -> list[tuple[Path, dict[str, Any]]]:
        """All containers with their paths in the owner."""
        return [
            ((*self.path, key, index), each)
            for key in ("initContainers", "containers")
            for index, each in enumerate(mappings(self.spec.get(key)))
        ]

    @cached_property
    def ports(self) -> set[str | int]:
        """Numbers and names of all container ports."""
        found: set[str | int] = set()
        for _, container in self.containers:
            for port in mappings(container.get("ports")):
                found |= _numbers(port, "containerPort", "name")
        return found

    @property
    def is_test(self) -> bool:
        """Tell whether only `helm test` makes it."""
        return str(self.owner.annotations.get("helm.sh/hook", "")).startswith("test")


class Made(Struct, frozen=True):
    """A Secret or ConfigMap that will be there: its keys (None: unknown), and the wave that brings it."""

    keys: frozenset[str] | None
    wave: int


class Elsewhere:
    """Objects of a whole repository, which may be referred to: looked through once for all its folders."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._by_kind: dict[str, list[Manifest]] = {}
        for each in manifests:
            self._by_kind.setdefault(each.kind, []).append(each)
        self._names: dict[tuple[tuple[str, ...], str | None], set[str]] = {}

    def of(self, *kinds: str) -> list[Manifest]:
        """Return the objects of some kinds."""
        return [each for kind in kinds for each in self._by_kind.get(kind, ())]

    def names(self, kinds: tuple[str, ...], group: str | None) -> set[str]:
        """Return the names of the objects of some kinds."""
        if (kinds, group) not in self._names:
            self._names[kinds, group] = {each.name for each in self.of(*kinds) if group in (None, each.group)}
        return self._names[kinds, group]

    @cached_property
    def services(self) -> dict[str, set[str | int] | None]:
        """Services as `Objects` has them."""
        return _services(self.of(*self._by_kind))

    @cached_property
    def config_maps(self) -> dict[str, Made]:
        """ConfigMaps as `Objects` has them."""
        return _config_maps(self.of("ConfigMap"))

    @cached_property
    def secrets(self) -> dict[str, Made]:
        """Secrets as `Objects` has them."""
        return _secrets(self.of(*self._by_kind))


class Objects:
    """Objects of one environment. `others` are in the repository too, and may be referred to."""

    def __init__(
        self,
        manifests: Sequence[Manifest],
        others: Sequence[Manifest] | Elsewhere = (),
        external: Iterable[tuple[str, str]] = (),
    ) -> None:
        """external: kind and name of what somebody says is made elsewhere."""
        self.all = list(manifests)
        self._own = frozenset(self.all)
        self._elsewhere = others if isinstance(others, Elsewhere) else Elsewhere(others)
        self.external = frozenset(external)
        self._names: dict[tuple[tuple[str, ...], str | None], set[str]] = {}

    def of(self, *kinds: str, group: str | None = None) -> Iterator[Manifest]:
        """Yield the objects of some kinds."""
        for each in self.all:
            if each.kind in kinds and (group is None or each.group == group):
                yield each

    def others(self, *kinds: str) -> list[Manifest]:
        """Return the objects of some kinds that are elsewhere."""
        return [each for each in self._elsewhere.of(*kinds) if each not in self._own]

    def names(self, *kinds: str, group: str | None = None) -> set[str]:
        """Return the names of all objects of some kinds, also of those elsewhere and declared external."""
        if (kinds, group) not in self._names:
            found = {each.name for each in self.of(*kinds, group=group)}
            found |= self._elsewhere.names(kinds, group)
            self._names[kinds, group] = found | {name for kind, name in self.external if kind in kinds}
        return self._names[kinds, group]

    @cached_property
    def pods(self) -> list[Pod]:
        """Every pod that is made here, by an object or by an operator."""
        return [pod for each in self.all for pod in self._pods_of(each)]

    @property
    def own_pods(self) -> list[Pod]:
        """The pods whose whole spec stands here."""
        return [pod for pod in self.pods if pod.made_here]

    def _pods_of(self, owner: Manifest) -> Iterator[Pod]:
        if owner.kind in WORKLOADS:
            path = _TEMPLATES.get(owner.kind, ("spec", "template"))
            template: Any = owner.value
            for part in path:
                template = mapping(template).get(str(part))
            template = mapping(template)
            labels = mapping(mapping(template.get("metadata")).get("labels"))
            yield Pod(owner, labels, mapping(template.get("spec")), (*path, "spec"))
        elif owner.kind == "Cluster" and owner.group == "postgresql.cnpg.io":
            labels = mapping(mapping(owner.spec.get("inheritedMetadata")).get("labels"))
            own = {"cnpg.io/cluster": owner.name, "cnpg.io/podRole": "instance"}
            yield Pod(owner, {**labels, **own}, _operators("postgres", _CNPG_PORTS), ("spec",), False)
        elif owner.kind == "Pooler":
            labels = mapping(mapping(mapping(owner.spec.get("template")).get("metadata")).get("labels"))
            ports = [("pgbouncer", 5432), ("metrics", 9127)]
            own = {"cnpg.io/poolerName": owner.name}
            yield Pod(owner, {**labels, **own}, _operators("pgbouncer", ports), ("spec",), False)
        elif owner.kind == "InferenceService":
            yield self._predictor(owner)
        elif owner.kind == "LLMInferenceService":
            own = {"app.kubernetes.io/part-of": "llminferenceservice", "app.kubernetes.io/name": owner.name}
            yield Pod(owner, own, _operators("main", [("https", 8000)]), ("spec", "template"), False)
        elif owner.kind == "Gateway" and owner.group == "gateway.networking.k8s.io":
            own = {"gateway.networking.k8s.io/gateway-name": owner.name}
            yield Pod(owner, own, {}, ("spec",), False)

    def _predictor(self, owner: Manifest) -> Pod:
        predictor = mapping(owner.spec.get("predictor"))
        runtime = mapping(predictor.get("model")).get("runtime")
        containers = [
            container
            for each in (*self.of(*RUNTIMES), *self.others(*RUNTIMES))
            if each.name == runtime
            for container in mappings(each.spec.get("containers"))
        ]
        own = {
            "serving.kserve.io/inferenceservice": owner.name,
            "component": "predictor",
            "app": f"isvc.{owner.name}-predictor",
        }
        spec = {**predictor, "containers": containers or mappings(predictor.get("containers"))}
        return Pod(owner, {**mapping(predictor.get("labels")), **own}, spec, ("spec", "predictor"), False)

    def selected(self, selector: Any) -> list[Pod]:
        """Return the pods that a label selector selects."""
        labels = mapping(mapping(selector).get("matchLabels")).items()
        pods = min((self._labelled.get(_label(*each), []) for each in labels), key=len, default=self.pods)
        return [pod for pod in pods if matches(selector, pod.labels)]

    @cached_property
    def _labelled(self) -> dict[str, list[Pod]]:
        """Return the pods that have a label: asking every one of thousands would take minutes."""
        found: dict[str, list[Pod]] = {}
        for pod in self.pods:
            for each in pod.labels.items():
                found.setdefault(_label(*each), []).append(pod)
        return found

    def may_be_an_operators(self, selector: Any) -> bool:
        """Tell whether a selector asks for labels that an operator we do not know may set."""
        keys = set(mapping(mapping(selector).get("matchLabels")))
        keys |= {str(each.get("key")) for each in mappings(mapping(selector).get("matchExpressions"))}
        unknown = keys - self._label_keys
        return any("/" in key and not key.startswith("app.kubernetes.io/") for key in unknown)

    @cached_property
    def _label_keys(self) -> set[str]:
        return {key for pod in self.pods for key in pod.labels}

    @cached_property
    def services(self) -> Mapping[str, set[str | int] | None]:
        """Services by name, with numbers and names of their ports; None where an operator makes them."""
        declared: dict[str, set[str | int] | None] = dict.fromkeys(self._declared("Service"))
        return ChainMap(_services(self.all), self._elsewhere.services, declared)

    @cached_property
    def config_maps(self) -> Mapping[str, Made]:
        """ConfigMaps by name."""
        found = dict.fromkeys(self._declared("ConfigMap"), Made(None, _FIRST))
        found["kube-root-ca.crt"] = Made(frozenset({"ca.crt"}), _FIRST)  # Kubernetes makes it everywhere
        return ChainMap(_config_maps(self.of("ConfigMap")), self._elsewhere.config_maps, found)

    @cached_property
    def secrets(self) -> Mapping[str, Made]:
        """Secrets by name, also those that an operator makes of an object here."""
        declared = dict.fromkeys(self._declared("Secret"), Made(None, _FIRST))
        return ChainMap(_secrets(self.all), self._elsewhere.secrets, declared)

    def _declared(self, kind: str) -> list[str]:
        return [name for each, name in self.external if each == kind]


def _services(manifests: Iterable[Manifest]) -> dict[str, set[str | int] | None]:
    found: dict[str, set[str | int] | None] = {}
    for each in manifests:
        if each.kind == "Cluster" and each.group == "postgresql.cnpg.io":
            found |= {f"{each.name}-{suffix}": None for suffix in ("rw", "ro", "r")}
        elif each.kind == "Pooler":
            found[each.name] = None
        elif each.kind in {"InferenceService", "LLMInferenceService"}:
            found |= {each.name: None, f"{each.name}-predictor": None}
        elif each.kind == "Service" and not each.group:
            ports: set[str | int] = set()
            for port in mappings(each.spec.get("ports")):
                ports |= _numbers(port, "port", "name")
            found[each.name] = ports
    return found


def _config_maps(manifests: Iterable[Manifest]) -> dict[str, Made]:
    found = {}
    for each in manifests:
        keys = frozenset(mapping(each.value.get("data"))) | frozenset(mapping(each.value.get("binaryData")))
        found[each.name] = Made(keys, wave(each))
    return found


def _secrets(manifests: Iterable[Manifest]) -> dict[str, Made]:
    return {name: Made(keys, wave(each)) for each in manifests for name, keys in _secrets_of(each)}


def _label(key: str, value: Any) -> str:
    return f"{key}={value!r}"  # a value may be of any type, if a wrong one


def _numbers(port: Mapping[str, Any], *keys: str) -> set[str | int]:
    return {port[key] for key in keys if isinstance(port.get(key), str | int)}


def _operators(name: str, ports: Iterable[tuple[str, int]]) -> dict[str, Any]:
    return {
        "containers": [
            {"name": name, "ports": [{"name": port, "containerPort": number} for port, number in ports]}
        ]
    }


def _secrets_of(each: Manifest) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Yield the Secrets that an object is or becomes, with their keys; None where those are unknown."""
    tls = frozenset({"tls.crt", "tls.key", "ca.crt"})
    if each.kind == "Secret":
        yield (
            each.name,
            frozenset(mapping(each.value.get("data"))) | frozenset(mapping(each.value.get("stringData"))),
        )
    elif each.kind == "SealedSecret":
        yield each.name, frozenset(mapping(each.spec.get("encryptedData")))
    elif each.kind == "ExternalSecret":
        target = mapping(each.spec.get("target"))
        template = mapping(mapping(target.get("template")).get("data"))
        fetched = frozenset(str(item.get("secretKey")) for item in mappings(each.spec.get("data")))
        unknown = bool(each.spec.get("dataFrom")) or "templateFrom" in mapping(target.get("template"))
        yield str(target.get("name") or each.name), frozenset(template) or (None if unknown else fetched)
    elif each.kind == "Certificate":
        yield str(each.spec.get("secretName")), tls
    elif each.kind == "Cluster" and each.group == "postgresql.cnpg.io":
        yield f"{each.name}-app", _CNPG_KEYS
        yield f"{each.name}-superuser", _CNPG_KEYS
        yield f"{each.name}-ca", frozenset({"ca.crt", "ca.key"})
        yield f"{each.name}-server", tls
        yield f"{each.name}-replication", tls
    elif each.kind in {"Ingress", "Gateway"} and any(
        key.startswith("cert-manager.io/") for key in each.annotations
    ):
        for item in mappings(each.spec.get("tls")):
            yield str(item.get("secretName")), tls
        for listener in mappings(each.spec.get("listeners")):
            for item in mappings(mapping(listener.get("tls")).get("certificateRefs")):
                yield str(item.get("name")), tls


def wave(manifest: Manifest) -> int:
    """Return the wave in which Argo CD applies an object."""
    if text(manifest.annotations.get(HOOK)) in {"PostSync", "SyncFail", "PostDelete"}:
        return _LAST
    try:
        return int(manifest.annotations.get(WAVE, 0))
    except (TypeError, ValueError, OverflowError):  # the last is that of .inf
        return 0


def matches(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Tell whether a label selector selects these labels; an empty one selects everything."""
    if not isinstance(selector, dict):
        return False
    if any(labels.get(key) != value for key, value in mapping(selector.get("matchLabels")).items()):
        return False
    return all(_meets(each, labels) for each in mappings(selector.get("matchExpressions")))


def _meets(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = str(expression.get("key")), items(expression.get("values"))
    found = labels.get(key)
    return {
        "In": found in values,
        "NotIn": found not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(str(expression.get("operator")), False)
