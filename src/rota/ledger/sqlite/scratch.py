"""A ledger to try things on: gone when it is closed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from rota.clock import Clock
from rota.ledger.sqlite.connect import Apsw, Connection, steady
from rota.ledger.sqlite.faults import faults
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.ledger.sqlite.store import FileStore

__all__ = ["ScratchLedger"]

NOWHERE = Path("scratch")
"""What a fault of it is told of; the file itself has no name."""


class ScratchLedger(SqliteLedger):
    """A SQLite ledger in a temporary file of SQLite's own, which nobody else can open and which is never synced.

    Statements, migrations and rules are those of any SQLite ledger. What fits into 64 MB never reaches the disk.
    """

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(NOWHERE, clock=clock, store=_OneConnection(NOWHERE, "apsw", "off"))


class _OneConnection(FileStore):
    """There is but one connection to such a file: whoever writes or reads has it to himself meanwhile."""

    def connect(self, *, writer: bool = False) -> Connection:
        """The connection, opened once. An empty name is SQLite's word for a temporary file (sqlite.org/inmemorydb.html)."""
        connection = Apsw(steady(apsw.Connection("")))
        for said in (
            "journal_mode = MEMORY",
            "synchronous = OFF",
            "foreign_keys = ON",
            "cache_size = -64000",
        ):
            connection.script(f"PRAGMA {said}")
        return connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        self._refuse_fork()
        with self._write_lock, faults(self.path):
            if self._writer is None:
                self._writer = self.connect()
            yield self._writer
