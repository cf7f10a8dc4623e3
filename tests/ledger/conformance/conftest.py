"""The ledgers that every promise is tried on. Another implementation joins by one more entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota.clock import Clock
from rota.ledger.protocol import Ledger
from rota.testing import ManualClock

Opener = Callable[[pytest.FixtureRequest, Clock], Ledger]


def _sqlite(request: pytest.FixtureRequest, clock: Clock, driver: str) -> Ledger:
    from rota.ledger.sqlite.ledger import SqliteLedger

    folder: Path = request.getfixturevalue("tmp_path")
    return SqliteLedger(folder / "rota.db", clock=clock, driver=driver)


def _postgres(request: pytest.FixtureRequest, clock: Clock) -> Ledger:
    from rota.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(request.getfixturevalue("postgres_url"), clock=clock)


def _through_pgbouncer(request: pytest.FixtureRequest, clock: Clock) -> Ledger:
    from rota.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(request.getfixturevalue("pgbouncer_url"), clock=clock)


def _other_postgres(request: pytest.FixtureRequest, clock: Clock) -> Ledger:
    from rota.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(request.getfixturevalue("other_postgres_url"), clock=clock)


LEDGERS: dict[str, Opener] = {
    "postgresql-15": _other_postgres,
    "postgresql-pgbouncer": _through_pgbouncer,
    "postgresql": _postgres,
    "sqlite-apsw": partial(_sqlite, driver="apsw"),
    "sqlite-sqlite3": partial(_sqlite, driver="sqlite3"),
}


@pytest.fixture(params=sorted(LEDGERS))
def empty(request: pytest.FixtureRequest) -> Iterator[House]:
    """A ledger without a schema."""
    clock, opened = ManualClock(), []

    def open_() -> Ledger:
        opened.append(LEDGERS[request.param](request, clock))
        return opened[-1]

    yield House(open_(), clock, open_)
    for ledger in opened:
        ledger.close()


@pytest.fixture
def house(empty: House) -> House:
    """A ledger that is migrated, with one live node, ``n1``."""
    empty.ledger.migrate()
    empty.node()
    return empty
