"""Streams an answer from an OpenAI-compatible server such as vLLM."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from httpx2 import Timeout
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError
from openai.types.chat import ChatCompletionMessageParam

from .. import metrics, remote, tracing
from ..settings import Settings

RETRIES = 2
Piece = tuple[str, str]  # a stretch of text and, with the last one, why the model ends
UNKEPT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL and UTF-8 have no room for these


class ModelError(Exception):
    """The model gave no answer, or only a part of one; the message may be shown."""


class RefusedError(ModelError):
    """The model does not want this question; the next one may be welcome."""


class Model:
    """The chat completions client: streaming, bounded waits, retries before the answer begins."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        client = remote.client(settings.llama_endpoint, settings.llama_base_path, settings.llama_api_key)
        wait = Timeout(settings.llama_first_token_seconds, connect=5)
        self.client = client.with_options(timeout=wait, max_retries=RETRIES)
        self.rests_until = 0.0
        self.state = "unused" if settings.llama_endpoint else "none"

    @property
    def configured(self) -> bool:
        return bool(self.settings.llama_endpoint)

    async def stream(self, messages: list[ChatCompletionMessageParam]) -> AsyncGenerator[Piece, None]:
        """Yield pieces of the answer; raises ModelError. Closing the iterator cancels the model's work."""
        if time.monotonic() < self.rests_until:
            raise ModelError("the model is not available at the moment")
        started = time.perf_counter()
        outcome, first = "cancelled", True
        try:
            with tracing.tracer.start_as_current_span("model"):
                async with aclosing(self._pieces(messages)) as pieces:
                    async for piece in pieces:
                        if first:
                            metrics.llm_first_token.observe(time.perf_counter() - started)
                            first = False
                        yield piece
            outcome = self.state = "ok"
        except RefusedError:
            outcome = "error"
            raise
        except ModelError:
            outcome = self.state = "error"
            if first:
                self.rests_until = time.monotonic() + self.settings.llama_rest_seconds
            raise
        finally:
            metrics.llm_request_duration.labels(outcome).observe(time.perf_counter() - started)

    async def _pieces(self, messages: list[ChatCompletionMessageParam]) -> AsyncGenerator[Piece, None]:
        # A short wait between tokens and a long one before the first, for all attempts together.
        wait = self.settings.llama_first_token_seconds
        finished = False
        try:
            async with asyncio.timeout(wait):
                stream = await self.client.chat.completions.create(
                    model=self.settings.llama_model,
                    messages=messages,
                    max_tokens=self.settings.llama_max_tokens,
                    temperature=0.1,
                    stream=True,
                    stream_options={"include_usage": True},
                    extra_headers=remote.headers(self.settings.llama_api_key),
                )
            async with stream:
                while True:
                    async with asyncio.timeout(wait):
                        chunk = await anext(stream, None)
                    if chunk is None:
                        break
                    wait = self.settings.llama_next_token_seconds
                    if chunk.usage:
                        metrics.llm_tokens.labels("prompt").inc(chunk.usage.prompt_tokens or 0)
                        metrics.llm_tokens.labels("completion").inc(chunk.usage.completion_tokens or 0)
                    for choice in chunk.choices or []:
                        text, reason = choice.delta.content or "", choice.finish_reason or ""
                        finished = finished or bool(reason)
                        if text or reason:
                            yield UNKEPT.sub("", text), reason
        except (APIError, TimeoutError, ValueError, TypeError, AttributeError) as error:
            raise _meaning(error) from error
        if not finished:
            raise ModelError("the model's answer broke off")


def _meaning(error: Exception) -> ModelError:
    """The failure in our words; the client's own may quote the question."""
    match error:
        case APIStatusError(status_code=401 | 403):
            return ModelError("the model server refuses the application's key; check LLAMA_API_KEY")
        case APIStatusError(status_code=404):
            return ModelError(
                "the model server does not know the model or the path; check LLAMA_MODEL and LLAMA_BASE_PATH"
            )
        case APIStatusError(status_code=status) if status >= 500 or status in (408, 409, 429):
            return ModelError(f"the model server answers with status {status}")
        case APIStatusError(status_code=status):
            return RefusedError(f"the model server refuses the request with status {status}")
        case APITimeoutError() | TimeoutError():
            return ModelError("the model took too long to answer")
        case APIConnectionError():
            return ModelError("the connection to the model broke off")
        case APIError():
            return ModelError("the model reports an error")
    return ModelError("the model sent something that is not an answer")
