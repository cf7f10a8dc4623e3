"""A stage for each ledger that the faults are tried on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.ledger.props import Place
from tests.faults.ledger.stage import Stage
from tests.faults.report import Row
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
    yield Stage(house, request.param, row_of(request))
    for ledger in opened:
        ledger.close()


@pytest.fixture(params=sorted(OPENERS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where processes find a ledger that is not there yet; its time is the real one."""
    if request.param == "postgresql":
        return Place(request.param, request.getfixturevalue("postgres_url"), row_of(request))
    return Place(request.param, f"sqlite:///{tmp_path / 'rota.db'}", row_of(request))


def row_of(request: pytest.FixtureRequest) -> Row | None:
    """The line of the table of a test that has a fault's number in its name."""
    numbered = re.match(r"test_\d\d_", request.function.__name__)
    return request.getfixturevalue("row") if numbered else None
