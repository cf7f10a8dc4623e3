"""What each check of a task finds, in both directions: objective and duration by their statistics, lateness by its news."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from rota.clock import SECOND, Instant
from rota.engine.anomaly import unusual
from rota.engine.budget import spending
from rota.ledger.judging import Tally
from rota.model.task import Objective

HOUR = timedelta(hours=1)
FIVE, HALF, SIX = timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6)


def month(good: int, bad: int) -> list[tuple[Instant, Tally]]:
    return [(Instant(0), Tally(good, bad))]


@pytest.mark.parametrize(
    ("good", "bad", "broken"),
    [(9950, 50, False), (9949, 51, True), (10_000, 0, False), (9, 0, None), (8, 1, None), (9, 1, True)],
)
def test_an_error_budget_is_spent_or_not(good: int, bad: int, broken: bool | None) -> None:
    answer = spending(Objective(99.5), month(good, bad), {})
    assert (None if answer is None else answer[0]) is broken


@pytest.mark.parametrize(
    ("burns", "broken"),
    [
        ({HOUR: Tally(50, 10), FIVE: Tally(3, 2), SIX: Tally(350, 10), HALF: Tally(20, 10)}, True),
        ({HOUR: Tally(50, 10), FIVE: Tally(5, 0), SIX: Tally(350, 10), HALF: Tally(20, 10)}, False),
        ({HOUR: Tally(58, 2), FIVE: Tally(4, 1), SIX: Tally(340, 20), HALF: Tally(28, 2)}, True),
        ({HOUR: Tally(59, 1), FIVE: Tally(4, 1), SIX: Tally(359, 1), HALF: Tally(29, 1)}, False),
        ({HOUR: Tally(3, 3), FIVE: Tally(0, 3), SIX: Tally(3, 3), HALF: Tally(0, 3)}, False),
        ({}, False),
    ],
    ids=["fast", "fast, but over", "slow", "one failure", "too few to say", "nothing went badly"],
)
def test_an_error_budget_burns_too_fast_or_not(burns: dict[timedelta, Tally], broken: bool) -> None:
    answer = spending(Objective(99.5), month(100_000, 20), burns)
    assert answer is not None
    assert answer[0] is broken, answer[1]


def test_what_burns_is_said_in_words() -> None:
    answer = spending(Objective(99.5), month(100_000, 20), {HOUR: Tally(50, 10), FIVE: Tally(3, 2)})
    assert answer == (
        True,
        "10 of 60 in 1 h: the error budget burns 33 times as fast as it may; 99.98 % of 100,020, 4 % of the error budget is spent",
    )


def lengths(count: int, seconds: float, spread: float, seed: int = 7) -> list[int]:
    dice = random.Random(seed)
    return [int(seconds * dice.lognormvariate(0, spread) * SECOND) for _ in range(count)]


@pytest.mark.parametrize(
    ("latest", "odd"),
    [(1.0, False), (1.6, False), (9.0, True), (0.1, True)],
    ids=["as ever", "a little slower", "nine times as slow", "suspiciously quick"],
)
def test_durations_beside_their_own_history(latest: float, odd: bool) -> None:
    answer = unusual([int(latest * SECOND)] * 3 + lengths(60, 1.0, 0.2))
    assert answer is not None
    assert answer[0] is odd, answer[1]


def test_one_slow_run_is_none_and_neither_is_what_spreads_widely() -> None:
    steady = lengths(60, 1.0, 0.2)
    assert unusual([50 * SECOND, *steady]) is not None
    assert unusual([50 * SECOND, *steady])[0] is False  # type: ignore[index]  # asserted above
    wild = lengths(60, 1.0, 1.5)
    assert unusual([4 * SECOND] * 3 + wild)[0] is False  # type: ignore[index]  # 63 are enough
    assert unusual([9 * SECOND] * 3 + [SECOND] * 19) is None, "too few to know what is usual"


def test_no_false_alarm_in_a_thousand_steady_histories() -> None:
    odd = sum(unusual(lengths(100, 1.0, 0.3, seed))[0] for seed in range(1000))  # type: ignore[index]  # enough
    assert odd == 0
