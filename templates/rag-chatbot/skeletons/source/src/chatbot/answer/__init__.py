"""From a question and passages to an answer with citations."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from ..embed import Embedder
from ..retrieve import Passage
from . import extractive, prompt
from .citations import CitationFilter, uncited
from .model import Model, ModelError, RefusedError
from .prompt import Turn

log = logging.getLogger(__name__)
Mode = Literal["model", "quoted", "none", "partial"]  # partial: it was stopped or broke off
NO_MODEL = "No model is configured: these are quoted passages."
MODEL_AWAY = "The model is not available: these are quoted passages."
REFUSED = "The model refused this question: these are quoted passages."
CUT = "The answer ends where it reached the greatest allowed length."


@dataclass
class Answer:
    """Grows while it is streamed; complete when the stream has ended."""

    question: str
    passages: list[Passage]
    history: list[Turn]
    text: str = ""
    mode: Mode = "none"
    notice: str = ""
    cited: set[int] = field(default_factory=set)

    async def stream(self, model: Model, embedder: Embedder) -> AsyncGenerator[str, None]:
        """Yield the answer piece by piece.

        Without a passage nobody is asked. Without a model, or while it is away, sentences are quoted and
        the notice says so. Raises ModelError only after a part of the model's answer was given.
        """
        if not self.passages:
            self.text = prompt.NOT_FOUND
            yield self.text
            return
        notice = NO_MODEL
        if model.configured:
            try:
                async with aclosing(self._generated(model)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ModelError as error:
                log.warning("model failed", extra={"fields": {"error.message": str(error)}})
                if self.text.strip():
                    raise
                notice = REFUSED if isinstance(error, RefusedError) else MODEL_AWAY
        self.text, self.mode, self.notice = "", "quoted", notice
        for text, number in await extractive.quotes(self.question, self.passages, embedder):
            gap = "\n\n" if self.text else ""
            piece = f"{gap}“{uncited(text)}” [{number}]"
            self.text += piece
            self.cited.add(number)
            yield piece

    async def _generated(self, model: Model) -> AsyncGenerator[str, None]:
        citations = CitationFilter(len(self.passages))
        self.mode, self.cited = "model", citations.cited
        messages = prompt.messages(self.question, self.passages, self.history)
        async with aclosing(model.stream(messages)) as pieces:
            async for piece, reason in pieces:
                if text := citations.feed(piece):
                    self.text += text
                    yield text
                if reason == "length":
                    self.notice = CUT
        if text := citations.finish():
            self.text += text
            yield text
        if not self.text.strip():
            raise ModelError("the model gave an empty answer")
        if self.text.strip().startswith(prompt.NOT_FOUND):
            self.mode = "none"
            self.cited.clear()
