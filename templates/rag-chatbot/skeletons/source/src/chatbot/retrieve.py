"""Finds the passages that are nearest in meaning to a question."""

from __future__ import annotations

import time
from uuid import UUID

from pydantic import BaseModel

from . import metrics
from .embed import Embedder, literal
from .store.db import Database
from .tracing import tracer


class Excerpt(BaseModel):
    """A stretch of a document and where it stands."""

    ordinal: int
    heading: str
    page: int | None
    text: str


class Passage(Excerpt):
    """An excerpt that was found, and how near it is to the question (cosine, 1 is the same)."""

    document_id: UUID
    document_name: str
    similarity: float


async def search(
    database: Database, embedder: Embedder, questions: list[str], limit: int, within: list[UUID] | None = None
) -> list[Passage]:
    """The passages nearest to any of the questions, best first, each once.

    within: only these documents. Passages below the embedder's floor are left out: an empty result
    says that the documents do not speak of it.
    """
    with tracer.start_as_current_span("retrieve"):
        vectors = await embedder.embed(questions, "query")
        best: dict[tuple[UUID, int], Passage] = {}
        for vector in vectors:
            for found in await _nearest(database, literal(vector), limit, within):
                key = (found.document_id, found.ordinal)
                if key not in best or best[key].similarity < found.similarity:
                    best[key] = found
        ranked = sorted(best.values(), key=lambda found: -found.similarity)
        result = [found for found in ranked if found.similarity >= embedder.floor][:limit]
        metrics.retrieval_results.observe(len(result))
        return result


async def _nearest(database: Database, vector: str, limit: int, within: list[UUID] | None) -> list[Passage]:
    filtered = "AND c.document_id = ANY(%(within)s)" if within is not None else ""
    started = time.perf_counter()
    rows = await database.rows(
        "SELECT c.document_id, d.name AS document_name, c.ordinal, c.heading, c.page, c.text,"
        " 1 - (c.embedding <=> %(vector)s::vector) AS similarity"
        " FROM chunks c JOIN documents d ON d.id = c.document_id"
        f" WHERE d.status = 'ready' {filtered}"
        f" ORDER BY c.embedding <=> %(vector)s::vector LIMIT {limit:d}",
        {"vector": vector, "within": within},
    )
    metrics.vector_search_duration.observe(time.perf_counter() - started)
    return [Passage(**row) for row in rows]
