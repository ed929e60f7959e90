"""From an uploaded file to an answer with citations, over HTTP."""

import pytest

from support import App, docx, pdf

GUIDE = """# Handbook

## Failover

When the primary database stops, a replica takes over by itself within thirty seconds.

## Holidays

Everybody has twenty-eight days of paid leave a year. Unused days expire at the end of March.
"""


@pytest.fixture(scope="module")
def guide(app: App) -> dict[str, object]:
    return app.index("guide.md", GUIDE)


def test_an_uploaded_document_becomes_searchable(guide):
    assert guide["status"] == "ready"
    assert guide["chunks_done"] == guide["chunks_total"] == 2
    assert guide["error"] is None


def test_an_answer_quotes_the_passage_and_the_citation_leads_to_it(app, guide):
    answer = app.ask("How long does a failover take?")

    assert "thirty seconds" in answer["text"]
    assert "[1]" in answer["text"]
    source = next(source for source in answer["sources"] if source["number"] == 1)
    assert source["cited"]
    assert source["heading"] == "Handbook > Failover"
    content = app.http.get(
        f"/api/documents/{source['document_id']}/content", params={"passage": source["ordinal"]}
    ).json()
    [cited] = [passage for passage in content["passages"] if passage["cited"]]
    assert cited["text"] == source["text"]
    assert "thirty seconds" in cited["text"]


def test_without_a_model_the_answer_says_that_it_only_quotes(app, guide):
    answer = app.ask("How many days of leave are there?")

    assert answer["mode"] == "quoted"
    assert answer["notice"] == "No model is configured: these are quoted passages."


def test_a_question_that_the_documents_do_not_answer_gets_no_invented_answer(app, guide):
    answer = app.ask("Who painted the ceiling of the Sistine Chapel?")

    assert answer["mode"] == "none"
    assert answer["text"] == "The documents do not answer this question."
    assert answer["sources"] == []


def test_a_streamed_answer_is_sources_then_tokens_then_the_whole(app, guide):
    received = app.ask_streaming("When do unused holidays expire?")

    names = [name for name, _ in received]
    assert names[0] == "sources"
    assert set(names[1:-1]) == {"token"}
    assert names[-1] == "done"
    done = received[-1][1]
    assert done["text"] == "".join(data["text"] for name, data in received if name == "token")
    assert "March" in done["text"]


def test_a_pdf_is_cited_with_its_page(app):
    app.index(
        "machine.pdf", pdf("The coffee machine is cleaned on Fridays.", "The boiler pressure must stay at nine bar.")
    )

    answer = app.ask("What pressure must the boiler have?")

    source = answer["sources"][0]
    assert (source["document_name"], source["page"]) == ("machine.pdf", 2)
    assert "nine bar" in answer["text"]


def test_a_word_document_keeps_its_headings(app):
    app.index("visitors.docx", docx(("Heading1", "Visitors"), "Every visitor signs the book at the north gate."))

    answer = app.ask("Where do visitors sign the book?")

    assert answer["sources"][0]["heading"] == "Visitors"
    assert "north gate" in answer["text"]


def test_an_html_page_is_read_as_a_reader_sees_it(app):
    page = (
        "<title>x</title><script>var secret = 1</script><h1>Parking</h1><p>Bicycles stand in the <b>east</b> yard.</p>"
    )
    app.index("parking.html", page)

    answer = app.ask("Where do bicycles stand?")

    assert "Bicycles stand in the east yard." in answer["text"]
    assert "secret" not in str(answer["sources"][0]["text"])


def test_a_follow_up_is_understood_together_with_the_question_before(app, guide):
    first = app.ask("What happens when the primary database stops?")

    second = app.ask("And how long does it take?", conversation_id=first["conversation_id"])

    assert "thirty seconds" in second["text"]
    conversation = app.http.get(f"/api/conversations/{first['conversation_id']}").json()
    assert [message["role"] for message in conversation["messages"]] == ["user", "assistant"] * 2
    assert conversation["messages"][1]["sources"][0]["cited"]


def test_a_search_can_be_limited_to_documents(app, guide):
    parking = app.index("bicycles.txt", "Bicycle repairs are paid by the company.")

    found = app.http.get("/api/search", params={"q": "holidays", "document": parking["id"], "limit": 5}).json()

    assert all(passage["document_id"] == parking["id"] for passage in found)


def test_the_same_bytes_are_one_document(app, guide):
    response = app.upload("another-name.md", GUIDE)

    assert response.status_code == 200
    assert response.json()["id"] == guide["id"]


def test_the_original_comes_back_as_a_download(app, guide):
    response = app.http.get(f"/api/documents/{guide['id']}/original")

    assert response.text == GUIDE
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_deleted_document_leaves_nothing_behind(app, environment):
    document = app.index("short-lived.txt", "The password of the wine cellar is secret.")

    assert app.http.delete(f"/api/documents/{document['id']}").status_code == 204

    assert app.http.get(f"/api/documents/{document['id']}").status_code == 404
    assert environment.rows(f"SELECT 1 FROM chunks WHERE document_id = '{document['id']}'") == []
    sources = app.ask("What is the password of the wine cellar?")["sources"]
    assert document["id"] not in [source["document_id"] for source in sources]
    assert app.http.get(f"/api/documents/{document['id']}/original").status_code == 404


def test_no_text_of_a_document_outlives_it_beside_the_conversations(app, environment):
    document = app.index("attic.txt", "The attic holds a golden trumpet and two drums.")
    conversation = app.ask("What does the attic hold?")["conversation_id"]

    app.http.delete(f"/api/documents/{document['id']}")

    answer = app.http.get(f"/api/conversations/{conversation}").json()["messages"][1]
    assert answer["sources"][0]["document_name"] == "attic.txt"
    assert answer["sources"][0]["text"] == ""
    assert environment.rows("SELECT 1 FROM messages WHERE sources::text LIKE '%trumpet%'") == []


def test_brackets_in_a_quotation_are_no_citations(app):
    app.index("essay.txt", "The comet returns every seventy-six years [1, 4], as comets[0] do.")

    answer = app.ask("When does the comet return?")

    assert answer["text"] == "“The comet returns every seventy-six years ［1, 4］, as comets[0] do.” [1]"


def test_every_conversation_can_be_reached(app, guide):
    ids = {app.ask("How long does a failover take?")["conversation_id"] for _ in range(3)}

    pages = [app.http.get("/api/conversations", params={"limit": 1, "offset": page}).json() for page in range(3)]

    assert {conversation["id"] for [conversation] in pages} == ids


def test_a_deleted_conversation_is_gone(app, guide):
    identifier = app.ask("How long does a failover take?")["conversation_id"]

    assert app.http.delete(f"/api/conversations/{identifier}").status_code == 204

    assert app.http.get(f"/api/conversations/{identifier}").status_code == 404
