"""Finds the passages that are nearest in meaning to a question."""

import time
from uuid import UUID

from pydantic import BaseModel

from . import metrics
from .embed import Embedder, literal
from .store.db import Database
from .tracing import tracer

INDEXED = "c.embedding <=> %(vector)s::vector"
# The index is not used for an expression that is not its own. It finds 98 of 100 neighbours, but among hundreds
# that are alike it can miss all: if nothing is found, every vector is read while that takes milliseconds, 17 here.
EXACT = f"({INDEXED}) + 0"
EXACT_PASSAGES = 20_000


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
        for distance in INDEXED, EXACT:
            best: dict[tuple[UUID, int], Passage] = {}
            for vector in vectors:
                for found in await _nearest(database, distance, literal(vector), limit, within):
                    key = (found.document_id, found.ordinal)
                    if key not in best or best[key].similarity < found.similarity:
                        best[key] = found
            ranked = sorted(best.values(), key=lambda found: -found.similarity)
            result = [found for found in ranked if found.similarity >= embedder.floor][:limit]
            if result:
                break
        metrics.retrieval_results.observe(len(result))
        return result


async def _nearest(
    database: Database, distance: str, vector: str, limit: int, within: list[UUID] | None
) -> list[Passage]:
    filtered = "AND c.document_id = ANY(%(within)s)" if within is not None else ""
    if distance == EXACT:
        filtered += " AND (SELECT reltuples FROM pg_class WHERE oid = 'chunks'::regclass) <= %(most)s"
    started = time.perf_counter()
    rows = await database.rows(
        "SELECT c.document_id, d.name AS document_name, c.ordinal, c.heading, c.page, c.text,"
        " 1 - (c.embedding <=> %(vector)s::vector) AS similarity"
        " FROM chunks c JOIN documents d ON d.id = c.document_id"
        f" WHERE d.status = 'ready' AND c.embedding IS NOT NULL {filtered}"
        f" ORDER BY {distance} LIMIT {limit:d}",
        {"vector": vector, "within": within, "most": EXACT_PASSAGES},
    )
    metrics.vector_search_duration.observe(time.perf_counter() - started)
    return [Passage(**row) for row in rows]
