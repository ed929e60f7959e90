"""Who may do what, and where secrets stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kickstart.checks.findings import ERROR, WARNING
from kickstart.checks.manifest import items, mapping, mappings, text, texts
from kickstart.checks.rules.objects import Objects
from kickstart.checks.rules.rule import Fault, rule

_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_SECRET_NAME = re.compile(
    r"(^|[_.-])(password|passwd|secret|token|api_?key|private_?key|access_?key)s?$", re.I
)


@rule(
    "rights/wildcard",
    ERROR,
    "roles that allow everything by a '*'",
    reason="A wildcard also allows what does not exist yet.",
    fix="List the groups, resources and verbs that are needed.",
)
def wildcard(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Role", "ClusterRole"):
        for index, item in enumerate(mappings(each.value.get("rules"))):
            for key in ("apiGroups", "resources", "verbs"):
                if "*" in items(item.get(key)):
                    yield Fault(each, ("rules", index, key), f"{key} holds '*'")


@rule(
    "rights/cluster",
    ERROR,
    "rights in the whole cluster",
    reason="An application needs rights in its own namespace; a project with least privilege refuses more.",
    fix="Use Role and RoleBinding; what a platform needs belongs to a project of the platform.",
)
def cluster(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("ClusterRole", "ClusterRoleBinding"):
        yield Fault(each, ("kind",), f"{each.kind} gives rights in every namespace")
    for each in objects.of("RoleBinding"):
        if text(mapping(each.value.get("roleRef")).get("name")) in {"cluster-admin", "admin"}:
            yield Fault(each, ("roleRef",), "binds an administrator's role")


@rule(
    "rights/secrets",
    ERROR,
    "roles that read all Secrets of a namespace",
    reason="They include the database's, the certificates' and those of every other application there.",
    fix="Give Secrets to pods as environment or volume, which needs no right; or use resourceNames.",
)
def secrets(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Role", "ClusterRole"):
        for index, item in enumerate(mappings(each.value.get("rules"))):
            verbs = set(texts(item.get("verbs")))
            if "secrets" not in items(item.get("resources")) or not verbs & {"get", "list", "watch", "*"}:
                continue
            # A list is not restricted by names: it returns every Secret.
            if not item.get("resourceNames") or verbs & {"list", "watch"}:
                yield Fault(each, ("rules", index), "reads every Secret of the namespace")


@rule(
    "rights/binding",
    ERROR,
    "roles that nobody has, and bindings of roles or accounts that do not exist",
    reason="The right that was meant is given to nobody.",
    fix="Bind the Role to a ServiceAccount, or remove it.",
)
def binding(objects: Objects) -> Iterator[Fault]:
    bound = {
        (
            str(mapping(each.value.get("roleRef")).get("kind")),
            str(mapping(each.value.get("roleRef")).get("name")),
        )
        for each in (*objects.of(*_BINDINGS), *objects.others(*_BINDINGS))
    }
    for each in objects.of("Role", "ClusterRole"):
        if (each.kind, each.name) not in bound and "aggregationRule" not in each.value:
            aggregates = any(key.startswith("rbac.authorization.k8s.io/aggregate-to-") for key in each.labels)
            if not aggregates:
                yield Fault(each, ("metadata", "name"), f"no binding gives {each} to anybody")
    for each in objects.of(*_BINDINGS):
        kind, name = (str(mapping(each.value.get("roleRef")).get(key)) for key in ("kind", "name"))
        if kind == "Role" and name not in objects.names("Role"):
            yield Fault(each, ("roleRef", "name"), f"there is no Role {name}")
        for index, subject in enumerate(mappings(each.value.get("subjects"))):
            account = subject.get("kind") == "ServiceAccount" and str(subject.get("name"))
            own = str(each.metadata.get("namespace") or subject.get("namespace") or "")
            here = subject.get("namespace") in (None, own)
            if account and here and account not in objects.names("ServiceAccount") | {"default"}:
                yield Fault(each, ("subjects", index), f"there is no ServiceAccount {account}")


@rule(
    "secrets/plain",
    ERROR,
    "Secrets whose values stand in the repository",
    reason="Base64 is no encryption: whoever can read the repository, or its history, has the secret.",
    fix="Use an ExternalSecret, a SealedSecret, or one made outside of Git; then change the secret.",
)
def plain_secret(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Secret", group=""):
        for key in ("data", "stringData"):
            filled = sorted(name for name, value in mapping(each.value.get(key)).items() if value)
            if filled and each.value.get("type") != "kubernetes.io/service-account-token":
                yield Fault(each, (key,), f"holds the value of {', '.join(filled)}")


@rule(
    "secrets/config-map",
    WARNING,
    "ConfigMaps and environment variables that look like they hold a secret",
    reason="Both are readable to everybody who may look at the namespace.",
    fix="Move the value to a Secret that does not stand in Git.",
)
def config_map(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("ConfigMap"):
        for key, value in mapping(each.value.get("data")).items():
            if _SECRET_NAME.search(key) and isinstance(value, str) and value and "\n" not in value:
                yield Fault(each, ("data", key), f"'{key}' looks like a secret")
    for pod in objects.own_pods:
        for path, container in pod.containers:
            for index, variable in enumerate(mappings(container.get("env"))):
                name, value = str(variable.get("name", "")), variable.get("value")
                if (
                    _SECRET_NAME.search(name)
                    and isinstance(value, str)
                    and value
                    and not value.startswith("$(")
                ):
                    yield Fault(pod.owner, (*path, "env", index), f"'{name}' looks like a secret")
