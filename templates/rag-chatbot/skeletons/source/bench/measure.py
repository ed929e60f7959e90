"""Measure the application against its floors: make bench

Everything is compared with the bare parts within the same run, psycopg and the embedding model, so
that a slow or busy machine slows both sides. Writes report.md and fails below a floor.
"""

import ast
import asyncio
import os
import re
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psycopg

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "tests"), str(HERE.parent / "src")]

from chatbot.embed import literal  # noqa: E402
from chatbot.embed.builtin import BuiltinEmbedder  # noqa: E402
from chatbot.settings import Settings  # noqa: E402
from chatbot.store.db import SESSION  # noqa: E402

from support import App, Environment, embedded  # noqa: E402

PASSAGES = int(os.environ.get("PASSAGES", "3000"))
ROUNDS = 5
QUESTIONS = 300
CLIENTS = 8
SECONDS = 10.0

NEAREST = (
    "SELECT d.name, c.ordinal, c.text, 1 - (c.embedding <=> %s::vector) FROM chunks c"
    " JOIN documents d ON d.id = c.document_id WHERE d.status = 'ready' AND c.embedding IS NOT NULL"
    " ORDER BY c.embedding <=> %s::vector LIMIT 5"
)


def main() -> int:
    with embedded("rag-bench-") as environment, App(environment) as app:
        rows = [
            *ingestion(app, environment),
            *recall(environment),
            *searches(app, environment),
            memory(app),
        ]
    report = write(rows)
    print(report)
    missed = [name for name, _, _, kept in rows if not kept]
    if missed:
        print(f"missed: {', '.join(missed)}; see bench/report.md", file=sys.stderr)
    return 1 if missed else 0


Row = tuple[str, str, str, bool]  # what, measured, floor, kept
Connection = psycopg.Connection[tuple[Any, ...]]
EMBEDDER = BuiltinEmbedder(Settings())


def ingestion(app: App, environment: Environment) -> Iterator[Row]:
    """Index real text, round by round, and embed the same passages with nothing around the model."""
    files = list(documents())
    app.index("warm.txt", "The first document loads the parser's code from the disk.")
    ratios, whole, passages = [], 0.0, 0
    with database(environment) as connection:
        for start in range(ROUNDS):
            [newest] = connection.execute("SELECT max(id) FROM chunks").fetchone() or [0]
            started = time.perf_counter()
            for number, text in enumerate(files[start::ROUNDS]):
                app.upload(f"{start}-{number}.md", text)
            # Asked seldom and not over HTTP, which would take time from what is measured.
            while connection.execute("SELECT 1 FROM documents WHERE status NOT IN ('ready', 'failed')").fetchone():
                time.sleep(0.05)
            seconds = time.perf_counter() - started
            rows = connection.execute("SELECT heading, text FROM chunks WHERE id > %s", (newest,))
            texts = [f"{heading}\n{text}" for heading, text in rows]
            bare = timed(partial(asyncio.run, EMBEDDER.embed(texts, "passage")))
            ratios.append(seconds / bare)
            whole += seconds
            passages += len(texts)
    yield "passages indexed", f"{passages} of {len(files)} documents, {passages / whole:.1f} a second", "", True
    shown = f"{median(ratios):.3f} ({', '.join(f'{ratio:.2f}' for ratio in sorted(ratios))})"
    yield f"ingestion over embedding, median of {ROUNDS}", shown, "<= 1.1", median(ratios) <= 1.1


def documents() -> Iterator[str]:
    """Real English prose that every machine has: what Python's own library says about itself."""
    seen: set[str] = set()
    text, words, written = "", 0, 0
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if {"test", "tests", "site-packages", "dist-packages", "lib2to3"} & set(file.parts):
            continue
        for name, said in docstrings(file):
            if said in seen or written >= PASSAGES:
                continue
            seen.add(said)
            text += f"## {name}\n\n{said}\n\n"
            words += len(said.split())
            written += 1 + len(said.split()) // 150
            if words > 8000:  # some twenty pages
                yield text
                text, words = "", 0
    yield text


def docstrings(file: Path) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # some modules of the library are tests of just that
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            said = re.sub(r"^(#|```|~~~).*", "", ast.get_docstring(node) or "", flags=re.MULTILINE)
            if len(said.split()) > 15:
                yield f"{file.stem} {getattr(node, 'name', '')}", said


