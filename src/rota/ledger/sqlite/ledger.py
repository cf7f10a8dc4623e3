"""The SQLite ledger: `rota.ledger.protocol.Ledger` over one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rota.clock import Clock
from rota.ledger.sql.connection import Connection
from rota.ledger.sql.ledger import SqlLedger
from rota.ledger.sqlfile import statements
from rota.ledger.sqlite import upkeep
from rota.ledger.sqlite.connect import Driver
from rota.ledger.sqlite.store import FileStore

__all__ = ["SqliteLedger"]


class SqliteLedger(SqlLedger):
    """A ledger in one SQLite file, for the processes of one machine.

    ``synchronous="full"``: what was acknowledged survives a power cut. ``"normal"``: it survives the process,
    but a power cut may cost the last moments. The clock is this machine's.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock,
        driver: Driver = "apsw",
        synchronous: Literal["full", "normal"] = "full",
        store: FileStore | None = None,
    ) -> None:
        self._store = store or FileStore(Path(path), driver, synchronous)
        super().__init__(self._store, statements(upkeep.PACKAGE), upkeep.known(), clock)

    def _schema(self, connection: Connection) -> int:
        return upkeep.schema_version(connection)

    def facts(self) -> dict[str, Any]:
        return self._store.view(lambda connection: upkeep.facts(self._store, connection))

    def backup(self, path: str) -> int:
        return self._store.read(lambda connection: upkeep.backup(connection, Path(path)))
