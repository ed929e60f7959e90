"""Every rule: what it finds, and the same objects put right, where it finds nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kickstart.checks import rules
from kickstart.checks.manifest import Manifest, Path, documents, load, walk
from kickstart.checks.rules.objects import Objects

POD = """
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1.0
          ports: [{name: http, containerPort: 8080}]
"""
WEB = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:{POD}"""
SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""
HPA = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
"""
DENY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]
"""
INGRESS = """
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: traefik
  rules:
    - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
"""
ROUTE = """
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: public, namespace: gateways}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""
VIRTUAL = """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.example.com]
  gateways: [istio-ingress/public]
  http: [{retries: {attempts: 0}, route: [{destination: {host: web, port: {number: 80}}}]}]
"""
CLUSTER = """
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg}
spec:
  instances: 1
  imageName: "postgresql:18.1"
  storage: {size: 1Gi}
  postgresql: {parameters: {max_connections: "9"}}
"""
SCHEDULE = """
---
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: daily}
spec: {schedule: "0 0 2 * * *", cluster: {name: pg}}
"""
RUNTIME = """
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: vllm}
spec: {supportedModelFormats: [{name: vLLM}], containers: [{name: kserve-container, image: "vllm:1.0"}]}
"""
MODEL = """
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: llama}
spec:
  predictor:
    serviceAccountName: default
    deploymentStrategy: {type: RollingUpdate}
    model:
      runtime: vllm
      modelFormat: {name: vLLM}
      storageUri: s3://models/llama
      resources: {limits: {nvidia.com/gpu: 1}}
"""
SCALED = """
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: prometheus, metadata: {query: "sum(requests)", threshold: "1", serverAddress: "http://p:9090"}}]
"""
MONITOR = """
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, endpoints: [{port: http}]}
"""
ROLE = """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [web], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects: [{kind: ServiceAccount, name: default}]
"""
PROJECT = """
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: web, namespace: argocd}
spec:
  sourceRepos: ["https://git.example.com/web.git"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: web-prod}]
  clusterResourceWhitelist: [{group: "", kind: Namespace}]
  namespaceResourceWhitelist: [{group: apps, kind: Deployment}]
"""
APPLICATION = """
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: web
  source: {repoURL: "https://git.example.com/web.git", path: helm, helm: {releaseName: web}}
  destination: {server: "https://kubernetes.default.svc", namespace: web-prod}
  syncPolicy: {automated: {prune: true}, retry: {limit: 5}, syncOptions: [CreateNamespace=true]}
"""
EXTERNAL = """
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: web, annotations: {argocd.argoproj.io/sync-wave: "-1"}}
spec:
  secretStoreRef: {name: vault, kind: SecretStore}
  target: {name: web}
  data: [{secretKey: TOKEN, remoteRef: {key: web}}]
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault}
spec: {}
"""
WITH_SECRET = (
    WEB + "          env: [{name: T, valueFrom: {secretKeyRef: {name: web, key: TOKEN}}}]\n" + EXTERNAL
)
SAFE = WEB.replace(
    "          ports:",
    "          securityContext:\n"
    "            {runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]},\n"
    "             seccompProfile: {type: RuntimeDefault}}\n"
    "          readinessProbe: {httpGet: {path: /, port: http}}\n"
    "          resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}\n"
    "          ports:",
)
MINIO = WEB.replace("example.com/web:1.0", "minio/minio:RELEASE.2025-09-07") + (
    "          args: [server, /data]\n"
    "          env: [{name: MINIO_ROOT_USER, value: a}, {name: MINIO_ROOT_PASSWORD, value: b}]\n"
    "          volumeMounts: [{name: data, mountPath: /data}]\n"
)
MESH = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  rules: [{from: [{source: {principals: ["*/ns/web/sa/caller"]}}]}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: caller}
"""
BUDGET = """
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"""
SECRET = """
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {}
"""
CONFIG = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {A: "1"}
"""
WITH_CONFIG = WEB + "          envFrom: [{configMapRef: {name: web}}]\n" + CONFIG
CLAIM = """
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
WITH_CLAIM = WEB + "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n" + CLAIM