def recall(environment: Environment) -> Iterator[Row]:
    """Of the ten nearest by exact arithmetic, how many does the index find?"""
    with database(environment) as connection:
        rows = connection.execute("SELECT id, embedding::text FROM chunks WHERE embedding IS NOT NULL").fetchall()
        identifiers = np.array([row[0] for row in rows])
        vectors = np.array([np.fromstring(row[1][1:-1], sep=",", dtype=np.float32) for row in rows])
        connection.execute("SET enable_seqscan = off")  # a small table is read whole, which says nothing of the index
        query = "SELECT id FROM chunks ORDER BY embedding <=> %s::vector LIMIT 10"
        # A neighbour's vector, a little off: as near to the passages as a question about them.
        chosen = np.random.default_rng(1).choice(len(vectors), QUESTIONS, replace=False)
        pairs = (vectors[chosen] + vectors[np.roll(chosen, 1)] * 0.3).astype(np.float32)
        [plan] = connection.execute("EXPLAIN (FORMAT JSON) " + query, (literal(pairs[0].tolist()),)).fetchone() or [
            None
        ]
        found = 0
        for vector in pairs:
            exact = identifiers[np.argsort(-(vectors @ vector))[:10]]
            found += len(
                {row[0] for row in connection.execute(query, (literal(vector.tolist()),))} & set(exact.tolist())
            )
    share = found / (10 * len(pairs))
    yield "the plan of a search", "chunks_embedding", "the HNSW index", "chunks_embedding" in str(plan)
    yield "recall@10 of the index", f"{share:.4f} ({len(vectors)} vectors)", ">= 0.98", share >= 0.98


def searches(app: App, environment: Environment) -> Iterator[Row]:
    """Time over HTTP, less the time of the same search by psycopg alone, question by question."""
    with database(environment) as connection:
        query = "SELECT text, embedding::text FROM chunks WHERE embedding IS NOT NULL ORDER BY md5(text)"
        texts = connection.execute(query).fetchall()
        questions = [" ".join(text.split()[:12]) for text, _ in texts[:QUESTIONS]]
        client = HTTPConnection("127.0.0.1", app.port)
        bare, whole = [], []
        for question, (_, vector) in zip(questions, texts, strict=False):
            bare.append(timed(partial(nearest, connection, vector)))
            whole.append(timed(partial(search, client, question)))
        added = median(whole) - median(bare)
        shown = f"{added * 1000:.1f} ms ({median(whole) * 1000:.1f}, {median(bare) * 1000:.1f})"
        yield "a search over psycopg, p50", shown, "<= 10 ms", added <= 0.010

    used = processor_seconds(app)
    done, rate = together(lambda: partial(search, HTTPConnection("127.0.0.1", app.port)), questions)
    cost = (processor_seconds(app) - used) / done
    shown = f"{rate:.0f} a second, {cost * 1000:.1f} ms of processor time each"
    yield f"searches by {CLIENTS} clients", shown, ">= 180 a second", rate >= 180
    _, rate = together(lambda: partial(bare_search, database(environment)), questions)
    yield "the same by psycopg and the model alone", f"{rate:.0f} a second", "", True


def together(client: Callable[[], Callable[[str], object]], questions: list[str]) -> tuple[int, float]:
    """Let all clients search for a while; returns how many searches and how many a second."""
    started = time.perf_counter()

    def ask(number: int) -> int:
        one, done = client(), 0
        while time.perf_counter() < started + SECONDS:
            one(questions[(number * 37 + done) % len(questions)])
            done += 1
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = sum(pool.map(ask, range(CLIENTS)))
    return done, done / (time.perf_counter() - started)


def search(client: HTTPConnection, question: str) -> None:
    client.request("GET", "/api/search?" + urlencode({"q": question}))
    response = client.getresponse()
    body = response.read()
    if response.status != 200:
        sys.exit(f"the search failed with status {response.status}: {body.decode()}")


def bare_search(connection: Connection, question: str) -> None:
    nearest(connection, literal(EMBEDDER.vector(question)))


def nearest(connection: Connection, vector: str) -> None:
    connection.execute(NEAREST, (vector, vector)).fetchall()


def memory(app: App) -> Row:
    assert app.process
    status = Path(f"/proc/{app.process.pid}/status").read_text()
    peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024
    return "memory of the application, peak", f"{peak:.0f} MiB", "<= 700 MiB", peak <= 700


def processor_seconds(app: App) -> float:
    assert app.process
    fields = Path(f"/proc/{app.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def database(environment: Environment) -> Connection:
    """A connection without prepared statements, whose plans would outlive what they were made for."""
    connection = psycopg.connect(environment.conninfo(), autocommit=True, prepare_threshold=None)
    connection.execute("SELECT '[0]'::vector")
    for name, value in SESSION.items():
        connection.execute(f"SET {name} = '{value}'".encode())
    return connection


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def write(rows: list[Row]) -> str:
    lines = ["# Benchmark", "", "| what | measured | floor | kept |", "|---|---|---|---|"]
    lines += [f"| {name} | {shown} | {floor} | {'yes' if kept else '**no**'} |" for name, shown, floor, kept in rows]
    report = "\n".join(lines) + "\n"
    (HERE / "report.md").write_text(report, "utf-8")
    return report


if __name__ == "__main__":
    sys.exit(main())
