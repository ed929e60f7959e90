"""Fixtures: real parts once a run, a database and a bucket of its own for each module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from support import App, Environment, Model, dev, settings


@pytest.fixture(scope="session")
def parts() -> Iterator[Environment]:
    """An embedded PostgreSQL with pgvector and an embedded S3 server."""
    configured = settings.Settings(app_mode="dev")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rag-tests-")))
        folder.chmod(0o755)  # as root, the database runs as another user, who must get in
        environment = Environment()
        for part in (dev.postgres(folder / "postgres"), dev.s3(folder / "objects")):
            environment.take(configured.model_copy(update=stack.enter_context(part)))
        yield environment


@pytest.fixture(scope="module")
def environment(parts: Environment, request: pytest.FixtureRequest) -> Environment:
    """The environment of a process in production, with an empty database and bucket."""
    name = request.module.__name__.replace(".", "_").replace("test_", "")
    with psycopg.connect(parts.conninfo(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return parts.with_(PGVECTOR_DATABASE=name, MINIO_BUCKET=name.replace("_", "-"))


@pytest.fixture(scope="module")
def app(environment: Environment) -> Iterator[App]:
    """The running application without a model."""
    with App(environment) as running:
        yield running


@pytest.fixture
def model() -> Iterator[Model]:
    """An OpenAI-compatible server that does what the test tells it."""
    with Model() as server:
        yield server
