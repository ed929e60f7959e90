"""Connections to PostgreSQL and the numbered migrations."""

import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .. import NAME, metrics
from ..errors import AppError, NotFound, Unavailable
from ..settings import Settings

Connection = AsyncConnection[DictRow]
MIGRATION_LOCK = 7283041  # any number; it only has to be the same in every process
POOL_WAIT_SECONDS = 5.0
AWAY = "the database is not available; try again in a moment"


def conninfo(settings: Settings) -> str:
    return make_conninfo(
        host=settings.pgvector_host,
        port=settings.pgvector_port,
        dbname=settings.pgvector_database,
        user=settings.pgvector_user,
        password=settings.pgvector_password.get_secret_value() or None,
        sslmode=settings.pgvector_sslmode,
        sslrootcert=settings.pgvector_sslrootcert,
        application_name=NAME,
        connect_timeout=5,
        keepalives_idle=30,
    )


class Database:
    """A pool that survives a restart of the server: a dead connection is replaced before use."""

    def __init__(self, settings: Settings) -> None:
        self.pool = AsyncConnectionPool[Connection](
            conninfo(settings),
            connection_class=Connection,
            # No prepared statements: a pooler in between may give each transaction another server connection.
            kwargs={"row_factory": dict_row, "autocommit": True, "prepare_threshold": None},
            min_size=2,
            max_size=settings.pgvector_pool_size,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=30,
            check=_check,
            configure=_configure,
            open=False,
        )

    async def __aenter__(self) -> Self:
        await self.pool.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode; raises Unavailable when there is none in time."""
        started = time.perf_counter()
        try:
            connection = await self.pool.getconn()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(AWAY, retry_after=5) from error
        finally:
            metrics.db_pool_wait.observe(time.perf_counter() - started)
        try:
            yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Unavailable(AWAY, retry_after=5) from error
        finally:
            await self.pool.putconn(connection)

    async def rows(self, query: str, parameters: dict[str, Any] | None = None) -> list[DictRow]:
        async with self.connection() as connection:
            cursor = await connection.execute(query, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def row(self, query: str, parameters: dict[str, Any] | None = None) -> DictRow | None:
        rows = await self.rows(query, parameters)
        return rows[0] if rows else None

    async def the(self, what: str, query: str, parameters: dict[str, Any]) -> DictRow:
        """The one row that there must be; raises NotFound, which says what is missing."""
        if row := await self.row(query, parameters):
            return row
        raise NotFound(f"no such {what}")


# ef_search 100: recall@10 of 0.995 on real sentence vectors, against 0.985 with pgvector's default of 40.
# strict_order: without it, a filter that keeps 1 % of the rows left most searches empty.
# random_page_cost 1.1, as for any SSD: PostgreSQL takes it that vectors, which lie beside their rows, cost
# nothing to read. With its default of 4 it read them all for a search, 2.1 ms instead of 0.5 with 1,500 passages.
SESSION = {
    "hnsw.ef_search": "100",
    "hnsw.iterative_scan": "strict_order",
    "random_page_cost": "1.1",
    "statement_timeout": "30s",
}


async def _check(connection: Connection) -> None:
    """Raise if the server has gone. It is asked only when it has sent something unasked, as it does to
    say goodbye: a question for each use would cost a search a round trip."""
    arrived = select.poll()
    arrived.register(connection.fileno(), select.POLLIN)
    if arrived.poll(0):
        await AsyncConnectionPool.check_connection(connection)


async def _configure(connection: Connection) -> None:
    for name, value in SESSION.items():
        await connection.execute(f"SET {name} = '{value}'".encode())


def _configure_role(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Make the settings the role's own as well: behind a pooler, what a session sets is soon lost."""
    connection.execute("SELECT '[0]'::vector")  # loads the extension, whose settings are unknown before
    database = sql.Identifier(connection.info.dbname)
    for name, value in SESSION.items():
        statement = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}")
        connection.execute(statement.format(database, sql.SQL(name), sql.Literal(value)))


def migrations() -> list[tuple[int, str]]:
    """Every migration as (number, SQL), in order."""
    folder = resources.files(__package__.rpartition(".")[0]) / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in files]


def migrate(settings: Settings, model: str, dimension: int) -> list[int]:
    """Bring the schema up to date and return the numbers of the migrations that ran.

    Safe to run anywhere and at once: the first one works, the others wait and find nothing to do.
    """
    try:
        connection = psycopg.connect(conninfo(settings), autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"no connection to the database at {settings.pgvector_host}:{settings.pgvector_port}; "
            "check the PGVECTOR_ variables and that the server runs"
        ) from error
    applied = []
    with connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute("SET statement_timeout = 0")  # building an index takes what it takes
        done = {row[0] for row in connection.execute("SELECT version FROM schema_migrations")}
        for number, script in migrations():
            if number in done:
                continue
            with connection.transaction():
                connection.execute(script.replace("$DIMENSION", str(dimension)).encode())
                connection.execute("INSERT INTO schema_migrations (version) VALUES (%s)", (number,))
            applied.append(number)
        _configure_role(connection)
        connection.execute(
            "INSERT INTO index_settings (embedding_model, dimension) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (model, dimension),
        )
    return applied


async def check_schema(database: Database, model: str, dimension: int) -> None:
    """Raise AppError with the command to run if the schema or its vectors do not fit this process."""
    newest = migrations()[-1][0]
    try:
        version = await database.row("SELECT max(version) AS version FROM schema_migrations")
        index = await database.row("SELECT embedding_model, dimension FROM index_settings")
    except psycopg.errors.UndefinedTable:
        version, index = None, None
    if not version or not index or (version["version"] or 0) < newest:
        raise AppError("the database schema is older than the application; run the migrate command")
    if (index["embedding_model"], index["dimension"]) != (model, dimension):
        raise AppError(
            f"the index was built with {index['embedding_model']} ({index['dimension']}), the application "
            f"uses {model} ({dimension}); set the former again or run the reindex command"
        )


async def reindex(settings: Settings, model: str, dimension: int) -> int:
    """Forget all vectors, adopt the given model, queue every document; return how many."""
    async with (
        Database(settings) as database,
        database.connection() as connection,
        connection.transaction(),
    ):
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        # Documents before chunks, as the workers do, or both would wait for each other.
        await connection.execute("LOCK TABLE documents IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute("TRUNCATE chunks")
        await connection.execute(f"ALTER TABLE chunks ALTER COLUMN embedding TYPE vector({int(dimension)})".encode())
        await connection.execute("UPDATE index_settings SET embedding_model = %s, dimension = %s", (model, dimension))
        cursor = await connection.execute(
            "UPDATE documents SET status = 'queued', error = NULL, attempts = 0, waits = 0, chunks_done = 0,"
            " chunks_total = NULL, worker = NULL, lease_until = NULL, retry_at = NULL, updated_at = now()"
            " WHERE status IN ('ready', 'failed', 'processing', 'queued')"
        )
        return cursor.rowcount