# rule: right objects, then for each fault a text and what it is replaced by
CASES: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("object/duplicate", WEB + SERVICE, [("v1\nkind: Service", "apps/v1\nkind: Deployment")]),
    (
        "object/name",
        WEB + SERVICE,
        [("name: web, labels", "name: Web_1, labels"), ("name: web, labels", f"name: {'w' * 64}, labels")],
    ),
    ("object/name", WEB + SERVICE, [("metadata: {name: web, labels", "metadata: {labels")]),
    (
        "object/name",
        WEB,
        [("metadata: {name: web}", "metadata: {name: web, namespace: 'a:b'}")],
    ),
    (
        "object/label",
        WEB,
        [
            ("{labels: {app: web}}", "{labels: {app: web, n: 1}}"),
            ("{labels: {app: web}}", f"{{labels: {{app: web, n: {'x' * 64}}}}}"),
        ],
    ),
    ("object/label", WEB, [("metadata: {name: web}", "metadata: {name: web, annotations: {wave: 5}}")]),
    (
        "object/quantity",
        SAFE,
        [("memory: 1Gi}, limits", "memory: 1Gib}, limits"), ("memory: 1Gi}, limits", "memory: 2Gi}, limits")],
    ),
    ("object/quantity", WITH_CLAIM, [("storage: 1Gi", "storage: 1 Gi")]),
    (
        "workload/selector",
        WEB,
        [("selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: api}}")],
    ),
    ("scaling/replicas", SAFE + HPA, [("spec:\n  selector", "spec:\n  replicas: 3\n  selector")]),
    ("scaling/target", SAFE + HPA, [("kind: Deployment, name: web", "kind: Deployment, name: api")]),
    (
        "scaling/target",
        SAFE + HPA,
        [("---\napiVersion: autoscaling", SCALED.strip() + "\n---\napiVersion: autoscaling")],
    ),
    ("scaling/bounds", SAFE + HPA, [("minReplicas: 2", "minReplicas: 6")]),
    ("scaling/requests", SAFE + HPA, [("requests: {cpu: 100m, memory: 1Gi}", "requests: {memory: 1Gi}")]),
    (
        "workload/disruption",
        WEB.replace("spec:\n  sel", "spec:\n  replicas: 2\n  sel") + BUDGET,
        [
            ("maxUnavailable: 1", "maxUnavailable: 0"),
            ("maxUnavailable: 1", "minAvailable: 2"),
            ("1, selector: {matchLabels: {app: web}}", "1, selector: {matchLabels: {app: api}}"),
        ],
    ),
    (
        "workload/mount",
        WEB
        + "          volumeMounts: [{name: tmp, mountPath: /tmp}]\n"
        + "      volumes: [{name: tmp, emptyDir: {}}]\n",
        [("volumes: [{name: tmp,", "volumes: [{name: temp,")],
    ),
    (
        "workload/twice",
        WEB + "          env: [{name: A, value: '1'}, {name: B, value: '2'}]\n",
        [("{name: B,", "{name: A,")],
    ),
    ("workload/probe-port", SAFE, [("path: /, port: http", "path: /, port: web")]),
    ("workload/readiness", SAFE + SERVICE, [("readinessProbe", "livenessProbe")]),
    (
        "workload/resources",
        SAFE,
        [
            ("limits: {memory: 1Gi}", "limits: {cpu: 1}"),
            ("resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}", "resources: {}"),
        ],
    ),
    (
        "workload/restricted",
        SAFE,
        [
            ("runAsNonRoot: true", "runAsUser: 0"),
            ("drop: [ALL]", "drop: [CHOWN]"),
            ("RuntimeDefault", "Unconfined"),
            ("allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true"),
        ],
    ),
    (
        "workload/host",
        SAFE + "      volumes: [{name: v, emptyDir: {}}]\n",
        [
            ("emptyDir: {}", "hostPath: {path: /var}"),
            ("      containers:", "      hostNetwork: true\n      containers:"),
            ("runAsNonRoot: true", "privileged: true"),
        ],
    ),
    ("image/tag", WEB, [("web:1.0", "web:latest"), ("web:1.0", "web")]),
    ("image/tag", RUNTIME, [("vllm:1.0", "vllm:latest")]),
    ("image/tag", CLUSTER, [("postgresql:18.1", "postgresql")]),
    ("service/selector", WEB + SERVICE, [("selector: {app: web}", "selector: {app: api}")]),
    (
        "service/port",
        WEB + SERVICE,
        [("targetPort: http", "targetPort: web"), ("targetPort: http", "targetPort: 8081")],
    ),
    (
        "route/backend",
        WEB + SERVICE + INGRESS,
        [("service: {name: web", "service: {name: api"), ("port: {number: 80}", "port: {number: 8080}")],
    ),
    (
        "route/backend",
        WEB + SERVICE + ROUTE,
        [("backendRefs: [{name: web", "backendRefs: [{name: api"), ("port: 80}]}]", "port: 8080}]}]")],
    ),
    (
        "route/backend",
        WEB + SERVICE + VIRTUAL,
        [("host: web,", "host: api,"), ("{number: 80}", "{number: 8080}")],
    ),
    (
        "route/one",
        WEB + SERVICE + INGRESS,
        [("---\napiVersion: networking.k8s.io", ROUTE.strip() + "\n---\napiVersion: networking.k8s.io")],
    ),
    ("route/gateway", WEB + SERVICE + VIRTUAL, [("  gateways: [istio-ingress/public]\n", "")]),
    ("route/retries", WEB + SERVICE + VIRTUAL, [("retries: {attempts: 0}, ", "")]),
    (
        "route/parent",
        WEB + SERVICE + ROUTE,
        [(", namespace: gateways", ""), ("  parentRefs: [{name: public, namespace: gateways}]\n", "")],
    ),
    ("route/class", WEB + SERVICE + INGRESS, [("  ingressClassName: traefik\n", "")]),
    (
        "monitor/target",
        WEB + SERVICE + MONITOR,
        [
            (
                "selector: {matchLabels: {app: web}}, endpoints",
                "selector: {matchLabels: {app: api}}, endpoints",
            ),
            ("[{port: http}]", "[{port: metrics}]"),
        ],
    ),
    (
        "monitor/target",
        WEB + MONITOR.replace("ServiceMonitor", "PodMonitor").replace("endpoints", "podMetricsEndpoints"),
        [("[{port: http}]", "[{port: metrics}]"), ("app: web}}, pod", "app: api}}, pod")],
    ),
    (
        "network/peer",
        WEB + DENY + POLICY,
        [
            (
                "from: [{podSelector: {matchLabels: {app: web}}}]",
                "from: [{podSelector: {matchLabels: {app: api}}}]",
            ),
            ("  podSelector: {matchLabels: {app: web}}\n", "  podSelector: {matchLabels: {app: api}}\n"),
        ],
    ),
    (
        "network/types",
        WEB + DENY + POLICY,
        [("  policyTypes: [Ingress]\n", ""), ("policyTypes: [Ingress]\n", "policyTypes: [Egress]\n")],
    ),
    ("network/open", WEB + DENY + POLICY, [("from: [{podSelector: {matchLabels: {app: web}}}]", "from: []")]),
    (
        "network/default-deny",
        WEB + DENY + POLICY,
        [
            ("podSelector: {}", "podSelector: {matchLabels: {a: b}}"),
            ("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"),
        ],
    ),
    ("network/uncovered", WEB + DENY + POLICY, [("labels: {app: web}}", "labels: {app: api}}")]),
    (
        "mesh/selector",
        WEB + MESH,
        [
            ("selector: {matchLabels: {app: web}}\n  rules", "selector: {matchLabels: {app: api}}\n  rules"),
            ("sa/caller", "sa/nobody"),
        ],
    ),
    (
        "rights/wildcard",
        ROLE,
        [("verbs: [get]", "verbs: ['*']"), ("resources: [configmaps]", "resources: ['*']")],
    ),
    (
        "rights/cluster",
        ROLE,
        [
            ("kind: Role\nmetadata", "kind: ClusterRole\nmetadata"),
            ("kind: Role, name: web", "kind: ClusterRole, name: cluster-admin"),
        ],
    ),
    (
        "rights/secrets",
        ROLE,
        [
            ("resources: [configmaps], resourceNames: [web]", "resources: [secrets]"),
            (
                "resources: [configmaps], resourceNames: [web], verbs: [get]",
                "resources: [secrets], resourceNames: [web], verbs: [list]",
            ),
        ],
    ),
    (
        "rights/binding",
        ROLE,
        [("kind: Role, name: web", "kind: Role, name: api"), ("name: default", "name: nobody")],
    ),
    (
        "secrets/plain",
        SECRET,
        [("data: {}", "data: {password: aHVudGVyMg==}"), ("data: {}", "stringData: {password: hunter2}")],
    ),
    ("secrets/config-map", CONFIG, [('A: "1"', "DB_PASSWORD: hunter2")]),
    (
        "secrets/config-map",
        WEB + "          env: [{name: LOG_LEVEL, value: info}]\n",
        [("LOG_LEVEL", "API_TOKEN")],
    ),
    (
        "postgres/fixed-parameter",
        CLUSTER,
        [("max_connections", "archive_mode"), ("max_connections", "shared_preload_libraries")],
    ),
    ("postgres/image", CLUSTER, [('  imageName: "postgresql:18.1"\n', "")]),
    ("postgres/cluster", CLUSTER + SCHEDULE, [("cluster: {name: pg}", "cluster: {name: other}")]),
    (
        "postgres/cluster",
        CLUSTER.replace("instances: 1", "instances: 1\n  plugins: []"),
        [("plugins: []", "plugins: [{name: b, parameters: {barmanObjectName: none}}]")],
    ),
    ("postgres/schedule", CLUSTER + SCHEDULE, [("0 0 2 * * *", "0 2 * * *")]),
    (
        "postgres/in-tree-backup",
        CLUSTER,
        [("instances: 1", "instances: 1\n  backup: {barmanObjectStore: {}}")],
    ),
    (
        "kserve/runtime",
        RUNTIME + MODEL,
        [
            ("runtime: vllm", "runtime: other"),
            ("      runtime: vllm\n      modelFormat: {name: vLLM}", "      modelFormat: {name: vllm}"),
        ],
    ),
    (
        "kserve/storage",
        RUNTIME + MODEL,
        [
            ("      storageUri", "      storage: {path: x}\n      storageUri"),
            ("    serviceAccountName: default\n", ""),
        ],
    ),
    ("kserve/rollout", RUNTIME + MODEL, [("    deploymentStrategy: {type: RollingUpdate}\n", "")]),
    ("keda/query", WEB + SCALED, [("sum(requests)", "requests")]),
    (
        "minio/start",
        MINIO,
        [
            ("[server, /data]", "[--help]"),
            (", {name: MINIO_ROOT_PASSWORD, value: b}", ""),
            ("          volumeMounts: [{name: data, mountPath: /data}]\n", ""),
        ],
    ),
    (
        "reference/secret",
        WITH_SECRET,
        [("key: TOKEN", "key: OTHER"), ("target: {name: web}", "target: {name: other}")],
    ),
    ("reference/store", WITH_SECRET, [("name: vault, kind", "name: aws, kind")]),
    ("reference/config-map", WITH_CONFIG, [("configMapRef: {name: web}", "configMapRef: {name: other}")]),
    (
        "reference/service-account",
        WEB.replace("      containers:", "      serviceAccountName: default\n      containers:"),
        [("serviceAccountName: default", "serviceAccountName: nobody")],
    ),
    ("reference/claim", WITH_CLAIM, [("claimName: data", "claimName: other")]),
    ("reference/host", WITH_CONFIG, [('A: "1"', "A: http://pg-rw.default.svc:5432")]),
    ("sync/wave", WITH_SECRET, [('sync-wave: "-1"', 'sync-wave: "5"')]),
    (
        "argo/namespace",
        PROJECT + APPLICATION,
        [
            ("name: web, namespace: argocd, fin", "name: web, fin"),
            ("{name: web, namespace: argocd}", "{name: web}"),
        ],
    ),
    (
        "argo/project",
        PROJECT + APPLICATION,
        [
            ("project: web", "project: default"),
            ("project: web", "project: other"),
            ("project: web", "project: '{{ .project }}'"),
        ],
    ),
    (
        "argo/finalizer",
        PROJECT + APPLICATION,
        [(", finalizers: [resources-finalizer.argocd.argoproj.io]", "")],
    ),
    ("argo/create-namespace", PROJECT + APPLICATION, [("CreateNamespace=true", "ServerSideApply=true")]),
    ("argo/retry", PROJECT + APPLICATION, [(", retry: {limit: 5}", "")]),
    (
        "argo/validate",
        PROJECT + APPLICATION,
        [
            ("[CreateNamespace=true]", "[CreateNamespace=true, Validate=false]"),
            ("[CreateNamespace=true]", "[CreateNamespace=true, Replace=true]"),
        ],
    ),
    (
        "argo/permissions",
        PROJECT + APPLICATION,
        [
            ('["https://git.example.com/web.git"]', '["*"]'),
            ("namespace: web-prod}]", 'namespace: "*"}]'),
            ("namespace: web-prod}]", "namespace: argocd}]"),
            ('{group: "", kind: Namespace}', '{group: "*", kind: "*"}'),
        ],
    ),
    (
        "argo/destination",
        PROJECT + APPLICATION,
        [
            (
                'destination: {server: "https://kubernetes.default.svc", namespace: web-prod}',
                "destination: {namespace: web-dev}",
            ),
            (
                'source: {repoURL: "https://git.example.com/web.git"',
                'source: {repoURL: "https://git.example.com/x.git"',
            ),
        ],
    ),
]


