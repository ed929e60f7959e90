"""Vectors from an OpenAI-compatible /embeddings endpoint."""

from __future__ import annotations

import asyncio
import time

import httpx

from .. import metrics, tracing
from ..errors import BadInput, Unavailable
from ..settings import Settings
from . import Kind, Vector

ATTEMPTS = 5
BATCH = 32
RETRIED = {408, 429, 500, 502, 503, 504}
REFUSED = {400, 413, 422}  # it is this text's fault, which is too long for the model, for example
MAX_PAUSE = 20.0


class EndpointEmbedder:
    """Retries with growing pauses: an endpoint that limits its rate slows ingestion, never breaks it."""

    tokenizer_file = ""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.embeddings_model
        self.dimension = settings.embeddings_dimension
        self.floor = settings.retrieval_min_similarity or 0.0
        # The E5 family was trained with these words in front and is much worse without them.
        e5 = "e5" in self.model.lower()
        query, passage = settings.embeddings_query_prefix, settings.embeddings_passage_prefix
        self.prefixes: dict[Kind, str] = {
            "query": query if query is not None else "query: " if e5 else "",
            "passage": passage if passage is not None else "passage: " if e5 else "",
        }
        key = settings.embeddings_api_key.get_secret_value()
        self.client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(60, connect=5),
        )
        endpoint = (settings.embeddings_endpoint or "").rstrip("/")
        self.url = f"{endpoint}{settings.embeddings_base_path}/embeddings"

    async def embed(self, texts: list[str], kind: Kind) -> list[Vector]:
        started = time.perf_counter()
        texts = [self.prefixes[kind] + text for text in texts]
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        # Someone waits for a query, so it is tried twice; nobody waits for a passage.
        attempts = 2 if kind == "query" else ATTEMPTS
        answers = await asyncio.gather(*(self._request(batch, attempts) for batch in batches))
        metrics.embed_duration.labels(kind).observe(time.perf_counter() - started)
        return [vector for vectors in answers for vector in vectors]

    async def close(self) -> None:
        await self.client.aclose()

    async def _request(self, texts: list[str], attempts: int) -> list[Vector]:
        cause: Exception | None = None
        for attempt in range(1, attempts + 1):
            pause = min(0.5 * 2**attempt, MAX_PAUSE)
            try:
                response = await self.client.post(
                    self.url, json={"model": self.model, "input": texts}, headers=tracing.outgoing_headers()
                )
            except httpx.TransportError as error:
                reason, cause = "does not answer", error
            else:
                if response.status_code == 200:
                    return self._vectors(response, len(texts))
                reason, cause = f"answers with status {response.status_code}", None
                if response.status_code in REFUSED:
                    raise BadInput(f"the embeddings endpoint refuses the text with status {response.status_code}")
                if response.status_code not in RETRIED:
                    break
                retry_after = response.headers.get("retry-after", "")
                if retry_after.isdigit():
                    pause = min(float(retry_after), MAX_PAUSE)
            if attempt < attempts:
                await asyncio.sleep(pause)
        raise Unavailable(f"the embeddings endpoint {reason}; try again in a moment", retry_after=10) from cause

    def _vectors(self, response: httpx.Response, expected: int) -> list[Vector]:
        try:
            data = sorted(response.json()["data"], key=lambda item: int(item["index"]))
            vectors = [[float(value) for value in item["embedding"]] for item in data]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the embeddings endpoint sent something that is not a list of vectors") from error
        if len(vectors) != expected or any(len(vector) != self.dimension for vector in vectors):
            raise Unavailable(
                f"the embeddings endpoint sent vectors of another number or length than {self.dimension}; "
                "check EMBEDDINGS_MODEL and EMBEDDINGS_DIMENSION"
            )
        return vectors
