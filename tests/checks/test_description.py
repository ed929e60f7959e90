"""The manifests that this project was described with: each of their faults is found, by its own rule."""

from __future__ import annotations

import pytest

from kickstart.checks.findings import Report
from tests.charts import all_schemas, check

# Written anew from the description: the same faults, and nothing but what they need.
MANIFESTS = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: my-chatbot-bootstrap}
spec:
  source: {repoURL: "https://git.example.com/acme/my-chatbot-gitops.git", path: helm/, targetRevision: main}
  destination: {server: "https://kubernetes.default.svc", namespace: my-chatbot-ns}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: llama}
spec:
  predictor:
    model: {modelFormat: {name: vllm}, storageUri: s3://models/llama-3-2-3b-instruct}
  resources: {limits: {nvidia.com/gpu: 1, memory: 16Gi}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pgvector}
spec:
  instances: 3
  postgresql: {parameters: {shared_preload_libraries: vector, max_connections: "200"}}
  storage: {size: 100Gi, storageClass: fast-ssd}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: minio}
spec:
  template:
    spec:
      containers:
        - name: minio
          image: minio/minio:latest
          env:
            - name: MINIO_ACCESS_KEY
              valueFrom: {secretKeyRef: {name: minio-credentials, key: access-key}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: chatbot-app}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: app
          image: registry.example.com/acme/my-chatbot:latest
          env:
            - {name: PGVECTOR_HOST, value: pgvector-rw.default.svc.cluster.local}
            - {name: LLAMA_ENDPOINT, value: "http://llama.default.svc.cluster.local:8080"}
            - {name: MINIO_ENDPOINT, value: "http://minio.default.svc.cluster.local:9000"}
          ports: [{containerPort: 8080}]
          resources: {requests: {memory: 2Gi, cpu: 1000m}, limits: {memory: 4Gi, cpu: 2000m}}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: chatbot-routing}
spec:
  hosts: [chatbot.example.com]
  http:
    - match: [{uri: {prefix: /api/}}]
      route: [{destination: {host: chatbot-app, port: {number: 8080}}}]
    - match: [{uri: {prefix: /}}]
      route: [{destination: {host: chatbot-frontend, port: {number: 3000}}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: chatbot-ingress}
spec:
  tls: [{hosts: [chatbot.example.com], secretName: chatbot-tls}]
  rules:
    - host: chatbot.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: chatbot-app, port: {number: 8080}}}}
---
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata: {name: huggingface-secret}
spec:
  secretStoreRef: {name: vault-secret-store, kind: SecretStore}
  target: {name: huggingface-token, creationPolicy: Owner}
  data: [{secretKey: HF_TOKEN, remoteRef: {key: secret/ai-kickstart, property: hf-token}}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: chatbot-metrics}
spec:
  selector: {matchLabels: {app: chatbot-app}}
  endpoints: [{port: metrics, interval: 30s, path: /metrics}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chatbot-hpa}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chatbot-app}
  minReplicas: 2
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: chatbot-network-policy}
spec:
  podSelector: {matchLabels: {app: chatbot-app}}
  ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}], ports: [{protocol: TCP, port: 8080}]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: chatbot-app-role}
