"""Where definitions come from: clusters, and addresses, which a real server on this machine answers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from kickstart.checks.manifest import Manifest
from kickstart.checks.schemas import Schemas, Unknown
from kickstart.errors import PreflightError
from kickstart.tools import Kind
from kickstart.tools.schemas import ClusterLocation, FolderStore, location, released
from kickstart.tools.upstream import plural
from tests.checks.test_schemas import DEFINITION, messages, widget
from tests.fakes import FakeCluster

CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
BARE = '{"properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}'


class Server:
    """Answers what it was given, and remembers what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.status = 404
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                found = server.files.get(self.path)
                self.send_response(200 if found is not None else server.status)
                self.end_headers()
                self.wfile.write((found or "").encode())

            def log_message(self, format: str, *arguments: object) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def schemas(spec: str, cache: Path, *, offline: bool = False) -> Schemas:
    return Schemas([location(spec, cache / "fetched", offline=offline)], FolderStore(cache / "converted"))


def test_a_definition_is_fetched_once_and_kept(server: Server, tmp_path: Path) -> None:
    server.files["/example.com/widgets.yaml"] = DEFINITION
    spec = server.address + "/{group}/{plural}.yaml"

    first = messages(schemas(spec, tmp_path).problems(widget({}), "1.37"))
    second = messages(schemas(spec, tmp_path).problems(widget({}), "1.37"))
    offline = messages(schemas(spec, tmp_path, offline=True).problems(widget({}), "1.37"))

    assert first == second == offline == ["schema/invalid spec: the field 'size' is missing"]
    assert server.asked == ["/example.com/widgets.yaml"]
    assert (tmp_path / "fetched").stat().st_mode & 0o777 == 0o700


def test_a_bare_json_schema_describes_the_kind_that_was_asked_for(server: Server, tmp_path: Path) -> None:
    server.files["/example.com/widget_v1.json"] = BARE
    known = schemas(server.address + "/{group}/{kind}_{version}.json", tmp_path)

    assert messages(known.problems(widget({"size": 1}), "1.37")) == []
    assert messages(known.problems(widget({"sise": 1}), "1.37")) == [
        "schema/invalid spec.sise: there is no field 'sise' here"
    ]


def test_a_kind_that_is_not_there_is_unknown_and_asked_for_once(server: Server, tmp_path: Path) -> None:
    known = schemas(server.address + "/{kind}.yaml", tmp_path)

    found = [known.problems(widget({}), "1.37") for _ in range(3)]

    assert found == [Unknown("its definition was not found")] * 3
    assert server.asked == ["/widget.yaml"]


@pytest.mark.parametrize(
    "content", ["", "a: [", "<html></html>", "[]", "kind: CustomResourceDefinition\nspec: {}\n"]
)
def test_an_answer_that_is_no_definition_is_unknown(server: Server, tmp_path: Path, content: str) -> None:
    server.files["/widget.yaml"] = content

    found = schemas(server.address + "/{kind}.yaml", tmp_path).problems(widget({}), "1.37")

    assert isinstance(found, Unknown)


def test_a_page_to_log_in_at_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.files["/widget.yaml"] = "<html>log in</html>"

    found = schemas(server.address + "/{kind}.yaml", tmp_path).problems(widget({}), "1.37")
    server.files["/widget.yaml"] = DEFINITION
    later = schemas(server.address + "/{kind}.yaml", tmp_path).problems(widget({}), "1.37")

    assert isinstance(found, Unknown)
    assert found.reason.endswith("what it answers is no definition)")
    assert messages(later) == ["schema/invalid spec: the field 'size' is missing"]


def test_an_answer_that_is_no_http_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(4096)
                taken.sendall(b"garbage\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        spec = f"http://127.0.0.1:{server.getsockname()[1]}/{{kind}}.yaml"
        found = schemas(spec, tmp_path).problems(widget({}), "1.37")
        thread.join()

    assert isinstance(found, Unknown)
    assert "its answer cannot be read (BadStatusLine)" in found.reason


def test_names_are_quoted_in_addresses(server: Server, tmp_path: Path) -> None:
    known = schemas(server.address + "/{group}/{version}/{kind}/{plural}", tmp_path)
    odd = Manifest({"apiVersion": "exa mple.com/v1", "kind": "Ä"}, "", "f")

    assert isinstance(known.problems(odd, "1.37"), Unknown)
    assert server.asked == ["/exa%20mple.com/v1/%c3%84/%c3%84s"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  group: example.com\n", "", "the definition of widgets.example.com has no 'group'"),
        ("size: {type: integer, minimum: 1}", "size: 5", "the definition of widgets.example.com "),
    ],
)
def test_a_definition_that_is_not_complete_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "widget.yaml").write_text(DEFINITION.replace(old, new, 1))
    (tmp_path / "x.yaml").write_text("kind: CustomResourceDefinition\nspec: {versions: 1}\n")

    for _ in range(2):  # also when the store knows it
        known = Schemas([location(str(tmp_path), tmp_path)], FolderStore(tmp_path / "store"))
        found = known.problems(widget({}), "1.37")

        assert isinstance(found, Unknown)
        assert said in found.reason


def test_a_default_may_look_like_a_date(tmp_path: Path) -> None:
    content = DEFINITION.replace("enum: [a]", "enum: [a], default: 2020-01-01", 1)
    assert content != DEFINITION
    (tmp_path / "widget.yaml").write_text(content)
    known = Schemas([location(str(tmp_path), tmp_path)], FolderStore(tmp_path / "store"))

    assert messages(known.problems(widget({"size": 1}), "1.37")) == []


