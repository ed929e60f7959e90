"""Every switch of rag-chatbot with every other one: no combination makes what a cluster would refuse."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kickstart import document
from kickstart.checks import repository
from kickstart.checks.findings import Report
from kickstart.checks.repository import Wanted
from kickstart.checks.schemas import Schemas
from kickstart.cli import main
from kickstart.folders import Files
from kickstart.tools.helm import HelmProgram
from kickstart.tree import Entry, Tree
from scripts import tools
from tests.charts import found
from tests.kubernetes.test_gitops import checked, helm, known

__all__ = ["helm", "known"]

# Parameters of the template: the first choice of each is the default.
PARAMETERS: dict[str, list[list[str]]] = {
    "exposure": [
        [],
        ["exposure=istio", "istioGateway=ingress/public"],
        ["exposure=ingress", "ingressClass=traefik"],
        ["exposure=none"],
    ],
    "model": [
        [],
        ["modelMode=external", "modelEndpoint=https://llm.example.com:8443/x", "modelBasePath=/openai/v1"],
        ["modelMode=mock"],
        ["modelStorageUri=hf://meta-llama/Llama-3.2-3B-Instruct", "gpuCount=2", "gpuProduct=NVIDIA-L4"],
        ["modelStorageUri=pvc://models/llama"],
        ["modelStorageUri=oci://registry.example.com/models/llama:1"],
    ],
    "store": [[], ["objectStore=seaweedfs"], ["objectStore=minio", "storageClass=fast-ssd"]],
    "secrets": [[], ["secretsProvider=existing"]],
    "authentication": [[], ["authentication=none"], ["authentication=oidc"]],
    "embeddings": [[], ["embeddings=endpoint", "embeddingsEndpoint=http://embed.ai.svc.cluster.local:8080"]],
    "frontend": [[], ["frontend=false"]],
    "monitoring": [[], ["monitoring=false"]],
    "policies": [[], ["networkPolicies=false"]],
    "issuer": [[], ["tlsIssuer=letsencrypt"]],
    "environments": [
        [],
        ["environments=dev"],
        ["environments=prod"],
        ["environments=dev,stage,prod"],
        ["environments=stage,prod"],
    ],
    "size": [[], ["replicas=1", "maxReplicas=1"], ["replicas=10", "maxReplicas=50"]],
    "text": [[], ['description=it\'s "quoted": {x} # and & <b> \\ end', "namespace=team-a"]],
}

# Values of the chart, which its users switch later.
VALUES: dict[str, list[str]] = {
    "autoscaling": [
        "",
        "autoscaling: {kind: keda}",
        "autoscaling: {kind: hpa, minReplicas: 2, maxReplicas: 4}",
        "autoscaling: {kind: none}",
    ],
    "exposure": [
        "",
        "exposure: {kind: gateway, gateway: {create: true, className: envoy}}",
        "exposure: {kind: istio, istio: {create: true}}",
        "exposure: {kind: ingress, ingress: {annotations: {example.com/a: b}}}",
        "exposure: {kind: none}",
    ],
    "tls": ["", "tls: {enabled: false}", "tls: {issuer: letsencrypt}", "tls: {secretName: mine}"],
    "mesh": ["", "mesh: {enabled: true}"],
    "policies": [
        "",
        "networkPolicy: {enabled: false}",
        "networkPolicy: {apiServerCIDRs: [10.96.0.1/32], dnsCIDRs: [169.254.20.10/32]}",
    ],
    "secrets": [
        "",
        "secrets: {provider: existing}",
        "secrets: {store: {create: true, provider: {aws: {service: SecretsManager, region: eu-central-1}}}}",
        "secrets: {existing: {auth: mine, documents: others}}",
    ],
    "model": [
        "",
        "model: {mode: mock}",
        "model: {mode: external, external: {endpoint: 'http://vllm.ai.svc:8000'}}",
        "model: {kind: LLMInferenceService, llm: {gatewayUrl: 'http://gateway.kserve.svc.cluster.local'}}",
        "model: {autoscaling: {enabled: true}}",
        "model: {canary: {enabled: true}}",
        "model: {cache: {enabled: true, nodeGroups: [gpu]}}",
        "model: {storage: {uri: 'hf://a/b'}, gpu: {product: L4}}",
        "model: {storage: {uri: 'oci://registry.example.com/m:1'}}",
    ],
    "postgres": [
        "",
        "postgres: {mode: external, external: {host: db.example.com, caSecret: db-ca}}",
        "postgres: {pooler: {enabled: true}}",
        "postgres: {backup: {enabled: true, endpoint: ''}}",
        "postgres: {instances: 3, synchronous: true, wal: {enabled: true}}",
    ],
    "store": [
        "",
        "objectStore: {provider: seaweedfs}",
        "objectStore: {provider: minio}",
        "objectStore: {provider: external, external: {endpoint: 'http://minio.s3.svc:9000'}}",
        "objectStore: {provider: seaweedfs, persistence: {enabled: false}}",
    ],
    "jobs": ["", "{migrations: {enabled: false}, smokeTest: {enabled: false}}"],
    "rest": [
        "",
        "{quota: {enabled: true}, alerts: {enabled: true}}",
        "{tracing: {endpoint: 'http://otel.obs.svc:4317'}, imagePullSecrets: [pull]}",
        "{app: {extraEnv: [{name: X, value: '1'}], priorityClassName: high}, rbac: {watchConfig: true}}",
        "{metrics: {enabled: false}, dashboards: {enabled: false}, fullnameOverride: bot}",
    ],
    "frontend": ["", "frontend: {enabled: false}", "frontend: {replicas: 3}"],
}
# Secrets and objects that only these values name: their users make them.
OUTSIDE = (
    "# kickstart:external Secret/mine\n"
    "# kickstart:external Secret/others\n"
    "# kickstart:external Secret/db-ca\n"
)


def pairwise(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, int]]:
    """Return rows of choices in which every choice stands once with every choice of each other factor."""
    names = list(factors)
    missing = {
        (first, one, second, other)
        for first, second in itertools.combinations(names, 2)
        for one in range(len(factors[first]))
        for other in range(len(factors[second]))
    }
    chance = random.Random(1)  # the same rows in every run
    rows = []
    while missing:
        candidates = []
        for _ in range(60):
            first, one, second, other = chance.choice(sorted(missing))
            row = {name: chance.randrange(len(factors[name])) for name in names} | {first: one, second: other}
            covered = {each for each in missing if row[each[0]] == each[1] and row[each[2]] == each[3]}
            candidates.append((len(covered), row, covered))
        _, row, covered = max(candidates, key=lambda each: each[0])
        rows.append(row)
        missing -= covered
    return rows


def singles(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, int]]:
    """Return a row for every choice alone, all other factors at their default."""
    return [
        {name: choice if name == changed else 0 for name in factors}
        for changed, choices in factors.items()
        for choice in range(1, len(choices))
    ]


def test_pairwise_rows_hold_every_pair() -> None:
    rows = pairwise(PARAMETERS)

    for first, second in itertools.combinations(PARAMETERS, 2):
        there = {(row[first], row[second]) for row in rows}
        assert len(there) == len(PARAMETERS[first]) * len(PARAMETERS[second])
    assert len(rows) < 60


ROWS = [*singles(PARAMETERS), *pairwise(PARAMETERS)]


@pytest.mark.matrix
@pytest.mark.parametrize("part", range(4))
def test_no_combination_of_parameters_has_a_finding(
    part: int, tmp_path: Path, known: Schemas, helm: Path
) -> None:
    for number, row in enumerate(ROWS[part::4]):
        flags = [
            flag
            for name, choice in row.items()
            for given in PARAMETERS[name][choice]
            for flag in ("--set", given)
        ]
        place = tmp_path / str(number)
        assert main(["render", "my-chatbot", "--owner", "acme", "--quiet", "-d", str(place), *flags]) == 0

        report = checked(place / "my-chatbot-gitops", known, helm)

        assert found(report) == [], flags
        assert unchecked(report) == [], flags


@pytest.fixture(scope="module")
def gitops(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The GitOps repository with all environments."""
    place = tmp_path_factory.mktemp("gitops")
    flags = ["--set", "environments=dev,stage,prod"]
    assert main(["render", "my-chatbot", "--owner", "acme", "--quiet", "-d", str(place), *flags]) == 0
    return Tree(Files(place / "my-chatbot-gitops"))


