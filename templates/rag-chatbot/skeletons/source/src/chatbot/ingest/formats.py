"""The kinds of documents and how their text is read; run as a program, cuts one from standard input into passages.

As a program it imports little: a process is started for every document.
"""

import codecs
import io
import json
import re
import resource
import sys
from html.parser import HTMLParser
from itertools import pairwise
from os.path import splitext

from ..errors import ParseError
from .chunk import Block, chunks, estimated, exact

MAX_TEXT = 10_000_000  # characters; more is a dump, not a document
MAX_UNPACKED = 64 * 1024 * 1024
# From a text to its notes and back, as mammoth writes them: the numbers would look like citations.
NOTE_LINKS = re.compile(r'<sup><a href="#(?:foot|end)note-.*?</sup>| <a href="#(?:foot|end)note-ref-.*?</a>')
META_CHARSET = re.compile(rb"<meta[^>]+charset=[\"' ]*([a-z0-9_-]+)", re.IGNORECASE)
BROKEN = "\ufffd"
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # PostgreSQL refuses both

TEXT, MARKDOWN, HTML, PDF = "text/plain", "text/markdown", "text/html", "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MARKS = {PDF: b"%PDF-", DOCX: b"PK\x03\x04"}
UTF16 = (b"\xff\xfe", b"\xfe\xff")
EXTENSIONS = {
    ".txt": TEXT,
    ".text": TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
}


def media_type(name: str, head: bytes) -> str | None:
    """The type that a file's name claims, if its first bytes agree; otherwise None."""
    claimed = EXTENSIONS.get(splitext(name)[1].lower())
    if claimed == PDF:  # which may have something else in front
        return claimed if MARKS[PDF] in head[:1024] else None
    if claimed == DOCX:
        return claimed if head.startswith(MARKS[DOCX]) else None
    binary = head.startswith(tuple(MARKS.values())) or (b"\x00" in head and not head.startswith(UTF16))
    return None if binary else claimed


def read(data: bytes, kind: str) -> list[Block]:
    """The text of a document; raises ParseError. Parsers meet hostile input here: see parse()."""
    readers = {TEXT: _text, MARKDOWN: _markdown, HTML: _html, PDF: _pdf, DOCX: _docx}
    try:
        found = readers[kind](data)
    except (ParseError, MemoryError, RecursionError):
        raise
    except Exception as error:  # a parser may raise anything when it meets a damaged file
        format_ = {PDF: "PDF", DOCX: "Word document"}.get(kind, kind)
        raise ParseError(f"the document is damaged: it cannot be read as a {format_}") from error
    blocks = [
        Block(UNSTORABLE.sub("", block.text).strip(), UNSTORABLE.sub("", block.heading)[:300], block.page)
        for block in found
    ]
    blocks = [block for block in blocks if block.text]
    if not blocks:
        hint = "; if it is a scan, run text recognition (OCR) first" if kind == PDF else ""
        raise ParseError(f"the document holds no text{hint}")
    if sum(len(block.text) for block in blocks) > MAX_TEXT:
        raise ParseError(f"the document holds more than {MAX_TEXT:,} characters; split it")
    return blocks


def decode(data: bytes) -> str:
    """UTF-8 or marked UTF-16, else what a web page says it is, else Windows-1252; raises ParseError."""
    if data.startswith(UTF16):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = _not_quite_utf8(data)
    strange = sum(1 for char in text if char == BROKEN or (char < " " and char not in "\t\r\n\f"))
    if strange > len(text) / 20:
        raise ParseError("the document is not text in UTF-8; save it in that encoding")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_quite_utf8(data: bytes) -> str:
    """Text in another encoding has hardly a sequence that UTF-8 knows; damaged UTF-8 has many."""
    text = data.decode("utf-8-sig", errors="replace")
    broken = text.count(BROKEN)
    known = sum(1 for char in text if char > "\x7f") - broken
    return text if known >= broken else data.decode(_declared(data), errors="replace")


def _declared(data: bytes) -> str:
    """What a web page says of its encoding, unless that means Windows-1252, as these do in browsers, or nothing."""
    charset = META_CHARSET.search(data[:1024])
    try:
        name = codecs.lookup(charset[1].decode()).name if charset else "ascii"
        sensible = b"<meta".decode(name, errors="replace") == "<meta"
    except (LookupError, UnicodeError):
        sensible = False
    return name if sensible and name not in ("ascii", "iso8859-1", "utf-8") else "cp1252"


