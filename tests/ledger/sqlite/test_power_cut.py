"""The files as a power cut would leave them: what was acknowledged is in them, and they are sound."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota.ledger.sqlite.ledger import SqliteLedger
from rota.model.run import State
from rota.testing import ManualClock


def copy(folder: Path, to: Path) -> Path:
    """The file and its log, and not the shared memory: that is gone with the power."""
    to.mkdir()
    for name in ("rota.db", "rota.db-wal"):
        shutil.copy(folder / name, to / name)
    return to / "rota.db"


def states(path: Path) -> dict[int, State]:
    ledger = SqliteLedger(path, clock=ManualClock())
    try:
        return {run.id: run.state for run in House(ledger, ManualClock(), lambda: ledger).runs()}
    finally:
        ledger.close()


def sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()


def test_after_each_commit_the_files_hold_it(house: House, tmp_path: Path) -> None:
    for number in range(20):
        run = house.enqueue()
        here = copy(tmp_path, tmp_path / f"enqueued-{number}")
        assert states(here)[run] is State.WAITING
        claimed = house.claim_one()
        assert states(copy(tmp_path, tmp_path / f"claimed-{number}"))[run] is State.RUNNING
        assert not house.ledger.finish("n1", [house.outcome(claimed)])
        here = copy(tmp_path, tmp_path / f"finished-{number}")
        assert states(here)[run] is State.SUCCEEDED
        assert sound(here)


def test_a_log_that_is_torn_anywhere_loses_only_its_tail(house: House, tmp_path: Path) -> None:
    """What was acknowledged last may not have reached a log that is cut short; what was before it is all there."""
    sizes = {}
    for _ in range(12):
        run = house.enqueue()
        sizes[run] = (tmp_path / "rota.db-wal").stat().st_size
    whole = sizes[max(sizes)]
    for place, size in enumerate([*range(whole - 20_000, whole, 1_713), whole - 1]):
        here = copy(tmp_path, tmp_path / f"torn-{place}")
        with here.with_name("rota.db-wal").open("r+b") as log:
            log.truncate(size)
        found = set(states(here))
        assert found == {run for run, end in sizes.items() if end <= size}
        assert sound(here)


@pytest.mark.parametrize("level", ["full", "normal"])
def test_the_level_that_was_asked_for_is_in_force(tmp_path: Path, level: str) -> None:
    ledger = SqliteLedger(tmp_path / "rota.db", clock=ManualClock(), synchronous=level)  # type: ignore[arg-type]  # a str here
    ledger.migrate()
    facts = ledger.facts()
    ledger.close()
    assert (facts["synchronous"], facts["journal_mode"]) == (level, "wal")
