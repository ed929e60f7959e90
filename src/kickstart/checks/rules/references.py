"""What objects name must exist: here, elsewhere in the repository, or declared to be made by others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kickstart.checks.findings import ERROR
from kickstart.checks.manifest import Manifest, Path, mapping, mappings, text, walk
from kickstart.checks.rules.objects import Made, Objects, wave
from kickstart.checks.rules.rule import Fault, rule

_EXTERNAL = "Correct the name; if it is made elsewhere, say so in a comment: # kickstart:external {}/NAME."
_Reference = tuple[Manifest, Path, str, str | None]  # who, where, name, key


@rule(
    "reference/secret",
    ERROR,
    "Secrets that nobody makes, and keys that they do not have",
    reason="A pod waits for a missing Secret for ever.",
    fix=_EXTERNAL.format("Secret"),
)
def secret(objects: Objects) -> Iterator[Fault]:
    yield from _missing("Secret", _secret_references(objects), objects.secrets)


@rule(
    "reference/config-map",
    ERROR,
    "ConfigMaps that nobody makes, and keys that they do not have",
    reason="A pod waits for a missing ConfigMap for ever.",
    fix=_EXTERNAL.format("ConfigMap"),
)
def config_map(objects: Objects) -> Iterator[Fault]:
    yield from _missing("ConfigMap", _config_map_references(objects), objects.config_maps)


def _missing(kind: str, references: Iterator[_Reference], made: Mapping[str, Made]) -> Iterator[Fault]:
    seen: set[tuple[int, str, str]] = set()
    for owner, path, name, key in references:
        found = made.get(name)
        if found is None:
            problem = f"there is no {kind} {name}"
        elif key is not None and found.keys is not None and key not in found.keys:
            problem = f"the {kind} {name} has no key '{key}'"
        else:
            continue
        if (id(owner), name, problem) not in seen:
            seen.add((id(owner), name, problem))
            yield Fault(owner, path, problem)


def _secret_references(objects: Objects) -> Iterator[_Reference]:
    for owner, path, each in _pod_values(objects):
        if path[-1] == "secretKeyRef" and not each.get("optional"):
            yield owner, path, str(each.get("name", "")), str(each.get("key", ""))
        elif path[-1] == "secretRef" and not each.get("optional"):
            yield owner, path, str(each.get("name", "")), None
        elif path[-1] == "secret" and not each.get("optional"):
            name = str(each.get("secretName") or each.get("name") or "")
            keys = [str(item.get("key")) for item in mappings(each.get("items"))]
            yield from ((owner, path, name, key) for key in keys or (None,))
    for account in objects.of("ServiceAccount"):
        for index, item in enumerate(mappings(account.value.get("secrets"))):
            yield account, ("secrets", index), str(item.get("name", "")), None
    for store in objects.of("ObjectStore"):
        for path, value in walk(store.spec, ("spec",)):
            if "s3Credentials" in path[:-1] and isinstance(value, dict) and {"name", "key"} <= value.keys():
                yield store, path, str(value["name"]), str(value["key"])
    for ingress in objects.of("Ingress"):
        if any(key.startswith("cert-manager.io/") for key in ingress.annotations):
            continue
        for index, item in enumerate(mappings(ingress.spec.get("tls"))):
            if item.get("secretName"):
                yield ingress, ("spec", "tls", index, "secretName"), str(item["secretName"]), None


def _config_map_references(objects: Objects) -> Iterator[_Reference]:
    for owner, path, each in _pod_values(objects):
        if each.get("optional"):
            continue
        if path[-1] == "configMapKeyRef":
            yield owner, path, str(each.get("name", "")), str(each.get("key", ""))
        elif path[-1] in {"configMapRef", "configMap"} and "name" in each:
            keys = [str(item.get("key")) for item in mappings(each.get("items"))]
            yield from ((owner, path, str(each["name"]), key) for key in keys or (None,))


def _pod_values(objects: Objects) -> Iterator[tuple[Manifest, Path, dict[str, Any]]]:
    """Yield every mapping in the specs of pods, once for each object."""
    for pod in objects.pods:
        for path, value in walk(mapping(_at(pod.owner.value, pod.path)), pod.path):
            if isinstance(value, dict) and path != pod.path:
                yield pod.owner, path, value


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = mapping(value).get(str(part))
    return value


@rule(
    "reference/service-account",
    ERROR,
    "service accounts that do not exist",
    reason="No pod is made without its service account.",
    fix=_EXTERNAL.format("ServiceAccount"),
)
def service_account(objects: Objects) -> Iterator[Fault]:
    known = objects.names("ServiceAccount") | {"default"}
    for pod in objects.pods:
        name = text(pod.spec.get("serviceAccountName"))
        if name and name not in known:
            yield Fault(pod.owner, (*pod.path, "serviceAccountName"), f"there is no ServiceAccount {name}")


@rule(
    "reference/claim",
    ERROR,
    "volume claims that do not exist",
    reason="A pod waits for its volume for ever.",
    fix=_EXTERNAL.format("PersistentVolumeClaim"),
)
def claim(objects: Objects) -> Iterator[Fault]:
    known = objects.names("PersistentVolumeClaim")
    for owner, path, each in _pod_values(objects):
        if path[-1] == "persistentVolumeClaim" and text(each.get("claimName")) not in known:
            yield Fault(owner, path, f"there is no PersistentVolumeClaim {each.get('claimName')}")


@rule(
    "reference/store",
    ERROR,
    "ExternalSecrets whose store or generator does not exist",
    reason="The Secret never appears, and what needs it never starts.",
    fix=_EXTERNAL.format("SecretStore"),
)
def secret_store(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("ExternalSecret"):
        for path, value in walk(each.spec, ("spec",)):
            if not isinstance(value, dict) or path[-1] not in {"secretStoreRef", "storeRef", "generatorRef"}:
                continue
            kind = str(value.get("kind") or "SecretStore")
            # A cluster-wide store belongs to the platform, and is in no application's repository.
            if not kind.startswith("Cluster") and str(value.get("name")) not in objects.names(kind):
                yield Fault(each, path, f"there is no {kind} {value.get('name')}")


@rule(
    "reference/host",
    ERROR,
    "host names in the namespace 'default'",
    reason="A release is deployed to a namespace of its own, so that the name leads nowhere.",
    fix="Use the Service's short name: it is looked up in the release's own namespace.",
)
def host(objects: Objects) -> Iterator[Fault]:
    for each in objects.all:
        if str(each.metadata.get("namespace", "")) == "default":
            continue
        for path, value in walk(each.value):
            if isinstance(value, str) and "\n" not in value:
                found = re.search(r"[a-z0-9-]+\.default\.svc\b", value)
                # Argo CD's name for the cluster it runs in.
                if found and found[0] != "kubernetes.default.svc":
                    yield Fault(each, path, f"{found[0]} is in the namespace 'default'")


@rule(
    "sync/wave",
    ERROR,
    "Secrets, ConfigMaps and volumes that Argo CD applies after what needs them",
    reason="Argo CD waits until a wave is healthy, and the pods of the earlier wave never are.",
    fix="Give what is needed the same argocd.argoproj.io/sync-wave, or an earlier one.",
)
def waves(objects: Objects) -> Iterator[Fault]:
    kinds = (
        ("Secret", objects.secrets, _secret_references(objects)),
        ("ConfigMap", objects.config_maps, _config_map_references(objects)),
    )
    seen: set[tuple[int, str]] = set()
    for kind, made, references in kinds:
        for owner, path, name, _ in references:
            found = made.get(name)
            if owner.kind == "ServiceAccount":
                continue  # it only names the Secret
            if found and found.wave > wave(owner) and (id(owner), name) not in seen:
                seen.add((id(owner), name))
                yield Fault(
                    owner, path, f"the {kind} {name} comes in wave {found.wave}, this in {wave(owner)}"
                )