def judged(text: str, others: str = "") -> set[str]:
    return {rule.id for rule, _ in rules.judge(Objects(manifests(text), manifests(others)))}


def manifests(text: str, *, rendered: bool = False) -> list[Manifest]:
    return [Manifest(load(part), part, "file.yaml", line, rendered) for line, part in documents(text)]


@pytest.mark.parametrize(
    ("rule", "right", "old", "new"),
    [
        pytest.param(rule, right, *fault, id=f"{rule}-{number}")
        for rule, right, faults in CASES
        for number, fault in enumerate(faults)
    ],
)
def test_a_rule_finds_the_fault_and_not_the_right_thing(rule: str, right: str, old: str, new: str) -> None:
    assert old in right

    assert rule not in judged(right)
    assert rule in judged(right.replace(old, new, 1))


def test_kinds_that_the_project_does_not_permit_are_found_in_a_rendered_chart() -> None:
    others = manifests(PROJECT + APPLICATION)

    permitted = rules.judge(Objects(manifests(WEB, rendered=True), others))
    refused = rules.judge(Objects(manifests(WEB + SERVICE, rendered=True), others))

    assert "argo/kinds" not in {rule.id for rule, _ in permitted}
    assert [str(getattr(fault, "message", fault)) for rule, fault in refused if rule.id == "argo/kinds"] == [
        "AppProject web does not permit core/Service"
    ]


