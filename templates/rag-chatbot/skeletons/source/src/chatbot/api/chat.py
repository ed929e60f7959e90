"""Ask questions, in conversations that are kept."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from .. import answer as answers
from .. import retrieve
from ..answer import Answer, Mode
from ..answer.model import ModelError
from ..errors import AppError, Unavailable
from ..retrieve import Passage
from ..services import Services
from ..store import conversations
from ..store.conversations import Conversation, ConversationDetail, Source
from .documents import storable
from .wiring import Caller, LimitedCaller, Parts

router = APIRouter(prefix="/api", tags=["chat"])
log = logging.getLogger(__name__)


class Question(BaseModel):
    question: str = Field(min_length=1, max_length=2000)
    conversation_id: UUID | None = None
    document_ids: list[UUID] | None = Field(None, max_length=100, description="Search only these.")


class ChatAnswer(BaseModel):
    text: str
    mode: Mode
    notice: str
    sources: list[Source]
    conversation_id: UUID | None


@router.post(
    "/chat",
    response_model=ChatAnswer,
    responses={200: {"content": {"text/event-stream": {}}, "description": "JSON, or events if accepted"}},
)
async def chat(request: Request, parts: Parts, body: Question, caller: LimitedCaller) -> Response | ChatAnswer:
    """Answer a question from the documents.

    With `Accept: text/event-stream` the events are: `sources` once, `token` repeatedly, then `done`
    (the whole answer) or `error`.
    """
    question = storable(body.question)
    history: list[dict[str, str]] = []
    if body.conversation_id:
        conversation = await conversations.get(parts.database, body.conversation_id, caller)
        history = [{"role": turn.role, "content": turn.text} for turn in conversation.messages]
    asked = [question]
    if previous := next((turn["content"] for turn in reversed(history) if turn["role"] == "user"), None):
        # "And how long does it take?" means something only together with the question before it.
        asked.append(f"{previous}\n{question}")
    passages = await retrieve.search(
        parts.database, parts.embedder, asked, parts.settings.retrieval_passages, body.document_ids
    )
    turn = _Turn(parts, caller, body.conversation_id, question, history, passages)
    if "text/event-stream" in request.headers.get("accept", ""):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(turn.events(), media_type="text/event-stream", headers=headers)
    try:
        async with aclosing(turn.pieces()) as pieces:
            async for _ in pieces:
                pass
    except ModelError as error:
        raise Unavailable(f"{error}; ask again", retry_after=5) from error
    return await turn.finish()


@router.get("/conversations")
async def list_conversations(
    parts: Parts, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[Conversation]:
    return await conversations.newest(parts.database, caller, limit)


@router.get("/conversations/{conversation_id}")
async def get_conversation(parts: Parts, conversation_id: UUID, caller: Caller) -> ConversationDetail:
    return await conversations.get(parts.database, conversation_id, caller)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete_conversation(parts: Parts, conversation_id: UUID, caller: Caller) -> None:
    await conversations.delete(parts.database, conversation_id, caller)


@dataclass
class _Turn:
    """One question on its way to an answer."""

    services: Services
    caller: str
    conversation_id: UUID | None
    question: str
    history: list[dict[str, str]]
    passages: list[Passage]
    answer: Answer = field(default_factory=Answer)

    def pieces(self) -> AsyncGenerator[str, None]:
        return answers.stream(
            self.answer, self.question, self.passages, self.history, self.services.model, self.services.embedder
        )

    async def events(self) -> AsyncGenerator[str, None]:
        yield _event("sources", {"sources": [source.model_dump(mode="json") for source in self.sources()]})
        try:
            async with aclosing(self.pieces()) as pieces:
                async for piece in pieces:
                    yield _event("token", {"text": piece})
            yield _event("done", (await self.finish()).model_dump(mode="json"))
        except (ModelError, AppError) as error:
            yield _event("error", {"message": f"{error}; ask again"})
        except Exception:
            log.exception("answering failed")
            yield _event("error", {"message": "something went wrong here; ask again"})

    def sources(self) -> list[Source]:
        cited = self.answer.cited
        return [
            Source(number=number, cited=number in cited, **dict(passage))
            for number, passage in enumerate(self.passages, start=1)
        ]

    async def finish(self) -> ChatAnswer:
        """Keep the turn and return it whole. An answer that cannot be kept is still given."""
        answer, sources = self.answer, self.sources()
        try:
            self.conversation_id = await conversations.add_turn(
                self.services.database,
                self.conversation_id,
                self.caller,
                self.question,
                answer.text,
                answer.mode,
                sources,
            )
        except AppError:
            answer.notice = f"{answer.notice} The conversation could not be saved.".strip()
        return ChatAnswer(
            text=answer.text,
            mode=answer.mode,
            notice=answer.notice,
            sources=sources,
            conversation_id=self.conversation_id,
        )


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
