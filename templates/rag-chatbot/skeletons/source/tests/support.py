"""What the tests share: processes of the application, a scripted model, a cable to pull, documents."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx2
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from chatbot import dev, settings

PACKAGE = "chatbot"
ROOT = Path(__file__).parent.parent
DOCUMENTS = ROOT / "eval" / "documents"


class Environment(dict[str, str]):
    """Environment variables of a process, as the Helm chart would set them."""

    def take(self, configured: settings.Settings) -> None:
        """Adopt what was just started."""
        for name in ("pgvector_host", "pgvector_database", "pgvector_user", "minio_endpoint"):
            if value := getattr(configured, name):
                self[name.upper()] = str(value)
        if configured.minio_endpoint:
            self |= {
                "MINIO_ACCESS_KEY": configured.minio_access_key.get_secret_value(),
                "MINIO_SECRET_KEY": configured.minio_secret_key.get_secret_value(),
                "MINIO_BUCKET": configured.minio_bucket,
            }

    def with_(self, **changes: object) -> "Environment":
        return Environment(self | {name: str(value) for name, value in changes.items()})

    def conninfo(self) -> str:
        return make_conninfo(
            host=self["PGVECTOR_HOST"],
            port=self.get("PGVECTOR_PORT", "5432"),
            user=self["PGVECTOR_USER"],
            dbname=self["PGVECTOR_DATABASE"],
        )

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.conninfo(), autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def settings(self) -> settings.Settings:
        return settings.Settings(
            app_mode="production", **{name.lower(): value for name, value in self.items() if name.isupper()}
        )

    def complete(self, **changes: object) -> dict[str, str]:
        """Everything that a process needs, on loopback only."""
        defaults = {
            "APP_MODE": "production",
            "APP_ENVIRONMENT": "test",
            "AUTH_MODE": "none",
            "RATE_LIMIT_PER_MINUTE": "0",
            "INGEST_LEASE_SECONDS": "3",
            "INGEST_RETRY_SECONDS": "0.5",
            "LISTEN_ADDRESS": "127.0.0.1",
            "PYTHONPATH": str(ROOT / "src"),
            "PATH": os.environ["PATH"],
        }
        return defaults | self | {name: str(value) for name, value in changes.items()}


@contextmanager
def embedded(prefix: str) -> Iterator[Environment]:
    """An embedded PostgreSQL with pgvector and an embedded S3 server, gone afterwards."""
    configured = settings.Settings(app_mode="dev")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        folder.chmod(0o755)  # as root, the database runs as another user, who must get in
        environment = Environment()
        for part in (dev.postgres(folder / "postgres"), dev.s3(folder / "objects")):
            environment.take(configured.model_copy(update=stack.enter_context(part)))
        yield environment


class App:
    """A process of the application, from migration to shutdown, spoken to as its users would."""

    migrated: ClassVar[set[str]] = set()

    def __init__(self, environment: Environment, command: str = "serve", **changes: object) -> None:
        self.port, self.metrics_port = dev.free_port(), dev.free_port()
        self.environment = environment.complete(
            **{"LISTEN_API": self.port, "LISTEN_METRICS": self.metrics_port, **changes}
        )
        self.source = environment
        self.command = command
        self.log = io.BytesIO()
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Each process could migrate again without harm; the tests are sooner done if it is done once.
        if self.source["PGVECTOR_DATABASE"] not in self.migrated:
            run(self.environment, "migrate")
            self.migrated.add(self.source["PGVECTOR_DATABASE"])
        self.start()
        return self

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", PACKAGE, self.command],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        port = self.port if self.command == "serve" else self.metrics_port
        until(lambda: reachable(port) or self.process.poll() is not None, "the process to start")  # type: ignore[union-attr]
        assert self.process.poll() is None, self.output()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.log.write(line)

    def __exit__(self, *error: object) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
        self.http.close()

    def stop(self) -> int:
        """Ask for a graceful end, as Kubernetes does."""
        assert self.process
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def output(self) -> str:
        return self.log.getvalue().decode()

    def upload(self, name: str, data: bytes | str, **headers: str) -> httpx2.Response:
        content = data.encode() if isinstance(data, str) else data
        return self.http.post("/api/documents", files={"file": (name, content)}, headers=headers)

    def index(self, name: str, data: bytes | str) -> dict[str, Any]:
        """Upload and wait until the document is searchable or has failed."""
        response = self.upload(name, data)
        assert response.status_code in (200, 202), response.text
        return self.settled(response.json()["id"])

    def document(self, identifier: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/api/documents/{identifier}").json()
        return found

    def settled(self, identifier: str, seconds: float = 60) -> dict[str, Any]:
        until(lambda: self.document(identifier)["status"] in ("ready", "failed"), "the document", seconds)
        return self.document(identifier)

    def ask(self, question: str, **body: object) -> dict[str, Any]:
        response = self.http.post("/api/chat", json={"question": question, **body})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def ask_streaming(self, question: str, **body: object) -> list[tuple[str, dict[str, Any]]]:
        """The events of an answer, in order."""
        with self.http.stream(
            "POST", "/api/chat", json={"question": question, **body}, headers={"Accept": "text/event-stream"}
        ) as response:
            assert response.status_code == 200
            return list(events(response))

    def metrics(self) -> str:
        return httpx2.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text


def events(response: httpx2.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        if line.startswith("data: "):
            yield name, json.loads(line[6:])


def run(environment: dict[str, str], command: str) -> str:
    """Run a command of the application to its end; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", PACKAGE, command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for a condition; fails with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


