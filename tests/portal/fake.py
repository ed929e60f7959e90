"""A portal on this machine: what kickstart asks of a catalog, with state, and faults on demand.

It answers as Backstage's description says, which the contract holds it to. What the description leaves
open is as in the code of `@backstage/plugin-catalog-backend` 4.0.0: a location is registered whether or
not it can be read, only a trial reads it, one that is there is a conflict, and whoever may not see
locations sees none.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.github.contract import Contract

Entity = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake
    """An error as a portal tells it. status 0 closes the connection."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"name": name, "message": message}


@dataclass
class Fault:
    """What goes wrong with requests that begin with `at`: an answer, or nothing for some seconds.

    at_the_end: only where nothing follows. after: when the request has had its effect.
    """

    at: str
    status: int = 0
    name: str = "Error"
    message: str = "it broke"
    at_the_end: bool = False
    after: bool = False
    text: str = ""  # instead of JSON
    seconds: float = 0
    times: int = 1

    def hits(self, asked: str) -> bool:
        is_meant = asked == self.at if self.at_the_end else asked.startswith(self.at)
        return is_meant and self.times > 0


@dataclass
class FakePortal:
    """The state, and the server that shows it.

    files: what the portal can read of forges. tokens: without any, nobody is asked for one. blind:
    tokens that may not see locations.
    """

    contract: Contract | None = None
    entities: dict[str, Entity] = field(default_factory=dict)
    locations: list[dict[str, str]] = field(default_factory=list)
    files: Callable[[str], str | None] = lambda url: None
    tokens: set[str] = field(default_factory=lambda: {"eyPortal"})
    blind: bool = False
    forbidden: bool = False
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def targets(self) -> list[str]:
        """The URLs that are registered."""
        return [each["target"] for each in self.locations]

    def answer(self, verb: str, target: str, token: str, raw: bytes) -> tuple[int, bytes]:
        """Answer one request with a status and a body."""
        parts = urlsplit(target)
        path, query = parts.path.removeprefix("/api/catalog"), dict(parse_qsl(parts.query))
        body = json.loads(raw) if raw else None
        asked = f"{verb} {path}{'?' if parts.query else ''}{parts.query}"
        self.requests.append(asked)
        fault = next((each for each in self.faults if each.hits(asked)), None)
        if fault is not None:
            fault.times -= 1
            time.sleep(fault.seconds)
        try:
            if fault and not fault.after:
                self._strike(fault)
            status, answer = self._handle(f"{verb} {path}", query, body, token)
            if fault:
                self._strike(fault)
        except Refusal as refusal:
            status = refusal.status
            answer = {
                "error": refusal.error,
                "request": {"method": verb, "url": target},
                "response": {"statusCode": status},
            }
        if fault and fault.text:
            return 200, fault.text.encode()
        if self.contract and fault is None:
            operation = re.sub("(?<=/by-name/).*", "{kind}/{namespace}/{name}", f"{verb} {path}")
            operation = re.sub("(?<=/locations/).*", "{id}", operation)
            self.contract.check(operation, query, body, status, answer)
        return status, b"" if status == 204 else json.dumps(answer).encode()

    def _strike(self, fault: Fault) -> None:
        if not fault.text and not fault.seconds:
            raise Refusal(fault.status, fault.name, fault.message)

    def _handle(self, operation: str, query: Mapping[str, str], body: Any, token: str) -> tuple[int, Any]:
        if self.tokens and token not in self.tokens:
            raise Refusal(401, "AuthenticationError", f"Failed user token verification of {token}")
        by_name = re.fullmatch("GET /entities/by-name/(.*)/(.*)/(.*)", operation)
        match operation:
            case "GET /locations":
                return 200, [] if self.blind else [{"data": each} for each in self.locations]
            case "POST /locations":
                if self.forbidden:
                    raise Refusal(403, "NotAllowedError", "Unauthorized")
                return 201, self._trial(body) if query.get("dryRun") == "true" else self._create(body)
            case _ if operation.startswith("DELETE /locations/"):
                if self.forbidden:
                    raise Refusal(403, "NotAllowedError", "Unauthorized")
                return self._delete(operation.rpartition("/")[2])
            case "POST /entities/by-refs":
                return 200, {"items": [self.entities.get(each.lower()) for each in body["entityRefs"]]}
            case _ if by_name:  # which Backstage's own client asks for one of them
                entity = self.entities.get("{}:{}/{}".format(*by_name.groups()))
                if entity:
                    return 200, entity
        raise Refusal(404, "NotFoundError", f"{operation} is not there")

    def _create(self, body: Any) -> Any:
        if body["target"] in self.targets:
            raise Refusal(409, "ConflictError", f"Location {body['type']}:{body['target']} already exists")
        self.locations.append(_location(body))
        return {"location": self.locations[-1], "entities": []}

    def _delete(self, location: str) -> tuple[int, None]:
        there = [each for each in self.locations if each["id"] == location]
        if not there:
            raise Refusal(404, "NotFoundError", f"Found no location with ID {location}")
        self.locations.remove(there[0])
        return 204, None

    def _trial(self, body: Any) -> Any:
        text = self.files(body["target"])
        if text is None:
            said = f"NotFoundError: Unable to read url, {body['target']} could not be read"
            raise Refusal(400, "InputError", said)
        own = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": _generated(body), "namespace": "default"},
            "spec": dict(body),
        }
        location = {**_location(body), "id": f"{body['type']}:{body['target']}"}
        found = [each for each in yaml.safe_load_all(text) if each]
        return {"exists": body["target"] in self.targets, "location": location, "entities": [own, *found]}


def _location(body: Any) -> dict[str, str]:
    name = _generated(body)
    return {**body, "id": name[-12:], "entityRef": f"location:default/{name}"}


def _generated(body: Any) -> str:
    return "generated-" + hashlib.sha1(f"{body['type']}:{body['target']}".encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for somebody to confirm the headers
    portal: FakePortal

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, body = self.portal.answer(self.command, self.path, token, raw)
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/sign-in")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about somebody who did not wait for the answer."""


@contextmanager
def running(
    contract: Contract | None = None, certificate: tuple[Path, Path] | None = None
) -> Iterator[FakePortal]:
    """Run a portal until the block ends. certificate: with its key, to speak TLS."""
    portal = FakePortal(contract)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"portal": portal}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    scheme = "https" if certificate else "http"
    portal.url = f"{scheme}://localhost:{server.server_address[1]}"
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
