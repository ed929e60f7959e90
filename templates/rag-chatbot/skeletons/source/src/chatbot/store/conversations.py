"""Questions and answers, each conversation visible to its owner only."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel

from ..errors import NotFound
from ..retrieve import Passage
from .db import Database


class Conversation(BaseModel):
    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime


class Source(Passage):
    """A passage that was given to the model. `cited`: the answer refers to it by its number.

    Kept without its text: that is the document's, and goes with it.
    """

    text: str = ""
    number: int
    cited: bool = False


class Message(BaseModel):
    role: Literal["user", "assistant"]
    text: str
    mode: str
    sources: list[Source]
    created_at: datetime


class ConversationDetail(Conversation):
    messages: list[Message]


COLUMNS = ", ".join(Conversation.model_fields)


async def newest(database: Database, owner: str, limit: int, offset: int) -> list[Conversation]:
    rows = await database.rows(
        f"SELECT {COLUMNS} FROM conversations WHERE owner = %(owner)s"
        " ORDER BY updated_at DESC, id LIMIT %(limit)s OFFSET %(offset)s",
        {"owner": owner, "limit": limit, "offset": offset},
    )
    return [Conversation(**row) for row in rows]


async def get(database: Database, conversation_id: UUID, owner: str) -> ConversationDetail:
    """Raises NotFound also for the conversation of somebody else: its existence is their business."""
    query = f"SELECT {COLUMNS} FROM conversations WHERE id = %(id)s AND owner = %(owner)s"
    row = await database.the("conversation", query, {"id": conversation_id, "owner": owner})
    query = f"SELECT {', '.join(Message.model_fields)} FROM messages WHERE conversation_id = %(id)s ORDER BY id"
    return ConversationDetail(**row, messages=await database.rows(query, {"id": conversation_id}))


async def ask(database: Database, conversation_id: UUID | None, owner: str, question: str) -> UUID:
    """Keep a question, whatever becomes of its answer; begins a conversation where there is none."""
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
    return UUID(str(row["id"]))


async def answer(database: Database, conversation_id: UUID, text: str, mode: str, sources: list[Source]) -> UUID:
    """Keep an answer beside its question."""
    kept = [source.model_dump(mode="json", exclude={"text"}) for source in sources]
    await database.rows(
        "INSERT INTO messages (conversation_id, role, text, mode, sources)"
        " VALUES (%(id)s, 'assistant', %(text)s, %(mode)s, %(sources)s)",
        {"id": conversation_id, "text": text, "mode": mode, "sources": Jsonb(kept)},
    )
    return conversation_id


async def delete(database: Database, conversation_id: UUID, owner: str) -> None:
    query = "DELETE FROM conversations WHERE id = %(id)s AND owner = %(owner)s RETURNING id"
    await database.the("conversation", query, {"id": conversation_id, "owner": owner})
