"""The page's process passes the API on, and nothing else."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx2
import pytest

from support import App, Model, until


@pytest.fixture(scope="module")
def server():
    def slow(request):
        request.begin()
        request.token("It is so [1]")
        time.sleep(6)

    with Model(slow) as model:
        yield model


@pytest.fixture(scope="module")
def app(environment, server):
    with App(environment, **server.settings(), PGVECTOR_POOL_SIZE=20) as running:
        running.index("bell.txt", "The bell rings twice at noon.")
        yield running


@pytest.fixture(scope="module")
def address(app, frontend):
    with frontend(app, app.port) as url:
        yield url


@pytest.mark.parametrize("path", ["/api/../readyz", "/api/%2e%2e/readyz", "/api/..%2freadyz", "/api/x/%2E%2e/%2e./x"])
def test_no_path_leads_out_of_the_api(address, path):
    port = urlsplit(address).port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 404")


def test_an_answer_is_dated_once(address):
    response = httpx2.get(f"{address}/api/about")

    assert response.status_code == 200
    assert len(response.headers.get_list("date")) == 1


def test_the_page_of_another_site_changes_nothing_through_the_page_either(address):
    response = httpx2.post(
        f"{address}/api/documents",
        files={"file": ("a.txt", b"Planted.")},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403


def test_many_open_answers_do_not_block_a_list(address):
    limits = httpx2.Limits(max_connections=None)
    with httpx2.Client(base_url=address, timeout=60, limits=limits) as client, ExitStack() as stack:
        for _ in range(105):
            stack.enter_context(
                client.stream(
                    "POST",
                    "/api/chat",
                    json={"question": "When does the bell ring?"},
                    headers={"Accept": "text/event-stream"},
                )
            )
        started = time.perf_counter()

        assert client.get("/api/documents").status_code == 200
        assert time.perf_counter() - started < 2


def test_an_upload_that_is_given_up_is_no_fault(app, frontend, tmp_path):
    with (tmp_path / "log").open("wb") as log, frontend(app, app.port, log) as address:
        with socket.create_connection(("127.0.0.1", urlsplit(address).port)) as connection:
            connection.sendall(
                b"POST /api/documents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
            )
            time.sleep(0.3)
        until(lambda: '"http.request.method": "POST", "url.route": "/api/documents"' in app.output(), "the end", 5)

    assert "stack_trace" not in app.output() + (tmp_path / "log").read_text()
