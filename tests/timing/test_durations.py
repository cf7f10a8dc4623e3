"""Lengths of time, as text and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.errors import ScheduleError
from rota.timing.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 90s ", 90),
        ("2d", 172_800),
        ("1w", 604_800),
        ("0.5h", 1800),
        ("250ms", 0.25),
        ("30us", 0.00003),
        ("0s", 0),
        ("1d1h1m1s1ms1us", 90_061.001001),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", " ", "5", "s", "5x", "-5s", "1h1h", "1e3s", "five minutes", "5 s x", "9999999999d", "1.s", "٣s", "9" * 5000 + "s"]
)  # fmt: skip
def test_refuses(text: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_duration(text)
    assert caught.value.expected
    assert caught.value.found == repr(text)


@pytest.mark.parametrize(
    ("text", "hint"), [("5 minutes", "5m"), ("1 hour", "1h"), ("30 Seconds", "30s"), ("5x", None)]
)
def test_guesses_what_is_meant(text: str, hint: str | None) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_duration(text)
    assert caught.value.hint == hint


@given(st.timedeltas(timedelta(0), timedelta(days=100_000)))
def test_there_and_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


def test_one_way_to_write() -> None:
    assert format_duration(timedelta(seconds=90)) == "1m30s"
    assert format_duration(timedelta(days=14)) == "14d"
    assert format_duration(timedelta(microseconds=1500)) == "1ms500us"
    assert format_duration(-timedelta(minutes=5)) == "-5m"
