"""A private PostgreSQL for tests: its own folder, a socket in it, no port, nothing synced.

One server for a run of tests, and one database, emptied after each. PostgreSQL refuses to run as
root, so root's tests run it as its own user.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from gateway.db import Database

_USER = "postgres"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
_MADE_LIKE = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE"

_EMPTY = """
SET lock_timeout = '20s';
DO $$ DECLARE each record; filled boolean; BEGIN
  FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', each.tablename) INTO filled;
    IF filled AND each.tablename <> 'alembic_version' THEN
      EXECUTE format('TRUNCATE %I CASCADE', each.tablename);
    END IF;
  END LOOP;
END $$
"""


def program(name: str) -> str | None:
    """Where a program of the server is: Debian keeps each version's in a folder of its own."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    return str(versions[-1]) if versions else shutil.which(name)


def _version(path: Path) -> float:
    return float(path.parts[-3])


class Postgres:
    """A running server.

    Attributes:
        folder: its data and its socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self._shared: str | None = None
        self._version = ""

    def url(self, name: str) -> str:
        """How the gateway reaches a database."""
        return f"postgresql+psycopg://{_USER}@/{name}?host={self.folder}"

    def make(self, template: str = "template0", more: str = "") -> str:
        """A new database; returns its name."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} {more or _MADE_LIKE} {template}")
        return name

    @contextlib.contextmanager
    def lent(self) -> Iterator[str]:
        """A database whose tables are there and empty, for one at a time; gives its name.

        One for all: a database of its own is a thousand files to make and to remove.
        """
        if self._shared is None:
            self._shared = self.make()
            asyncio.run(_migrate(self.url(self._shared)))
            ((self._version,),) = self.run("SELECT version_num FROM alembic_version", self._shared)
        try:
            yield self._shared
        finally:
            self.run(_EMPTY, self._shared)
            version = f"UPDATE alembic_version SET version_num = '{self._version}'"  # noqa: S608  # ours
            self.run(version, self._shared)

    def run(self, sql: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement in a database; returns its rows."""
        where = f"host={self.folder} user={_USER} dbname={name}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await database.upgrade()
    finally:
        await database.close()


@contextlib.contextmanager
def postgres(settings: Sequence[str] = _QUICK) -> Iterator[Postgres]:
    """Run a server, for as long as the block goes on.

    Args:
        settings: of the server, as ``name=value``; by default it is quick and keeps nothing.
    """
    folder = Path(tempfile.mkdtemp(prefix="evidock-postgres-"))
    rights = _own(folder)
    try:
        _call([_tool("initdb"), "-D", f"{folder}/data", "-U", _USER, *_NEW], rights)
        options = [f"-c{each}" for each in settings]
        where = [f"-cunix_socket_directories={folder}", "-clisten_addresses="]
        command = [_tool("postgres"), "-D", f"{folder}/data", *where, *options]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **rights)
        try:
            server = Postgres(folder)
            _wait_for(server, process)
            yield server
        finally:
            # SIGQUIT: at once; what it holds is thrown away.
            process.send_signal(3)
            process.wait(20)
    finally:
        shutil.rmtree(folder)


_NEW = ("--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")


def _tool(name: str) -> str:
    found = program(name)
    if found is None:
        msg = f"{name} is missing: apt-get install postgresql"
        raise FileNotFoundError(msg)
    return found


def _own(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    there = pwd.getpwnam(_USER)
    os.chown(folder, there.pw_uid, there.pw_gid)
    return {"user": there.pw_uid, "group": there.pw_gid, "extra_groups": []}


def _call(command: list[str], rights: dict[str, Any]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **rights)


def _wait_for(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            server.run("SELECT 1")
            return
        time.sleep(0.05)
    said = (server.folder / "log").read_text(errors="replace")
    msg = f"postgres did not come up: {said[-2000:]}"
    raise TimeoutError(msg)
