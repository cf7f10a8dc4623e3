"""Migrations go up and down; a ledger that this build does not serve is refused, never guessed at."""

from __future__ import annotations

import pytest
from tests.ledger.house import House

from rota.clock import Instant
from rota.errors import LedgerVersion, UsageError
from rota.ledger.records import RunFilter


def test_an_empty_ledger_is_version_0_and_says_so_when_it_is_used(empty: House) -> None:
    found, serves = empty.ledger.version()
    assert (found, serves >= 1) == (0, True)
    for use in (
        lambda: empty.ledger.runs(RunFilter()),
        empty.ledger.next_due,
        empty.ledger.sweep,
        empty.node,
        lambda: empty.ledger.prune(Instant(0)),
    ):
        with pytest.raises(LedgerVersion) as refused:
            use()
        assert "rota migrate" in refused.value.next


def test_up_down_and_up_again(empty: House) -> None:
    ledger = empty.ledger
    _, serves = ledger.version()
    assert ledger.migrate() == (0, serves)
    empty.node()
    assert ledger.migrate() == (serves, serves)
    for version in reversed(range(serves)):
        assert ledger.migrate(version) == (version + 1, version)
    assert ledger.version() == (0, serves)
    with pytest.raises(LedgerVersion):
        ledger.nodes()
    for version in range(1, serves + 1):
        assert ledger.migrate(version) == (version - 1, version)
    assert ledger.nodes() == []
    empty.rota(empty.task())
    assert [task.name for task in ledger.tasks()] == ["tidy"]


def test_what_is_recorded_outlives_a_migration_between_versions(house: House) -> None:
    house.rota(house.task())
    run = house.enqueue()
    _, serves = house.ledger.version()
    house.ledger.migrate(1)
    house.ledger.migrate(serves)
    assert house.run(run).task == "tidy"


def test_a_version_that_is_not_there_is_refused(house: House) -> None:
    found = house.ledger.version()
    for version in (-1, found[1] + 1):
        with pytest.raises(UsageError):
            house.ledger.migrate(version)
    assert house.ledger.version() == found


def test_a_ledger_that_another_process_took_down_is_noticed(house: House) -> None:
    house.open().migrate(0)
    house.clock.move(seconds=10)
    with pytest.raises(LedgerVersion):
        house.ledger.next_due()