def test_every_rule_has_a_case() -> None:
    assert set(rules.RULES) == {rule for rule, _, _ in CASES} | {"argo/kinds"}


def test_what_is_elsewhere_in_the_repository_may_be_referred_to() -> None:
    here, elsewhere = WITH_SECRET.split("---\napiVersion: external-secrets.io/v1\nkind: SecretStore")

    assert "reference/store" in judged(here)
    assert "reference/store" not in judged(
        here, "apiVersion: external-secrets.io/v1\nkind: SecretStore" + elsewhere
    )


def test_what_is_declared_external_is_not_missed() -> None:
    alone = manifests(WITH_SECRET.split("---")[0])

    missed = {rule.id for rule, _ in rules.judge(Objects(alone))}
    declared = {rule.id for rule, _ in rules.judge(Objects(alone, external={("Secret", "web")}))}

    assert missed - declared == {"reference/secret"}


@pytest.mark.parametrize("selector", ["cnpg.io/cluster: other", "strimzi.io/cluster: kafka"])
def test_pods_that_an_operator_may_make_are_not_called_missing(selector: str) -> None:
    old = "  podSelector: {matchLabels: {app: web}}\n"

    assert "network/peer" in judged(WEB + DENY + POLICY.replace(old, old.replace("app: web", "app: other")))
    assert "network/peer" not in judged(WEB + DENY + POLICY.replace(old, old.replace("app: web", selector)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resources: {}", 'resources: {requests: {memory: "1e99999999"}}'),
        ("securityContext: {}", "securityContext: {seccompProfile: {type: [x]}}"),
        ("selector: {}", "selector: {matchExpressions: [{key: [a], operator: Exists}]}"),
        ("annotations: {}", "annotations: {argocd.argoproj.io/sync-wave: .inf}"),
    ],
)
def test_rules_survive_values_that_schemas_refuse(old: str, new: str) -> None:
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {}}
spec:
  selector: {}
  template:
    metadata: {labels: {app: web}}
    spec: {securityContext: {}, containers: [{name: web, resources: {}}]}
---
apiVersion: v1
kind: Secret
metadata: {name: web, annotations: {}}
"""

    found = rules.judge(Objects(manifests(text.replace(old, new))))

    assert [fault for _, fault in found if isinstance(fault, rules.Unjudged)] == []


WRONG = [None, 1, "text", [], ["text"], [{"a": 1}], {"a": None}]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_rules_survive_objects_whose_fields_have_any_type(wrong: object) -> None:
    """A schema has said what is wrong with them; no rule may fall over them."""
    for manifest in {str(each): each for _, right, _ in CASES for each in manifests(right)}.values():
        for path, _ in walk(manifest.value):
            if path and path != ("kind",):
                broken = Manifest(replaced(manifest.value, path, wrong), manifest.text, "file.yaml")
                found = [fault for _, fault in rules.judge(Objects([broken], [manifest]))]
                assert not [fault for fault in found if isinstance(fault, rules.Unjudged)]


def replaced(value: Any, path: Path, new: object) -> Any:
    """Return a copy of `value` with something else at `path`."""
    if not path:
        return new
    made = copy.copy(value)
    made[path[0]] = replaced(value[path[0]], path[1:], new)
    return made
