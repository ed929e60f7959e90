"""Actions and effects that put objects on the user's cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from kickstart import document
from kickstart.actions.base import Change, Effect, Given, InputError, Inspection, Model, Nothing, Promise
from kickstart.errors import PreflightError
from kickstart.tools import Cluster, Kind, Manifest, Ref, Tools, Trial
from kickstart.tools.kinds import NAMESPACE

MANAGER = "kickstart"
MANAGED_BY = {"app.kubernetes.io/managed-by": MANAGER}
PROJECT = "kickstart/project"  # annotations, by which a project's objects are known
REPOSITORY = "kickstart/repository"
# What the API server says of an object, and nobody asks for.
_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_SHOWN_PATHS = 4
LEFT_OUT = "Left out: no cluster was chosen. To choose one, add --context NAME, or --bootstrap."


class KubernetesApply:
    """Apply Kubernetes manifests to the cluster that the user chose; skipped where none was chosen."""

    name: ClassVar[str] = "kubernetes:apply"

    class Input(Model):
        """What to apply."""

        manifest: str | dict[str, Any] = Field(description="One manifest, or several YAML documents.")
        namespaced: bool = Field(default=False, description="Every object must name its namespace.")
        cluster_name: str | None = Field(default=None, description="Ignored: the user's choice holds.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        if not given.argocd_namespace:
            return Promise(messages=(LEFT_OUT,))
        text = input.manifest
        manifests = (
            list(documents(text, "manifest")) if isinstance(text, str) else [checked(text, "manifest")]
        )
        for each in manifests:
            if input.namespaced and not each["metadata"].get("namespace"):
                raise InputError(f"{Ref.of(each)} names no namespace")
        return Promise(effects=tuple(ApplyManifest(each, given.project) for each in manifests))


class KubernetesCreateNamespace:
    """Create a namespace on the cluster that the user chose."""

    name: ClassVar[str] = "kubernetes:create-namespace"

    class Input(Model):
        """The namespace. Where it is made is the user's choice, so that the rest is ignored."""

        namespace: str = Field(description="The namespace's name.")
        labels: str = Field(default="", description="Its labels, as `key=value;key=value`.")
        cluster_ref: str | None = Field(default=None, description="Ignored.")
        url: str | None = Field(default=None, description="Ignored.")
        token: SecretStr | None = Field(default=None, description="Ignored.")
        skip_tls_verify: bool = Field(default=False, alias="skipTLSVerify", description="Ignored.")
        ca_data: str | None = Field(default=None, description="Ignored.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        if not given.argocd_namespace:
            return Promise(messages=(LEFT_OUT,))
        labels = {}
        for pair in filter(None, (each.strip() for each in input.labels.split(";"))):
            key, equals, value = pair.partition("=")
            if not equals:
                raise InputError(f"the label {pair!r} is not of the form key=value")
            labels[key.strip()] = value.strip()
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": input.namespace, "labels": labels},
        }
        return Promise(effect=ApplyManifest(manifest, given.project))


