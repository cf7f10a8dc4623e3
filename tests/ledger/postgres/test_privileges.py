"""The roles that the documentation names are enough for what they are for, and can do no more."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.ledger.house import House

from rota.errors import LedgerError, LedgerVersion
from rota.ledger.postgres.ledger import PostgresLedger
from rota.ledger.records import RunFilter
from rota.testing import ManualClock

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/postgresql.md"


class Roles:
    """A database of its own in which the page's SQL was run; roles belong to the whole server, so theirs are renamed."""

    def __init__(self, server: str, database: str, mark: str) -> None:
        self._server, self._database, self._mark = server, database, mark

    def ledger(self, role: str, password: str, clock: ManualClock | None = None) -> PostgresLedger:
        where = self._server.rpartition("@")[2].partition("/")[0]
        url = f"postgresql://rota_{role}{self._mark}:{password}@{where}/{self._database}"
        return PostgresLedger(url, clock=clock)


@pytest.fixture
def roles(postgres_server: str) -> Iterator[Roles]:
    mark = f"_{uuid.uuid4().hex[:8]}"
    text = "\n".join(re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.S))
    named = re.sub(r"\brota_(owner|node|reader)\b", rf"rota_\1{mark}", text)
    database = f"privileges{mark}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {database}")  # type: ignore[arg-type]  # our name
        try:
            with psycopg.connect(
                postgres_server.replace("/postgres", f"/{database}"), autocommit=True
            ) as inside:
                inside.execute(named.encode())
            yield Roles(postgres_server, database, mark)
        finally:
            admin.execute(f"DROP DATABASE {database} WITH (FORCE)")  # type: ignore[arg-type]  # our name
            for role in ("owner", "node", "reader"):
                admin.execute(f"DROP ROLE IF EXISTS rota_{role}{mark}")  # type: ignore[arg-type]  # our name


def test_owner_migrates_node_works_reader_looks(roles: Roles) -> None:
    owner, clock = roles.ledger("owner", "one"), ManualClock()
    node = roles.ledger("node", "two", clock)
    with pytest.raises(LedgerVersion):
        node.next_due()
    owner.migrate()
    owner.close()
    house = House(node, clock, lambda: node)
    house.rota(house.task("tidy", every=60))
    house.node()
    house.beat()
    house.clock.move(seconds=61)
    house.fire()
    house.beat()
    house.succeed(*house.claim())
    house.lose()
    node.sweep()
    node.prune(node.now())
    listening = node.listen(lambda _: None)
    assert listening is not None
    listening.close()
    reader = roles.ledger("reader", "three", clock)
    assert len(reader.runs(RunFilter())) == 1
    assert reader.facts()["schema"] == reader.version()[1]
    assert reader.attempts_between(0, 100) == []
    with pytest.raises(LedgerError, match="may not do that"):
        reader.leave("n1")
    reader.close()
    node.close()


@pytest.mark.parametrize(
    "sql",
    ["CREATE TABLE rota.mine (n int)", "DROP TABLE rota.rota_run", "ALTER TABLE rota.rota_run ADD COLUMN mine int",
     "TRUNCATE rota.rota_run", "CREATE SCHEMA mine"],
)  # fmt: skip
def test_a_node_can_change_no_table(roles: Roles, sql: str) -> None:
    owner = roles.ledger("owner", "one")
    owner.migrate()
    owner.close()
    node = roles.ledger("node", "two")
    with psycopg.connect(node.address.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.encode())
    node.close()
