"""The documents table: a catalogue for readers and a queue for workers."""

from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Literal
from uuid import UUID

from pydantic import BaseModel

from ..embed import Vector, literal
from ..errors import AppError, Conflict, NotFound
from ..ingest.chunk import Chunk
from ..retrieve import Excerpt
from .db import Connection, Database
from .objects import Objects

# An upload that took longer than this has died between its two writes.
STALE_UPLOAD = "1 hour"


class LeaseLost(Exception):
    """Another worker owns the document now, or it is being deleted."""


class Document(BaseModel):
    """A row of the table, without what is the workers' own."""

    id: UUID
    name: str
    media_type: str
    size: int
    status: Literal["uploading", "queued", "processing", "ready", "failed"]
    error: str | None
    attempts: int
    chunks_done: int
    chunks_total: int | None
    created_at: datetime
    updated_at: datetime


COLUMNS = ", ".join(Document.model_fields)


@dataclass(frozen=True)
class Claim:
    """A document that a worker may index until its lease ends, which it has to renew (seconds)."""

    worker: str
    lease: float
    id: UUID
    media_type: str
    attempts: int
    waits: int
    chunks_done: int
    chunks_total: int | None


def object_key(document_id: UUID) -> str:
    return f"documents/{document_id}"


async def add(
    database: Database, objects: Objects, name: str, media_type: str, sha256: str, size: int, file: IO[bytes]
) -> tuple[Document, bool]:
    """Store a file and queue it; returns the document and whether it is new.

    Row first, object second, queued last: a crash in between leaves a row that says so, never an
    object that nobody knows. The same bytes again give the same document, queued anew if it failed,
    and then under the name and type of now: the former ones may be why.
    """
    values = {"name": name, "type": media_type, "sha": sha256, "size": size}
    row = await database.row(
        "INSERT INTO documents (name, media_type, sha256, size) VALUES (%(name)s, %(type)s, %(sha)s, %(size)s)"
        " ON CONFLICT (sha256) DO UPDATE SET name = %(name)s, media_type = %(type)s, chunks_total = NULL,"
        " chunks_done = 0, updated_at = now() WHERE documents.status IN ('uploading', 'failed')"
        " RETURNING id, xmax = 0 AS new",
        values,
    )
    if row is None:
        row = await database.row("SELECT id FROM documents WHERE sha256 = %(sha)s AND status <> 'deleting'", values)
        if row is None:
            raise Conflict("the same file is being deleted right now; upload it again in a moment", retry_after=2)
        return await get(database, row["id"]), False
    return await _put(database, objects, row["id"], file, media_type), row["new"]


async def _put(database: Database, objects: Objects, document_id: UUID, file: IO[bytes], media_type: str) -> Document:
    try:
        await objects.put(object_key(document_id), file, media_type)
    except AppError:
        await database.rows(
            "UPDATE documents SET status = 'failed', error = 'the file did not reach the document store; upload it"
            " again', updated_at = now() WHERE id = %(id)s AND status = 'uploading'",
            {"id": document_id},
        )
        raise
    await retry(database, document_id)
    try:
        return await get(database, document_id)
    except NotFound as error:
        # Whoever deleted it may have done so before there was a file.
        await objects.delete(object_key(document_id))
        raise Conflict("the document was deleted while it was being uploaded") from error


async def get(database: Database, document_id: UUID) -> Document:
    query = f"SELECT {COLUMNS} FROM documents WHERE id = %(id)s AND status <> 'deleting'"
    return Document(**await database.the("document", query, {"id": document_id}))


async def newest(database: Database, limit: int, offset: int) -> list[Document]:
    rows = await database.rows(
        f"SELECT {COLUMNS} FROM documents WHERE status <> 'deleting'"
        " ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s",
        {"limit": limit, "offset": offset},
    )
    return [Document(**row) for row in rows]


async def passages(database: Database, document_id: UUID, around: int, context: int) -> list[Excerpt]:
    """The passages beside one passage, in reading order."""
    rows = await database.rows(
        "SELECT ordinal, heading, page, text FROM chunks WHERE document_id = %(id)s"
        " AND ordinal BETWEEN %(first)s AND %(last)s ORDER BY ordinal",
        {"id": document_id, "first": around - context, "last": around + context},
    )
    return [Excerpt(**row) for row in rows]


async def retry(database: Database, document_id: UUID) -> None:
    """Queue a document that failed or whose upload has just finished."""
    await database.rows(
        "UPDATE documents SET status = 'queued', error = NULL, attempts = 0, waits = 0, retry_at = NULL,"
        " updated_at = now() WHERE id = %(id)s AND status IN ('uploading', 'failed')",
        {"id": document_id},
    )


async def delete(database: Database, objects: Objects, document_id: UUID) -> None:
    """Remove a document everywhere. It vanishes from searches at once, whatever fails later."""
    query = "UPDATE documents SET status = 'deleting', worker = NULL, updated_at = now() WHERE id = %(id)s RETURNING id"
    await database.the("document", query, {"id": document_id})
    await _remove(database, objects, document_id)


