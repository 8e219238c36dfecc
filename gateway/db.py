"""The database: one engine, one transaction at a time, and nothing else that knows which one.

Rows are an index into the object store and the log; losing the database loses no evidence
(protocols/SPEC 6). No query about evidence stands here. What is particular to one database
engine does: pragmas, how a transaction begins, the engine's clock. SQLite and PostgreSQL are the
engines; text is compared by code points on both.

* ``session()`` is a writing transaction, committed at the end of the block and rolled back
  on any exception. One lock for all writers is taken at once, because a transaction that reads
  first and writes later would fail, or undo what another one wrote in between. It never nests.
* ``reading()`` is a stable view that blocks nobody; nothing is written through it.
* ``glance()`` is for one query by itself, which is a view by itself: no begin and no end to wait
  for, which on PostgreSQL are two of three answers.
* ``look_up()`` is the same without rows of ours, for what never changes: a fraction of the time.

In all, a cancellation takes effect between two statements, never inside one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiosqlite
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy import BigInteger, DateTime, Dialect, MetaData, String, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from gateway.errors import ConfigError, DatabaseUnavailableError
from gateway.unbroken import to_the_end, unbroken

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_MS = 15_000
_READS_ONLY = "evidock_reads_only"
# One number for all writers of a database, held until their transaction ends.
_LOCK = text("SELECT pg_advisory_xact_lock(7319750017)")
# Named constraints, so that a later migration can find them on every engine.
_CONVENTION = {
    "ix": "%(table_name)s_by_%(column_0_N_name)s",
    "uq": "%(table_name)s_one_%(column_0_N_name)s",
    "ck": "%(table_name)s_check_%(constraint_name)s",
    "fk": "%(table_name)s_of_%(column_0_N_name)s",
    # Not _key: for PostgreSQL a key's name and a table's are of one kind, and there are dock_key
    # and clip_key.
    "pk": "%(table_name)s_pk",
}


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; comes back aware on every engine, SQLite included."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; a moment without zone is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without time zone"
            raise ValueError(msg)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def bytewise(length: int) -> String:
    """A text column whose order is that of its characters' numbers, on every engine.

    So a prefix is a range of its index; other collations put texts in an order of their own.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Base(DeclarativeBase):
    """Base of every row; numbers are 64 bit, moments are UTC."""

    metadata = MetaData(naming_convention=_CONVENTION)
    type_annotation_map = {int: BigInteger(), datetime: UtcTime()}  # noqa: RUF012  # SQLAlchemy's declared form, read once


class _WholeStatements(AsyncSession):
    """A session whose every statement runs to its end before a cancellation takes effect.

    Cut inside a statement, the driver's thread goes on with it, the connection is dropped with
    its transaction open, and SQLite stays locked until the garbage collector comes by.
    """


for _name in (
    *("execute", "flush", "get", "get_one", "scalar", "scalars", "stream", "delete"),
    *("commit", "rollback", "close"),
):
    setattr(_WholeStatements, _name, unbroken(getattr(AsyncSession, _name)))


