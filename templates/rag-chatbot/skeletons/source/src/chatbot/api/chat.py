"""Ask questions, in conversations that are kept."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, TypeVar
from uuid import UUID

import psycopg
from fastapi import APIRouter, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from .. import retrieve
from ..answer import Answer, Mode
from ..answer.model import ModelError
from ..errors import AppError, BadInput, NotFound, TooLarge, Unavailable
from ..services import Services
from ..store import conversations
from ..store.conversations import Conversation, ConversationDetail, Source
from .documents import storable
from .wiring import CHANGE, COMMON, COSTLY, Caller, LimitedCaller, Offset, Parts, problems

router = APIRouter(prefix="/api", tags=["chat"], responses=COMMON)
log = logging.getLogger(__name__)
T = TypeVar("T")
TASKS: set[asyncio.Task[Any]] = set()
PAUSE_SECONDS = 15.0


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
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "JSON, or events if accepted"},
        **CHANGE,
        **COSTLY,
        **problems(BadInput, NotFound, TooLarge),
    },
)
async def chat(request: Request, parts: Parts, body: Question, caller: LimitedCaller) -> Response | ChatAnswer:
    """Answer a question from the documents.

    With `Accept: text/event-stream` the events are: `sources` once, `token` repeatedly, then `done`
    (the whole answer) or `error`. The question is kept at once; an answer that ends early is kept as `partial`.
    """
    question = storable(body.question)
    history: list[tuple[str, str]] = []
    if body.conversation_id:
        conversation = await conversations.get(parts.database, body.conversation_id, caller)
        pairs = pairwise(conversation.messages)
        history = [(one.text, two.text) for one, two in pairs if (one.role, two.role) == ("user", "assistant")]
    # "And how long does it take?" means something only together with the question before it.
    asked = [question, *(f"{before}\n{question}" for before, _ in history[-1:])]
    passages = await retrieve.search(
        parts.database, parts.embedder, asked, parts.settings.retrieval_passages, body.document_ids
    )
    tell = partial(_tell, parts, caller, body.conversation_id, Answer(question, passages, history))
    if "text/event-stream" in request.headers.get("accept", ""):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(tell), media_type="text/event-stream", headers=headers)
    told = _task(tell(lambda name, data: None))
    gone = asyncio.ensure_future(request.receive())  # the body is read; what comes now is that the client leaves
    try:
        await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else Response(status_code=499)
    except ModelError as error:
        raise Unavailable(f"{error}; ask again", retry_after=5) from error
    finally:
        told.cancel()
        gone.cancel()


@router.get("/conversations")
async def list_conversations(
    parts: Parts,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Offset = 0,
) -> list[Conversation]:
    return await conversations.newest(parts.database, caller, limit, offset)


@router.get("/conversations/{conversation_id}", responses=problems(NotFound))
async def get_conversation(parts: Parts, conversation_id: UUID, caller: Caller) -> ConversationDetail:
    return await conversations.get(parts.database, conversation_id, caller)


@router.delete("/conversations/{conversation_id}", status_code=204, responses=CHANGE | problems(NotFound))
async def delete_conversation(parts: Parts, conversation_id: UUID, caller: Caller) -> None:
    await conversations.delete(parts.database, conversation_id, caller)


async def _tell(
    parts: Services, caller: str, conversation_id: UUID | None, answer: Answer, say: Callable[[str, Any], None]
) -> ChatAnswer:
    """Say the answer as it is made, and keep it as far as it came. One that cannot be kept is still given."""
    kept = await _kept(conversations.ask(parts.database, conversation_id, caller, answer.question))
    say("sources", {"sources": _sources(answer), "conversation_id": kept})
    try:
        async with aclosing(answer.stream(parts.model, parts.embedder)) as pieces:
            async for piece in pieces:
                say("token", {"text": piece})
    except BaseException:  # it broke off, or the reader has left
        answer.mode = "partial"
        raise
    finally:
        sources = _sources(answer)
        if kept and answer.text:
            kept = await _kept(conversations.answer(parts.database, kept, answer.text, answer.mode, sources))
    if not kept:
        answer.notice = f"{answer.notice} The conversation could not be saved.".strip()
    return ChatAnswer(
        text=answer.text,
        mode=answer.mode,
        notice=answer.notice,
        sources=sources,
        conversation_id=kept or conversation_id,
    )


def _sources(answer: Answer) -> list[Source]:
    return [
        Source(number=number, cited=number in answer.cited, **dict(passage))
        for number, passage in enumerate(answer.passages, start=1)
    ]


async def _kept(conversation: Awaitable[UUID]) -> UUID | None:
    try:
        return await conversation
    except (AppError, psycopg.Error):
        log.warning("a conversation could not be saved", exc_info=True)
        return None


async def _events(
    tell: Callable[[Callable[[str, Any], None]], Coroutine[Any, Any, ChatAnswer]],
) -> AsyncGenerator[str, None]:
    """What is told, as events. It is told in a task of its own, which ends when the reader leaves."""
    events: asyncio.Queue[str] = asyncio.Queue()

    def say(name: str, data: Any) -> None:
        text = json.dumps(jsonable_encoder(data), ensure_ascii=False)
        events.put_nowait(f"event: {name}\ndata: {text}\n\n")

    async def told() -> None:
        try:
            say("done", await tell(say))
        except (ModelError, AppError) as error:
            say("error", {"message": f"{error}; ask again"})
        except Exception:
            log.exception("answering failed")
            say("error", {"message": "something went wrong here; ask again"})
        finally:
            events.put_nowait("")

    task = _task(told())
    try:
        while event := await _next(events):
            yield event
    finally:
        task.cancel()


async def _next(events: asyncio.Queue[str]) -> str:
    """The next event, or a comment before a proxy takes a long pause for a dead connection."""
    try:
        return await asyncio.wait_for(events.get(), PAUSE_SECONDS)
    except TimeoutError:
        return ": the answer is on its way\n\n"


def _task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    # asyncio forgets a task that nobody holds, and one that is being cancelled has still something to save.
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return task