@dataclass(frozen=True, slots=True)
class ApplyManifest(Effect):
    """Makes one object as its manifest says; what somebody else made or set stays as it is.

    marks: annotations by which the object is known as this project's, besides the project's name.
    """

    manifest: Manifest = field(repr=False)  # it may be a Secret
    project: str
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        """The object."""
        return Ref.of(self.manifest)

    @property
    def target(self) -> str:
        return str(self.ref)

    @property
    def texts(self) -> Mapping[str, str]:
        """The manifest is read by everyone who may look at the cluster; a Secret's is not."""
        return {} if self.ref.kind.kind == "Secret" else {"the manifest": document.dump(self.marked())}

    def marked(self) -> Manifest:
        """Return the manifest with what tells that kickstart made the object, and for whom."""
        marked = deepcopy(dict(self.manifest))
        meta = marked["metadata"] = dict(marked["metadata"])
        meta["labels"] = {**(meta.get("labels") or {}), **MANAGED_BY}
        meta["annotations"] = {
            **(meta.get("annotations") or {}),
            PROJECT: self.project,
            **self.marks,
        }
        return marked

    def inspect(self, tools: Tools) -> Inspection:
        cluster = chosen(tools)
        try:
            trial = cluster.try_apply(self.marked())
        except PreflightError:
            if self.ref.namespace and _namespace_is_missing(cluster, self.ref):
                return Inspection(
                    Change.CREATE, f"in the namespace {self.ref.namespace}, which does not exist yet"
                )
            raise
        return self._compared(trial, cluster)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        made = chosen(tools).apply(self.marked())
        return {"uid": made["metadata"]["uid"]}

    def _compared(self, trial: Trial, cluster: Cluster) -> Inspection:
        existing = trial.existing
        if existing is None:
            return Inspection(Change.CREATE, f"on {cluster.name}")
        annotations = existing["metadata"].get("annotations") or {}
        for name, value in {PROJECT: self.project, **self.marks}.items():
            if annotations.get(name, value) != value:
                return Inspection(Change.CONFLICT, f"belongs to {annotations[name]}")
        if trial.result is None:
            said = ", ".join(f"{path} (set by {owner})" for path, owner in trial.conflicts)
            return Inspection(Change.CONFLICT, f"somebody else set {said}")
        changed = list(differences(_compared(existing), _compared(trial.result)))
        if not changed:
            return Inspection(Change.NONE)
        if not is_ours(existing):
            return Inspection(
                Change.CONFLICT, f"was not made by kickstart, and differs in {_listed(changed)}"
            )
        return Inspection(Change.UPDATE, _listed(changed))


def chosen(tools: Tools) -> Cluster:
    """Return the user's cluster; without one, no effect on it is ever promised."""
    if tools.cluster is None:
        raise PreflightError("no cluster was chosen", hint="add --context NAME, or --bootstrap")
    return tools.cluster


def is_ours(manifest: Manifest) -> bool:
    """Tell whether kickstart has applied an object."""
    managers = manifest["metadata"].get("managedFields") or ()
    return any(each.get("manager") == MANAGER and each.get("operation") == "Apply" for each in managers)


def marks(project: str) -> dict[str, dict[str, str]]:
    """Return the metadata by which an object is known as a project's."""
    return {"labels": MANAGED_BY, "annotations": {PROJECT: project}}


def of_project(cluster: Cluster, kind: Kind, namespace: str, project: str) -> list[Manifest]:
    """Return the objects of a kind that kickstart made for a project."""
    labels = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())
    return [
        each
        for each in cluster.objects(kind, namespace, labels=labels)
        if (each["metadata"].get("annotations") or {}).get(PROJECT) == project
    ]


def documents(text: str, shown: str) -> Iterator[dict[str, Any]]:
    """Yield the manifests of a file with one or more YAML documents. Raises InputError."""
    try:
        found = document.load_all(text)
    except document.DocumentError as error:
        where = f"{shown}:{error.line}" if error.line else shown
        raise InputError(f"{where}: {error.message}") from error
    for each in found:
        if each is not None:
            yield checked(each, shown)


def checked(manifest: Any, shown: str) -> dict[str, Any]:
    """Return a manifest that says what it is. Raises InputError."""
    if not isinstance(manifest, dict):
        raise InputError(f"{shown} is not a manifest")
    meta = manifest.get("metadata")
    for name, value in (
        ("apiVersion", manifest.get("apiVersion")),
        ("kind", manifest.get("kind")),
        ("metadata.name", meta.get("name") if isinstance(meta, dict) else None),
    ):
        if not isinstance(value, str) or not value:
            raise InputError(f"{shown} is not a manifest: it has no {name}")
    return manifest


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two manifests differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path


def _compared(manifest: Manifest) -> Manifest:
    meta = {key: value for key, value in manifest["metadata"].items() if key not in _OF_THE_SERVER}
    return {**manifest, "metadata": meta}


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:_SHOWN_PATHS])
    left = len(paths) - _SHOWN_PATHS
    return f"{shown} and {left} more" if left > 0 else shown


def _namespace_is_missing(cluster: Cluster, ref: Ref) -> bool:
    try:
        return cluster.get(Ref(NAMESPACE, ref.namespace)) is None
    except PreflightError:  # it may not be looked at
        return False