Script = Callable[["ModelRequest"], None]


class ModelRequest(BaseHTTPRequestHandler):
    """One request to the scripted model."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _ModelServer)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.requests.append({"path": self.path, "headers": self.headers, "body": body})
        self.close_connection = True
        script = server.scripts.pop(0) if server.scripts else server.default
        try:
            script(self)
        except OSError:
            server.hangups += 1

    def refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reply(self, body: str) -> None:
        """A whole answer that is no stream."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()

    def token(self, text: str) -> None:
        self.event(json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}))

    def event(self, data: str) -> None:
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def end(self) -> None:
        self.event(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        self.event(json.dumps({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 7}}))
        self.event("[DONE]")

    def log_message(self, *arguments: object) -> None:
        pass


class _ModelServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, default: Script) -> None:
        super().__init__(("127.0.0.1", 0), ModelRequest)
        self.requests: list[dict[str, Any]] = []
        self.scripts: list[Script] = []
        self.default = default
        self.hangups = 0


class Model:
    """An OpenAI-compatible server: each request takes the next script, then the default."""

    def __init__(self, default: Script | None = None) -> None:
        self.default = default or says("It is so [1].")

    def __enter__(self) -> Self:
        self.server = _ModelServer(self.default)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.server.requests

    def plays(self, *scripts: Script) -> None:
        self.server.scripts[:] = scripts

    def settings(self) -> dict[str, str]:
        return {"LLAMA_ENDPOINT": self.url, "LLAMA_MODEL": "scripted"}


def says(text: str, pause: float = 0.0) -> Script:
    """Streams the text in pieces of a few characters, as tokens come."""

    def script(request: ModelRequest) -> None:
        request.begin()
        for piece in re.findall(r"(?s).{1,4}", text):
            time.sleep(pause)
            request.token(piece)
        request.end()

    return script


def refuses(status: int, **headers: str) -> Script:
    return lambda request: request.refuse(status, **headers)


class Cable:
    """A TCP connection to something, which can be pulled out and put back."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        self.target = target
        self.port = dev.free_port()
        self.open: list[socket.socket] = []
        self.listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *error: object) -> None:
        self.pull()

    def plug(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def pull(self) -> None:
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for connection in self.open:
            connection.close() if connection.fileno() < 0 else _hang_up(connection)
        self.open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
            try:
                there.connect(self.target)
            except OSError:
                here.close()
                continue
            self.open += [here, there]
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        _hang_up(end)


@contextmanager
def memory_of(process: subprocess.Popen[bytes]) -> Iterator[Callable[[], int]]:
    """A function that tells the resident memory of a process in MiB."""
    status = Path(f"/proc/{process.pid}/status")

    def read() -> int:
        match = re.search(r"VmRSS:\s+(\d+)", status.read_text())
        return int(match[1]) // 1024 if match else 0

    yield read


def pdf(*pages: str) -> bytes:
    """A minimal PDF with a line of text for each line given."""
    objects: list[bytes] = [b"", b""]
    kids = []
    for text in pages:
        lines = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in text.split("\n")]
        shown = " T* ".join(f"({line}) Tj" for line in lines)
        content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def docx(*paragraphs: str | tuple[str, str], body: str | None = None, **styles: str) -> bytes:
    """A minimal Word document; a pair is (style, text). styles: the name of each style."""
    parts = []
    for paragraph in paragraphs:
        style, text = paragraph if isinstance(paragraph, tuple) else ("", paragraph)
        properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        parts.append(f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>")
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = body or f'<w:document xmlns:w="{namespace}"><w:body>{"".join(parts)}</w:body></w:document>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", xml)
        named = (
            f'<w:style w:type="paragraph" w:styleId="{style}"><w:name w:val="{name}"/></w:style>'
            for style, name in styles.items()
        )
        archive.writestr("word/styles.xml", f'<w:styles xmlns:w="{namespace}">{"".join(named)}</w:styles>')
    return file.getvalue()
