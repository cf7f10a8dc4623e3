"""A stage for each ledger that the faults are tried on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.faults.ledger.stage import Stage
from tests.ledger.conformance.conftest import LEDGERS
from tests.ledger.house import House

from rota.ledger.protocol import Ledger
from rota.testing import ManualClock

OPENERS = {"postgresql": LEDGERS["postgresql"], "sqlite": LEDGERS["sqlite-apsw"]}


@pytest.fixture(params=sorted(OPENERS))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A migrated ledger in virtual time, without a rota or a node."""
    clock, opened = ManualClock(), []

    def open_() -> Ledger:
        opened.append(OPENERS[request.param](request, clock))
        return opened[-1]

    house = House(open_(), clock, open_)
    house.ledger.migrate()
    yield Stage(house, request.param)
    for ledger in opened:
        ledger.close()