def _text(data: bytes) -> list[Block]:
    return [Block(decode(data))]


def _markdown(data: bytes) -> list[Block]:
    from markdown_it import MarkdownIt

    text = decode(data)
    lines = text.split("\n")
    blocks: list[Block] = []
    path: list[str] = []
    start = 0
    # Only the blocks are looked for: what is inside of them stays as it was written.
    for token, title in pairwise(MarkdownIt().disable("inline").parse(text)):
        if token.type == "heading_open" and token.level == 0 and token.map:
            blocks.append(_under(path, "\n".join(lines[start : token.map[0]])))
            path = _descend(path, int(token.tag[1]), title.content)
            start = token.map[1]
    return [*blocks, _under(path, "\n".join(lines[start:]))]


def _under(path: list[str], text: str) -> Block:
    return Block(text, " > ".join(filter(None, path)))


def _descend(path: list[str], level: int, title: str) -> list[str]:
    above = path[: level - 1]
    return [*above, *[""] * (level - 1 - len(above)), title]


class _HtmlReader(HTMLParser):
    """Keeps what a reader of the page sees, paragraph by paragraph."""

    # Not the head as a whole, whose end a page may leave out.
    HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "title", "nav"})
    BREAKS = frozenset(
        {"p", "div", "li", "tr", "section", "article", "pre", "table", "ul", "ol", "dt", "dd", "blockquote"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.path: list[str] = []
        self.parts: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self.HIDDEN:
            self.hidden.append(tag)
        elif re.fullmatch("h[1-6]", tag):
            self.flush()
        elif tag in self.BREAKS:
            self.parts.append("\n\n")
        elif tag == "br":
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            # A forgotten end tag inside must not hide the rest of the page.
            del self.hidden[self.hidden.index(tag) :]
        elif re.fullmatch("h[1-6]", tag):
            title = " ".join("".join(self.parts).split())
            self.parts.clear()
            self.path = _descend(self.path, int(tag[1]), title)
        elif tag in self.BREAKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(re.sub(r"\s+", " ", data))

    def flush(self) -> None:
        text = re.sub(r"[ \t]*\n[ \t\n]*\n[ \t]*", "\n\n", "".join(self.parts))
        self.blocks.append(_under(self.path, text))
        self.parts.clear()


def _html(data: bytes) -> list[Block]:
    return _page(decode(data))


def _page(html: str) -> list[Block]:
    reader = _HtmlReader()
    reader.feed(html)
    reader.close()
    reader.flush()
    return reader.blocks


def _pdf(data: bytes) -> list[Block]:
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(data))
    # Many files are locked against editing only: an empty password opens them for reading.
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise ParseError("the document is encrypted; upload a copy without a password")
    return [
        Block(re.sub(r"(?<=\w)-\n(?=[a-z])", "", page.extract_text()), page=number)
        for number, page in enumerate(reader.pages, start=1)
    ]


def _docx(data: bytes) -> list[Block]:
    import zipfile

    import defusedxml
    import mammoth

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # The sizes are not taken on trust: zipfile reads no more of a member than its entry says.
        if sum(entry.file_size for entry in archive.infolist() if entry.filename.endswith(".xml")) > MAX_UNPACKED:
            raise ParseError(f"the document unpacks to more than {MAX_UNPACKED // 2**20} MiB")
    defusedxml.defuse_stdlib()  # whose reader, which mammoth uses, would expand entities
    html = mammoth.convert_to_html(io.BytesIO(data), convert_image=mammoth.images.img_element(lambda image: {})).value
    return _page(NOTE_LINKS.sub("", html))


def _main(kind: str, tokenizer_file: str, seconds: str, memory: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    if sys.platform == "linux":  # macOS knows the limit but refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    try:
        tokens = exact(tokenizer_file) if tokenizer_file else estimated
        answer: dict[str, object] = {"passages": chunks(read(sys.stdin.buffer.read(), kind), tokens)}
    except ParseError as error:
        answer = {"error": str(error)}
    except (MemoryError, RecursionError):
        answer = {"error": "reading the document needs more memory than is allowed"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:5])
