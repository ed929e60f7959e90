"""A real Kubernetes API server on loopback: etcd and kube-apiserver, and nothing else of a cluster.

There are no controllers: what they would write, such as an Application's status, tests write themselves.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ADMIN, LIMITED = "admin-token", "limited-token"
# Runs a program until it ends, or until standard input does: that is also when a test run is killed.
GUARDED = """\
exec 3<&0
"$0" "$@" 3<&- &
program=$!
(cat <&3 > /dev/null; kill -9 $program) &
wait $program
"""


@dataclass
class ApiServer:
    """kube-apiserver and its etcd. `folder` holds everything that they write."""

    programs: Path
    folder: Path
    port: int = field(default_factory=lambda: free_port())
    _etcd: subprocess.Popen[bytes] | None = None
    _server: subprocess.Popen[bytes] | None = None
    _store: str = ""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """What to trust: the server's own certificate."""
        return self.folder / "certificates/apiserver.crt"

    def start(self) -> None:
        """Start both, and return once the server is ready."""
        self._store, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd = self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={self._store}",
            f"--advertise-client-urls={self._store}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )
        key = self.folder / "service-account.key"
        key.write_bytes(
            rsa.generate_private_key(65537, 2048).private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
        )
        (self.folder / "tokens.csv").write_text(
            f'{ADMIN},admin,1,"system:masters"\n{LIMITED},limited,2,"everyone"\n'
        )
        self.start_server()

    def start_server(self) -> None:
        """Start the API server, on the same port and store as before."""
        key = self.folder / "service-account.key"
        self._server = self._run(
            "kube-apiserver",
            f"--etcd-servers={self._store}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
        )
        until = time.monotonic() + 300
        while time.monotonic() < until:
            if self._server.poll() is not None:
                break
            with suppress(urllib3.exceptions.HTTPError, OSError):  # no certificate yet, or no server
                if self.request("GET", "/readyz").status == 200:
                    return
            time.sleep(0.2)
        raise RuntimeError("kube-apiserver did not start:\n" + self.log("kube-apiserver"))

    def stop_server(self) -> None:
        """Kill the API server as a crash would."""
        assert self._server is not None
        end(self._server)

    def stop(self) -> None:
        """Stop both."""
        for process in (self._server, self._etcd):
            if process is not None:
                end(process)

    def log(self, name: str) -> str:
        """Return the end of a program's log."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API as an administrator, without kickstart's code."""
        with urllib3.PoolManager(ca_certs=str(self.certificate)) as pool:
            return pool.request(
                method,
                self.url + path,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json", **headers},
                retries=False,
                timeout=20,
            )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API as an administrator, and return what it says of what went well."""
        answer = self.request(method, path, body, **headers)
        until = time.monotonic() + 30
        while answer.status == 429 and time.monotonic() < until:  # the storage of a new kind is being made
            time.sleep(0.1)
            answer = self.request(method, path, body, **headers)
        assert answer.status < 300, answer.data.decode()
        return answer.json()

    def kubeconfig(self, file: Path, token: str = ADMIN, **contexts: str) -> Path:
        """Write a kubeconfig whose context `test` signs in with `token`; others by name and token."""
        tokens = {"test": token, **contexts}
        content: Mapping[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "loopback",
                    "cluster": {
                        "server": self.url,
                        "certificate-authority": str(self.certificate),
                    },
                }
            ],
            "users": [{"name": name, "user": {"token": token}} for name, token in tokens.items()],
            "contexts": [{"name": name, "context": {"cluster": "loopback", "user": name}} for name in tokens],
        }
        file.write_text(yaml.safe_dump(content))
        return file

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run a real kubectl as an administrator."""
        config = self.kubeconfig(self.folder / "admin.yaml")
        done = subprocess.run(
            [str(self.programs / "kubectl"), f"--kubeconfig={config}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "HOME": str(self.folder)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, crds: Path) -> None:
        """Install every CRD below a folder, and return once all are served."""
        # Not by apply, whose annotation is too long for the large ones.
        self.kubectl("create", "--recursive", "--validate=false", "-f", str(crds))
        self._wait_for_crds()

    def define(self, crd: str) -> None:
        """Install one CRD, and return once it is served."""
        self.kubectl("create", "--validate=false", "-f", "-", stdin=crd)
        self._wait_for_crds()

    def _wait_for_crds(self) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        until = time.monotonic() + 300
        while time.monotonic() < until:
            states = [
                each.get("status", {}).get("conditions") or [] for each in self.ask("GET", path)["items"]
            ]
            if all(
                {"Established": "True"}.items() <= {c["type"]: c["status"] for c in s}.items() for s in states
            ):
                return
            time.sleep(0.2)
        raise RuntimeError("not every CRD was established")

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return guarded(self.folder / f"{name}.log", self.programs / name, *arguments)


def guarded(
    log: Path, program: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process, whatever ends it. log: what it prints is added there."""
    with log.open("ab") as file:
        return subprocess.Popen(
            ["sh", "-c", GUARDED, str(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env=environment,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a guarded program."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
