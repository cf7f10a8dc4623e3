"""A run that undoes something: it starts whatever is paused, nothing takes its lane, and it counts for nothing."""

from __future__ import annotations

import json

import pytest
from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.engine.rescuer import decide
from rota.model.lifecycle import Move
from rota.model.run import Kind, State

AGO = 3600 * SECOND


@pytest.fixture
def tidy(house: House) -> House:
    patient = json.dumps({"retry": {"attempts": 3, "backoff": "10s", "factor": 2, "max": "5m", "jitter": 0}})
    house.rota(house.task(every=3600, overlap="cancel", pause_on_failure=2, definition=patient))
    house.clock.move(seconds=10)
    return house


def undo(house: House, **values: object) -> int:
    """An undo in the lane of the task's own schedule."""
    lane = house.ledger.schedules("web", "tidy", key="")[0].id
    return house.enqueue(kind=Kind.UNDO, lane=lane, priority=9, **values)


def test_it_starts_while_its_task_is_paused(tidy: House) -> None:
    tidy.ledger.pause(tidy.ids["tidy"], tidy.change(), None)
    tidy.enqueue()
    run = undo(tidy)
    assert [one.id for one in tidy.claim()] == [run]


def test_an_occurrence_that_is_due_meanwhile_waits_and_does_not_supersede_it(tidy: House) -> None:
    run = undo(tidy)
    held = tidy.claim_one()
    (due,) = tidy.due("tidy")
    tidy.clock.move(seconds=1)
    assert tidy.claim() == []
    assert (tidy.run(run).cancel_reason, tidy.state(due)) == (None, State.WAITING)
    assert tidy.beat().stops == []
    tidy.succeed(held)
    assert [one.id for one in tidy.claim()] == [due]


def test_a_younger_occurrence_still_takes_the_place_of_an_older_one(tidy: House) -> None:
    undo(tidy)
    tidy.claim_one()
    (older,), (younger,) = tidy.due("tidy"), tidy.due("tidy", after=1)
    tidy.clock.move(seconds=2)
    assert tidy.claim() == []
    assert (tidy.told(older), tidy.state(younger)) == (("skipped", "overlap"), State.WAITING)


def test_its_failures_are_not_the_tasks(tidy: House) -> None:
    for _ in range(3):
        undo(tidy)
        tidy.fail(tidy.claim_one())
    (task,) = tidy.ledger.tasks("web")
    assert (task.failures, task.paused_at) == (0, None)
    assert tidy.ledger.bad_runs(task.id) == []
    assert tidy.ledger.counts(Instant(tidy.now - AGO)) == {}


def test_its_success_ends_no_row_of_failures_and_is_none_of_the_tasks(tidy: House) -> None:
    tidy.enqueue()
    tidy.fail(tidy.claim_one())
    since = Instant(tidy.now - AGO)
    before = tidy.ledger.tally(tidy.ids["tidy"], since, Instant(tidy.now + AGO), None)
    undo(tidy)
    tidy.succeed(tidy.claim_one())
    (task,) = tidy.ledger.tasks("web")
    assert task.failures == 1
    assert tidy.ledger.successes(task.id, since) == []
    assert tidy.ledger.durations("web", "tidy") == []
    assert tidy.ledger.counts(since) == {("web", "tidy"): {"failed": 1}}
    assert tidy.ledger.tally(task.id, since, Instant(tidy.now + AGO), None) == before


def test_what_a_lost_node_had_begun_to_undo_is_not_tried_again(tidy: House) -> None:
    run, other = undo(tidy), tidy.enqueue()
    assert len(tidy.claim()) == 2
    asked: list[str] = []

    def noting(orphan: object) -> Move:
        asked.append(orphan.kind)  # type: ignore[attr-defined]  # what is asked about is an orphan
        return decide(orphan)  # type: ignore[arg-type]  # the same

    tidy.clock.move(seconds=100)
    assert tidy.ledger.rescue(["n1"], noting) == 2
    assert sorted(asked) == ["enqueued", "undo"]
    assert tidy.told(run) == ("failed", "lost")
    assert tidy.told(other) == ("waiting", "retry")
    assert tidy.ledger.tasks("web")[0].failures == 0
