"""cronsim as a second opinion, in UTC, where its dialect and ours agree."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import cronsim
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.timing.strategies import expressions, seconds

from rota.errors import ScheduleError
from rota.timing import occurrences


def alike(expression: str) -> bool:
    """cronsim has no 15W, and reads 5-5/2 as 5-59/2."""
    return "W" not in expression.replace("LW", "") and not re.search(r"\b(\d+)-\1/", expression)


@settings(max_examples=300, deadline=None)
@given(expression=expressions.filter(alike), after=seconds)
def test_agrees_with_cronsim(expression: str, after: int) -> None:
    moment = datetime.fromtimestamp(after // 1_000_000, UTC)
    try:
        ours = occurrences(expression, after=moment, count=8)
    except ScheduleError:
        assume(False)
    theirs = cronsim.CronSim(expression, moment)
    assert ours == [next(theirs) for _ in range(8)]


@settings(max_examples=50, deadline=None)
@given(
    expression=st.sampled_from(["*/10 * * * * *", "5,7 30 2 * * *", "0-3 * 0 1 1 *", "59 59 23 L * *"]),
    after=seconds,
)
def test_agrees_with_cronsim_on_seconds(expression: str, after: int) -> None:
    moment = datetime.fromtimestamp(after // 1_000_000, UTC)
    theirs = cronsim.CronSim(expression, moment)
    assert occurrences(expression, after=moment, count=6, seconds="first") == [next(theirs) for _ in range(6)]
