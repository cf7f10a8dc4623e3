"""A ledger to try things on: gone when it is closed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from rota.clock import Clock
from rota.ledger.sqlite.connect import Apsw, Connection, steady
from rota.ledger.sqlite.faults import faults
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.ledger.sqlite.store import FileStore

__all__ = ["ScratchLedger"]


class ScratchLedger(SqliteLedger):
    """A SQLite ledger in a temporary file, for whoever opened it alone, and never synced.

    Statements, migrations and rules are those of any SQLite ledger.
    """

    def __init__(self, *, clock: Clock) -> None:
        folder = tempfile.TemporaryDirectory(prefix="rota-scratch-")
        super().__init__(folder.name, clock=clock, store=_OneConnection(folder))


class _OneConnection(FileStore):
    """Whoever writes or reads has the only connection to himself meanwhile."""

    def __init__(self, folder: tempfile.TemporaryDirectory[str]) -> None:
        super().__init__(Path(folder.name) / "rota.db", "apsw", "off")
        self._folder = folder

    def connect(self, *, writer: bool = False) -> Connection:
        """The connection, opened once. Of SQLite's own temporary files each commit is as slow as what was written so far is
        long, and what is only in memory has no bound."""
        connection = Apsw(steady(apsw.Connection(str(self.path))))
        for said in (
            "locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = ON",
            "cache_size = -64000", "temp_store = MEMORY",
        ):  # fmt: skip
            connection.script(f"PRAGMA {said}")
        return connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        self._refuse_fork()
        with self._write_lock, faults(self.path):
            if self._writer is None:
                self._writer = self.connect()
            yield self._writer

    def close(self) -> None:
        super().close()
        self._folder.cleanup()
