"""Answers without a model: the sentences nearest to the question, quoted word for word."""

from ..embed import Embedder
from ..ingest.chunk import sentences
from ..retrieve import Passage

QUOTES = 3
PASSAGES = 3  # sentences of more passages cost time and were never among the best
MAX_SENTENCES = 30
NEAR = 0.15  # a further quote must come this near to the best one


async def quotes(question: str, passages: list[Passage], embedder: Embedder) -> list[tuple[str, int]]:
    """The best sentences as (text, passage number), in reading order."""
    candidates: list[tuple[str, int]] = []
    for number, passage in enumerate(passages[:PASSAGES], start=1):
        for sentence in sentences(passage.text):
            text = " ".join(sentence.split())
            if len(text) > 20:
                candidates.append((text, number))
    candidates = candidates[:MAX_SENTENCES]
    if not candidates:
        return [(" ".join(passages[0].text.split()), 1)]
    asked = (await embedder.embed([question], "query"))[0]
    vectors = await embedder.embed([text for text, _ in candidates], "passage")
    scores = [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in vectors]
    order = sorted(range(len(candidates)), key=lambda index: -scores[index])
    chosen = [index for index in order[:QUOTES] if scores[index] >= scores[order[0]] - NEAR]
    return [candidates[index] for index in sorted(chosen)]
