"""The parts that a process of the application is made of, opened and closed together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from . import embed, metrics
from .answer.model import Model
from .api.auth import Gate
from .embed import Embedder
from .ingest.worker import Worker
from .settings import Settings
from .store.db import Database
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
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings))
        metrics.watch_pool(database.pool.get_stats)
        embedder = await asyncio.to_thread(embed.build, settings)
        stack.push_async_callback(embedder.close)
        model = Model(settings)
        stack.push_async_callback(model.client.close)
        gate = Gate(settings)
        stack.push_async_callback(gate.client.aclose)
        yield Services(settings, database, await asyncio.to_thread(Objects, settings), embedder, model, gate)


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
