"""Argo CD's own resources: that what is meant is deployed, and no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from kickstart.checks.findings import ERROR, WARNING
from kickstart.checks.manifest import Manifest, Path, items, mapping, mappings, text, texts
from kickstart.checks.rules.objects import Objects
from kickstart.checks.rules.rule import Fault, rule

_GROUP = "argoproj.io"


def _applications(objects: Objects) -> Iterator[tuple[Manifest, Path, dict[str, Any], dict[str, Any]]]:
    """Yield every Application, also those that an ApplicationSet makes: with path, metadata and spec."""
    for each in objects.of("Application", group=_GROUP):
        yield each, (), each.metadata, each.spec
    for each in objects.of("ApplicationSet", group=_GROUP):
        template = mapping(each.spec.get("template"))
        path = ("spec", "template")
        yield each, path, mapping(template.get("metadata")), mapping(template.get("spec"))


@rule(
    "argo/namespace",
    ERROR,
    "Argo CD resources without a namespace",
    reason="They are applied to whatever namespace is current, where Argo CD does not see them.",
    fix="Set metadata.namespace: argocd.",
)
def namespace(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Application", "ApplicationSet", "AppProject", group=_GROUP):
        if not each.rendered and not each.metadata.get("namespace"):
            yield Fault(each, ("metadata",), "has no namespace")


@rule(
    "argo/project",
    ERROR,
    "Applications of a project that does not exist, or of 'default'",
    reason="The project 'default' allows everything to everybody; a missing one refuses the Application.",
    fix="Name an AppProject of this repository.",
)
def project(objects: Objects) -> Iterator[Fault]:
    known = objects.names("AppProject", group=_GROUP)
    for each, path, _, spec in _applications(objects):
        name = spec.get("project")
        if name is None:
            continue  # the schema says it
        where = (*path, "spec", "project")
        if name == "default":
            yield Fault(each, where, "the project 'default' allows everything")
        elif "{{" in str(name):
            yield Fault(each, where, "a project that is templated can be any project")
        elif text(name) not in known:
            yield Fault(each, where, f"there is no AppProject {name}")


@rule(
    "argo/finalizer",
    ERROR,
    "Applications whose deletion leaves everything behind",
    reason="Without a finalizer Argo CD forgets the objects, and nobody deletes them.",
    fix="Add the finalizer resources-finalizer.argocd.argoproj.io.",
)
def finalizer(objects: Objects) -> Iterator[Fault]:
    for each, path, metadata, _ in _applications(objects):
        if mapping(each.spec.get("syncPolicy")).get("preserveResourcesOnDeletion"):
            continue  # an ApplicationSet that says so means it
        if not any(str(one).startswith("resources-finalizer.") for one in items(metadata.get("finalizers"))):
            yield Fault(each, (*path, "metadata"), "has no resources-finalizer")


@rule(
    "argo/create-namespace",
    ERROR,
    "Applications whose namespace nobody makes",
    reason="The first sync fails, since the namespace is not there.",
    fix="Add the sync option CreateNamespace=true, or the Namespace.",
)
def create_namespace(objects: Objects) -> Iterator[Fault]:
    for each, path, _, spec in _applications(objects):
        name = text(mapping(spec.get("destination")).get("namespace"))
        options = items(mapping(spec.get("syncPolicy")).get("syncOptions"))
        if name and "CreateNamespace=true" not in options and name not in objects.names("Namespace"):
            yield Fault(each, (*path, "spec", "syncPolicy"), f"nobody makes the namespace {name}")


@rule(
    "argo/retry",
    WARNING,
    "automatic syncs that give up at once",
    reason="Operators report 'degraded' for a moment while they work, and the sync fails with it.",
    fix="Set syncPolicy.retry with a limit and a backoff.",
)
def retry(objects: Objects) -> Iterator[Fault]:
    for each, path, _, spec in _applications(objects):
        policy = mapping(spec.get("syncPolicy"))
        if "automated" in policy and not mapping(policy.get("retry")).get("limit"):
            yield Fault(each, (*path, "spec", "syncPolicy"), "syncs automatically, and never tries again")


@rule(
    "argo/validate",
    ERROR,
    "sync options that switch off checks or replace objects",
    reason="Validate=false applies what the cluster would refuse; Replace and Force delete first.",
    fix="Remove the option.",
)
def validate(objects: Objects) -> Iterator[Fault]:
    for each, path, _, spec in _applications(objects):
        for option in texts(mapping(spec.get("syncPolicy")).get("syncOptions")):
            if option in {"Validate=false", "Replace=true", "Force=true"}:
                yield Fault(each, (*path, "spec", "syncPolicy", "syncOptions"), f"uses {option}")


@rule(
    "argo/permissions",
    ERROR,
    "projects that allow any repository, destination or cluster-wide kind",
    reason="A project is the fence around an application: '*' is a gap, and argocd the gate to all others.",
    fix="List repositories, namespaces and kinds; a pattern such as NAME-pr-* is fine.",
)
def permissions(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("AppProject", group=_GROUP):
        if "*" in items(each.spec.get("sourceRepos")):
            yield Fault(each, ("spec", "sourceRepos"), "takes any repository")
        for index, item in enumerate(mappings(each.spec.get("destinations"))):
            where = ("spec", "destinations", index)
            if item.get("namespace") == "*":
                yield Fault(each, where, "deploys to any namespace")
            elif item.get("namespace") == "argocd":
                yield Fault(
                    each, where, "deploys to Argo CD's own namespace, which makes it an administrator"
                )
        for index, item in enumerate(mappings(each.spec.get("clusterResourceWhitelist"))):
            if "*" in (item.get("group"), item.get("kind")):
                yield Fault(
                    each, ("spec", "clusterResourceWhitelist", index), "deploys any cluster-wide kind"
                )


@rule(
    "argo/destination",
    ERROR,
    "Applications that their own project does not permit",
    reason="Argo CD refuses to sync them.",
    fix="Add the repository and the namespace to the AppProject.",
)
def destination(objects: Objects) -> Iterator[Fault]:
    projects = {each.name: each for each in (*objects.others("AppProject"), *objects.of("AppProject"))}
    for each, path, _, spec in _applications(objects):
        fence = projects.get(str(spec.get("project")))
        name = str(mapping(spec.get("destination")).get("namespace", ""))
        if fence is None:
            continue
        allowed = [str(item.get("namespace", "")) for item in mappings(fence.spec.get("destinations"))]
        if name and "{{" not in name and not any(fnmatchcase(name, one) for one in allowed):
            yield Fault(each, (*path, "spec", "destination"), f"{fence} does not permit the namespace {name}")
        for source in _sources(spec):
            url = str(source.get("repoURL", ""))
            if "{{" not in url and not any(
                fnmatchcase(url, one) for one in texts(fence.spec.get("sourceRepos"))
            ):
                yield Fault(each, (*path, "spec"), f"{fence} does not permit the repository {url}")


def _sources(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return mappings(spec.get("sources")) or mappings([spec.get("source")])


@rule(
    "argo/kinds",
    ERROR,
    "kinds that the project does not let Argo CD deploy",
    reason="The sync fails at the first object of such a kind.",
    fix="Add group and kind to namespaceResourceWhitelist of the AppProject.",
)
def kinds(objects: Objects) -> Iterator[Fault]:
    names = {str(each.spec.get("project")) for each in objects.others("Application") if _deploys_chart(each)}
    fences = [each for each in objects.others("AppProject") if each.name in names]
    if len(fences) != 1 or "namespaceResourceWhitelist" not in fences[0].spec:
        return
    allowed = {
        (str(item.get("group", "")), str(item.get("kind", "")))
        for key in ("namespaceResourceWhitelist", "clusterResourceWhitelist")
        for item in mappings(fences[0].spec.get(key))
    }
    seen = set()
    for each in objects.all:
        key = (each.group, each.kind)
        is_test = str(each.annotations.get("helm.sh/hook", "")).startswith("test")
        if not each.rendered or is_test or key in seen:
            continue
        seen.add(key)
        if not any(
            fnmatchcase(each.group, group) and fnmatchcase(each.kind, kind) for group, kind in allowed
        ):
            yield Fault(each, ("kind",), f"{fences[0]} does not permit {each.group or 'core'}/{each.kind}")


def _deploys_chart(application: Manifest) -> bool:
    return any("helm" in source for source in _sources(application.spec))
