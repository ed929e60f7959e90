"""Spans leave the process where a collector is named, and hold neither questions nor documents."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import App


class _Collector(BaseHTTPRequestHandler):
    """Takes spans as the OpenTelemetry Collector does."""

    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Collector", (_Collector,), {"received": received}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def test_spans_are_sent_to_the_collector_before_the_process_ends(environment, collector):
    endpoint, received = collector
    with App(environment, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as app:
        app.index("chimney.txt", "The chimney is swept by a person called Zebedee.")
        app.ask("Who is it that sweeps the chimney, pray?")
        app.http.get("/api/search", params={"q": "Who is it that sweeps the chimney, pray?"})
        assert app.stop() == 0

    assert {path for path, _ in received} == {"/v1/traces"}
    spans = b"".join(body for _, body in received)
    assert b"POST /api/chat" in spans
    assert spans.count(b"GET /api/search") == 1
    assert b"retrieve" in spans
    assert b"Zebedee" not in spans
    assert b"pray" not in spans
