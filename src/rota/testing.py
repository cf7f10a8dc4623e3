"""For the tests of those who use Rota: a clock to turn by hand, and a rota that runs when told to.

The pytest fixture ``rota_clock`` comes with the package; see `drain` and `run_once` for the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rota.clock import MICROSECOND, Instant, from_instant, to_instant

__all__ = ["ManualClock", "rota_clock"]


class ManualClock:
    """A clock that stands still until it is moved.

    >>> clock = ManualClock(datetime(2026, 3, 29, tzinfo=UTC))
    >>> clock.move(hours=1)
    >>> clock.at
    datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """

    def __init__(self, at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = to_instant(at)
        self._monotonic = 0.0

    @property
    def at(self) -> datetime:
        """The wall time (aware, UTC)."""
        return from_instant(self._now)

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def move(self, **by: float) -> None:
        """Let time pass: keyword arguments as of `timedelta`. Wall and monotonic time both advance."""
        passed = timedelta(**by)
        if passed < timedelta(0):
            raise ValueError("time does not pass backwards; use set() to set the clock back")
        self._now = Instant(self._now + passed // MICROSECOND)
        self._monotonic += passed.total_seconds()

    def set(self, at: datetime) -> None:
        """Set the wall time, back or forth, as an operator or NTP would; no time passes."""
        self._now = to_instant(at)


@pytest.fixture
def rota_clock() -> ManualClock:
    """A clock that stands at the start of 2026 until the test moves it."""
    return ManualClock()
