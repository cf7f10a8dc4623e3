"""Whole years and random moments around changes of the clock, against minute by minute brute force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.timing.brute import Brute, shown_walls, transitions
from tests.timing.strategies import ZONES, expressions

from rota.clock import SECOND, to_instant
from rota.errors import ScheduleError
from rota.model.schedule import Cron, Schedule
from rota.timing import compile_schedule

YEAR_ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
YEAR_EXPRESSIONS = (
    "* * * * *",
    "*/15 * * * *",
    "7 * * * *",
    "15,45 */3 * * *",
    "30 2 * * *",
    "0,15,30 1-3 * * *",
    "59 23 L * *",
    "10 2 13 * 5",
    "0 0 */2 * 1-3",
    "0 12 15W,LW * 1#2,5L",
)


@lru_cache(maxsize=1)
def a_year(zone: str) -> list[tuple[int, datetime]]:
    """2026, and the day before it, so that the brute force knows what came before."""
    return list(shown_walls(zone, datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("zone", YEAR_ZONES)
def test_a_year_agrees_with_brute_force(zone: str) -> None:
    begin, end = to_instant(datetime(2026, 1, 1, tzinfo=UTC)), to_instant(datetime(2027, 1, 1, tzinfo=UTC))
    for expression in YEAR_EXPRESSIONS:
        expected = [s * SECOND for s in Brute(expression).occurrences(a_year(zone)) if s * SECOND >= begin]
        schedule = compile_schedule(Schedule((Cron(expression),), timezone=zone))
        assert schedule.between(begin - 1, end - 1) == expected, expression
        assert schedule.count_between(begin - 1, end - 1) == len(expected) > 0, expression
        assert schedule.span(begin - 1, end - 1) == (expected[0], expected[-1], len(expected)), expression


@lru_cache
def changes(zone: str) -> list[datetime]:
    year = 2011 if zone in ("Pacific/Apia", "Antarctica/Casey") else 2026
    return transitions(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))


@settings(max_examples=150, deadline=None)
@given(
    expression=expressions,
    zone=st.sampled_from(ZONES),
    which=st.integers(0, 99),
    hours=st.integers(-30, 2),
    gap=st.sampled_from(["run", "skip"]),
    fold=st.sampled_from(["once", "both"]),
)
def test_around_a_change_of_the_clock(expression, zone, which, hours, gap, fold) -> None:
    moments = changes(zone) or [datetime(2026, 3, 1, tzinfo=UTC)]
    begin = moments[which % len(moments)] + timedelta(hours=hours)
    end = begin + timedelta(days=2)
    walls = shown_walls(zone, begin - timedelta(days=1), end)
    try:
        schedule = compile_schedule(Schedule((Cron(expression),), zone, dst_gap=gap, dst_fold=fold))
    except ScheduleError:
        assume(False)
    first = to_instant(begin)
    expected = [
        s * SECOND for s in Brute(expression).occurrences(walls, gap=gap, fold=fold) if s * SECOND >= first
    ]
    assert schedule.between(first - 1, to_instant(end) - 1) == expected
    assert schedule.count_between(first - 1, to_instant(end) - 1) == len(expected)
