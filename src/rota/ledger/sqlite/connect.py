"""Connections to a SQLite file: two drivers behind one small interface."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import apsw

from rota.ledger.sql.connection import Connection as SqlConnection
from rota.ledger.sql.connection import Params, Row
from rota.ledger.sqlite.faults import faults, is_busy

__all__ = ["Apsw", "Connection", "Driver", "Stdlib", "connect", "many", "patiently", "steady"]

Driver = Literal["apsw", "sqlite3"]

BUSY_TIMEOUT = 5_000  # milliseconds that SQLite itself waits for a lock
PATIENCE = 30.0  # seconds that a lock is asked for again: SQLite's waiting is not fair
CHECKPOINT = 1_000  # pages of the write-ahead log after which the writer copies them into the file
WAL_LIMIT = 64 * 1024 * 1024  # bytes that the write-ahead log's file keeps after a checkpoint


class Connection(SqlConnection, Protocol):
    """A driver's connection to a file."""

    def close(self) -> None: ...


def many(rows: Sequence[Row]) -> Sequence[Row]:
    """One JSON array is quicker to bring over than many rows of it."""
    found: list[Row] = json.loads(rows[0][0])
    return found


class Apsw:
    """A connection of apsw, which carries a current SQLite."""

    def __init__(self, connection: apsw.Connection, *, theirs: bool = False) -> None:
        self.raw = connection
        self._theirs = theirs

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        cursor = self.raw.cursor()
        if self._theirs:
            cursor.row_trace = _as_it_is  # whatever rows its owner wishes for, these are tuples
        return cursor.execute(sql, params).fetchall()

    def many(self, sql: str, params: Params = ()) -> Sequence[Row]:
        return many(self.rows(sql, params))

    def run(self, sql: str, params: Params = ()) -> int:
        self.rows(sql, params)
        return self.raw.changes()

    def script(self, sql: str) -> None:
        self.rows(sql)

    def close(self) -> None:
        self.raw.close()


def _as_it_is(_: apsw.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row


class Stdlib:
    """A connection of Python's own sqlite3. Ours are in autocommit: transactions are begun and ended in SQL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.raw = connection

    def _execute(self, sql: str, params: Params) -> tuple[list[tuple[Any, ...]], int]:
        cursor = self.raw.cursor()
        cursor.row_factory = None  # whatever rows its owner wishes for, these are tuples
        rows = cursor.execute(sql, params).fetchall()
        return rows, max(0, cursor.rowcount)

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql, params)[0]

    def many(self, sql: str, params: Params = ()) -> Sequence[Row]:
        return many(self.rows(sql, params))

    def run(self, sql: str, params: Params = ()) -> int:
        return self._execute(sql, params)[1]

    def script(self, sql: str) -> None:
        for statement in _split(sql):
            self.raw.execute(statement)

    def close(self) -> None:
        self.raw.close()


def _split(sql: str) -> Iterator[str]:
    """The single statements of a script; `executescript` would commit the transaction it runs in.

    >>> list(_split("-- two\\nSELECT 1;\\nSELECT 2"))
    ['-- two\\nSELECT 1;\\n', 'SELECT 2']
    """
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def connect(path: Path, driver: Driver, *, synchronous: str, writer: bool) -> Connection:
    """Open a connection, as durable as ``synchronous`` says; the folder is made where it is missing.

    Only the writer checkpoints: two connections of a process that did at once could meet the WAL-reset bug of
    older SQLites (sqlite.org/wal.html, section "the WAL-reset bug").
    """
    with faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _open(path, driver)
        try:
            connection.script(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
            # A file becomes a WAL file only while nobody else looks at it, and SQLite does not wait for that.
            patiently(lambda: connection.script("PRAGMA journal_mode = WAL"))
            connection.script(f"PRAGMA synchronous = {synchronous}")
            if synchronous == "full":  # on macOS only this reaches the disk itself; elsewhere it says nothing
                connection.script("PRAGMA fullfsync = ON")
                connection.script("PRAGMA checkpoint_fullfsync = ON")
            connection.script("PRAGMA foreign_keys = ON")
            connection.script(f"PRAGMA wal_autocheckpoint = {CHECKPOINT if writer else 0}")
            connection.script(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
            connection.script("PRAGMA cache_size = -16000")
            connection.script("PRAGMA temp_store = MEMORY")
        except BaseException:
            connection.close()
            raise
    return connection


def steady(connection: apsw.Connection) -> apsw.Connection:
    """Have each statement keep the plan it was first given.

    apsw's SQLite is built to choose a plan by the values given, and so compiles a statement anew whenever they differ
    (sqlite3_step, "SQLITE_ENABLE_STAT4"). For a claim or a finish that is many times the work of the statement itself.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def _open(path: Path, driver: Driver) -> Connection:
    if driver == "apsw":
        return Apsw(steady(apsw.Connection(str(path))))
    return Stdlib(sqlite3.connect(path, isolation_level=None, check_same_thread=False))


def patiently(ask: Callable[[], None]) -> None:
    """Ask for a lock until it is given, for half a minute."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (apsw.Error, sqlite3.Error) as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # some locks are refused at once, without the waiting that was asked for
