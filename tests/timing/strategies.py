"""Random cron expressions, zones and moments."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from rota.clock import SECOND, to_instant

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/Lisbon",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "America/St_Johns",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Auckland",
    "Antarctica/Casey",
    "Antarctica/Troll",
)
"""Zones with the oddest changes: half an hour, two and three hours, at midnight, a day left out, four a year."""


def _fields(low: int, high: int, extra: list[str] | None = None) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    spans = st.tuples(numbers, numbers).map(lambda two: f"{min(two)}-{max(two)}")
    steps = st.integers(1, max(2, (high - low) // 2))
    terms = st.one_of(
        numbers.map(str),
        spans,
        st.tuples(st.one_of(st.just("*"), spans, numbers.map(str)), steps).map(
            lambda two: f"{two[0]}/{two[1]}"
        ),
        *([st.sampled_from(extra)] if extra else []),
    )
    return st.one_of(st.just("*"), terms, st.lists(terms, min_size=1, max_size=3).map(",".join))


night = st.one_of(st.sampled_from(["0", "1", "2", "3", "0-3", "1-2", "2,3", "23"]), _fields(0, 23))
daily = st.tuples(_fields(0, 59), night, st.just("*"), st.just("*"), st.just("*"))
any_day = st.tuples(
    _fields(0, 59),
    night,
    _fields(1, 31, ["L", "LW", "15W", "1W", "31W"]),
    _fields(1, 12),
    _fields(0, 7, ["1#2", "5#5", "5L", "7L", "0#1"]),
)
expressions = st.one_of(daily, any_day).map(" ".join)

instants = st.integers(
    to_instant(datetime(2010, 1, 1, tzinfo=UTC)), to_instant(datetime(2040, 1, 1, tzinfo=UTC))
)
seconds = instants.map(lambda at: at // SECOND * SECOND)
