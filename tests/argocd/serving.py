"""A real Argo CD on loopback: its two controllers and its server of repositories, on a real API server.

Of Kubernetes' own controllers there are those that take things away. Nothing runs in the cluster: what
kubelets and operators would report, `Operators` writes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Any, Self

from tests.cluster.serving import ApiServer, end, free_port, guarded

NAMESPACE = "argocd"
BASE = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"
MERGE = {"Content-Type": "application/merge-patch+json"}

# What Argo CD's installation makes, besides its Deployments.
INSTALLED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-rbac-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
---
apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {server.secretkey: only-for-tests}
"""


@dataclass
class ArgoCd:
    """Argo CD beside an API server. programs: argocd and what comes with it. folder: all that it writes."""

    server: ApiServer
    programs: Path
    valkey: Path
    helm: Path
    folder: Path
    _running: list[Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        self.server.kubectl("create", "-f", "-", stdin=INSTALLED)
        found = self.folder / "bin"
        for folder in ("bin", "home", "tls", "ssh"):
            (self.folder / folder).mkdir()
        names = ("repo-server", "applicationset-controller", "application-controller")
        for name in names:  # one program, which looks at its own name
            (found / f"argocd-{name}").symlink_to(self.programs / "argocd")
        (found / "git-verify-wrapper.sh").symlink_to(self.programs / "git-verify-wrapper.sh")
        (found / "helm").symlink_to(self.helm)
        kubeconfig = str(self.server.kubeconfig(self.folder / "kubeconfig"))
        environment = {
            "PATH": f"{found}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "KUBECONFIG": kubeconfig,
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_TLS_DATA_PATH": str(self.folder / "tls"),
            "ARGOCD_SSH_DATA_PATH": str(self.folder / "ssh"),
        }

        def run(program: Path, *arguments: str) -> None:
            log = self.folder / f"{program.name}.log"
            self._running.append(guarded(log, program, *arguments, environment=environment))

        store, repositories = free_port(), f"127.0.0.1:{free_port()}"
        run(self.valkey, "--port", str(store), "--bind", "127.0.0.1", "--save", "")
        address, _, port = repositories.partition(":")
        run(
            found / "argocd-repo-server",
            *("--address", address, "--port", port, "--redis", f"127.0.0.1:{store}"),
            *("--metrics-address", address, "--metrics-port", str(free_port())),
            *("--disable-tls", "--client-ca-path="),
        )
        common = ("--namespace", NAMESPACE, "--kubeconfig", kubeconfig, "--repo-server-plaintext")
        ports = ("--metrics-addr", "--probe-addr", "--webhook-addr")
        run(
            found / "argocd-applicationset-controller",
            *(f"{flag}=127.0.0.1:{free_port()}" for flag in ports),
            *("--argocd-repo-server", repositories, *common),
        )
        run(
            found / "argocd-application-controller",
            *("--metrics-port", str(free_port()), "--redis", f"127.0.0.1:{store}"),
            *("--repo-server", repositories, *common),
        )
        run(
            self.programs / "kube-controller-manager",
            *("--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port=0"),
            "--controllers=namespace-controller,garbage-collector-controller",
        )

    def stop(self) -> None:
        for each in self._running:
            end(each)

    def logs(self) -> str:
        """Return the end of what each program has printed."""
        texts = {file.name: file.read_text("utf-8", "replace") for file in sorted(self.folder.glob("*.log"))}
        return "\n".join(f"== {name}\n{text[-2000:]}" for name, text in texts.items())

    def pushed(self) -> None:
        """Let Argo CD look at every repository again, as a webhook does."""
        for plural, key in (("applicationsets", "application-set-refresh"), ("applications", "refresh")):
            for each in self.objects(plural):
                value = "true" if plural == "applicationsets" else "hard"
                patch = {"metadata": {"annotations": {f"argocd.argoproj.io/{key}": value}}}
                self.server.request("PATCH", f"{BASE}/{plural}/{each['metadata']['name']}", patch, **MERGE)

    def objects(self, plural: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.ask("GET", f"{BASE}/{plural}")["items"]
        return found

    def applications(self) -> dict[str, dict[str, Any]]:
        """Return the status of each Application by its name."""
        return {each["metadata"]["name"]: each.get("status", {}) for each in self.objects("applications")}

    def namespaces(self) -> set[str]:
        return {each["metadata"]["name"] for each in self.server.ask("GET", "/api/v1/namespaces")["items"]}

    def until(self, condition: Callable[[], object], seconds: float = 300) -> None:
        """Wait for something. Raises AssertionError with what Argo CD has to say."""
        end_at = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end_at:
                raise AssertionError(f"{list(self._told())}\n{self.logs()}")
            time.sleep(0.5)

    def _told(self) -> Iterator[str]:
        for name, status in self.applications().items():
            operation = status.get("operationState", {})
            said = [each["message"] for each in status.get("conditions", ())]
            yield f"{name}: {operation.get('phase')} {operation.get('message')} {said}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _conditions(*kinds: str) -> dict[str, Any]:
    said = {"status": "True", "reason": "Well", "message": "", "lastTransitionTime": _now()}
    return {"conditions": [{"type": kind, **said} for kind in kinds]}


def _ready(_: Mapping[str, Any]) -> dict[str, Any]:
    return _conditions("Ready")


def _database(manifest: Mapping[str, Any]) -> dict[str, Any]:
    wanted = manifest["spec"]["instances"]
    phase = {"phase": "Cluster in healthy state", "instances": wanted, "readyInstances": wanted}
    return {**_conditions("Ready"), **phase}


def _applied(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {"applied": True, "observedGeneration": manifest["metadata"]["generation"]}


def _workload(manifest: Mapping[str, Any]) -> dict[str, Any]:
    wanted = manifest["spec"].get("replicas", 1)
    counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), wanted)
    return {**counts, "observedGeneration": manifest["metadata"]["generation"]}


def _done(_: Mapping[str, Any]) -> dict[str, Any]:
    times = dict.fromkeys(("startTime", "completionTime"), _now())
    return {**_conditions("SuccessCriteriaMet", "Complete"), **times, "succeeded": 1}


def _route(manifest: Mapping[str, Any]) -> dict[str, Any]:
    said = {"controllerName": "tests.kickstart/gateway", **_conditions("Accepted", "ResolvedRefs")}
    return {"parents": [{"parentRef": parent, **said} for parent in manifest["spec"]["parentRefs"]]}


Reports = Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]

