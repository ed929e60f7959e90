"""Streams an answer from an OpenAI-compatible server such as vLLM."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from .. import metrics, tracing
from ..settings import Settings

ATTEMPTS = 3
Piece = tuple[str, str]  # a stretch of text and, with the last one, why the model ends
RETRIED = {408, 409, 429, 500, 502, 503, 504}
MAX_PAUSE = 4.0
UNKEPT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL and UTF-8 have no room for these


class ModelError(Exception):
    """The model gave no answer, or only a part of one; the message may be shown."""


class RefusedError(ModelError):
    """The model does not want this question; the next one may be welcome."""


class Model:
    """The chat completions client: streaming, bounded waits, retries until the first token."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        key = settings.llama_api_key.get_secret_value()
        self.url = f"{(settings.llama_endpoint or '').rstrip('/')}{settings.llama_base_path}/chat/completions"
        self.client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(settings.llama_first_token_seconds, connect=5),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )
        self.rests_until = 0.0
        self.state = "unused" if settings.llama_endpoint else "none"

    @property
    def configured(self) -> bool:
        return bool(self.settings.llama_endpoint)

    async def stream(self, messages: list[dict[str, str]]) -> AsyncGenerator[Piece, None]:
        """Yield pieces of the answer; raises ModelError. Closing the iterator cancels the model's work."""
        if time.monotonic() < self.rests_until:
            raise ModelError("the model is not available at the moment")
        started = time.perf_counter()
        outcome, first = "cancelled", True
        try:
            with tracing.tracer.start_as_current_span("model"):
                async with aclosing(self._with_retries(messages)) as pieces:
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

    async def _with_retries(self, messages: list[dict[str, str]]) -> AsyncGenerator[Piece, None]:
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._request(messages)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except _Again as again:
                # Once a reader has seen a part, a second attempt would give them two beginnings.
                if begun or attempt == ATTEMPTS:
                    raise ModelError(again.reason) from again
                await asyncio.sleep(min(again.pause or 0.3 * 2**attempt, MAX_PAUSE))

    async def _request(self, messages: list[dict[str, str]]) -> AsyncGenerator[Piece, None]:
        body = {
            "model": self.settings.llama_model,
            "messages": messages,
            "max_tokens": self.settings.llama_max_tokens,
            "temperature": 0.1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        finished = False
        try:
            async with self.client.stream("POST", self.url, json=body, headers=tracing.outgoing_headers()) as response:
                if response.status_code != 200:
                    raise self._refusal(response)
                async with aclosing(self._lines(response)) as lines:
                    async for line in lines:
                        if line == "data: [DONE]":
                            finished = True
                            break
                        if line.startswith("data:"):
                            text, reason = _piece(line[5:])
                            finished = finished or bool(reason)
                            if text or reason:
                                yield text, reason
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _Again("the model took too long to answer") from error
        except httpx.TransportError as error:
            raise _Again("the connection to the model broke off") from error
        if not finished:
            raise _Again("the model's answer broke off")

    async def _lines(self, response: httpx.Response) -> AsyncGenerator[str, None]:
        """Lines of the stream, with a short wait between tokens and a long one before the first."""
        lines = response.aiter_lines()
        wait = self.settings.llama_first_token_seconds
        while True:
            try:
                async with asyncio.timeout(wait):
                    line = await anext(lines)
            except StopAsyncIteration:
                return
            if line.startswith("data:"):
                wait = self.settings.llama_next_token_seconds
            yield line

    def _refusal(self, response: httpx.Response) -> Exception:
        status = response.status_code
        if status in (401, 403):
            return ModelError("the model server refuses the application's key; check LLAMA_API_KEY")
        if status == 404:
            return ModelError(
                "the model server does not know the model or the path; check LLAMA_MODEL and LLAMA_BASE_PATH"
            )
        if status not in RETRIED:
            return RefusedError(f"the model server refuses the request with status {status}")
        retry_after = response.headers.get("retry-after", "")
        return _Again(
            f"the model server answers with status {status}",
            float(retry_after) if retry_after.isdigit() else None,
        )


class _Again(Exception):
    """Worth another attempt."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


def _piece(data: str) -> Piece:
    try:
        event = json.loads(data)
        if event.get("error"):
            raise _Again("the model reports an error")
        if usage := event.get("usage"):
            metrics.llm_tokens.labels("prompt").inc(usage.get("prompt_tokens") or 0)
            metrics.llm_tokens.labels("completion").inc(usage.get("completion_tokens") or 0)
        if not event.get("choices"):
            return "", ""
        choice = event["choices"][0]
        text = (choice.get("delta") or {}).get("content") or ""
        return UNKEPT.sub("", text), choice.get("finish_reason") or ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Again("the model sent something that is not an answer") from error
