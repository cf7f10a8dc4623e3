"""The site's SQLite file: how it is opened, read and written.

Everything in this process goes through ``apsw``, never through the standard library's ``sqlite3``: two SQLite
libraries in one process on one file undo each other's POSIX locks. Rota's ledger uses apsw and the same file.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import resources
from pathlib import Path
from typing import Any

import apsw

__all__ = ["Row", "Store", "connect", "count", "one", "rows", "spent", "transaction", "value"]

Row = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]

BUSY_TIMEOUT = 10_000  # milliseconds

# Seconds that the current request spent holding a connection; the header middleware sets and reads it.
spent: ContextVar[list[float] | None] = ContextVar("spent", default=None)


def connect(path: Path) -> apsw.Connection:
    """Open the database: WAL, waits for locks, foreign keys on, durable through power loss."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT)
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """One write transaction. It takes the write lock at once, so that it cannot fail half-way for want of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def rows(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> list[Row]:
    cursor = connection.execute(sql, parameters)
    found: list[Row] = []
    names: list[str] = []
    for values in cursor:
        names = names or [column[0] for column in cursor.get_description()]
        found.append(dict(zip(names, values, strict=True)))
    return found


def one(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> Row | None:
    found = rows(connection, sql, parameters)
    return found[0] if found else None


def value(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> Any:
    """The first column of the first row, or None."""
    for values in connection.execute(sql, parameters).fetchall():
        return values[0]
    return None


def count(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> int:
    return int(value(connection, sql, parameters) or 0)


class Store:
    """A pool of connections to the site's file, for the threads of one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()

    def create(self) -> None:
        """Make the tables that are missing. Safe to call at every start."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        schema = resources.files("newsroom").joinpath("schema.sql").read_text(encoding="utf-8")
        with self.write() as connection:
            connection.execute(schema)
            connection.execute("INSERT OR IGNORE INTO tally VALUES ('views_received', 0)")

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A connection in no transaction: each statement sees the newest committed state."""
        started = time.perf_counter()
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self.path)
        try:
            yield connection
        finally:
            self._idle.put(connection)
            clock = spent.get()
            if clock is not None:
                clock[0] += time.perf_counter() - started

    @contextmanager
    def write(self) -> Iterator[apsw.Connection]:
        """A connection in one write transaction, committed at the end, rolled back when the block raises."""
        with self.read() as connection, transaction(connection):
            yield connection

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
