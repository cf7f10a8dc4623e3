"""A file's connections in one process: one that writes, a few that read, each used by one thread at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rota.errors import LedgerError, Retriable
from rota.ledger.sql.connection import Connection as SqlConnection
from rota.ledger.sql.lender import Lender
from rota.ledger.sqlite.connect import Connection, Driver, connect, patiently
from rota.ledger.sqlite.faults import faults
from rota.ledger.sqlite.theirs import accept

__all__ = ["FileStore"]

T = TypeVar("T")

READERS = 4
"""Connections that read at once; whoever comes then waits for one of them, never for a writer."""


class FileStore:
    """Hands out connections, opened when they are first needed."""

    def __init__(self, path: Path, driver: Driver, synchronous: str) -> None:
        self.path = path
        self.driver: Driver = driver
        self.synchronous = synchronous
        self._write_lock = threading.Lock()
        self._writer: Connection | None = None
        self._readers = Lender(self.connect, READERS)
        self._pid = os.getpid()

    def write(
        self, work: Callable[[SqlConnection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        """One transaction; a file has one writer at a time, so each works alone."""
        with self._writing() as connection:
            return work(connection)

    def read(self, work: Callable[[SqlConnection], T]) -> T:
        with self._reading() as connection:
            return work(connection)

    def view(self, work: Callable[[SqlConnection], T]) -> T:
        with self._reading() as connection:
            connection.script("BEGIN")
            try:
                return work(connection)
            finally:
                connection.script("ROLLBACK")

    def join(self, theirs: Any, work: Callable[[SqlConnection], T]) -> T:
        with faults(self.path):
            return work(accept(theirs, self.path, self.driver, self.is_open))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction, begun as a writer, so that it never fails half-way for want of the lock."""
        self._refuse_fork()
        with self._write_lock, faults(self.path):
            if self._writer is None:
                self._writer = self.connect(writer=True)
            writer = self._writer
            patiently(lambda: writer.script("BEGIN IMMEDIATE"))
            try:
                yield writer
                patiently(lambda: writer.script("COMMIT"))
            except BaseException:
                with contextlib.suppress(
                    Exception
                ):  # SQLite has rolled back by itself after the worst faults
                    writer.script("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection for single statements: each sees the latest commit, and waits for no writer."""
        self._refuse_fork()
        with faults(self.path), self._readers.lend() as reader:
            yield reader

    def connect(self, *, writer: bool = False) -> Connection:
        """A connection of one's own, for what takes long."""
        self._refuse_fork()
        return connect(self.path, self.driver, synchronous=self.synchronous, writer=writer)

    @property
    def is_open(self) -> bool:
        """Whether this process holds the file open through the ledger's own driver."""
        return self._writer is not None or self._readers.holds_any

    def close(self) -> None:
        """Close what is open; in a forked child nothing, since it is the parent's."""
        if os.getpid() != self._pid:
            return
        self._readers.close_idle()
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None

    def _refuse_fork(self) -> None:
        """Before any lock is taken: in a forked child, the thread that would give it back is not there."""
        if os.getpid() != self._pid:
            raise LedgerError(
                "the ledger was opened before this process was forked",
                expected="a ledger opened in the process that uses it",
                found=f"opened in process {self._pid}, used in process {os.getpid()}", where=str(self.path),
                retry=Retriable(False, "SQLite's locks do not survive a fork; open the ledger after it"),
            )  # fmt: skip
