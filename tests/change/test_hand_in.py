"""What programs add and take away at run time leaves nothing unaccounted for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rota import Rota
from rota.change.apply import apply
from rota.change.hand_in import HandIn
from rota.clock import SECOND, Instant
from rota.ledger.records import RunFilter
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.read.audit import Audit, audit
from rota.testing import ManualClock

DUTY = {"owner": "ann@example.org", "expects": "what the test says", "rollback": "nothing to put back"}


class Program:
    """A ledger, and a program that hands schedules in. No node is there."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.ledger = SqliteLedger(folder / "rota.db", clock=self.clock)
        self.ledger.migrate()
        rota = Rota("web")
        rota.task(name="digest", **DUTY)(_nothing)
        apply(self.ledger, rota.loaded, author="ann", reason="test")
        self.begun = self.ledger.now()
        self.hand_in = HandIn(self.ledger, rota.loaded)

    def audit(self) -> Audit:
        return audit(self.ledger, self.begun, Instant(self.ledger.now() - SECOND))


def _nothing() -> None: ...


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    made.ledger.close()


def test_what_fell_due_while_no_node_was_there_is_recorded_before_its_schedule_goes(program: Program) -> None:
    program.hand_in.schedule("digest", "a", {"every": "10s"})
    program.clock.move(minutes=2, seconds=3)
    assert program.hand_in.unschedule("digest", "a")
    found = program.audit()
    assert found.holds, found.examples
    assert (found.by_run, found.in_range) == (1, 11)  # the latest, which covers the others


def test_what_fell_due_under_the_old_rule_is_recorded_before_it_changes(program: Program) -> None:
    program.hand_in.schedule("digest", "a", {"every": "10s"})
    program.clock.move(minutes=2)
    program.hand_in.schedule("digest", "a", {"every": "1h"})
    (run,) = program.ledger.runs(RunFilter())
    assert (run.scheduled_at, run.covers_count) == (program.begun + 120 * SECOND, 12)


def test_nothing_is_fired_where_nothing_is_due(program: Program) -> None:
    program.hand_in.schedule("digest", "a", {"every": "10s"})
    program.hand_in.schedule("digest", "b", {"every": "10s"})
    assert program.hand_in.unschedule("digest", "a")
    assert program.ledger.runs(RunFilter()) == []
