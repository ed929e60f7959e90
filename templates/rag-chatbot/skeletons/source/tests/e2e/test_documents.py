"""What becomes of a document that is uploaded twice, deleted early, or full of repetitions."""

import asyncio
import hashlib
import io
from collections.abc import Callable

import pytest

from chatbot.errors import Conflict, NotFound
from chatbot.store import documents
from chatbot.store.db import Database
from chatbot.store.objects import Objects

from support import App


class Interrupted(io.BytesIO):
    """A file before whose bytes are sent to the store, something else happens."""

    def __init__(self, data: bytes, happens: Callable[[], None]) -> None:
        super().__init__(data)
        self.happens = happens

    def read(self, size: int | None = -1) -> bytes:
        self.happens()
        return super().read(size)


async def upload(settings, file: io.BytesIO) -> None:
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    async with Database(settings) as database:
        await documents.add(database, Objects(settings), "a.txt", "text/plain", digest, len(file.getvalue()), file)


async def sweep(settings) -> int:
    async with Database(settings) as database:
        return await documents.sweep(database, Objects(settings))


def test_a_document_that_is_deleted_while_it_comes_in_leaves_no_file(environment):
    deleted = []

    def delete() -> None:
        for document in app.http.get("/api/documents").json():
            assert document["status"] == "uploading"
            assert app.http.delete(f"/api/documents/{document['id']}").status_code == 204
            deleted.append(document["id"])

    with App(environment, INGEST_WORKER="false") as app:
        with pytest.raises(Conflict, match="deleted while"):
            asyncio.run(upload(environment.settings(), Interrupted(b"Delete me.", delete)))

        with pytest.raises(NotFound):
            asyncio.run(Objects(environment.settings()).get(documents.object_key(deleted[0])))
        assert app.http.get("/api/documents").json() == []


def test_an_upload_begun_anew_has_its_full_time_again(environment):
    text, swept = b"The drawbridge is raised at ten.", []
    file = Interrupted(text, lambda: swept.append(asyncio.run(sweep(environment.settings()))))
    with App(environment, INGEST_WORKER="false") as app:
        long_ago = "now() - interval '2 hours'"
        environment.rows(
            "INSERT INTO documents (name, media_type, sha256, size, created_at, updated_at) VALUES"
            f" ('b.txt', 'text/plain', '{hashlib.sha256(text).hexdigest()}', 1, {long_ago}, {long_ago})"
        )

        asyncio.run(upload(environment.settings(), file))

        assert set(swept) == {0}
        assert [document["status"] for document in app.http.get("/api/documents").json()] == ["queued"]


def test_a_file_that_failed_under_a_wrong_name_is_read_under_the_right_one(app):
    assert app.index("notes.md", "# 7 parrots live in the tower")["error"] == "the document holds no text"

    document = app.index("notes.txt", "# 7 parrots live in the tower")

    assert (document["status"], document["name"], document["media_type"]) == ("ready", "notes.txt", "text/plain")


def test_a_document_full_of_repetitions_hides_no_other(app, environment):
    app.index("zanzibar.txt", "The Zanzibar archipelago lies in the Indian Ocean.")

    repeated = app.index("repeated.txt", "q" * 500_000)

    [row] = environment.rows(
        f"SELECT count(*) AS passages, count(embedding) AS vectors FROM chunks WHERE document_id = '{repeated['id']}'"
    )
    assert (row["passages"], row["vectors"]) == (417, 2), "the last one is shorter than the others"
    assert app.http.get("/api/search", params={"q": "Where is Zanzibar?"}).json()[0]["document_name"] == "zanzibar.txt"


def test_what_the_index_does_not_find_is_found_by_reading_all(app, environment):
    junk = app.index("junk.txt", "deep cell text")["id"]
    # What as many documents with a common passage would leave, none of which is near to the question.
    environment.rows(
        "INSERT INTO chunks (document_id, ordinal, heading, text, embedding)"
        " SELECT document_id, number, heading, text, embedding FROM chunks, generate_series(1, 5000) number"
        f" WHERE document_id = '{junk}'"
    )
    app.index("penguins.txt", "Penguins breed on the ice of Antarctica.")
    environment.rows("ANALYZE chunks, documents")

    found = app.http.get("/api/search", params={"q": "Where do penguins breed?"}).json()

    assert found[0]["document_name"] == "penguins.txt"
