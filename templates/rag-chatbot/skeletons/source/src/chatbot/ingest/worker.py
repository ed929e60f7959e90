"""Takes waiting documents and makes them searchable, as often as it takes."""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from .. import metrics
from ..embed import Embedder, Vector
from ..errors import BadInput, NotFound, ParseError, Unavailable
from ..settings import Settings
from ..store import documents
from ..store.db import Database
from ..store.documents import Claim, LeaseLost
from ..store.objects import Objects
from .chunk import Chunk
from .parse import parse

log = logging.getLogger(__name__)
LANES = 2  # documents at a time: one is read while the other is embedded
WINDOW = 64  # passages in one transaction; a crash can cost two of them
IDLE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 60.0  # how much later than the end of an outage a document is tried again
SWEEP_SECONDS = 15.0


def _name() -> str:
    return f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Worker:
    """Any number may run beside each other; each document belongs to one at a time."""

    settings: Settings
    database: Database
    objects: Objects
    embedder: Embedder
    queued: asyncio.Event
    name: str = field(default_factory=_name)

    async def run(self) -> None:
        """Work until cancelled. Nothing that happens to one document ends the work."""
        await asyncio.gather(self._repeat(self._housekeep), *(self._repeat(self._work) for _ in range(LANES)))

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Unavailable as error:
                log.warning("ingestion waits", extra={"fields": {"error.message": error.message}})
                await asyncio.sleep(self.settings.ingest_retry_seconds)
            except Exception:
                log.exception("ingestion failed unexpectedly and goes on")
                await asyncio.sleep(self.settings.ingest_retry_seconds)

    async def _work(self) -> None:
        """Index one waiting document, or wait for one."""
        self.queued.clear()
        lease = self.settings.ingest_lease_seconds
        index = {"model": self.embedder.model, "dimension": self.embedder.dimension}
        claimed = await documents.claim(self.database, self.name, lease, index)
        if claimed is None:
            # Another process may have queued a document: look again, also unasked.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.queued.wait(), IDLE_SECONDS)
            return
        started = time.perf_counter()
        outcome = "interrupted"
        try:
            outcome = await self._index(claimed)
        finally:
            seconds = time.perf_counter() - started
            metrics.ingest_duration.labels(outcome).observe(seconds)
            fields = {"document.id": str(claimed.id), "event.outcome": outcome, "seconds": round(seconds, 2)}
            log.info("document indexed", extra={"fields": fields})

    async def _index(self, claimed: Claim) -> str:
        limit = self.settings.ingest_max_attempts
        heartbeat = asyncio.create_task(self._heartbeat(claimed))
        try:
            if claimed.attempts > limit:
                raise ParseError(f"indexing stopped {limit} times without a result; the document may be too complex")
            await self._write_passages(claimed)
            await documents.finish(self.database, claimed, "ready")
            return "ready"
        except LeaseLost:
            return "lost"
        except asyncio.CancelledError:
            # A shutdown is not the document's fault: hand it on at once, its attempt not counted.
            with suppress(Unavailable):
                await asyncio.shield(documents.finish(self.database, claimed, "queued", counted=False))
            raise
        except ParseError as error:
            await documents.finish(self.database, claimed, "failed", str(error))
            return "failed"
        except (NotFound, BadInput) as error:
            if claimed.attempts >= limit:
                await documents.finish(self.database, claimed, "failed", error.message)
                return "failed"
            return await self._give_back(claimed, error.message)
        except Unavailable as error:
            # An outage is not the document's fault either, however long it lasts.
            return await self._give_back(claimed, error.message, counted=False)
        finally:
            heartbeat.cancel()

    async def _give_back(self, claimed: Claim, reason: str, *, counted: bool = True) -> str:
        pause = min(self.settings.ingest_retry_seconds * 2 ** min(claimed.waits, 10), MAX_PAUSE_SECONDS)
        await documents.finish(self.database, claimed, "queued", reason, pause, counted=counted)
        return "retry"

    async def _write_passages(self, claimed: Claim) -> None:
        pieces = await parse(
            await self.objects.get(documents.object_key(claimed.id)),
            claimed.media_type,
            self.embedder.tokenizer_file,
            self.settings.parse_seconds,
            self.settings.parse_memory_bytes,
        )
        done = await documents.begin(self.database, claimed, len(pieces))
        writing: asyncio.Task[None] | None = None
        try:
            # Embedding takes nearly all the time, so it never waits for a passage to be written. What the lanes
            # ask of it is done in turn, a window each: a small document overtakes a large one, and one lane reads
            # or writes while the other's window is embedded.
            for start in range(done, len(pieces), WINDOW):
                window = pieces[start : start + WINDOW]
                vectors = await self._embed(window)
                if writing:
                    await writing
                writing = asyncio.create_task(self._write(claimed, window, vectors))
        finally:
            if writing:
                await writing

    async def _embed(self, window: list[Chunk]) -> list[Vector | None]:
        """A vector for each passage, and none for one that repeats another: see the migration."""
        fresh = [piece.embedded for piece in window if not piece.repeated]
        vectors = iter(await self.embedder.embed(fresh, "passage"))
        return [None if piece.repeated else next(vectors) for piece in window]

    async def _write(self, claimed: Claim, window: list[Chunk], vectors: list[Vector | None]) -> None:
        await documents.write(self.database, claimed, window, vectors)
        metrics.ingest_chunks.inc(len(window))

    async def _heartbeat(self, claimed: Claim) -> None:
        """Keep the lease through a long parse or a slow embeddings endpoint."""
        while True:
            await asyncio.sleep(claimed.lease / 3)
            with suppress(Unavailable, LeaseLost):
                async with self.database.connection() as connection:
                    await documents.renew(connection, claimed)

    async def _housekeep(self) -> None:
        counts = await documents.count(self.database)
        for status in ("uploading", "queued", "processing", "ready", "failed", "deleting"):
            metrics.documents.labels(status).set(counts.get(status, 0))
        await documents.sweep(self.database, self.objects)
        await asyncio.sleep(SWEEP_SECONDS)
