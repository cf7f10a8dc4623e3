"""A cell for each instant at which a task was due, that says what became of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.read.house import START, House, errored, every, succeeded

from rota.clock import SECOND, Instant, to_instant
from rota.ledger.records import ScheduleRecord
from rota.model.run import Kind, MissedRange, Reason, RunRecord, State
from rota.read.strip import cells, strip
from rota.timing import schedule_as_json

T = to_instant(START)
RUN = RunRecord(
    id=7, service="s", task="t", task_id=1, schedule_id=1, schedule_key="", kind=Kind.SCHEDULED,
    scheduled_at=T, run_at=T, state=State.WAITING, reason=Reason.DUE, note=None, key=None, args=None,
    queue="default", priority=5, attempt=0, spent=0, crashes=0, token=None, node=None, created_at=T,
    started_at=None, finished_at=None, expires_at=None, covers_from=None, covers_count=1, result=None,
    error=None, progress=None, cancel_reason=None, requested_by=None,
)  # fmt: skip


def schedule(next_at: int | None = None) -> ScheduleRecord:
    rule = json.dumps(schedule_as_json(every(60)))
    return ScheduleRecord(
        1, 1, "s", "t", "", rule, None, None if next_at is None else Instant(next_at), None, T, None, T
    )


def ended(state: State, late: float = 0.0, took: float = 1.0, **more: Any) -> RunRecord:
    started = Instant(T + int(late * SECOND))
    values: dict[str, Any] = {"attempt": 1, "reason": None, **more}
    return replace(
        RUN, state=state, started_at=started, finished_at=Instant(started + int(took * SECOND)), **values
    )


@pytest.mark.parametrize(
    ("run", "sort", "words"),
    [
        (ended(State.SUCCEEDED), "on-time", "on time"),
        (ended(State.SUCCEEDED, late=1.0), "on-time", "on time"),
        (ended(State.SUCCEEDED, late=1.1), "late", "late by 1.1 s"),
        (ended(State.SUCCEEDED, late=90), "late", "late by 1 min 30 s"),
        (ended(State.SUCCEEDED, late=-0.5), "on-time", "on time"),
        (ended(State.SUCCEEDED, late=40, attempt=2, run_at=T + 40 * SECOND), "on-time", "on time, at try 2"),
        (ended(State.FAILED, reason=Reason.TIMEOUT), "failed", "failed: it took longer than its timeout"),
        (ended(State.FAILED, reason=None), "failed", "failed: "),
        (ended(State.CANCELLED, reason=Reason.OPERATOR), "cancelled", "cancelled: somebody cancelled it"),
        (replace(RUN, state=State.SKIPPED, reason=Reason.OVERLAP), "skipped", "skipped: the run before it had not ended"),
        (replace(RUN, state=State.SKIPPED, reason=Reason.PAUSED), "skipped", "skipped: the task was paused"),
        (replace(RUN, state=State.MISSED, reason=Reason.DEADLINE), "missed", "missed: it was past its deadline"),
        (replace(RUN, state=State.RUNNING, attempt=1, started_at=T), "running", "running, started on time"),
        (replace(RUN, state=State.RUNNING, attempt=1), "running", "running"),
        (replace(RUN, state=State.RUNNING, attempt=1, run_at=Instant(T + 9 * SECOND)), "running", "claimed, starts on its instant"),
        (RUN, "waiting", "waiting, late by 5 s"),
        (replace(RUN, run_at=Instant(T + 60 * SECOND)), "waiting", "waiting"),
        (replace(RUN, reason=Reason.RETRY, attempt=1), "retrying", "waiting for try 2"),
        (
            ended(State.SUCCEEDED, covers_count=4),
            "on-time",
            "on time; stands for 4 occurrences",
        ),
    ],
)  # fmt: skip
def test_a_run_is_a_cell_that_says_what_became_of_it(run: RunRecord, sort: str, words: str) -> None:
    [cell] = cells(schedule(), [run], [], Instant(T + 5 * SECOND))
    assert (cell.sort, cell.words, cell.run_id, cell.at) == (sort, words, 7, T)


@pytest.mark.parametrize(
    ("count", "covered_by", "reason", "shown", "sort"),
    [
        (1, None, Reason.CATCH_UP, [1], "missed"),
        (3, None, Reason.DEADLINE, [1, 1, 1], "missed"),
        (3, 9, Reason.CATCH_UP, [1, 1, 1], "covered"),
        (500, None, Reason.PAUSED, [500], "skipped"),
        (5, 9, Reason.CATCH_UP, [5], "covered"),
    ],
)
def test_a_range_is_a_cell_an_instant_where_it_is_short_and_one_with_its_count_where_it_is_long(
    count: int, covered_by: int | None, reason: Reason, shown: list[int], sort: str
) -> None:
    missed = MissedRange(1, T, Instant(T + count * 60 * SECOND), count, reason, covered_by)
    found = cells(schedule(), [], [missed], Instant(T + 10**12))
    assert [cell.count for cell in found] == shown
    assert {cell.sort for cell in found} == {sort}
    assert {cell.run_id for cell in found} == {covered_by}
    assert [cell.at for cell in found] == [T + n * 60 * SECOND for n in range(len(shown))]


def test_a_range_of_a_schedule_that_has_changed_since_stays_one_cell() -> None:
    missed = MissedRange(1, T, Instant(T + 7 * SECOND), 3, Reason.CATCH_UP)
    assert [cell.count for cell in cells(schedule(), [], [missed], T)] == [3]


def test_what_is_due_and_has_no_record_is_said_to_have_none() -> None:
    now = Instant(T + 150 * SECOND)
    [cell] = cells(schedule(next_at=T), [], [], now)
    assert (cell.sort, cell.count, cell.at) == ("unrecorded", 3, T)
    assert "no node" in cell.words
    assert cells(schedule(next_at=T), [], [], Instant(T + 5 * SECOND)) == []
    assert cells(schedule(next_at=None), [], [], now) == []


def test_cells_are_in_the_order_of_their_instants() -> None:
    later = replace(ended(State.SUCCEEDED), id=8, scheduled_at=Instant(T + 600 * SECOND))
    missed = MissedRange(1, Instant(T + 60 * SECOND), Instant(T + 600 * SECOND), 9, Reason.CATCH_UP, 8)
    found = cells(schedule(), [later, ended(State.SUCCEEDED)], [missed], T)
    assert [cell.at for cell in found] == [T, T + 60 * SECOND, T + 600 * SECOND]


def test_the_strip_of_a_ledger_shows_the_latest_occurrences_oldest_first(house: House) -> None:
    for minute in range(8):
        house.clock.move(seconds=60)
        house.round(errored() if minute == 3 else succeeded(), late=30 if minute == 5 else 0)
    [own] = house.ledger.schedules("newsroom", "publish-due", key="")
    shown = strip(house.ledger, own, 6)
    assert [cell.sort for cell in shown] == ["on-time", "failed", "on-time", "late", "on-time", "on-time"]
    assert [cell.at for cell in shown] == [T + n * 60 * SECOND for n in range(3, 9)]


def test_after_a_downtime_the_strip_shows_what_the_one_run_covers(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(succeeded())
    house.clock.move(seconds=600)
    house.round(succeeded())
    [own] = house.ledger.schedules("newsroom", "publish-due", key="")
    first, covered, last = strip(house.ledger, own)
    assert (first.sort, covered.sort, covered.count) == ("on-time", "covered", 9)
    assert covered.run_id == last.run_id
    assert "stands for 10 occurrences" in last.words
