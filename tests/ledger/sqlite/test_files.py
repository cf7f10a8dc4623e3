"""Files that cannot be used: each is told with what was found and whether a retry is safe, and heals when the cause goes."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from tests.ledger.house import House

from rota.errors import LedgerError, LedgerUnreachable
from rota.ledger.sqlite import connect
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.model.run import State
from rota.testing import ManualClock


def opened(path: Path) -> SqliteLedger:
    return SqliteLedger(path, clock=ManualClock())


def fill(house: House) -> None:
    for _ in range(200):
        house.enqueue(args='{"text": "' + "x" * 4000 + '"}')


def test_a_full_disk_costs_nothing_that_was_acknowledged_and_heals(house: House) -> None:
    kept = house.enqueue()
    store = house.ledger._store  # type: ignore[attr-defined]  # the disk is made small from within
    with store._writing() as connection:
        pages = connection.rows("PRAGMA page_count")[0][0]
        connection.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerUnreachable) as full:
        fill(house)
    assert "no room" in str(full.value)
    assert full.value.retry.safe is True
    acknowledged = {run.id for run in house.runs()}
    assert kept in acknowledged
    with store._writing() as connection:
        connection.rows("PRAGMA max_page_count = 1000000")
    assert house.enqueue() > max(acknowledged)
    assert {run.state for run in house.runs()} == {State.WAITING}


def test_a_file_that_somebody_else_holds_is_said_and_heals(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT", 20)
    monkeypatch.setattr(connect, "PATIENCE", 0.1)
    house.ledger.close()
    other = apsw.Connection(
        str(tmp_path / "rota.db")
    )  # of the same library: locks of two do not see each other
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnreachable) as locked:
        house.enqueue()
    assert (locked.value.retry.safe, locked.value.retry.after) == (True, 1.0)
    assert house.runs() == []  # readers do not wait for it
    other.execute("ROLLBACK")
    other.close()
    assert house.enqueue()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and worth keeping\n" * 100)
    ledger = opened(path)
    with pytest.raises(LedgerError) as refused:
        ledger.migrate()
    ledger.close()
    assert "not a SQLite database" in str(refused.value)
    assert refused.value.retry.safe is False
    assert path.read_text().startswith("not a database, and worth keeping")


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "deep" / "deeper" / "rota.db")
    ledger.migrate()
    ledger.close()
    assert (tmp_path / "deep" / "deeper" / "rota.db").is_file()


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = opened(tmp_path / "file" / "rota.db")
    with pytest.raises(LedgerUnreachable) as refused:
        ledger.migrate()
    assert refused.value.retry.safe is True
    assert str(tmp_path) in str(refused.value.where)


def test_a_damaged_file_is_not_written_to_further(house: House, tmp_path: Path) -> None:
    for _ in range(200):
        house.enqueue()
    house.ledger.close()
    path = tmp_path / "rota.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data) // 2] = b"\xa5" * (len(data) // 2 - 4096)
    path.write_bytes(data)
    ledger = opened(path)
    with pytest.raises(LedgerError) as damaged:
        ledger.tasks("web")
    ledger.close()
    assert "damaged" in str(damaged.value)
    assert "backup" in str(damaged.value.retry.why)
    assert path.read_bytes() == bytes(data)
