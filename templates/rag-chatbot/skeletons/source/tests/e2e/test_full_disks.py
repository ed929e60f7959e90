"""A disk is full: of the application, of the document store, of the database. Nothing that was taken is lost."""

import resource
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import App, until

FULL = b"<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive</Message></Error>"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="NOT TESTED here: only Linux limits another process")
def test_without_space_for_an_upload_the_sender_is_told_and_small_ones_still_work(environment):
    with App(environment) as app:
        # As on a full disk: what is too large for memory cannot be written beside it either.
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (256 * 1024, 256 * 1024))

        response = app.upload("large.txt", "The lift goes up and down. " * 100_000)

        assert response.status_code == 507
        assert "no space left" in response.json()["error"]["message"]
        assert app.index("small.txt", "The small lift goes up.")["status"] == "ready"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="NOT TESTED here: only Linux limits another process")
def test_no_disk_is_needed_to_read_a_document(environment):
    with App(environment, "worker") as worker, App(environment, INGEST_WORKER="false") as app:
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (0, 0))

        assert app.index("stairs.txt", "The stairs are swept on Thursdays. " * 1000)["status"] == "ready"


class _FullStore(BaseHTTPRequestHandler):
    """An S3 service that can be read but not written."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(507)
        self.end_headers()
        self.wfile.write(FULL)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def full_store() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _FullStore)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_full_document_store_takes_nothing_and_the_same_file_later(environment, full_store):
    text = "The roof garden is watered by the neighbours."
    with App(environment, MINIO_ENDPOINT=full_store) as app:
        response = app.upload("roof.txt", text)
        assert response.status_code == 503
        assert "document store is not available" in response.json()["error"]["message"]
        [document] = [document for document in app.http.get("/api/documents").json() if document["name"] == "roof.txt"]
        assert (document["status"], "upload it again" in document["error"]) == ("failed", True)

    with App(environment) as app:
        assert app.index("roof.txt", text)["status"] == "ready"


def test_a_full_database_delays_a_document_and_loses_none(environment):
    # The error that PostgreSQL raises when it cannot extend a file.
    environment.rows(
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    )
    environment.rows("CREATE TRIGGER no_space BEFORE INSERT ON chunks EXECUTE FUNCTION no_space()")
    with App(environment) as app:
        identifier = app.upload("cellar.txt", "The cellar is locked at nine.").json()["id"]
        until(lambda: app.document(identifier)["error"], "the reason")
        assert app.document(identifier)["status"] == "queued"
        assert "database is not available" in app.document(identifier)["error"]

        environment.rows("DROP TRIGGER no_space ON chunks")

        assert app.settled(identifier)["status"] == "ready"
        assert "could not extend" not in app.output()
