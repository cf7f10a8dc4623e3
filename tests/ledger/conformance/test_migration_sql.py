"""Migrations for those who review SQL first: what is printed, run by hand, makes the ledger that `migrate` makes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import apsw
import pytest
from tests.ledger.house import House
from tests.servers import postgres_binaries

from rota.ledger.postgres.ledger import PostgresLedger
from rota.ledger.sql.ledger import SqlLedger


def by_hand(ledger: SqlLedger, script: str, folder: Path) -> None:
    """As a database administrator would: psql, or the sqlite3 shell's way."""
    if not isinstance(ledger, PostgresLedger):
        # By the library that the ledger has the file open with: two in one process undo each other's locks.
        is_apsw = ledger._store.driver == "apsw"
        connection = (apsw.Connection if is_apsw else sqlite3.connect)(str(folder / "rota.db"))
        (connection.execute if is_apsw else connection.executescript)(script)
        connection.close()
        return
    binaries = postgres_binaries()
    psql = next(
        (
            path
            for path in (binaries / "psql" if binaries else Path(), Path("/usr/bin/psql"))
            if path.is_file()
        ),
        None,
    )
    if psql is None:
        _without_psql(ledger, script)
        return
    done = subprocess.run(
        [psql, ledger.address.url, "-q", "-f", "-"], input=script, text=True, capture_output=True, check=False,
        env={**os.environ, "PGPASSWORD": "rota"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _without_psql(ledger: PostgresLedger, script: str) -> None:
    """The wheel brings no psql: the same statements over the driver, but for psql's own word."""
    import psycopg

    with psycopg.connect(ledger.address.url, autocommit=True) as connection:
        connection.execute(
            "\n".join(line for line in script.splitlines() if not line.startswith("\\")).encode()
        )


def test_what_is_printed_makes_the_ledger(empty: House, tmp_path: Path) -> None:
    script = empty.ledger.migration_sql()
    assert empty.ledger.version()[0] == 0, "printing it has changed something"
    by_hand(empty.ledger, script, tmp_path)
    found, serves = empty.ledger.version()
    assert found == serves
    assert empty.ledger.migration_sql() == ""
    empty.node()
    empty.rota(empty.task())
    assert empty.state(empty.enqueue()).value == "waiting"


def test_down_and_up_again_by_hand(house: House, tmp_path: Path) -> None:
    _, serves = house.ledger.version()
    by_hand(house.ledger, house.ledger.migration_sql(0), tmp_path)
    assert house.open().version() == (0, serves)
    by_hand(house.ledger, house.ledger.migration_sql(), tmp_path)
    assert house.open().version() == (serves, serves)


@pytest.mark.parametrize("word", ["BEGIN", "COMMIT"])
def test_it_is_one_transaction(empty: House, word: str) -> None:
    lines = empty.ledger.migration_sql().splitlines()
    assert sum(line in (f"{word};", f"{word} IMMEDIATE;") for line in lines) == 1


def test_many_who_migrate_at_once_make_it_once(empty: House) -> None:
    import threading

    done: list[object] = []

    def migrate() -> None:
        try:
            done.append(empty.open().migrate())
        except Exception as error:
            done.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, serves = empty.ledger.version()
    assert sorted(done, key=str) == [(0, serves), *[(serves, serves)] * 3]
