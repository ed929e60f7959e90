"""Whatever is uploaded or asked: a clear status, a reason that helps, and an application that goes on."""

import io
import zipfile

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from support import docx, pdf


def encrypted(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("The vault opens at noon."))))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        for _ in range(100):
            member.write(b" " * 1024 * 1024)
    return file.getvalue()


def pdf_bomb() -> bytes:
    """A page whose content unpacks to two hundred times what it may take."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("A page."))))
    content = DecodedStreamObject()
    content.set_data(b"(boom) Tj " * 20_000_000)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content.flate_encode())
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("empty.txt", b"", 400),
        ("program.exe", b"MZ\x90\x00", 415),
        ("no-extension", b"text", 415),
        ("text.pdf", b"this is no PDF", 415),
        ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00", 415),
        ("really-a.docx", pdf("a"), 415),
        ("huge.txt", b"x" * (21 * 1024 * 1024), 413),
        ("gigantic.txt", b"x" * (24 * 1024 * 1024), 413),
    ],
)
def test_what_cannot_be_a_document_is_refused_at_once(app, name, data, status):
    response = app.upload(name, data)

    assert response.status_code == status
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("blank.txt", b" \n\t\n", "holds no text"),
        ("scan.pdf", pdf(""), "recognition (OCR)"),
        ("locked.pdf", encrypted("user"), "encrypted"),
        ("torn.pdf", pdf("A page.")[:200], "damaged"),
        ("torn.docx", docx("A paragraph.")[:60], "damaged"),
        ("wrong.docx", docx(body="<broken"), "damaged"),
        ("klingon.docx", docx(body='<?xml version="1.0" encoding="klingon"?><x/>'), "damaged"),
        ("bomb.docx", bomb(), "unpacks to more than"),
        (
            "laughs.docx",
            docx(body='<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'),
            "damaged",
        ),
        ("bomb.pdf", pdf_bomb(), "damaged"),
        ("noise.txt", bytes(range(1, 32)) * 50, "not text"),
        ("sections.md", "".join(f"# h{number}\nx\n" for number in range(50_000)), "passages; split it"),
    ],
)
def test_what_cannot_be_read_fails_with_a_reason_and_is_not_tried_again(app, name, data, reason):
    document = app.index(name, data)

    assert document["status"] == "failed"
    assert reason in document["error"]
    assert document["attempts"] == 1


def test_a_pdf_that_is_only_locked_against_editing_is_read(app):
    assert app.index("restricted.pdf", encrypted(""))["status"] == "ready"


def test_broken_utf8_is_read_as_far_as_it_goes(app):
    document = app.index("broken.txt", b"The gardener waters the \xff\xfe roses every evening. " * 3 + b"Good.")

    assert document["status"] == "ready"
    assert "roses" in app.ask("Who waters the roses?")["text"]


def test_a_name_with_markup_and_paths_is_kept_as_plain_text(app):
    response = app.upload("../../<img src=x onerror=alert(1)>.txt", "Nothing to see here, at least not much.")

    assert response.json()["name"] == "<img src=x onerror=alert(1)>.txt"


def test_markup_in_a_document_stays_text(app):
    app.index("markup.txt", "The wizard wrote <script>alert('spell')</script> on the blackboard.")

    assert "<script>alert('spell')</script>" in app.ask("What did the wizard write on the blackboard?")["text"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"question": ""}, 422),
        ({"question": "   "}, 400),
        ({"question": "\x00"}, 400),
        ({"question": "x" * 2001}, 422),
        ({"question": "who", "conversation_id": "no-uuid"}, 422),
        ({"question": "who", "conversation_id": "00000000-0000-0000-0000-000000000000"}, 404),
    ],
)
def test_a_question_that_is_none_is_refused(app, body, status):
    response = app.http.post("/api/chat", json=body)

    assert response.status_code == status
    assert "message" in response.json()["error"]


def test_the_log_holds_neither_document_text_nor_questions(app):
    app.index("diary.txt", "My secret diary says xylophone.")
    app.ask("Where does the diary mention a xylophone?")

    assert "xylophone" not in app.output()
    assert "diary.txt" not in app.output()