rules: [{apiGroups: [""], resources: [secrets, configmaps], verbs: [get, list]}]
"""

FAULTS = [
    # What a current cluster refuses, or cannot match
    ("Application my-chatbot-bootstrap", "schema/invalid", "the field 'project' is missing"),
    ("InferenceService llama", "schema/invalid", "there is no field 'resources' here"),
    ("Cluster pgvector", "postgres/fixed-parameter", "CloudNativePG sets shared_preload_libraries itself"),
    ("Deployment minio", "schema/invalid", "the field 'selector' is missing"),
    ("Deployment chatbot-app", "schema/invalid", "the field 'selector' is missing"),
    (
        "ExternalSecret huggingface-secret",
        "schema/not-served",
        "external-secrets.io/v1beta1 of ExternalSecret is not served",
    ),
    # What is accepted, and then does nothing
    ("Application my-chatbot-bootstrap", "argo/namespace", "has no namespace"),
    ("Application my-chatbot-bootstrap", "argo/create-namespace", "nobody makes the namespace my-chatbot-ns"),
    ("InferenceService llama", "kserve/runtime", "no runtime takes the format 'vllm'"),
    ("InferenceService llama", "kserve/storage", "reads s3:// without a service account"),
    ("Deployment minio", "minio/start", "MINIO_ACCESS_KEY is set without MINIO_SECRET_KEY"),
    ("Deployment minio", "minio/start", "is not started as a server"),
    ("Deployment minio", "minio/start", "has no volume"),
    ("Deployment minio", "reference/secret", "there is no Secret minio-credentials"),
    ("VirtualService chatbot-routing", "route/gateway", "names no gateway"),
    ("VirtualService chatbot-routing", "route/backend", "there is no Service chatbot-app"),
    ("VirtualService chatbot-routing", "route/backend", "there is no Service chatbot-frontend"),
    ("Ingress chatbot-ingress", "route/backend", "there is no Service chatbot-app"),
    ("Ingress chatbot-ingress", "route/class", "names no ingressClassName"),
    ("Ingress chatbot-ingress", "reference/secret", "there is no Secret chatbot-tls"),
    ("ExternalSecret huggingface-secret", "reference/store", "there is no SecretStore vault-secret-store"),
    ("ServiceMonitor chatbot-metrics", "monitor/target", "selects no Service"),
    ("NetworkPolicy chatbot-network-policy", "network/peer", "selects no pod"),
    ("NetworkPolicy chatbot-network-policy", "network/peer", "the ingress rule names pods that do not exist"),
    ("Role chatbot-app-role", "rights/binding", "no binding gives Role chatbot-app-role to anybody"),
    # What works, and hurts
    ("Application my-chatbot-bootstrap", "argo/finalizer", "has no resources-finalizer"),
    ("Application my-chatbot-bootstrap", "argo/retry", "never tries again"),
    ("Cluster pgvector", "postgres/image", "leaves the image to the operator"),
    ("Deployment minio", "image/tag", "the image 'minio/minio:latest' has no fixed version"),
    ("Deployment chatbot-app", "image/tag", "my-chatbot:latest' has no fixed version"),
    ("Deployment chatbot-app", "reference/host", "pgvector-rw.default.svc is in the namespace 'default'"),
    ("Deployment chatbot-app", "reference/host", "llama.default.svc is in the namespace 'default'"),
    ("Deployment chatbot-app", "reference/host", "minio.default.svc is in the namespace 'default'"),
    ("Deployment chatbot-app", "scaling/replicas", "HorizontalPodAutoscaler chatbot-hpa sets the number"),
    ("Deployment chatbot-app", "workload/restricted", "may run as root"),
    ("Deployment chatbot-app", "workload/readiness", "no container has a readinessProbe"),
    ("Deployment minio", "workload/resources", "has no resources.requests"),
    ("VirtualService chatbot-routing", "route/retries", "leaves retries at Istio's default"),
    (
        "Ingress chatbot-ingress",
        "route/one",
        "VirtualService chatbot-routing exposes the application as well",
    ),
    ("NetworkPolicy chatbot-network-policy", "network/types", "has no policyTypes"),
    ("NetworkPolicy chatbot-network-policy", "network/default-deny", "no policy denies all egress traffic"),
    ("Role chatbot-app-role", "rights/secrets", "reads every Secret of the namespace"),
]


@pytest.fixture(scope="module")
def report() -> Report:
    return check({"manifests.yaml": MANIFESTS}, known=all_schemas())


@pytest.mark.parametrize(("subject", "rule", "message"), FAULTS, ids=lambda part: part.replace(" ", "-"))
def test_every_fault_is_found_by_its_own_rule(report: Report, subject: str, rule: str, message: str) -> None:
    matching = [
        each
        for each in report.findings
        if (each.object, each.rule.id) == (subject, rule) and message in each.message
    ]

    assert matching, sorted((each.object, each.rule.id, each.message) for each in report.findings)
    assert all(each.file == "manifests.yaml" and each.line > 0 for each in matching)


def test_a_finding_has_the_line_of_the_value(report: Report) -> None:
    (finding,) = (each for each in report.findings if each.rule.id == "postgres/fixed-parameter")

    assert "shared_preload_libraries" in MANIFESTS.splitlines()[finding.line - 1]


def test_a_repository_without_chart_metadata_is_no_chart(report: Report) -> None:
    files = {"helm/values.yaml": "a: 1\n", "helm/templates/deployment.yaml": "kind: {{ .Values.a }}\n"}

    (finding,) = check(files).findings

    assert (finding.rule.id, finding.file) == ("chart/metadata", "helm")
