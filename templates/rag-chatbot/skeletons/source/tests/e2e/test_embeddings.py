"""Vectors from an OpenAI-compatible endpoint, and everything that it can do wrong."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from support import App, Model, ModelRequest, refuses, run, until

DIMENSION = 64


def vectors(request: ModelRequest, length: int = DIMENSION) -> None:
    """Embeds a text by its words: texts with common words are near."""
    texts = request.server.requests[-1]["body"]["input"]
    data = []
    for index, text in enumerate(texts):
        vector = [0.01] * length
        for word in text.lower().replace(".", "").replace("?", "").split():
            vector[hashlib.sha256(word.encode()).digest()[0] % length] += 1
        data.append({"index": index, "embedding": vector})
    # An order of its own: what counts is the index.
    request.reply(json.dumps({"data": data[::-1]}))


@pytest.fixture(scope="module")
def server() -> Iterator[Model]:
    with Model(default=vectors) as running:
        yield running


@pytest.fixture(scope="module")
def settings(server: Model) -> dict[str, str]:
    return {
        "EMBEDDINGS_MODE": "endpoint",
        "EMBEDDINGS_ENDPOINT": server.url,
        "EMBEDDINGS_MODEL": "intfloat/multilingual-e5-small",
        "EMBEDDINGS_DIMENSION": str(DIMENSION),
        "EMBEDDINGS_API_KEY": "k3y",
    }


@pytest.fixture(scope="module")
def app(environment, settings) -> Iterator[App]:
    with App(environment, INGEST_MAX_ATTEMPTS=2, **settings) as running:
        running.index("harbour.txt", "The harbour closes at midnight.")
        yield running


def test_passages_and_questions_go_to_the_endpoint_as_its_model_was_trained(app, server):
    server.requests.clear()
    app.index("market.txt", "The market opens at seven.")

    found = app.http.get("/api/search", params={"q": "harbour closes midnight"}).json()

    assert found[0]["text"] == "The harbour closes at midnight."
    assert [request["path"] for request in server.requests] == ["/v1/embeddings"] * 2
    assert server.requests[0]["headers"]["Authorization"] == "Bearer k3y"
    assert server.requests[0]["body"]["input"] == ["passage: The market opens at seven."]
    assert server.requests[1]["body"]["input"] == ["query: harbour closes midnight"]


def test_each_passage_gets_its_own_vector_in_whatever_order_they_come(app, server):
    app.index(
        "yard.md", "# Gate\n\nRusty iron gate.\n\n# Pond\n\nSleepy golden carp.\n\n# Shed\n\nBroken wooden ladder."
    )

    for words in ("Gate Rusty iron gate", "Pond Sleepy golden carp", "Shed Broken wooden ladder"):
        [best] = app.http.get("/api/search", params={"q": words, "limit": 1}).json()
        assert best["heading"] == words.split()[0]


def test_an_endpoint_that_limits_its_rate_slows_indexing_and_does_not_break_it(app, server):
    server.plays(refuses(429, Retry_After="1"), refuses(503))

    document = app.index("bakery.txt", "The bakery is closed on Mondays.")

    assert (document["status"], document["attempts"]) == ("ready", 1)


def test_a_question_is_refused_while_the_endpoint_is_away(app, server):
    server.plays(refuses(500), refuses(500))

    response = app.http.post("/api/chat", json={"question": "When does the harbour close?"})

    assert response.status_code == 503
    assert "embeddings endpoint" in response.json()["error"]["message"]
    assert app.http.get("/api/search", params={"q": "harbour"}).status_code == 200


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda request: vectors(request, DIMENSION + 1), "check EMBEDDINGS_MODEL and EMBEDDINGS_DIMENSION"),
        (lambda request: request.reply('{"data": []}'), "check EMBEDDINGS_MODEL and EMBEDDINGS_DIMENSION"),
        (lambda request: request.reply("<html>"), "is not a list of vectors"),
        (refuses(401), "answers with status 401"),
    ],
    ids=["longer", "none", "page", "401"],
)
def test_what_is_no_answer_is_reported_and_the_document_waits(app, server, answer, reason):
    server.plays(answer)

    identifier = app.upload("ferry.txt", f"The ferry needs an hour. {reason} {answer}").json()["id"]

    until(lambda: app.document(identifier)["error"], "the reason")
    document = app.document(identifier)
    assert (document["status"], document["attempts"]) == ("queued", 0), "it is tried again, as often as it takes"
    assert reason in document["error"]
    assert app.http.delete(f"/api/documents/{identifier}").status_code == 204


def test_a_document_that_the_endpoint_refuses_fails_and_says_so(app, server):
    server.plays(refuses(413), refuses(413))

    document = app.index("epic.txt", "The epic is too long.")

    assert (document["status"], document["attempts"]) == ("failed", 2)
    assert "refuses the text with status 413" in document["error"]


def test_another_length_of_vectors_is_refused_until_reindexed(environment, settings, app):
    longer = {**settings, "EMBEDDINGS_DIMENSION": "384", "EMBEDDINGS_MODE": "builtin"}
    with App(environment, **longer) as changed:
        assert "reindex" in changed.http.get("/readyz").json()["database"]
        assert changed.http.get("/readyz").status_code == 503

        run(changed.environment, "reindex")

        until(lambda: all(d["status"] == "ready" for d in changed.http.get("/api/documents").json()), "the index", 60)
        assert changed.http.get("/readyz").status_code == 200
        assert changed.http.get("/api/search", params={"q": "When does the harbour close?"}).json()
    assert app.http.get("/readyz").status_code == 503, "a process with the former model is out of use"
