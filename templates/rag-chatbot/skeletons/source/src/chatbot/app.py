"""The HTTP application: routes, errors in one shape, and what is observed about every request."""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import propagate, trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import DESCRIPTION, NAME, VERSION, metrics
from .api import chat, documents, health
from .errors import AppError, Forbidden, Invalid, NoSpace, TooLarge
from .services import services, working
from .settings import MIB, Settings
from .tracing import tracer

log = logging.getLogger(__name__)


def build(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with services(settings) as parts, working(parts) if settings.ingest_worker else nullcontext():
            app.state.services = parts
            yield

    app = FastAPI(
        title=NAME,
        description=DESCRIPTION,
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        # The bundled documentation pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        # FastAPI's own spans hold the whole query, and with it the question of a search.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.include_router(health.router)
    app.include_router(documents.router)
    app.include_router(chat.router)
    app.exception_handler(AppError)(_app_error)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http_error)
    limit = settings.upload_max_bytes + MIB
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=limit)
    app.add_middleware(Guard, limit=limit)
    app.add_middleware(Observe)
    return app


def _problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


async def _app_error(request: Request | None, error: AppError) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _problem(error.status, error.code, error.message, headers)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    # Where and what, but not the input itself: it may be a document.
    faults = [f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg']}" for fault in error.errors()]
    return await _app_error(request, Invalid("; ".join(faults)))


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    if isinstance(error.__cause__, OSError):
        # A large upload goes to the disk while it comes in; FastAPI would call it a fault of the sender.
        return await _app_error(request, NoSpace("there is no space left for an upload of this size; try again later"))
    if error.status_code == 413:
        limit = request.scope[MAX_BODY_SIZE_SCOPE_KEY]
        return await _app_error(request, TooLarge(f"the request is larger than {limit:,} bytes"))
    headers = error.headers
    path = getattr(request.scope.get("route"), "path", "")
    if error.status_code == 405 and (methods := request.app.openapi()["paths"].get(path)):
        # A path may have several routes, and Starlette names the methods of the first one only.
        headers = {"Allow": ", ".join(sorted(methods)).upper()}
    codes = {kind.status: kind.code for kind in AppError.__subclasses__()}
    return _problem(error.status_code, codes.get(error.status_code, "http"), str(error.detail), headers)


class Guard:
    """Turns requests away before they are read: from pages of other sites, or larger, by their own account, than an upload may be.

    Starlette counts what comes in of those that do not say how large they are.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._refusal(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else None
        answer = await _app_error(None, error) if error else self.app
        await answer(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> AppError | None:
        if method not in ("GET", "HEAD", "OPTIONS") and headers.get("sec-fetch-site") == "cross-site":
            # A browser sends forms to anywhere; where nobody signs in, any page could add documents.
            return Forbidden("the page of another site must not change anything here")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.limit:
            return TooLarge(f"the request is larger than {self.limit:,} bytes")
        return None


class Observe:
    """One span, one log line and three metrics for each request, and the last word on errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        with tracer.start_as_current_span(
            scope["method"], context=propagate.extract(Headers(scope=scope)), kind=trace.SpanKind.SERVER
        ) as span:
            trace_id = format(span.get_span_context().trace_id, "032x")

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    MutableHeaders(scope=message).update({"x-trace-id": trace_id, "x-content-type-options": "nosniff"})
                await send(message)

            metrics.http_in_flight.inc()
            try:
                await self.app(scope, receive, watched)
            except Exception:
                log.exception("request failed")
                if status:
                    raise
                message = f"something went wrong here; look for {trace_id} in the logs"
                await _problem(500, "internal", message)(scope, receive, watched)
            finally:
                metrics.http_in_flight.dec()
                seconds = time.perf_counter() - started
                # The route, not the path: identifiers would make a time series each.
                route = getattr(scope.get("route"), "path", "unmatched")
                # 499: the client left before there was an answer.
                metrics.http_request_duration.labels(route, scope["method"], str(status or 499)).observe(seconds)
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status or 499)
                if route not in ("/healthz", "/readyz"):
                    fields = {
                        "http.request.method": scope["method"],
                        "url.route": route,
                        "http.response.status_code": status or 499,
                        "event.duration": int(seconds * 1e9),
                    }
                    log.info("request", extra={"fields": fields})
