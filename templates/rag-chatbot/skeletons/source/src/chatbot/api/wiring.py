"""What the routes ask for: the services, the caller, and room in the caller's budget."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from ..services import Services


async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Parts = Annotated[Services, Depends(services)]


async def caller(request: Request, parts: Parts) -> str:
    return await parts.gate.caller(request)


Caller = Annotated[str, Depends(caller)]


async def limited_caller(parts: Parts, name: Caller) -> str:
    """For requests that cost something."""
    parts.gate.limit(name)
    return name


LimitedCaller = Annotated[str, Depends(limited_caller)]

Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
