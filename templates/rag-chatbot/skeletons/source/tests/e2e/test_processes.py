"""Several processes, crashes in the middle, and parts that go away and come back."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest

from support import App, Cable, Model, events, reachable, run, says, until

LONG = "\n\n".join(
    f"## Rule {number}\n\nRule number {number} of the society says that member {number * 7} must bring "
    f"{number + 3} apples to the meeting in room {number * 2}. " + "The minutes are kept by the secretary. " * 12
    for number in range(150)
)


def test_a_killed_worker_is_replaced_and_the_document_finished_without_duplicates(environment):
    with App(environment, INGEST_WORKER="false") as api, App(environment, "worker") as first:
        identifier = api.upload("rules.md", LONG).json()["id"]
        until(lambda: api.document(identifier)["chunks_done"] > 0, "the first passages")

        first.kill()
        killed = api.document(identifier)
        with App(environment, "worker"):
            document = api.settled(identifier, 60)

    assert document["status"] == "ready"
    assert document["attempts"] == 1, "a crash after which it got on does not count"
    assert 0 < killed["chunks_done"] < killed["chunks_total"]
    [row] = environment.rows("SELECT count(*) AS rows, count(DISTINCT ordinal) AS ordinals FROM chunks")
    assert row["rows"] == row["ordinals"] == document["chunks_total"]


def test_a_stopped_worker_hands_its_document_on_at_once(environment):
    with App(environment, INGEST_WORKER="false") as api, App(environment, "worker") as worker:
        identifier = api.upload("more-rules.md", LONG.replace("apples", "pears")).json()["id"]
        until(lambda: api.document(identifier)["chunks_done"] > 0, "the first passages")

        assert worker.stop() == 0

        document = api.document(identifier)
        assert (document["status"], document["attempts"]) == ("queued", 0)
        assert api.http.delete(f"/api/documents/{identifier}").status_code == 204


def test_an_answer_that_has_begun_is_finished_before_a_process_ends(environment):
    with Model() as model, App(environment, **model.settings()) as app:
        app.index("tower.txt", "The tower has four hundred steps.")
        model.plays(says("Four hundred [1], " * 20, pause=0.02))
        with app.http.stream(
            "POST", "/api/chat", json={"question": "How many steps?"}, headers={"Accept": "text/event-stream"}
        ) as response:
            received = events(response)
            assert next(received)[0] == "sources"
            app.process.terminate()
            names = [name for name, _ in received]

        assert names[-1] == "done"
        assert names.count("token") > 20
        assert app.process.wait(20) == 0
        assert not reachable(app.port)


def test_three_processes_share_the_work_and_agree(environment):
    with App(environment) as one, App(environment) as two, App(environment) as three:
        apps = [one, two, three]
        texts = [f"Locker {number} belongs to person {number}." for number in range(9)]

        with ThreadPoolExecutor(9) as pool:
            uploads = list(pool.map(lambda n: apps[n % 3].upload(f"{n}.txt", texts[n]).json()["id"], range(9)))
            same = list(pool.map(lambda app: app.upload("0.txt", texts[0]).json()["id"], apps))

        documents = [apps[(n + 1) % 3].settled(uploads[n]) for n in range(9)]
        assert [document["status"] for document in documents] == ["ready"] * 9
        assert [document["attempts"] for document in documents] == [1] * 9
        assert set(same) == {uploads[0]}


@pytest.mark.parametrize("part", ["PGVECTOR", "MINIO"])
def test_what_goes_away_is_reported_and_what_returns_is_used_again(environment, part):
    if part == "PGVECTOR":
        target: str | tuple[str, int] = f"{environment['PGVECTOR_HOST']}/.s.PGSQL.5432"
    else:
        target = ("127.0.0.1", urlsplit(environment["MINIO_ENDPOINT"]).port or 0)
    with Cable(target) as cable:
        changes = {"PGVECTOR_HOST": "127.0.0.1", "PGVECTOR_PORT": cable.port, "PGVECTOR_SSLMODE": "disable"}
        if part == "MINIO":
            changes = {"MINIO_ENDPOINT": f"http://127.0.0.1:{cable.port}"}
        with App(environment.with_(**changes)) as app:
            assert app.http.get("/readyz").status_code == 200

            cable.pull()
            ready = app.http.get("/readyz")
            upload = app.upload("away.txt", f"Written while the {part} was away.")
            assert ready.status_code == upload.status_code == 503
            assert "not available" in upload.json()["error"]["message"]
            assert app.http.get("/healthz").status_code == 200

            cable.plug()
            until(lambda: app.http.get("/readyz").status_code == 200, "readiness", 40)
            assert app.index("away.txt", f"Written while the {part} was away.")["status"] == "ready"


def test_an_outage_fails_no_document_however_long_it_lasts(environment):
    target = ("127.0.0.1", urlsplit(environment["MINIO_ENDPOINT"]).port or 0)
    with Cable(target) as cable, App(environment, INGEST_WORKER="false") as app:
        changes = {"INGEST_MAX_ATTEMPTS": 1, "INGEST_RETRY_SECONDS": 0.1}
        with App(environment.with_(MINIO_ENDPOINT=f"http://127.0.0.1:{cable.port}"), "worker", **changes):
            cable.pull()
            identifiers = [app.upload(f"{n}.txt", f"Outage number {n} was long.").json()["id"] for n in range(3)]
            until(lambda: all(row["waits"] > 1 for row in _documents(environment, *identifiers)), "attempts")
            assert all("document store is not available" in app.document(each)["error"] for each in identifiers)

            cable.plug()

            settled = [app.settled(each) for each in identifiers]
            assert [(each["status"], each["attempts"]) for each in settled] == [("ready", 1)] * 3


def _documents(environment, *identifiers):
    return [environment.rows(f"SELECT * FROM documents WHERE id = '{identifier}'")[0] for identifier in identifiers]


def test_a_small_document_overtakes_a_large_one(environment):
    with App(environment) as app:
        large = app.upload("large.md", LONG.replace("apples", "figs") + LONG.replace("apples", "nuts")).json()["id"]
        until(lambda: app.document(large)["chunks_total"], "the large document to be read")

        assert app.index("small.txt", "The zebra quota is twelve.")["status"] == "ready"

        assert app.document(large)["status"] == "processing"
        assert app.http.delete(f"/api/documents/{large}").status_code == 204


def test_reindexing_waits_for_a_worker_that_writes_and_not_the_worker_for_it(environment):
    with App(environment, INGEST_WORKER="false") as app, psycopg.connect(environment.conninfo()) as worker:
        identifier = app.upload("slow.txt", "This document is written slowly.").json()["id"]
        worker.execute("UPDATE documents SET status = 'processing' WHERE id = %s", (identifier,))
        with ThreadPoolExecutor(1) as pool:
            reindexing = pool.submit(run, app.environment, "reindex")
            waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            until(lambda: environment.rows(waiting), "reindex to wait")

            worker.execute(
                "INSERT INTO chunks (document_id, ordinal, heading, text) VALUES (%s, 0, '', '')", (identifier,)
            )
            worker.commit()

            reindexing.result()
        assert environment.rows("SELECT * FROM chunks") == []
        assert app.http.delete(f"/api/documents/{identifier}").status_code == 204


def test_a_different_embedding_model_is_refused_until_reindexed(environment):
    environment.rows("UPDATE index_settings SET embedding_model = 'another'")
    with App(environment) as app:
        answer = app.http.get("/readyz")
        assert answer.status_code == 503
        assert "reindex" in answer.json()["database"]

        run(app.environment, "reindex")

        assert app.http.get("/readyz").status_code == 200
        newest = app.http.get("/api/documents").json()[0]
        assert app.settled(newest["id"], 120)["status"] == "ready"


def test_logs_are_json_lines(environment):
    with App(environment) as app:
        app.http.get("/api/documents")
        app.stop()

    lines = [json.loads(line) for line in app.output().splitlines()]
    [request] = [line for line in lines if line["message"] == "request"]
    assert request["url.route"] == "/api/documents"
    assert len(request["trace.id"]) == 32
