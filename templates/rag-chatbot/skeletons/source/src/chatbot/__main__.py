"""Start a process of the application: the API, a worker, or a task on the database."""

import argparse
import asyncio
import logging
import signal
import sys

import uvicorn
from prometheus_client import start_http_server

from . import NAME, app, embed, logs, services, settings, tracing
from .errors import AppError
from .settings import Settings
from .store import db
from .store.objects import Objects

log = logging.getLogger(NAME)
COMMANDS = {
    "serve": "answer requests; index documents too unless INGEST_WORKER=false",
    "worker": "index documents only",
    "migrate": "bring the database schema up to date and create the bucket if it is missing",
    "reindex": "adopt the configured embedding model and index every document again",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=COMMANDS,
        help="; ".join(f"{name}: {what}" for name, what in COMMANDS.items()),
    )
    command = parser.parse_args().command
    try:
        configured = settings.load()
        if configured.dev:
            # Only there: nothing of this package's is in the image.
            from . import dev

            with dev.parts(configured, command) as completed:
                return _run(command, completed)
        return _run(command, configured)
    except AppError as error:
        print(f"{NAME}: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: str, configured: Settings) -> int:
    logs.configure(configured)
    tracing.configure(configured)
    if command == "migrate":
        _migrate(configured)
    elif command == "reindex":
        embedder = embed.build(configured)
        number = asyncio.run(db.reindex(configured, embedder.model, embedder.dimension))
        log.info("queued for indexing", extra={"fields": {"documents": number, "model": embedder.model}})
    else:
        if configured.dev:
            _migrate(configured)
        # On a port of their own, so that the public one never shows them.
        start_http_server(configured.listen_metrics, addr=configured.listen_address)
        if command == "serve":
            _serve(configured)
        else:
            asyncio.run(_work(configured))
    return 0


def _serve(configured: Settings) -> None:
    if not configured.llama_endpoint and not configured.dev:
        log.warning("LLAMA_ENDPOINT is not set: no model is asked, answers are quoted passages")
    # Once all is drained uvicorn raises the signal again, for whoever wants it. To be stopped is no failure.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # A thread that comes back from the embedding model needs Python for microseconds only. By default it
    # would wait 5 ms for its turn while requests are being handled.
    sys.setswitchinterval(0.0005)
    uvicorn.run(
        app.build(configured),
        host=configured.listen_address,
        port=configured.listen_api,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=configured.drain_seconds,
    )


async def _work(configured: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with services.services(configured) as parts, services.working(parts):
        await stopped.wait()


def _migrate(configured: Settings) -> None:
    embedder = embed.build(configured)
    applied = db.migrate(configured, embedder.model, embedder.dimension)
    log.info("schema is up to date", extra={"fields": {"applied": applied}})
    asyncio.run(Objects(configured).ensure_bucket())


if __name__ == "__main__":
    sys.exit(main())
