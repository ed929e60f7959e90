"""Text to vectors, by a small model in this process or by an OpenAI-compatible endpoint."""

from typing import Literal, Protocol

from ..settings import Settings

Kind = Literal["query", "passage"]
Vector = list[float]


class Embedder(Protocol):
    """Turns texts into unit vectors of one length."""

    model: str
    dimension: int
    # Below this cosine similarity a passage says nothing about the question. It depends on the model.
    floor: float
    # What cuts a text into the tokens that the model reads; empty if that is not known here.
    tokenizer_file: str

    async def embed(self, texts: list[str], kind: Kind) -> list[Vector]: ...

    async def close(self) -> None: ...


def build(settings: Settings) -> Embedder:
    # Imported on demand: an image for endpoint embeddings carries no ONNX runtime.
    if settings.embeddings_mode == "endpoint":
        from .endpoint import EndpointEmbedder

        return EndpointEmbedder(settings)
    from .builtin import BuiltinEmbedder

    return BuiltinEmbedder(settings)


def literal(vector: Vector) -> str:
    """A vector as PostgreSQL reads it."""
    return f"[{','.join(['%.7g'] * len(vector))}]" % tuple(vector)