class Database:
    """One database, by URL; see the module for its two kinds of transaction."""

    def __init__(self, url: str) -> None:
        """Prepare to connect; nothing is opened before the first use.

        Args:
            url: SQLAlchemy URL of an asynchronous driver, such as ``sqlite+aiosqlite:///path``
                or ``postgresql+psycopg://user@host/name``.

        Raises:
            ConfigError: not such a URL.
        """
        try:
            self._engine: AsyncEngine = create_async_engine(url, **_options(url))
            self._looks = create_async_engine(url, **_options(url, looks_up=True))
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            msg = f"database url: {error}"
            raise ConfigError(msg) from error
        self._reads = self._engine.execution_options(**self._reading_options())
        self._one_writer = asyncio.Lock()
        self._writer: asyncio.Task[object] | None = None
        self._looking: AsyncConnection | None = None
        self._one_opens = asyncio.Lock()
        if self._is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _sqlite_connected)
            event.listen(self._engine.sync_engine, "begin", _sqlite_begin)

    @property
    def engine(self) -> AsyncEngine:
        """The engine itself, for migrations and tests."""
        return self._engine

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _reading_options(self) -> dict[str, object]:
        # SQLite's read transactions are stable views by themselves.
        if self._is_sqlite:
            return {_READS_ONLY: True}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A writing transaction: commits at the end, rolls back on any exception.

        Raises:
            DatabaseUnavailableError: the database does not answer, or is full or broken.
            RuntimeError: this task is already inside one; it would wait for itself.
        """
        self.refuse_nesting()
        # One queue in this process is fair and wakes at once; SQLite's own wait is neither.
        async with self._one_writer:
            self._writer = asyncio.current_task()
            try:
                with _translated():
                    async with _WholeStatements(self._engine, expire_on_commit=False) as session:
                        if not self._is_sqlite:
                            await session.execute(_LOCK)
                        yield session
                        await session.commit()
            finally:
                self._writer = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A stable view for reading; may be opened inside a ``session()``.

        Raises:
            DatabaseUnavailableError: the database does not answer.
            RuntimeError: something was changed through it, which would be lost.
        """
        with _translated():
            async with _WholeStatements(
                self._reads, expire_on_commit=False, autoflush=False
            ) as session:
                yield session
                if session.new or session.dirty or session.deleted:
                    msg = "changes made through a view for reading"
                    raise RuntimeError(msg)

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncSession]:
        """A session for one query; two of them would be no stable view.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        engine = self._reads if self._is_sqlite else self._looks
        with _translated():
            async with _WholeStatements(engine, expire_on_commit=False, autoflush=False) as session:
                yield session

    async def look_up(self, query: str, named: Mapping[str, int]) -> list[tuple[Any, ...]]:
        """The rows of one query, outside every transaction.

        With SQLite it is one turn of the driver's thread, where a view for reading takes seven.
        Two of them are no stable view: only for rows that are never changed.

        Args:
            query: SQL text with ``:name`` for each of ``named``.
            named: its values.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        if self._is_sqlite:
            return await to_the_end(self._sqlite_rows(query, named))
        return await to_the_end(self._rows(query, named))

    async def _rows(self, query: str, named: Mapping[str, int]) -> list[tuple[Any, ...]]:
        with _translated():
            async with self._looks.connect() as connection:
                return [tuple(row) for row in await connection.execute(text(query), named)]

    async def _sqlite_rows(self, query: str, named: Mapping[str, int]) -> list[tuple[Any, ...]]:
        """Through a connection that is kept, because giving it back takes a rollback each time."""
        try:
            with _translated():
                driver = await self._looking_driver()
            return [tuple(row) for row in await driver.execute_fetchall(query, named)]
        except sqlite3.Error as error:
            await self._look_no_more()
            msg = f"database: {error}"
            raise DatabaseUnavailableError(msg) from error

    async def _looking_driver(self) -> aiosqlite.Connection:
        async with self._one_opens:
            if self._looking is None:
                self._looking = await self._reads.connect()
                driver = await _driver_of(self._looking)
                await driver.execute_fetchall("PRAGMA query_only = ON")
            return await _driver_of(self._looking)

    async def _look_no_more(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None:
            # Not back among the others: something is wrong with it, or it is not needed any more.
            await looking.invalidate()
            await looking.close()

    def refuse_nesting(self) -> None:
        """Fail when this task is inside a ``session()``: it would wait for itself for ever.

        Raises:
            RuntimeError: it is.
        """
        if self._writer is not None and self._writer is asyncio.current_task():
            msg = "a transaction inside a transaction of the same task"
            raise RuntimeError(msg)

    async def upgrade(self) -> None:
        """Bring the tables to the newest form; all of it or nothing.

        Raises:
            ConfigError: its text is not UTF-8, or not compared by code points.
            DatabaseUnavailableError: the database does not answer, or a newer program has
                already changed it.
        """
        if self._is_sqlite and self._engine.url.database:
            folder = Path(self._engine.url.database).parent
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            with _translated():
                async with self._engine.begin() as connection:
                    if not self._is_sqlite:
                        await connection.execute(_LOCK)
                        await _check_kind(connection)
                    await connection.run_sync(_upgrade)
        except CommandError as error:
            msg = f"database was made by another version of this program: {error}"
            raise DatabaseUnavailableError(msg) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._look_no_more()
        await self._looks.dispose()
        await self._engine.dispose()


def _options(url: str, *, looks_up: bool = False) -> dict[str, Any]:
    """What an engine is made with, by its kind; an unknown one is refused when it is made."""
    if make_url(url).get_backend_name() != "postgresql":
        return {}
    # Moments of any year in a zone of ours. Plans for what is asked, since one for any unit is a
    # bad one for a large unit or for a small. No compiling and no helpers: a page is short, and
    # starting them takes longer than it.
    settings = "-c timezone=UTC -c plan_cache_mode=force_custom_plan -c jit=off"
    settings += " -c max_parallel_workers_per_gather=0"
    if not looks_up:
        return {"connect_args": {"options": settings}}
    # One query by itself is a view by itself, without a begin and an end to wait for.
    settings += " -c default_transaction_read_only=on"
    return {"connect_args": {"options": settings}, "isolation_level": "AUTOCOMMIT"}


async def _check_kind(connection: AsyncConnection) -> None:
    """Fail on a PostgreSQL database that would sort and compare as a language does."""
    query = "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database"
    found = await connection.execute(text(f"{query} WHERE datname = current_database()"))
    encoding, collation = found.one()
    if encoding != "UTF8" or collation not in {"C", "POSIX"}:
        msg = (
            f"the database's encoding is {encoding} and its collation {collation}; make one with "
            "CREATE DATABASE evidock ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        raise ConfigError(msg)


async def _driver_of(connection: AsyncConnection) -> aiosqlite.Connection:
    raw = await connection.get_raw_connection()
    return cast("aiosqlite.Connection", raw.driver_connection)


async def database_now(session: AsyncSession) -> datetime:
    """The database's own clock, which all workers share; leases are measured with it."""
    if session.get_bind().dialect.name == "sqlite":
        found = await session.scalar(text("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"))
        return datetime.fromisoformat(str(found))
    found = await session.scalar(text("SELECT clock_timestamp()"))
    if not isinstance(found, datetime):
        msg = "the database does not tell the time"
        raise DatabaseUnavailableError(msg)
    return found.astimezone(UTC)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError, ProgrammingError):
        # Not about availability: the caller's row, or this program's mistake.
        raise
    except DBAPIError as error:
        msg = f"database: {error.orig}"
        raise DatabaseUnavailableError(msg) from error


def _sqlite_connected(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver would otherwise begin transactions by itself, and only before some statements.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            # FULL: a commit is on the disk before anything is promised on it.
            "synchronous = FULL",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = AlembicConfig(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
