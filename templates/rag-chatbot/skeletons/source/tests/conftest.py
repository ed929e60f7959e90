"""Fixtures: real parts once a run, a database and a bucket of its own for each module."""

from collections.abc import Iterator

import psycopg
import pytest

from support import App, Environment, Model, embedded


@pytest.fixture(scope="session")
def parts() -> Iterator[Environment]:
    with embedded("rag-tests-") as environment:
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
