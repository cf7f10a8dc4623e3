"""Connections to a SQLite file: two drivers behind one small interface, and their faults mapped in one place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import apsw

from rota.errors import LedgerError, LedgerUnreachable, Retriable

__all__ = ["Connection", "Driver", "Store", "connect", "faults"]

Driver = Literal["apsw", "sqlite3"]
Params = Mapping[str, Any] | Sequence[Any]

BUSY_TIMEOUT = 5_000  # milliseconds that SQLite itself waits for a lock
PATIENCE = 30.0  # seconds that a transaction is tried again; its busy handler is not fair


class Connection(Protocol):
    """What the ledger needs of a driver."""

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Run a statement; returns how many rows it changed."""
        ...

    def script(self, sql: str) -> None: ...

    def close(self) -> None: ...


class Apsw:
    """A connection of apsw, which carries a current SQLite."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.raw = connection

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self.raw.execute(sql, params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        self.raw.execute(sql, params).fetchall()
        return self.raw.changes()

    def script(self, sql: str) -> None:
        self.raw.execute(sql).fetchall()

    def close(self) -> None:
        self.raw.close()


class Stdlib:
    """A connection of Python's own sqlite3, in autocommit: transactions are begun and ended in SQL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.raw = connection

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self.raw.execute(sql, params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        cursor = self.raw.execute(sql, params)
        cursor.fetchall()
        return max(0, cursor.rowcount)

    def script(self, sql: str) -> None:
        for statement in _split(sql):
            self.raw.execute(statement)

    def close(self) -> None:
        self.raw.close()


def _split(sql: str) -> Iterator[str]:
    """The single statements of a script; `executescript` would commit the transaction it runs in."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def connect(path: Path, driver: Driver, *, synchronous: str, writer: bool) -> Connection:
    """Open a connection. Only the writer checkpoints: two that did at once could meet SQLite's WAL-reset bug."""
    with faults(path):
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        connection: Connection
        if driver == "apsw":
            connection = Apsw(apsw.Connection(str(path)))
        else:
            connection = Stdlib(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
        connection.script(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.rows("PRAGMA journal_mode = WAL")
        connection.script(f"PRAGMA synchronous = {synchronous}")
        connection.script("PRAGMA foreign_keys = ON")
        connection.rows(f"PRAGMA wal_autocheckpoint = {1000 if writer else 0}")
        connection.script("PRAGMA cache_size = -16000")
        connection.script("PRAGMA temp_store = MEMORY")
    return connection


class Store:
    """A file's connections: one that writes and one that reads, each used by one thread at a time."""

    def __init__(self, path: Path, driver: Driver, synchronous: str) -> None:
        self.path = path
        self.driver: Driver = driver
        self.synchronous = synchronous
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._pid = os.getpid()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, begun as a writer, so that it never fails half-way for want of the lock."""
        with self._write_lock, faults(self.path):
            connection = self._writer_connection()
            self._begin(connection)
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(Exception):
                    connection.script("ROLLBACK")
                raise
            try:
                connection.script("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    connection.script("ROLLBACK")
                raise

    @contextlib.contextmanager
    def alone(self) -> Iterator[Connection]:
        """The writing connection without a transaction, for what cannot stand in one."""
        with self._write_lock, faults(self.path):
            yield self._writer_connection()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view that waits for no writer."""
        with self._read_lock, faults(self.path):
            self._refuse_fork()
            if self._reader is None:
                self._reader = connect(self.path, self.driver, synchronous=self.synchronous, writer=False)
            self._reader.script("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.script("ROLLBACK")

    @property
    def is_open(self) -> bool:
        """Whether this process holds the file open through the ledger's own driver."""
        return self._writer is not None or self._reader is not None

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            for connection in (self._reader, self._writer):
                if connection is not None and os.getpid() == self._pid:
                    connection.close()
            self._reader = self._writer = None

    def _writer_connection(self) -> Connection:
        self._refuse_fork()
        if self._writer is None:
            self._writer = connect(self.path, self.driver, synchronous=self.synchronous, writer=True)
        return self._writer

    def _refuse_fork(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError(
                "the ledger was opened before this process was forked",
                expected="a ledger opened in the process that uses it",
                found=f"opened in process {self._pid}, used in process {os.getpid()}",
                where=str(self.path),
                retry=Retriable(False, "SQLite's locks do not survive a fork; open the ledger after it"),
            )

    def _begin(self, connection: Connection) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                connection.script("BEGIN IMMEDIATE")
            except (apsw.BusyError, sqlite3.OperationalError) as error:
                busy = isinstance(error, apsw.BusyError) or "locked" in str(error)
                if not busy or time.monotonic() > deadline:
                    raise
            else:
                return


@contextlib.contextmanager
def faults(path: Path) -> Iterator[None]:
    """A driver's faults as the ledger's: what failed, whether it can be tried again, and what to look at."""
    try:
        yield
    except (apsw.Error, sqlite3.Error, OSError) as error:
        raise _mapped(error, path) from error


def _mapped(error: Exception, path: Path) -> LedgerError:
    text = str(error)
    for sign, expected, next_ in _SIGNS:
        if sign in text.lower():
            return LedgerUnreachable(
                f"the ledger cannot be used: {text}",
                expected=expected, found=text, where=str(path),
                retry=Retriable(True, "nothing was written", 1.0), next=[next_],
            )  # fmt: skip
    if isinstance(error, apsw.ConstraintError | sqlite3.IntegrityError):
        return LedgerError(
            f"the ledger refused an illegal record: {text}", where=str(path),
            retry=Retriable(False, "nothing was written; this is a defect of Rota or of the file"),
        )  # fmt: skip
    return LedgerError(
        f"the ledger failed: {text}", where=str(path), retry=Retriable("after-check", "nothing was written"),
        next=["rota doctor"],
    )  # fmt: skip


_SIGNS = (
    ("unable to open", "a file in a folder that this user may write to", "ls -ld the folder"),
    ("readonly", "a file that this user may write to", "ls -l the file"),
    ("read-only", "a file system that is mounted for writing", "mount"),
    ("full", "free space on the disk", "df -h"),
    ("no space", "free space on the disk", "df -h"),
    ("permission denied", "a file that this user may write to", "ls -l the file"),
    ("locked", "a lock within half a minute", "rota nodes"),
    ("busy", "a lock within half a minute", "rota nodes"),
    ("not a database", "a SQLite file", "file the ledger"),
    ("malformed", "an intact SQLite file", "restore the latest backup"),
    ("i/o error", "a disk that answers", "dmesg"),
)
