"""Vectors from an OpenAI-compatible /embeddings endpoint."""

import asyncio
import time

from httpx2 import Timeout
from openai import APIError, APIStatusError

from .. import metrics, remote
from ..errors import BadInput, Unavailable
from ..settings import Settings
from . import Kind, Vector

BATCH = 32
REFUSED = {400, 413, 422}  # it is this text's fault, which is too long for the model, for example
# Someone waits for a query; nobody waits for a passage, and a Retry-After may be two minutes.
RETRIES: dict[Kind, int] = {"query": 1, "passage": 4}
SECONDS: dict[Kind, float | None] = {"query": 60, "passage": None}


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
        self.key = settings.embeddings_api_key
        client = remote.client(settings.embeddings_endpoint, settings.embeddings_base_path, self.key)
        self.client = client.with_options(timeout=Timeout(60, connect=5))

    async def embed(self, texts: list[str], kind: Kind) -> list[Vector]:
        started = time.perf_counter()
        texts = [self.prefixes[kind] + text for text in texts]
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        answers = await asyncio.gather(*(self._request(batch, kind) for batch in batches))
        metrics.embed_duration.labels(kind).observe(time.perf_counter() - started)
        return [vector for vectors in answers for vector in vectors]

    async def close(self) -> None:
        await self.client.close()

    async def _request(self, texts: list[str], kind: Kind) -> list[Vector]:
        client = self.client.with_options(max_retries=RETRIES[kind])
        try:
            async with asyncio.timeout(SECONDS[kind]):
                answer = await client.embeddings.create(
                    model=self.model, input=texts, encoding_format="float", extra_headers=remote.headers(self.key)
                )
            vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
            fitting = len(vectors) == len(texts) and all(len(vector) == self.dimension for vector in vectors)
        except APIStatusError as error:
            if error.status_code in REFUSED:
                reason = f"the embeddings endpoint refuses the text with status {error.status_code}"
                raise BadInput(reason) from error
            raise _away(f"answers with status {error.status_code}") from error
        except (APIError, TimeoutError) as error:
            raise _away("does not answer") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise Unavailable("the embeddings endpoint sent something that is not a list of vectors") from error
        if not fitting:
            raise Unavailable(
                f"the embeddings endpoint sent vectors of another number or length than {self.dimension}; "
                "check EMBEDDINGS_MODEL and EMBEDDINGS_DIMENSION"
            )
        return vectors


def _away(what: str) -> Unavailable:
    return Unavailable(f"the embeddings endpoint {what}; try again in a moment", retry_after=10)
