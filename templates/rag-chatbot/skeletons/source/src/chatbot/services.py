"""The parts that a process of the application is made of, opened and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from . import embed
from .answer.model import Model
from .api.auth import Gate
from .embed import Embedder
from .ingest.worker import Worker
from .settings import Settings
from .store.db import Database, wait_closed
from .store.objects import Objects


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    objects: Objects
    embedder: Embedder
    model: Model
    gate: Gate
    # Set when a document was queued here, so that the worker beside need not look to find out.
    queued: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def services(settings: Settings) -> AsyncIterator[Services]:
    """Open everything. What is away at start is waited for by its users, not here."""
    parts = Services(
        settings,
        Database(settings),
        await asyncio.to_thread(Objects, settings),
        await asyncio.to_thread(embed.build, settings),
        Model(settings),
        Gate(settings),
    )
    await parts.database.open()
    try:
        yield parts
    finally:
        await parts.gate.close()
        await parts.model.close()
        await parts.embedder.close()
        await wait_closed(parts.database)


@asynccontextmanager
async def working(parts: Services) -> AsyncIterator[None]:
    """Run an ingest worker beside the body, and let it hand its document back at the end."""
    worker = Worker(parts.settings, parts.database, parts.objects, parts.embedder, parts.queued)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=10)