async def _remove(database: Database, objects: Objects, document_id: UUID) -> None:
    await objects.delete(object_key(document_id))
    await database.rows("DELETE FROM documents WHERE id = %(id)s", {"id": document_id})


async def sweep(database: Database, objects: Objects) -> int:
    """Finish deletions and give up uploads that a crash cut short; returns how many."""
    rows = await database.rows(
        "UPDATE documents SET status = 'deleting' WHERE status = 'deleting'"
        f" OR (status = 'uploading' AND updated_at < now() - interval '{STALE_UPLOAD}') RETURNING id"
    )
    for row in rows:
        await _remove(database, objects, row["id"])
    return len(rows)


async def count(database: Database) -> dict[str, int]:
    rows = await database.rows("SELECT status, count(*) AS number FROM documents GROUP BY status")
    return {row["status"]: row["number"] for row in rows}


async def claim(database: Database, worker: str, lease: float, index: dict[str, Any]) -> Claim | None:
    """Take the oldest waiting document, or one whose worker has died.

    Nothing is taken while the index belongs to another embedding model: during a rollout, the old
    workers must not write their vectors into the new index.
    """
    row = await database.row(
        "UPDATE documents SET status = 'processing', worker = %(worker)s, attempts = attempts + 1,"
        " lease_until = now() + make_interval(secs => %(lease)s), updated_at = now()"
        " WHERE id = (SELECT id FROM documents"
        "   WHERE ((status = 'queued' AND coalesce(retry_at, now()) <= now())"
        "      OR (status = 'processing' AND lease_until < now()))"
        "   AND EXISTS (SELECT 1 FROM index_settings"
        "               WHERE embedding_model = %(model)s AND dimension = %(dimension)s)"
        "   ORDER BY created_at FOR UPDATE SKIP LOCKED LIMIT 1)"
        " RETURNING id, media_type, attempts, waits, chunks_done, chunks_total",
        {"worker": worker, "lease": lease, **index},
    )
    return Claim(worker, lease, **row) if row else None


async def renew(connection: Connection, claimed: Claim, changes: str = "") -> None:
    """Keep the lease; raises LeaseLost. Inside a transaction it also fences off any other worker."""
    cursor = await connection.execute(
        f"UPDATE documents SET lease_until = now() + make_interval(secs => %(lease)s),"
        f" updated_at = now(){changes} WHERE id = %(id)s AND worker = %(worker)s AND status = 'processing'",
        vars(claimed),
    )
    if cursor.rowcount != 1:
        raise LeaseLost


async def begin(database: Database, claimed: Claim, total: int) -> int:
    """Note how many passages there will be; returns how many are written already.

    Parsing gives the same passages every time, so a second attempt goes on where the first ended,
    unless a new version of the application cuts differently: then it starts afresh.
    """
    same = claimed.chunks_total in (None, total)
    done = claimed.chunks_done if same else 0
    async with database.connection() as connection, connection.transaction():
        await renew(connection, claimed, f", chunks_total = {total:d}, chunks_done = {done:d}")
        if not done:
            await connection.execute("DELETE FROM chunks WHERE document_id = %s", (claimed.id,))
    return done


async def write(database: Database, claimed: Claim, passages: list[Chunk], vectors: list[Vector | None]) -> None:
    """Add passages and record the progress in one transaction, so that a retry knows where to go on."""
    async with database.connection() as connection, connection.transaction():
        # What gets on may be interrupted as often as it likes: the attempts are counted anew.
        await renew(connection, claimed, f", chunks_done = {passages[-1].ordinal + 1:d}, attempts = 1, waits = 0")
        columns = "document_id, ordinal, heading, page, text, embedding"
        async with connection.cursor().copy(f"COPY chunks ({columns}) FROM STDIN") as copy:
            for passage, vector in zip(passages, vectors, strict=True):
                values = passage.ordinal, passage.heading, passage.page, passage.text
                await copy.write_row((claimed.id, *values, vector and literal(vector)))


async def finish(
    database: Database,
    claimed: Claim,
    status: str,
    error: str | None = None,
    retry_in: float | None = None,
    *,
    counted: bool = True,
) -> None:
    """Give a document back: ready, failed, or queued again. Without effect if the lease is lost."""
    await database.rows(
        "UPDATE documents SET status = %(status)s, error = %(error)s, worker = NULL, lease_until = NULL,"
        " retry_at = now() + make_interval(secs => %(retry)s), updated_at = now(),"
        " attempts = attempts - %(refund)s, waits = waits + %(waited)s"
        " WHERE id = %(id)s AND worker = %(worker)s AND status = 'processing'",
        {**vars(claimed), "status": status, "error": error, "retry": retry_in}
        | {"refund": int(not counted), "waited": int(retry_in is not None)},
    )
