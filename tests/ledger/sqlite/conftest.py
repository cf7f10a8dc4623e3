"""A ledger in a file, with a task and a node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota.ledger.sqlite.ledger import SqliteLedger
from rota.testing import ManualClock


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = ManualClock()
    opened: list[SqliteLedger] = []

    def open_() -> SqliteLedger:
        opened.append(SqliteLedger(tmp_path / "rota.db", clock=clock))
        return opened[-1]

    house = House(open_(), clock, open_)
    house.ledger.migrate()
    house.rota(house.task("tidy", overlap="allow"))
    house.node()
    yield house
    for ledger in opened:
        ledger.close()
