"""Questions and answers, each conversation visible to its owner only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ..errors import NotFound
from .db import Database

COLUMNS = "id, title, created_at, updated_at"


async def newest(database: Database, owner: str, limit: int) -> list[DictRow]:
    return await database.rows(
        f"SELECT {COLUMNS} FROM conversations WHERE owner = %(owner)s ORDER BY updated_at DESC LIMIT %(limit)s",
        {"owner": owner, "limit": limit},
    )


async def get(database: Database, conversation_id: UUID, owner: str) -> DictRow:
    """Raises NotFound also for the conversation of somebody else: its existence is their business."""
    row = await database.row(
        f"SELECT {COLUMNS} FROM conversations WHERE id = %(id)s AND owner = %(owner)s",
        {"id": conversation_id, "owner": owner},
    )
    if row is None:
        raise NotFound("no such conversation")
    return row


async def messages(database: Database, conversation_id: UUID) -> list[DictRow]:
    return await database.rows(
        "SELECT role, text, mode, sources, created_at FROM messages WHERE conversation_id = %(id)s ORDER BY id",
        {"id": conversation_id},
    )


async def history(database: Database, conversation_id: UUID, owner: str) -> list[dict[str, str]]:
    """The turns so far as a model reads them."""
    await get(database, conversation_id, owner)
    rows = await messages(database, conversation_id)
    return [{"role": row["role"], "content": row["text"]} for row in rows]


async def add_turn(
    database: Database,
    conversation_id: UUID | None,
    owner: str,
    question: str,
    answer: str,
    mode: str,
    sources: list[dict[str, Any]],
) -> UUID:
    """Keep a question and its answer together; begins a conversation where there is none."""
    async with database.connection() as connection, connection.transaction():
        if conversation_id is None:
            cursor = await connection.execute(
                "INSERT INTO conversations (owner, title) VALUES (%s, %s) RETURNING id",
                (owner, " ".join(question.split())[:80]),
            )
        else:
            cursor = await connection.execute(
                "UPDATE conversations SET updated_at = now() WHERE id = %s AND owner = %s RETURNING id",
                (conversation_id, owner),
            )
        row = await cursor.fetchone()
        if row is None:
            raise NotFound("no such conversation")
        await connection.execute(
            "INSERT INTO messages (conversation_id, role, text) VALUES (%s, 'user', %s)", (row["id"], question)
        )
        await connection.execute(
            "INSERT INTO messages (conversation_id, role, text, mode, sources) VALUES (%s, 'assistant', %s, %s, %s)",
            (row["id"], answer, mode, Jsonb(sources)),
        )
    return UUID(str(row["id"]))


async def delete(database: Database, conversation_id: UUID, owner: str) -> None:
    await get(database, conversation_id, owner)
    await database.rows("DELETE FROM conversations WHERE id = %(id)s", {"id": conversation_id})
