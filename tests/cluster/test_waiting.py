"""Waiting until a project is healthy. There is no Argo CD here: the tests write what it would write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kickstart import waiting
from kickstart.errors import NotHealthyError
from kickstart.tools import Kind, kubernetes
from kickstart.tools.kubernetes import KubernetesCluster
from kickstart.tools.kubernetes_api import Api
from kickstart.waiting import Sight, Watch
from tests.cli.support import Cli
from tests.cluster.serving import ApiServer
from tests.cluster.test_adapter import application
from tests.cluster.test_create import create, served_forge

__all__ = ["served_forge"]

APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
MERGE = {"Content-Type": "application/merge-patch+json"}
HEALTHY = {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}
DEGRADED = {"sync": {"status": "Synced"}, "health": {"status": "Degraded", "message": "no quorum"}}


def say(server: ApiServer, name: str, status: dict[str, Any]) -> None:
    """Write the status of an Application, as Argo CD does."""
    server.ask("PATCH", f"{APPLICATIONS}/{name}", {"status": status}, **MERGE)


def soon(*actions: Callable[[], object]) -> threading.Thread:
    """Do one thing after the other, with a moment before each."""

    def act() -> None:
        for action in actions:
            time.sleep(0.5)
            action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.fixture
def watch(cluster: KubernetesCluster, name: str) -> Watch:
    """One Application, of which nothing is known yet."""
    cluster.apply(application(name))
    return Watch(cluster, "argocd", [name])


def healths(sights: list[Sight]) -> list[list[str]]:
    return [[each.health for each in sight.applications] for sight in sights]


def test_it_ends_at_once_when_everything_is_healthy(server: ApiServer, watch: Watch, name: str) -> None:
    say(server, name, HEALTHY)
    began = time.monotonic()

    sights = list(watch.follow(60))

    assert healths(sights) == [["Healthy"]]
    assert sights[-1].trouble is None
    assert time.monotonic() - began < 3


def test_every_change_is_seen_by_one_stream(
    server: ApiServer, watch: Watch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    send = Api._send

    def counted(self: Api, method: str, path: str, query: Any, **more: Any) -> Any:
        if path.endswith("/applications"):
            asked.append("watch" if "watch" in query else "list")
        return send(self, method, path, query, **more)

    monkeypatch.setattr(Api, "_send", counted)
    progressing = {"sync": {"status": "OutOfSync"}, "health": {"status": "Progressing"}}
    thread = soon(lambda: say(server, name, progressing), lambda: say(server, name, HEALTHY))

    sights = list(watch.follow(60))
    thread.join()

    assert healths(sights) == [["Unknown"], ["Progressing"], ["Healthy"]]
    assert asked == ["list", "watch"]


def test_when_time_is_over_the_first_trouble_is_named(
    server: ApiServer, cluster: KubernetesCluster, name: str
) -> None:
    server.kubectl("create", "namespace", name)
    made = application(name)
    made["spec"]["destination"]["namespace"] = name
    cluster.apply(made)
    model = {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": name, "name": "model"}
    say(server, name, {**HEALTHY, "health": {"status": "Progressing"}, "resources": [model]})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "model-0"},
        "spec": {"containers": [{"name": "model", "image": "registry.test/model:1"}]},
    }
    server.ask("POST", f"/api/v1/namespaces/{name}/pods", pod)
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    pending = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    server.ask(
        "PATCH",
        f"/api/v1/namespaces/{name}/pods/model-0/status",
        {"status": {"conditions": [pending]}},
        **MERGE,
    )

    with pytest.raises(NotHealthyError) as caught:
        list(Watch(cluster, "argocd", [name]).follow(1))

    assert caught.value.message == (
        f"not healthy after 1 seconds: Pod {name}/model-0: {message} (no node has a free GPU)"
    )


def test_an_application_that_is_not_there_is_waited_for(
    server: ApiServer, cluster: KubernetesCluster, name: str
) -> None:
    thread = soon(lambda: cluster.apply(application(name)), lambda: say(server, name, HEALTHY))

    sights = list(Watch(cluster, "argocd", [name]).follow(60))
    thread.join()

    assert str(sights[0].trouble) == f"Application {name}: is not there"
    assert healths(sights) == [[], ["Unknown"], ["Healthy"]]


def test_degraded_may_pass(server: ApiServer, watch: Watch, name: str) -> None:
    say(server, name, DEGRADED)
    thread = soon(lambda: None, lambda: say(server, name, HEALTHY))

    sights = list(watch.follow(60))
    thread.join()

    assert healths(sights) == [["Degraded"], ["Healthy"]]


def test_degraded_that_stays_ends_it_before_its_time(
    server: ApiServer, watch: Watch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "GRACE", 1.0)
    say(server, name, DEGRADED)
    began = time.monotonic()

    with pytest.raises(NotHealthyError, match=f"{name} stayed degraded for 1 seconds: .*: no quorum"):
        list(watch.follow(60))

    assert 1 <= time.monotonic() - began < 5


def test_an_application_set_is_waited_for_with_all_that_it_makes(
    server: ApiServer, cluster: KubernetesCluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SET_PAUSE", 0.5)
    made = cluster.apply(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "generators": [],
                "template": {
                    "metadata": {"name": name},
                    "spec": {"project": "default", "destination": {"namespace": "shop"}},
                },
            },
        }
    )
    owner = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "name": name,
        "uid": made["metadata"]["uid"],
    }
    child = application(f"{name}-dev")
    child["metadata"]["ownerReferences"] = [owner]
    up_to_date = {
        "type": "ResourcesUpToDate",
        "status": "True",
        "message": "",
        "reason": "ApplicationSetUpToDate",
    }
    path = f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applicationsets/{name}/status"
    thread = soon(
        lambda: cluster.apply(child),
        lambda: say(server, f"{name}-dev", HEALTHY),
        lambda: server.ask("PATCH", path, {"status": {"conditions": [up_to_date]}}, **MERGE),
    )

    sights = list(Watch(cluster, "argocd", [], [name]).follow(60))
    thread.join()

    not_yet = f"ApplicationSet {name}: has not made its Applications yet"
    assert [str(sights[0].trouble), str(sights[-2].trouble), sights[-1].trouble] == [not_yet, not_yet, None]
    assert healths(sights)[0] == []
    assert healths(sights)[-2:] == [["Healthy"], ["Healthy"]]


def test_a_user_who_may_see_applications_only_is_told_what_they_say(
    server: ApiServer, kubeconfig: Path, watch: Watch, name: str
) -> None:
    server.kubectl(
        "create", "clusterrole", name, "--verb=get,list,watch", "--resource=applications.argoproj.io"
    )
    server.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", "--user=limited")
    say(server, name, DEGRADED)
    try:
        limited = Watch(kubernetes.connect(str(kubeconfig), "limited"), "argocd", [name])
        assert str(limited.look().trouble) == f"Application {name}: no quorum"
    finally:
        server.kubectl("delete", "clusterrolebinding", name)


def test_create_waits_until_the_project_is_healthy(
    cli: Cli, server: ApiServer, cluster: KubernetesCluster, kubeconfig: Path, name: str
) -> None:
    steps = ["--set", "environments=dev", "--wait"]
    sets = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applicationsets"
    up_to_date = {"type": "ResourcesUpToDate", "status": "True", "message": "", "reason": "x"}

    def argo_cd() -> None:
        until = time.monotonic() + 30
        kind = Kind("argoproj.io/v1alpha1", "ApplicationSet")
        while time.monotonic() < until:
            if f"{name}-previews" in {each["metadata"]["name"] for each in cluster.objects(kind, "argocd")}:
                break
            time.sleep(0.2)
        for each in (name, f"{name}-previews"):
            server.ask("PATCH", f"{sets}/{each}/status", {"status": {"conditions": [up_to_date]}}, **MERGE)
        say(server, f"{name}-bootstrap", HEALTHY)

    thread = threading.Thread(target=argo_cd)
    thread.start()
    done = cli(*create(name, kubeconfig, *steps))
    thread.join()

    assert done.code == 0, done.err
    assert done.err.splitlines()[-2:] == [f"{name}-bootstrap  Synced  Healthy", "healthy"]


def test_create_says_with_7_what_is_not_healthy_in_time(cli: Cli, kubeconfig: Path, name: str) -> None:
    done = cli(*create(name, kubeconfig, "--wait", "--timeout", "1s", "--output", "json"))

    assert done.code == 7
    error = done.json["error"]
    assert error["message"] == f"not healthy after 1 seconds: Application {name}-bootstrap: Unknown, Unknown"
    assert done.json["changes"][-1]["change"] == "create"  # everything was applied all the same


def test_waiting_needs_a_cluster(cli: Cli, name: str, home: Path) -> None:
    done = cli("create", name, "--owner", "acme", "--wait")

    assert done.code == 2
    assert "there is nothing to wait for" in done.err
    assert not (home / "data/forge").exists()


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "1m30"])
def test_a_duration_has_a_unit(cli: Cli, kubeconfig: Path, name: str, text: str) -> None:
    done = cli(*create(name, kubeconfig, "--wait", "--timeout", text))

    assert done.code == 2
    assert f"'{text}' is not a duration" in done.err
