"""The real SQL of the SQLite ledger over a database in memory, which can be stopped between any two statements."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import apsw

from rota.ledger.sql.connection import Connection, Params, Row
from rota.ledger.sql.ledger import SqlLedger
from rota.ledger.sqlfile import statements
from rota.ledger.sqlite import upkeep
from rota.ledger.sqlite.connect import Apsw, steady

__all__ = ["Crashed", "MemoryLedger"]

T = TypeVar("T")


class Crashed(BaseException):
    """The node's process is gone, in the middle of what it was at."""


class _Counted:
    """A connection on which the process may die before a statement."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._inner = Apsw(raw)
        self.left: int | None = None  # statements until the crash

    def _step(self) -> None:
        if self.left is not None:
            if self.left == 0:
                self.left = None
                raise Crashed
            self.left -= 1

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        self._step()
        return self._inner.rows(sql, params)

    def many(self, sql: str, params: Params = ()) -> list[Row]:
        self._step()
        return self._inner.many(sql, params)  # type: ignore[return-value]  # a list, as JSON has it

    def run(self, sql: str, params: Params = ()) -> int:
        self._step()
        return self._inner.run(sql, params)

    def script(self, sql: str) -> None:
        self._inner.script(sql)


class _MemoryStore:
    """One connection; each piece of work is one transaction, and a crash within it rolls back."""

    def __init__(self, image: bytes | None) -> None:
        raw = steady(apsw.Connection(":memory:"))
        if image is not None:
            raw.deserialize("main", image)
        self.raw = raw
        self.connection = _Counted(raw)

    def write(
        self, work: Callable[[Connection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        self.connection.script("BEGIN IMMEDIATE")
        try:
            answer = work(self.connection)
            self.connection._step()  # between the last statement and the commit
        except BaseException:
            self.connection.script("ROLLBACK")
            raise
        self.connection.script("COMMIT")
        return answer

    def read(self, work: Callable[[Connection], T]) -> T:
        return work(self.connection)

    view = read

    def join(self, theirs: Any, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError  # no caller of the simulation has a connection

    def close(self) -> None:
        self.raw.close()


@lru_cache(maxsize=1)
def _empty() -> bytes:
    ledger = MemoryLedger(None, None)
    ledger.migrate()
    return ledger.store.raw.serialize("main")


class MemoryLedger(SqlLedger):
    """All work of `SqlLedger` with the statements of the SQLite dialect. ``sql`` may be a changed copy of them."""

    def __init__(self, clock: Any, sql: dict[str, str] | None, *, ready: bool = False) -> None:
        self.store = _MemoryStore(_empty() if ready else None)
        super().__init__(
            self.store, statements(upkeep.PACKAGE) if sql is None else sql, upkeep.known(), clock or _Still()
        )

    def _schema(self, connection: Connection) -> int:
        return upkeep.schema_version(connection)

    def _check_schema(self, connection: Connection, *, always: bool) -> None:
        """It is always the one that this build serves."""

    def crash_after(self, statements: int) -> None:
        """Have the process die before the statement after so many, if there is one in this piece of work."""
        self.store.connection.left = statements

    def crash_no_more(self) -> None:
        self.store.connection.left = None


class _Still:
    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0
