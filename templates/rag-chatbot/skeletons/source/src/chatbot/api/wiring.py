"""What the routes ask for: the services, the caller, and room in the caller's budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

if TYPE_CHECKING:
    from ..services import Services


def parts(request: Request) -> Services:
    return cast("Services", request.app.state.services)


async def caller(request: Request) -> str:
    return await parts(request).gate.caller(request)


async def limited_caller(request: Request, name: Annotated[str, Depends(caller)]) -> str:
    """For requests that cost something."""
    parts(request).gate.limit(name)
    return name


Caller = Annotated[str, Depends(caller)]
LimitedCaller = Annotated[str, Depends(limited_caller)]
