"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rota.cli.times import in_zone, moment, span, zone
from rota.clock import SECOND, Instant, to_instant
from rota.errors import UsageError

NOW = to_instant(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", 0),
        ("NOW", 0),
        (" now ", 0),
        ("in 10m", 600),
        ("in 1h30m", 5400),
        ("10m ago", -600),
        ("2d ago", -172_800),
        ("2026-11-23T12:00Z", 0),
        ("2026-11-23 13:00+01:00", 0),
        ("2026-11-23T12:00:00.5Z", 0.5),
    ],
)
def test_an_instant(text: str, seconds: float) -> None:
    assert moment(text, NOW, where="--at") == NOW + int(seconds * SECOND)


def test_without_an_offset_it_is_read_in_the_zone_that_is_named() -> None:
    assert moment("2026-11-23T13:00", NOW, where="--at", timezone="Europe/Berlin") == NOW
    assert moment("2026-11-23", NOW, where="--at", timezone="UTC") == NOW - 43_200 * SECOND


def test_without_an_offset_or_a_zone_it_is_refused_and_says_what_to_add() -> None:
    with pytest.raises(UsageError, match="which clock is meant") as caught:
        moment("2026-11-23T13:00", NOW, where="--at")
    assert (
        caught.value.expected
        == "2026-11-23T13:00Z, 2026-11-23T13:00+01:00, or --timezone Europe/Berlin beside it"
    )


def test_a_time_that_the_clock_never_shows_is_refused() -> None:
    with pytest.raises(UsageError, match="never show 2027-03-28T02:30"):
        moment("2027-03-28T02:30", NOW, where="--at", timezone="Europe/Berlin")


def test_a_time_that_the_clock_shows_twice_is_refused_with_both_readings() -> None:
    with pytest.raises(UsageError, match="show twice") as caught:
        moment("2026-10-25T02:30", NOW, where="--at", timezone="Europe/Berlin")
    assert caught.value.expected == "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"


@pytest.mark.parametrize("text", ["", "soon", "tomorrow", "in", "in a bit", "ago", "2026-13-01T00:00Z", "0001-01-01T00:00+14:00", "in 99999999d"])  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        moment(text, NOW, where="--at")
    assert caught.value.exit_code == 2
    assert "--at" in caught.value.what


@pytest.mark.parametrize("text", ["", "2", "2 fortnights", "-1h", "0s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--for"):
        span(text, where="--for")


def test_an_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean Europe/Berlin"):
        zone("Europe/Berln")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "/etc/passwd", "x" * 300, "Europe/\0"])
def test_what_cannot_be_a_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no time zone"):
        zone(name)


def test_instants_are_shown_on_the_clock_of_a_zone() -> None:
    assert in_zone(Instant(NOW), "America/New_York") == "Mon 2026-11-23 07:00:00 EST"
    assert in_zone(Instant(NOW + 250_000), "UTC") == "Mon 2026-11-23 12:00:00.25 UTC"
