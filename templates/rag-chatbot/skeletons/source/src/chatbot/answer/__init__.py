"""From a question and passages to an answer with citations."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from ..embed import Embedder
from ..retrieve import Passage
from . import extractive, prompt
from .citations import CitationFilter
from .model import Model, ModelError

log = logging.getLogger(__name__)
Mode = Literal["model", "quoted", "none"]
NO_MODEL = "No model is configured: these are quoted passages."
MODEL_AWAY = "The model is not available: these are quoted passages."


@dataclass
class Answer:
    """Grows while it is streamed; complete when the stream has ended."""

    text: str = ""
    mode: Mode = "none"
    notice: str = ""
    cited: set[int] = field(default_factory=set)


async def stream(
    answer: Answer,
    question: str,
    passages: list[Passage],
    history: list[dict[str, str]],
    model: Model,
    embedder: Embedder,
) -> AsyncGenerator[str, None]:
    """Yield the answer piece by piece and fill in `answer`.

    Without a passage nobody is asked. Without a model, or while it is away, sentences are quoted and
    the notice says so. Raises ModelError only after a part of the model's answer was given.
    """
    if not passages:
        answer.text = prompt.NOT_FOUND
        yield answer.text
        return
    if model.configured:
        try:
            async with aclosing(_generated(answer, question, passages, history, model)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except ModelError as error:
            log.warning("model failed", extra={"fields": {"error.message": str(error)}})
            if answer.text:
                raise
    answer.mode = "quoted"
    answer.notice = MODEL_AWAY if model.configured else NO_MODEL
    for text, number in await extractive.quotes(question, passages, embedder):
        gap = "\n\n" if answer.text else ""
        piece = f"{gap}“{text}” [{number}]"
        answer.text += piece
        answer.cited.add(number)
        yield piece


async def _generated(
    answer: Answer, question: str, passages: list[Passage], history: list[dict[str, str]], model: Model
) -> AsyncGenerator[str, None]:
    citations = CitationFilter(len(passages))
    answer.mode = "model"
    answer.cited = citations.cited
    async with aclosing(model.stream(prompt.messages(question, passages, history))) as pieces:
        async for piece in pieces:
            if text := citations.feed(piece):
                answer.text += text
                yield text
    if text := citations.finish():
        answer.text += text
        yield text
    if not answer.text.strip():
        raise ModelError("the model gave an empty answer")
    if answer.text.strip().startswith(prompt.NOT_FOUND):
        answer.mode = "none"
        answer.cited.clear()
