"""Serve the chat page and pass /api on to the application: one origin, so no CORS and no cookies."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import NAME, logs, settings
from ..errors import AppError
from ..settings import Settings

FOLDER = Path(__file__).parent
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
SECURITY = {
    # Nothing but our own files and our own API: even a script that slipped in could not run or call home.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
# They describe one connection, not the message (RFC 9110, 7.6.1).
HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "proxy-authorization"}


def build(configured: Settings) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # No read timeout: an answer may pause, and the API sets the limits.
        timeout = httpx2.Timeout(None, connect=5)
        # As many connections as there are readers: with httpx2's hundred, open answers would block the lists.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        async with httpx2.AsyncClient(base_url=configured.api_url, timeout=timeout, limits=limits) as client:
            app.state.client = client
            yield

    routes = [Route(path, _file) for path in FILES]
    routes.append(Route("/healthz", _healthz))
    routes.append(Route("/api/{path:path}", _proxy, methods=["GET", "POST", "DELETE"]))
    return Starlette(routes=routes, lifespan=lifespan)


async def _file(request: Request) -> Response:
    name, media_type = FILES[request.url.path]
    return FileResponse(FOLDER / name, media_type=media_type, headers=SECURITY)


async def _healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _proxy(request: Request) -> Response:
    client: httpx2.AsyncClient = request.app.state.client
    if {".", ".."} & set(request.path_params["path"].split("/")):
        # httpx2 would take them for steps, and those lead out of /api.
        return _problem(404, "not_found", "there is no such path")
    outgoing = client.build_request(
        request.method,
        httpx2.URL(path=request.url.path, query=request.url.query.encode()),
        headers=[(name, value) for name, value in request.headers.items() if name not in HOP],
        content=request.stream() if request.method == "POST" else None,
    )
    try:
        response = await client.send(outgoing, stream=True)
    except httpx2.TransportError:
        return _problem(502, "unavailable", "the application does not answer; try again in a moment")
    except ClientDisconnect:  # in the middle of an upload; nobody is there to read an answer
        return Response(status_code=499)
    # uvicorn sets the date itself.
    headers = {name: value for name, value in response.headers.items() if name not in HOP | {"date"}}
    return StreamingResponse(_pieces(response), response.status_code, headers)


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    finally:
        # Also when the reader has left: the application then stops the model.
        await response.aclose()


def main() -> int:
    try:
        configured = settings.load(complete=False)
    except AppError as error:
        print(f"{NAME}: {error.message}", file=sys.stderr)
        return 1
    logs.configure(configured)
    uvicorn.run(
        build(configured),
        host=configured.listen_address,
        port=configured.listen_frontend,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=configured.drain_seconds,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
