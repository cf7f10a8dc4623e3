"""What becomes of a due schedule: every occurrence has exactly one record, whatever the policy and the delay."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.clock import SECOND, Instant
from rota.engine.plan import BUSY_MOMENT, MANY, plan_schedule
from rota.ledger.work import DueSchedule
from rota.model.run import Reason, State
from rota.model.schedule import Every, Schedule
from rota.timing import compile_schedule

MINUTE = 60 * SECOND
START = Instant(1_800_000_000 * SECOND)  # a whole minute
MINUTELY = compile_schedule(Schedule((Every(timedelta(minutes=1)),)))
DUE = DueSchedule(
    7, 3, "web", "task", "", "{}", None, START, "skip", "latest", 100, None, "default", 5, True, False
)


def at(minutes: float) -> Instant:
    return Instant(START + int(minutes * MINUTE))


def planned(due=DUE, now=0.0, ahead=0.0, occurrences=MINUTELY):
    return plan_schedule(due, occurrences, at(now), at(now + ahead))


def records(plan, occurrences=MINUTELY) -> Counter:
    """Each instant that the plan accounts for, and how often."""
    found = Counter(run.scheduled_at for run in plan.runs)
    for missed in (*plan.ranges, *plan.covered):
        inside = occurrences.between(Instant(missed.from_at - 1), Instant(missed.until_at - 1))
        assert len(inside) == missed.count
        found.update(inside)
    return found


def test_one_due_is_a_run_and_the_cursor_moves_on():
    plan = planned(now=0.2)
    assert [(run.scheduled_at, run.state, run.lane) for run in plan.runs] == [(at(0), State.WAITING, 7)]
    assert (plan.fired_at, plan.next_at) == (at(0), at(1))


def test_ahead_of_its_instant_it_is_recorded_for_its_instant():
    plan = planned(now=-0.01, ahead=0.02)
    assert [(run.scheduled_at, run.run_at) for run in plan.runs] == [(at(0), at(0))]


def test_latest_is_one_run_that_knows_what_it_covers():
    plan = planned(now=5.5)
    (run,) = plan.runs
    assert (run.scheduled_at, run.covers_from, run.covers_count) == (at(5), at(0), 6)
    (covered,) = plan.covered
    assert (covered.from_at, covered.until_at, covered.count) == (at(0), at(5), 5)


def test_all_is_a_run_each_for_the_last_and_a_range_for_the_older():
    plan = planned(replace(DUE, catch_up="all", catch_up_limit=2), now=5.5)
    assert [run.scheduled_at for run in plan.runs] == [at(4), at(5)]
    (missed,) = plan.ranges
    assert (missed.from_at, missed.until_at, missed.count, missed.reason) == (
        at(0),
        at(4),
        4,
        Reason.CATCH_UP,
    )


def test_none_runs_nothing_but_what_fell_due_within_a_busy_moment():
    plan = planned(replace(DUE, catch_up="none"), now=5.5)
    states = {run.scheduled_at: run.state for run in plan.runs}
    assert states == {at(n): State.MISSED if n < 5 else State.WAITING for n in range(6)}
    assert BUSY_MOMENT == MINUTE


def test_past_its_deadline_it_is_missed_with_a_record_each():
    plan = planned(replace(DUE, deadline=90 * SECOND), now=5.0)
    missed = [run.scheduled_at for run in plan.runs if run.state is State.MISSED]
    assert missed == [at(0), at(1), at(2), at(3)]
    (run,) = (run for run in plan.runs if run.state is State.WAITING)
    assert (run.scheduled_at, run.covers_count, run.expires_at) == (at(5), 2, at(6.5))


@pytest.mark.parametrize(
    ("change", "reason"), [({"paused": True}, Reason.PAUSED), ({"enabled": False}, Reason.DISABLED)]
)
def test_paused_and_disabled_are_skipped_and_said(change, reason):
    plan = planned(replace(DUE, **change), now=2.5)
    assert {(run.scheduled_at, run.state, run.reason) for run in plan.runs} == {
        (at(n), State.SKIPPED, reason) for n in range(3)
    }


def test_many_that_are_left_out_are_one_range():
    plan = planned(replace(DUE, paused=True), now=MANY + 50.5)
    (skipped,) = plan.ranges
    assert (plan.runs, skipped.count, skipped.reason) == ([], MANY + 51, Reason.PAUSED)
    assert skipped.until_at == plan.next_at  # so that the next pass extends it


def test_no_cliff_after_a_hundred_missed_starts():
    """Kubernetes CronJob stopped for ever after 100 missed starts (kubernetes#42649)."""
    plan = planned(now=14 * 24 * 60 + 0.5)
    (run,) = plan.runs
    assert run.covers_count == 14 * 24 * 60 + 1


def test_a_schedule_that_is_over_has_no_cursor():
    once = compile_schedule(
        Schedule((Every(timedelta(minutes=1)),), end=__import__("rota.clock").clock.from_instant(at(1)))
    )
    plan = planned(now=5.0, occurrences=once)
    assert plan.next_at is None


@given(
    due=st.builds(
        lambda catch_up, limit, deadline, paused, enabled, overlap: replace(
            DUE,
            catch_up=catch_up,
            catch_up_limit=limit,
            deadline=deadline,
            paused=paused,
            enabled=enabled,
            overlap=overlap,
        ),
        st.sampled_from(["latest", "all", "none"]),
        st.integers(1, 300),
        st.none() | st.integers(1, 600 * SECOND),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["skip", "allow", "queue"]),
    ),
    steps=st.lists(st.tuples(st.floats(0, 200), st.floats(0, 3)), min_size=1, max_size=6),
)
def test_every_occurrence_has_exactly_one_record(due, steps):
    """Fires at any instants, one after the other, each with any delay: none is left out, none is there twice."""
    found: Counter = Counter()
    now, cursor = -0.5, due.next_at
    for passed, ahead in steps:
        now += passed
        if cursor is None or cursor > at(now + ahead):
            continue
        plan = plan_schedule(replace(due, next_at=cursor), MINUTELY, at(now), at(now + ahead))
        found += records(plan)
        assert plan.next_at > plan.fired_at >= cursor
        assert all(run.run_at >= run.scheduled_at for run in plan.runs)
        assert all(run.state is not State.WAITING or run.scheduled_at <= at(now + ahead) for run in plan.runs)
        cursor = plan.next_at
    expected = MINUTELY.between(Instant(START - 1), Instant(cursor - 1))
    assert sorted(found) == expected
    assert set(found.values()) <= {1}
