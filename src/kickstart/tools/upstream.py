"""Where the projects of the Kubernetes world keep the definitions of their kinds, at one release each."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

_HOST = "https://raw.githubusercontent.com"


class Project(Struct, frozen=True):
    """A project's release. `paths`: where in its repository the definition of a kind may be."""

    repository: str
    release: str
    kinds: dict[str, tuple[str, ...]]  # apiVersion -> kinds; what is not listed is asked for all the same
    paths: tuple[str, ...]


# Refreshed together with docs/reference/rules.md and the template's prerequisites.
PROJECTS = (
    Project(
        "argoproj/argo-cd",
        "v3.5.1",
        {"argoproj.io/v1alpha1": ("Application", "ApplicationSet", "AppProject")},
        ("manifests/crds/{kind}-crd.yaml",),
    ),
    Project(
        "kserve/kserve",
        "v0.20.0",
        {
            "serving.kserve.io/v1beta1": ("InferenceService",),
            "serving.kserve.io/v1alpha1": (
                *(
                    "ClusterServingRuntime",
                    "ClusterStorageContainer",
                    "LLMInferenceService",
                    "LocalModelCache",
                ),
                *("LocalModelNamespaceCache", "LocalModelNodeGroup", "ServingRuntime"),
            ),
            "serving.kserve.io/v1alpha2": ("LLMInferenceService",),
        },
        tuple(
            f"config/crd/full/{folder}serving.kserve.io_{{plural}}.yaml"
            for folder in ("", "llmisvc/", "localmodel/", "clusterstoragecontainer/")
        ),
    ),
    Project(
        "cloudnative-pg/cloudnative-pg",
        "v1.30.0",
        {
            "postgresql.cnpg.io/v1": (
                *("Backup", "Cluster", "ClusterImageCatalog", "Database", "DatabaseRole", "ImageCatalog"),
                *("Pooler", "ScheduledBackup"),
            )
        },
        ("config/crd/bases/{group}_{plural}.yaml",),
    ),
    Project(
        "cloudnative-pg/plugin-barman-cloud",
        "v0.14.0",
        {"barmancloud.cnpg.io/v1": ("ObjectStore",)},
        ("config/crd/bases/{group}_{plural}.yaml",),
    ),
    Project(
        "external-secrets/external-secrets",
        "v2.9.0",
        {
            "external-secrets.io/v1": ("ClusterSecretStore", "ExternalSecret", "SecretStore"),
            "generators.external-secrets.io/v1alpha1": ("Password",),
        },
        ("config/crds/bases/{group}_{plural}.yaml",),
    ),
    Project(
        "istio/api",
        "1.30.3",
        {
            "networking.istio.io/v1": ("DestinationRule", "Gateway", "ServiceEntry", "VirtualService"),
            "security.istio.io/v1": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
            "telemetry.istio.io/v1": ("Telemetry",),
        },
        ("kubernetes/customresourcedefinitions.gen.yaml",),
    ),
    Project(
        "prometheus-operator/prometheus-operator",
        "v0.93.0",
        {"monitoring.coreos.com/v1": ("PodMonitor", "PrometheusRule", "ServiceMonitor")},
        ("example/prometheus-operator-crd/{group}_{plural}.yaml",),
    ),
    Project(
        "cert-manager/cert-manager",
        "v1.21.1",
        {"cert-manager.io/v1": ("Certificate", "ClusterIssuer", "Issuer")},
        ("deploy/crds/{group}_{plural}.yaml",),
    ),
    Project(
        "kedacore/keda",
        "v2.20.2",
        {"keda.sh/v1alpha1": ("ScaledObject", "TriggerAuthentication")},
        ("config/crd/bases/{group}_{plural}.yaml",),
    ),
    Project(
        "kubernetes-sigs/gateway-api",
        "v1.6.1",
        {"gateway.networking.k8s.io/v1": ("BackendTLSPolicy", "Gateway", "HTTPRoute", "ReferenceGrant")},
        ("config/crd/standard/{group}_{plural}.yaml",),
    ),
    Project(
        "kubernetes-sigs/gateway-api-inference-extension",
        "v1.6.0",
        {"inference.networking.k8s.io/v1": ("InferencePool",)},
        ("config/crd/bases/{group}_{plural}.yaml",),
    ),
)


def addresses(group: str, version: str, kind: str) -> list[str]:
    """Return where the definition of a kind may be; nothing for a group that no project here has."""
    group, kind = quote(group, safe=""), quote(kind, safe="")
    names = {"group": group, "kind": kind.lower(), "plural": plural(kind)}
    return [
        f"{_HOST}/{each.repository}/{each.release}/{path.format(**names)}"
        for each in PROJECTS
        if group in {api.partition("/")[0] for api in each.kinds}
        for path in each.paths
    ]


def kinds() -> list[tuple[str, str]]:
    """Return apiVersion and kind of everything listed."""
    return [(api, kind) for each in PROJECTS for api, names in each.kinds.items() for kind in names]


def plural(kind: str) -> str:
    """Return a kind's name in addresses: policies, ingresses, services."""
    name = kind.lower()
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"
