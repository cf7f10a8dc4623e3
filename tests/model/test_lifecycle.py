"""THE state machine: every pair of state and event has the answer that stands here."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.model.lifecycle import (
    CRASH_LIMIT,
    Claimed,
    Errored,
    GaveUp,
    HandedBack,
    Lost,
    Missed,
    Rejected,
    Reopened,
    Skipped,
    Stopped,
    Succeeded,
    Tally,
    TimedOut,
    Unmet,
    Withdrawn,
    backoff,
    step,
)
from rota.model.run import FINAL, Reason, State
from rota.model.task import Retries

W, R = State.WAITING, State.RUNNING
EVENTS = [
    Claimed(), Succeeded(), Errored(), GaveUp(), TimedOut(), Rejected(), Unmet(), Stopped(), HandedBack(), Lost(),
    Withdrawn(), Skipped(), Missed(), Reopened(),
]  # fmt: skip

# With one attempt allowed and none spent: (state, event) -> (state, reason); what is not here cannot be.
LAST_TRY = {
    (W, Claimed): (R, None),
    (W, Withdrawn): (State.CANCELLED, Reason.OPERATOR),
    (W, Skipped): (State.SKIPPED, Reason.OVERLAP),
    (W, Missed): (State.MISSED, Reason.DEADLINE),
    (R, Succeeded): (State.SUCCEEDED, None),
    (R, Errored): (State.FAILED, Reason.ERROR),
    (R, GaveUp): (State.FAILED, Reason.ERROR),
    (R, TimedOut): (State.FAILED, Reason.TIMEOUT),
    (R, Rejected): (State.FAILED, Reason.REJECTED),
    (R, Unmet): (State.FAILED, Reason.EXPECTATION),
    (R, Stopped): (State.CANCELLED, Reason.OPERATOR),
    (R, HandedBack): (W, Reason.HANDED_BACK),
    (R, Lost): (State.FAILED, Reason.LOST),
    **{(final, Reopened): (W, Reason.RETRY) for final in FINAL},
}
RETRIED = {Errored, TimedOut, Unmet, Lost}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_pair_on_the_last_try(state, event):
    move = step(state, event, Tally(), Retries(attempts=1))
    expected = LAST_TRY.get((state, type(event)))
    assert (None if move is None else (move.state, move.reason)) == expected


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_pair_with_a_retry_left(state, event):
    move = step(state, event, Tally(), Retries(attempts=2))
    expected = LAST_TRY.get((state, type(event)))
    if state is R and type(event) in RETRIED:
        expected = (W, Reason.RETRY)
    assert (None if move is None else (move.state, move.reason)) == expected


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_end_of_a_run_that_was_asked_to_stop(event):
    """It is not tried again, whatever its attempt ended as, unless it succeeded first."""
    move = step(R, event, Tally(), Retries(attempts=9), asked_to_stop=Reason.SUPERSEDED)
    expected = LAST_TRY.get((R, type(event)))
    if type(event) in RETRIED | {HandedBack}:
        expected = (State.CANCELLED, Reason.SUPERSEDED)
    assert (None if move is None else (move.state, move.reason)) == expected


def test_what_counts_as_a_try():
    retries = Retries(attempts=9)
    counted = {
        type(event): step(R, event, Tally(2, 1), retries).tally
        for event in EVENTS
        if step(R, event, Tally(2, 1), retries)
    }
    assert counted.pop(HandedBack) == Tally(2, 1)
    assert counted.pop(Lost) == Tally(3, 2)
    assert set(counted.values()) == {Tally(3, 1)}
    assert step(R, Errored(crashed=True), Tally(2, 1), retries).tally == Tally(3, 2)


def test_a_task_that_keeps_killing_its_process_is_stopped():
    tally = Tally()
    for _ in range(CRASH_LIMIT):
        move = step(R, Lost(), tally, Retries(attempts=1000))
        tally = move.tally
    assert (move.state, move.reason) == (State.FAILED, Reason.LOST)


def test_a_reopened_run_has_one_try_more():
    move = step(State.FAILED, Reopened(), Tally(3, 2), Retries(attempts=3))
    assert move.tally == Tally(2, 0)
    assert step(R, Errored(), move.tally, Retries(attempts=3)).state is State.FAILED


def test_the_asked_delay_goes_before_the_backoff():
    move = step(R, Errored(after=timedelta(seconds=7)), Tally(), Retries(attempts=2))
    assert move.delay == timedelta(seconds=7)


@given(
    attempts=st.integers(1, 20),
    events=st.lists(
        st.sampled_from([Errored(), TimedOut(), Lost(), HandedBack(), Errored(crashed=True)]), max_size=60
    ),
)
def test_a_run_is_tried_exactly_as_often_as_allowed(attempts, events):
    """Whatever happens to it, the tries that count never exceed the attempts, and it ends when they are spent."""
    state, tally, counted = R, Tally(), 0
    for event in events:
        move = step(state, event, tally, Retries(attempts=attempts))
        if not isinstance(event, HandedBack):
            counted += 1
        assert move.tally.spent == counted <= attempts
        if move.state is State.FAILED:
            assert counted == attempts or move.tally.crashes == CRASH_LIMIT
            return
        assert move.state is W
        assert counted < attempts
        state, tally = R, move.tally


@given(spent=st.integers(1, 10_000), spread=st.floats(-1, 1))
def test_the_backoff_is_within_its_jitter_and_cap(spent, spread):
    retries = Retries(
        attempts=2, backoff=timedelta(seconds=3), factor=2.5, max=timedelta(seconds=100), jitter=0.2
    )
    delay = backoff(retries, spent, spread).total_seconds()
    middle = min(3 * 2.5 ** min(spent - 1, 64), 100)
    assert middle * 0.8 - 1e-5 <= delay <= middle * 1.2 + 1e-5
