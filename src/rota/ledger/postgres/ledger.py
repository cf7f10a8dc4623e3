"""The PostgreSQL ledger: `rota.ledger.protocol.Ledger` over a schema of a server's database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from rota.clock import Clock, Instant
from rota.errors import Refused, Retriable
from rota.ledger.postgres import upkeep
from rota.ledger.postgres.address import Address
from rota.ledger.postgres.connect import Server
from rota.ledger.postgres.listener import Listener, channel_of
from rota.ledger.postgres.store import ServerStore
from rota.ledger.records import Enqueued
from rota.ledger.sql import people
from rota.ledger.sql.connection import Connection
from rota.ledger.sql.ledger import SqlLedger
from rota.ledger.sqlfile import statements
from rota.model.run import NewRun

__all__ = ["PostgresLedger"]


class PostgresLedger(SqlLedger):
    """A ledger in a PostgreSQL database, for the processes of many machines.

    ``url`` is libpq's, with ``schema=`` for the schema that holds the tables (``rota`` if not said). The clock is the
    server's; a test may hand in another.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self.address = Address.of(url)
        self._store = ServerStore(self.address)
        self._given = clock
        one = statements(upkeep.PACKAGE)["insert_run"]
        told = "SELECT id, pg_notify(:channel, 'waiting') FROM made"
        self._alone = f"WITH made AS ({one}) {told}"
        super().__init__(self._store, statements(upkeep.PACKAGE), upkeep.known(), clock or self._store.clock)

    def _schema(self, connection: Connection) -> int:
        return upkeep.schema_version(connection, self.address.schema)

    def _make_room(self, connection: Connection) -> None:
        assert isinstance(connection, Server)  # what this ledger's store hands out
        connection.unlimited()
        upkeep.make_schema(connection, self.address.schema)

    def _transaction_words(self) -> tuple[list[str], list[str]]:
        schema = self.address.schema
        return [
            "\\set ON_ERROR_STOP on",
            "BEGIN;",
            f"SELECT pg_advisory_xact_lock({self._store.key});  -- one migration at a time",
            f"CREATE SCHEMA IF NOT EXISTS {schema};",
            f"SET LOCAL search_path = {schema};",
        ], ["COMMIT;"]

    def _now(self, connection: Connection) -> Instant:
        """The server's time as of the transaction's beginning; for a single read, as it is known here."""
        if self._given is not None:
            return self._given.now()
        told = connection.now if isinstance(connection, Server) else None  # a caller's was not begun by us
        return told if told is not None else self._clock.now()

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> list[Enqueued]:
        """One run without a key is one statement, which commits by itself: there is nothing to be compared with first."""
        if (
            connection is not None
            or len(runs) != 1
            or runs[0].key is not None
            or runs[0].schedule_id is not None
        ):
            return super().enqueue(runs, if_exists=if_exists, connection=connection)
        given = {
            **people.values_of(runs[0]),
            "now": self._clock.now(),
            "channel": channel_of(self.address.schema),
        }
        rows = self._store.once(self._checked(lambda c: c.rows(self._alone, given)))
        return [Enqueued(rows[0][0], True)]

    def listen(self, heard: Callable[[str], None]) -> Listener:
        return Listener(self.address, heard)

    def _tell(self, connection: Connection, word: str) -> None:
        if isinstance(connection, Server) and connection.now is not None:
            connection.tell(channel_of(self.address.schema), word)
        else:  # a caller's: it commits by itself
            given = {"channel": channel_of(self.address.schema), "word": word}
            connection.rows("SELECT pg_notify(:channel, :word)", given)

    def facts(self) -> dict[str, Any]:
        return self._store.view(
            lambda c: upkeep.facts(self.address, c, pooled=isinstance(c, Server) and c.pooled)
        )

    def backup(self, path: str) -> int:
        raise Refused(
            "a PostgreSQL ledger is not copied by Rota", expected="the server's own backup", found=f"a backup to {path}",
            where=str(self.address), retry=Retriable(False, "it is the server's to make"),
            next=[f"pg_dump --schema={self.address.schema} --format=custom"],
        )  # fmt: skip
