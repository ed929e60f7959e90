"""The adapter against answers that a healthy API server does not give: a small server plays them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from kickstart.errors import FindingsError, PreflightError, RemoteError
from kickstart.tools import Kind, Ref, kubernetes, kubernetes_api
from kickstart.tools.kubernetes import KubernetesCluster

CONFIG_MAP = Kind("v1", "ConfigMap")
REF = Ref(CONFIG_MAP, "settings", "demo")
DISCOVERED = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "responseKind": {"kind": "ConfigMap"},
                            "scope": "Namespaced",
                        }
                    ],
                }
            ],
        }
    ],
}
EMPTY = {"kind": "APIGroupDiscoveryList", "items": []}


@dataclass
class Player:
    """Answers each request about an object with the next of `answers`; the last one stays.

    An answer is a status with a body and headers, or the lines of a watch; None closes the connection.
    """

    answers: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def next(self, path: str) -> Any:
        if path == "/api":
            return 200, DISCOVERED, {}
        if path == "/apis":
            return 200, EMPTY, {}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def player() -> Player:
    return Player()


@pytest.fixture
def url(player: Player) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            player.asked.append(f"{self.command} {self.path}")
            player.headers.append({name.lower(): value for name, value in self.headers.items()})
            played = player.next(self.path.partition("?")[0])
            if played is None:
                self.close_connection = True
                return
            status, body, headers = played
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = "Content-Length" in headers  # less than was said

        do_GET = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def kubeconfig(file: Path, url: str, **user: Any) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


@pytest.fixture
def cluster(url: str, tmp_path: Path) -> KubernetesCluster:
    return kubernetes.connect(kubeconfig(tmp_path / "kubeconfig", url, token="t0ken"))


def manifest(version: str = "1") -> dict[str, Any]:
    meta = {"name": "settings", "namespace": "demo", "resourceVersion": version}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def status(code: int, message: str, **more: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    return code, {"kind": "Status", "message": message, "code": code, **more}, {}


def asked_of_objects(player: Player) -> int:
    return sum("/namespaces/" in each for each in player.asked)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_what_may_pass_is_asked_again(player: Player, cluster: KubernetesCluster, code: int) -> None:
    player.answers = [(code, {}, {"Retry-After": "0"}), (200, manifest(), {})]

    assert cluster.apply(manifest()) == manifest()
    assert asked_of_objects(player) == 2


def test_a_dropped_connection_is_asked_again(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [None, (200, manifest(), {})]

    assert cluster.get(REF) == manifest()


def test_a_server_that_does_not_answer_in_time_is_said_so(
    player: Player, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "TIMEOUT", urllib3.Timeout(0.1))
    player.next = lambda path: time.sleep(0.3)  # type: ignore[method-assign]

    with pytest.raises(RemoteError, match=r"cannot be reached: .*timed out"):
        cluster.version()
    assert len(player.asked) == 3


def test_what_does_not_pass_is_said_with_the_servers_words(
    player: Player, cluster: KubernetesCluster
) -> None:
    player.answers = [status(500, "etcdserver: request timed out")]

    with pytest.raises(RemoteError, match=r"failed: ConfigMap demo/settings: etcdserver: request timed out"):
        cluster.apply(manifest())
    assert asked_of_objects(player) == 1


def test_a_lasting_429_ends_after_a_few_tries(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [(429, {"message": "too many requests"}, {"Retry-After": "0"})]

    with pytest.raises(RemoteError, match="too many requests"):
        cluster.get(REF)
    assert asked_of_objects(player) == 5


def test_a_conflict_without_fields_is_worth_running_again(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [status(409, "the object has been modified")]

    with pytest.raises(RemoteError, match="the object has been modified") as caught:
        cluster.apply(manifest())
    assert caught.value.hint == "run the same command again"


def test_an_admission_webhook_that_refuses_is_a_finding(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [status(400, 'admission webhook "policy" denied the request: no')]

    with pytest.raises(FindingsError) as caught:
        cluster.apply(manifest())
    assert [str(fault) for fault in caught.value.faults] == [
        'admission webhook "policy" denied the request: no'
    ]


def test_something_that_is_no_kubernetes_is_said_so(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [(200, b"<html>Sign in</html>", {})]

    with pytest.raises(RemoteError, match="something that is not Kubernetes' API"):
        cluster.get(REF)


def test_a_kubernetes_that_is_too_old_is_said_so(player: Player, cluster: KubernetesCluster) -> None:
    old = {"kind": "APIGroupList", "groups": []}
    player.next = lambda path: (200, {"gitVersion": "v1.25.0"} if path == "/version" else old, {})  # type: ignore[method-assign]

    with pytest.raises(PreflightError, match=r"runs Kubernetes v1\.25\.0") as caught:
        cluster.served()
    assert "1.30" in caught.value.hint


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    cluster = kubernetes.connect(kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9"))

    with pytest.raises(RemoteError, match=r"test at http://127\.0\.0\.1:9 cannot be reached: .*refused"):
        cluster.version()


def test_the_token_is_sent_and_never_shown(player: Player, cluster: KubernetesCluster) -> None:
    player.answers = [status(401, "Unauthorized")]

    with pytest.raises(PreflightError) as caught:
        cluster.get(REF)

    assert [each["authorization"] for each in player.headers] == ["Bearer t0ken"] * len(player.headers)
    assert "t0ken" not in f"{caught.value} {caught.value.hint} {cluster!r}"


def test_a_watch_is_one_stream_that_goes_on_after_a_break(player: Player, cluster: KubernetesCluster) -> None:
    first = {"metadata": {"resourceVersion": "5"}, "items": [manifest("5")]}
    events = [{"type": "MODIFIED", "object": manifest("6")}, {"type": "BOOKMARK", "object": manifest("9")}]
    torn = "".join(json.dumps(each) + "\n" for each in events).encode() + b'{"type": "MOD'
    deleted = json.dumps({"type": "DELETED", "object": manifest("10")}).encode() + b"\n"
    player.answers = [(200, first, {}), (200, torn, {"Content-Length": "9999"}), (200, deleted, {})]

    seen = []
    for objects in cluster.watch(CONFIG_MAP, "demo", seconds=30):
        seen.append([each["metadata"]["resourceVersion"] for each in objects])
        if not objects:
            break

    assert seen == [["5"], ["6"], []]
    streams = [each for each in player.asked if "watch=true" in each]
    assert ["resourceVersion=5" in streams[0], "resourceVersion=9" in streams[1]] == [True, True]


def test_a_watch_that_is_too_old_begins_anew(player: Player, cluster: KubernetesCluster) -> None:
    first = {"metadata": {"resourceVersion": "5"}, "items": []}
    gone = json.dumps({"type": "ERROR", "object": {"code": 410}}).encode() + b"\n"
    second = {"metadata": {"resourceVersion": "8"}, "items": [manifest("7")]}
    player.answers = [(200, first, {}), (200, gone, {}), (200, second, {})]

    seen = []
    for objects in cluster.watch(CONFIG_MAP, "demo", seconds=30):
        seen.append(len(objects))
        if objects:
            break

    assert seen == [0, 1]


def test_a_watch_that_stays_broken_says_so_at_its_end(player: Player, cluster: KubernetesCluster) -> None:
    first = {"metadata": {"resourceVersion": "5"}, "items": []}
    player.answers = [(200, first, {}), None]

    with pytest.raises(RemoteError, match="the cluster test"):
        list(cluster.watch(CONFIG_MAP, "demo", seconds=2))


def test_no_kubeconfig_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"there is no kubeconfig: .* does not exist") as caught:
        kubernetes.connect(str(tmp_path / "none"))
    assert "--kubeconfig" in caught.value.hint


@pytest.mark.parametrize(
    "content", ["", "{", "a: b", "contexts: [{}]\ncurrent-context: x\nclusters: []\nusers: []", "- 1"]
)
def test_a_broken_kubeconfig_is_said_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(content)

    with pytest.raises(PreflightError, match="kubeconfig"):
        kubernetes.connect(str(file))


def test_an_unknown_context_is_answered_with_those_there_are(url: str, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="the kubeconfig has no context 'prod'") as caught:
        kubernetes.connect(kubeconfig(tmp_path / "kubeconfig", url), "prod")
    assert caught.value.hint == "its contexts are: test"


@pytest.mark.parametrize(
    "content", ["garbage", "- a", "{}", "contexts: 3", "contexts: [a]\ncurrent-context: a"]
)
def test_what_is_no_kubeconfig_is_told_in_words_about_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)

    with pytest.raises(PreflightError, match=r"the kubeconfig .* cannot be used: ") as caught:
        kubernetes.connect(str(tmp_path / "kubeconfig"))

    assert not re.search("object|subscript|NoneType|'str'", caught.value.message)


def test_several_kubeconfigs_are_read_as_one(url: str, tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "first", url)
    other = yaml.safe_load(Path(first).read_text())
    other["contexts"][0]["name"] = "other"
    (tmp_path / "second").write_text(yaml.safe_dump(other))

    assert kubernetes.connect(f"{first}:{tmp_path / 'second'}", "other").name == "other"


def test_in_a_pod_its_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    token = tmp_path / "token"
    token.write_text("from-the-pod")
    monkeypatch.setattr(kubernetes, "SERVICE_ACCOUNT", token)

    with pytest.raises(PreflightError, match="the service account of this pod cannot be used"):
        kubernetes.connect()  # there is no certificate