def test_a_server_that_fails_is_asked_once_and_named(server: Server, tmp_path: Path) -> None:
    server.status = 500
    known = schemas(server.address + "/{kind}.yaml", tmp_path)

    found = known.problems(widget({}), "1.37")
    known.problems(Manifest({"apiVersion": "other.io/v1", "kind": "Other"}, "", "f"), "1.37")

    assert isinstance(found, Unknown)
    assert "it answers 500" in found.reason
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"  # free again after this

    found = schemas(address + "/{kind}.yaml", tmp_path).problems(widget({}), "1.37")

    assert isinstance(found, Unknown)
    assert "127.0.0.1" in found.reason and "refused" in found.reason


def test_offline_nothing_is_fetched_and_the_reason_says_what_to_do(tmp_path: Path) -> None:
    known = Schemas([released(tmp_path / "fetched", offline=True)], FolderStore(tmp_path / "converted"))
    application = Manifest({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}, "", "f")

    found = known.problems(application, "1.37")

    assert found == Unknown(
        "its definition was not found (schemas are fetched by kickstart validate, without --offline)"
    )
    assert ("argoproj.io/v1alpha1", "Application") in known.kinds()  # so that charts render it


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("/nowhere/at/all", "is not a folder"),
        ("https://schemas.example.com/all.yaml", "does not say where a kind is"),
    ],
)
def test_a_location_that_is_none_is_refused(spec: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=said):
        location(spec, tmp_path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("HTTPRoute", "httproutes"),
        ("AuthorizationPolicy", "authorizationpolicies"),
        ("Gateway", "gateways"),
        ("Ingress", "ingresses"),
    ],
)
def test_kinds_are_named_in_the_plural_as_their_projects_do(kind: str, name: str) -> None:
    assert plural(kind) == name


def test_a_cache_that_cannot_be_written_is_done_without(server: Server, tmp_path: Path) -> None:
    server.files["/widget.yaml"] = DEFINITION
    (tmp_path / "file").write_text("")

    found = schemas(server.address + "/{kind}.yaml", tmp_path / "file").problems(widget({}), "1.37")

    assert messages(found) == ["schema/invalid spec: the field 'size' is missing"]


def defined(**more: object) -> FakeCluster:
    """A cluster that defines widgets. `more` is what else their definition has."""
    cluster = FakeCluster({CRD})
    cluster.apply({**yaml.safe_load(DEFINITION), **more})
    return cluster


def test_a_cluster_says_what_it_defines_and_serves(tmp_path: Path) -> None:
    known = Schemas([ClusterLocation(defined())], FolderStore(tmp_path))

    assert ("example.com/v1", "Widget") in known.kinds()  # so that charts render it
    assert messages(known.problems(widget({"size": 1, "sise": 2}), "1.37")) == [
        "schema/invalid spec.sise: there is no field 'sise' here"
    ]
    assert messages(known.problems(widget({}, "v1alpha1"), "1.37")) == [
        "schema/not-served apiVersion: example.com/v1alpha1 of Widget is not served; "
        "what is served is example.com/v1, example.com/v1beta1"
    ]


def test_what_was_converted_holds_until_the_definition_changes(tmp_path: Path) -> None:
    clusters = [defined(status={"stored": ["v1"]}), defined(status={}), FakeCluster({CRD})]
    other = yaml.safe_load(DEFINITION.replace("required: [size]", "required: [most]"))
    clusters[2].apply(other)

    found, kept = [], []
    for cluster in clusters:
        known = Schemas([ClusterLocation(cluster)], FolderStore(tmp_path))
        found.append(messages(known.problems(widget({}), "1.37")))
        kept.append(len(list(tmp_path.iterdir())))

    size, most = (f"schema/invalid spec: the field '{name}' is missing" for name in ("size", "most"))
    assert found == [[size], [size], [most]]
    assert kept[0] == kept[1] < kept[2]


def test_a_cluster_that_may_not_be_asked_is_said(tmp_path: Path) -> None:
    found = Schemas([ClusterLocation(None)], FolderStore(tmp_path)).problems(widget({}), "1.37")

    assert found == Unknown(
        "its definition was not found (a cluster is asked by kickstart validate, without --offline)"
    )


def test_a_definition_in_json_may_hold_any_character(tmp_path: Path) -> None:
    content = DEFINITION.replace("enum: [a]", 'enum: ["\U0001f600"]')
    (tmp_path / "widget.json").write_text(json.dumps(yaml.safe_load(content)))
    known = Schemas([location(str(tmp_path), tmp_path)], FolderStore(tmp_path / "store"))

    assert messages(known.problems(widget({"size": 1, "maybe": "\U0001f600"}), "1.37")) == []


def test_a_cluster_is_asked_once_and_only_for_custom_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Kind] = []
    cluster = defined()
    listed = cluster.objects

    def noted(kind: Kind) -> list[Mapping[str, Any]]:
        asked.append(kind)
        return listed(kind)

    monkeypatch.setattr(cluster, "objects", noted)
    known = Schemas([ClusterLocation(cluster)], FolderStore(tmp_path))

    known.problems(Manifest({"apiVersion": "v1", "kind": "ConfigMap"}, "", "f"), "1.37")
    before = list(asked)
    for kind in ("Widget", "Other"):
        known.problems(Manifest({"apiVersion": "example.com/v1", "kind": kind}, "", "f"), "1.37")

    assert (before, asked) == ([], [CRD])
