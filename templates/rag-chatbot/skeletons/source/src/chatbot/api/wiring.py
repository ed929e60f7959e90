"""What the routes share: the services, the caller, room in the caller's budget, and how failures look."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from ..errors import AppError, Forbidden, Invalid, TooManyRequests, Unauthorized, Unavailable
from ..services import Services


class Fault(BaseModel):
    code: str
    message: str


class Problem(BaseModel):
    """What is sent instead of an answer, whatever went wrong."""

    error: Fault


def problems(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The failures of a route, for openapi.json."""
    return {kind.status: {"model": Problem, "description": kind.__doc__} for kind in kinds}


COMMON = problems(Unauthorized, Invalid, Unavailable)
CHANGE = problems(Forbidden)
COSTLY = problems(TooManyRequests)


async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Parts = Annotated[Services, Depends(services)]


Bearer = Depends(HTTPBearer(auto_error=False, description="Not needed where AUTH_MODE is none."))


async def caller(request: Request, parts: Parts, bearer: Annotated[object, Bearer]) -> str:
    return await parts.gate.caller(request)


Caller = Annotated[str, Depends(caller)]


async def limited_caller(parts: Parts, name: Caller) -> str:
    """For requests that cost something."""
    parts.gate.limit(name)
    return name


LimitedCaller = Annotated[str, Depends(limited_caller)]

Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
