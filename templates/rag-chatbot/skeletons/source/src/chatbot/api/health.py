"""Probes, and what a page needs to know before anybody has signed in."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import APIRouter, Response

from .. import DESCRIPTION, NAME, VERSION
from ..errors import AppError
from ..ingest.formats import EXTENSIONS
from ..store.db import check_schema
from .wiring import Parts

router = APIRouter(tags=["operations"])
CHECK_SECONDS = 2.5  # the chart's probe gives up after three


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether this process answers. It asks nobody else: a restart would not bring a database back."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "What is away, or does not fit, by its name."}})
async def readyz(parts: Parts, response: Response) -> dict[str, Any]:
    """Whether requests can be answered. The model does not count: without it, passages are quoted."""
    checks = {
        "database": check_schema(parts.database, parts.embedder.model, parts.embedder.dimension),
        "objects": parts.objects.check(),
    }
    found = await asyncio.gather(*(_state(check) for check in checks.values()))
    states = dict(zip(checks, found, strict=True))
    ready = all(state == "ok" for state in states.values())
    response.status_code = 200 if ready else 503
    return {"status": "ok" if ready else "unavailable", **states, "model": parts.model.state}


async def _state(check: Coroutine[Any, Any, None]) -> str:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except TimeoutError:
        return "does not answer"
    except AppError as error:
        return error.message
    return "ok"


@router.get("/api/about")
async def about(parts: Parts) -> dict[str, Any]:
    return {
        "name": NAME,
        "description": DESCRIPTION,
        "version": VERSION,
        "authentication": parts.settings.auth_mode,
        "model": parts.settings.llama_model if parts.model.configured else None,
        "upload": {"max_bytes": parts.settings.upload_max_bytes, "extensions": sorted(EXTENSIONS)},
    }