def switched(gitops: Tree, rows: Sequence[Mapping[str, int]]) -> Tree:
    """Return the repository with an environment for each row, based on one of its own in turn."""
    bases = ("dev", "stage", "prod")
    added = {}
    for number, row in enumerate(rows):
        values = _values(gitops, bases[number % len(bases)])
        for name, choice in row.items():
            _merge(values, document.load(VALUES[name][choice]) or {})
        if values["exposure"].get("kind") == "none" and not values.get("frontend", {}).get("enabled", True):
            values.pop("mesh", None)  # the chart refuses a mesh in which nobody may call the application
        text = OUTSIDE + document.dump(values)
        added[f"helm/values-row-{number}.yaml"] = Entry(text.encode())
    own = [path for path in gitops if path.startswith(("helm/values-", "helm/images/"))]
    return gitops.without(own).adding(added)


def _values(gitops: Tree, environment: str) -> dict[str, Any]:
    values: dict[str, Any] = document.load(gitops[f"helm/values-{environment}.yaml"].content.decode())
    return values


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


@pytest.mark.matrix
@pytest.mark.parametrize("version", tools.HELM_VERSIONS)
def test_no_combination_of_values_has_a_finding(version: str, gitops: Tree, known: Schemas) -> None:
    rows = [*singles(VALUES), *pairwise(VALUES)]
    try:
        helm = HelmProgram(tools.helm(version))
    except tools.UnavailableError as error:
        pytest.skip(f"NOT CHECKED: helm {version}, since {error}")
    # The project permits what the template's parameters need; who switches more on extends it.
    wanted = Wanted(ignore=frozenset({"argo/kinds"}))

    report = repository.check(switched(gitops, rows), known, helm, wanted)

    assert found(report) == []
    assert report.environments == len(rows)
    assert unchecked(report) == []


def unchecked(report: Report) -> list[str]:
    """Return what was not checked, besides rules that compare with an object in a cluster."""
    return [each.what for each in report.unchecked if not each.what.endswith(": self == oldSelf")]
