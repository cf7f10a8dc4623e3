"""Connections to a PostgreSQL server: each statement with an end in time, whatever the network does."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.types.numeric import Int8Dumper

from rota.clock import Instant
from rota.ledger.postgres.address import Address
from rota.ledger.postgres.dialect import storable, translated
from rota.ledger.postgres.serverclock import ServerClock
from rota.ledger.sql.connection import Params, Row

__all__ = ["NOW", "Server", "connect"]

T = TypeVar("T")

PATIENCE = 25.0
"""Seconds that an answer is waited for. A connection whose other end is gone without a word would hang for ever."""

CONNECT = 5
"""Seconds to connect in."""

LIMITS = {"statement_timeout": 20_000, "lock_timeout": 10_000, "idle_in_transaction_session_timeout": 5_000}
"""Milliseconds after which the server ends a statement, a wait for a lock, and the transaction of a process that is
frozen or cut off in the middle of it: others need its locks."""

NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A driver's connection that does not wait for ever."""

    patience: float | None = PATIENCE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:  # whoever says how long, expects that nothing may come
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout as error:  # documented with `wait`, though its name begins so
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.patience:g} s") from error


class Server:
    """A connection in the hands of one piece of work."""

    def __init__(self, raw: psycopg.Connection[Any], schema: str, clock: ServerClock | None = None) -> None:
        self.raw = raw
        self.schema = schema
        self._clock = clock
        self._pooled: bool | None = None
        self._told: dict[str, None] = {}  # what is to be told with the commit, each once
        self.now: Instant | None = None  # the server's time at the beginning of the transaction

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        with self._execute(sql, params) as cursor:
            return cursor.fetchall()

    def many(self, sql: str, params: Params = ()) -> list[Row]:
        with self._execute(sql, params) as cursor:
            return cursor.fetchall()  # type: ignore[return-value]  # a list of tuples is a list of rows

    def run(self, sql: str, params: Params = ()) -> int:
        with self._execute(sql, params) as cursor:
            return max(0, cursor.rowcount)

    def script(self, sql: str) -> None:
        """Statements without parameters, as one message. The tables of a migration are found by the search path."""
        with psycopg.ClientCursor(self.raw) as cursor:
            cursor.execute(sql.encode())

    def _execute(self, sql: str, params: Params) -> psycopg.Cursor[tuple[Any, ...]]:
        given: Mapping[str, Any] = storable(params) if isinstance(params, Mapping) else {}
        cursor: psycopg.Cursor[tuple[Any, ...]] = psycopg.Cursor(self.raw)
        cursor.row_factory = psycopg.rows.tuple_row  # whatever rows its owner wishes for
        return cursor.execute(translated(sql, self.schema).encode(), given)

    def begin(self, first: str = "") -> None:
        """Begin a transaction and learn the server's time, in one message; ``first`` is done before the time is told."""
        text = "BEGIN;" + (self._limits() if self.pooled else "") + first + NOW
        sent = time.monotonic()
        with psycopg.ClientCursor(self.raw) as cursor:
            cursor.execute(text.encode())
            while cursor.nextset():
                pass
            told = cursor.fetchone()
        received = time.monotonic()
        assert told is not None  # the last statement answers with one row
        self.now = Instant(told[0])
        if self._clock is not None and not first:  # a wait for a lock would widen the bounds
            self._clock.observe(sent, self.now, received)

    def tell(self, channel: str, word: str) -> None:
        """Have a word told with the commit; it goes along with it, in one message."""
        self._told[f"SELECT pg_notify('{channel}', '{word}');"] = None

    def end(self, how: str) -> None:
        """Commit or roll back."""
        self.now = None
        told, self._told = "".join(self._told), {}
        self.script(told + how if how == "COMMIT" else how)

    @property
    def pooled(self) -> bool:
        """Whether something stands between us and the server that hands its sessions around, as PgBouncer does: the
        process that answers is not the one that was connected to."""
        if self._pooled is None:
            with psycopg.ClientCursor(self.raw) as cursor:
                found = cursor.execute("SELECT pg_backend_pid()").fetchone()
            self._pooled = found is None or found[0] != self.raw.info.backend_pid
        return self._pooled

    def settle_in(self) -> None:
        """What holds for the whole session; where sessions are handed around, for each transaction instead."""
        if self.pooled:
            self.raw.prepare_threshold = None
        else:
            self.script(self._limits().replace("SET LOCAL", "SET"))

    @contextlib.contextmanager
    def patient(self, seconds: float | None) -> Iterator[None]:
        """Wait only so many seconds for each answer meanwhile; None: as ever."""
        raw = self.raw
        if seconds is None or not isinstance(raw, _Connection):
            yield
            return
        usual, raw.patience = raw.patience, seconds
        try:
            yield
        finally:
            raw.patience = usual

    @property
    def is_alive(self) -> bool:
        """Whether a connection that lies idle still stands, as far as this side was told: a server that stopped has
        closed it, and there is an end to be read where nothing was asked."""
        if self.raw.closed:
            return False
        waiting = select.poll()
        waiting.register(self.raw.pgconn.socket, select.POLLIN)
        return not waiting.poll(0)

    def unlimited(self) -> None:
        """For a migration or another long piece of work, within its transaction."""
        self.script("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        if isinstance(self.raw, _Connection):
            self.raw.patience = None

    @staticmethod
    def _limits() -> str:
        # What is scanned here is always found by an index; a planner without statistics of a new table thinks otherwise.
        limits = "".join(f"SET LOCAL {name} = {value};" for name, value in LIMITS.items())
        # Nor is anything here worth compiling: that takes longer than all of it.
        return limits + "SET LOCAL enable_seqscan = off; SET LOCAL jit = off;"

    def close(self) -> None:
        self.raw.close()


def connect(address: Address, clock: ServerClock | None) -> Server:
    """Connect, in autocommit: transactions are begun and ended by words."""
    raw = _Connection.connect(
        address.url, autocommit=True, connect_timeout=CONNECT, application_name="rota", client_encoding="utf8",
        keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=10_000,
    )  # fmt: skip
    try:
        raw.adapters.register_dumper(int, Int8Dumper)  # one type for all numbers: one plan for each statement
        server = Server(raw, address.schema, clock)
        server.settle_in()
    except BaseException:
        raw.close()
        raise
    return server