# What kubelets and operators report of what is well, by where it is served.
WELL: Reports = {
    "/apis/external-secrets.io/v1/secretstores": _ready,
    "/apis/external-secrets.io/v1/externalsecrets": _ready,
    "/apis/postgresql.cnpg.io/v1/clusters": _database,
    "/apis/postgresql.cnpg.io/v1/databases": _applied,
    "/apis/apps/v1/deployments": _workload,
    "/apis/apps/v1/statefulsets": _workload,
    "/apis/batch/v1/jobs": _done,
    "/apis/gateway.networking.k8s.io/v1/httproutes": _route,
    "/apis/serving.kserve.io/v1beta1/inferenceservices": _ready,
}


# And of what never will be. Argo CD 3.6 fails over a database of which nothing at all is reported.
STUCK: Reports = {"/apis/postgresql.cnpg.io/v1/clusters": lambda _: {"phase": "Setting up primary"}}


class Operators(threading.Thread):
    """Reports of what is in a cluster, for as long as the body runs."""

    def __init__(self, server: ApiServer, reports: Reports) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._reports = reports
        self._over = threading.Event()
        self._seen: set[tuple[str, int | None]] = set()
        self._refused: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.5):
            for path, report in self._reports.items():
                for each in self._server.ask("GET", path)["items"]:
                    seen = (each["metadata"]["uid"], each["metadata"].get("generation"))
                    if seen not in self._seen and self._written(path, each, report(each)):
                        self._seen.add(seen)

    def _written(self, path: str, manifest: Mapping[str, Any], status: dict[str, Any]) -> bool:
        """Write the status of an object, and tell whether it was there for that."""
        base, _, plural = path.rpartition("/")
        meta = manifest["metadata"]
        url = f"{base}/namespaces/{meta['namespace']}/{plural}/{meta['name']}/status"
        answer = self._server.request("PATCH", url, {"status": status}, **MERGE)
        if answer.status not in {200, 404, 409}:
            self._refused.append(answer.data.decode())
        return bool(answer.status == 200)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self.join()
        assert not self._refused
