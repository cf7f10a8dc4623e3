"""The one place that reads the time. Everything else is told it.

An *instant* is a whole number of microseconds since the Unix epoch, UTC: exact, ordered, cheap to
compare and the same in both ledgers. Aware datetimes are for the edges: schedules, pages, API, user code.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NewType, Protocol

__all__ = [
    "MICROSECOND",
    "SECOND",
    "Clock",
    "Instant",
    "ManualClock",
    "SystemClock",
    "from_instant",
    "to_instant",
]

Instant = NewType("Instant", int)

SECOND = 1_000_000
MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the wall time, which may be set, and the monotonic time, which may not."""

    def now(self) -> Instant:
        """The wall time as an instant (UTC microseconds since the epoch)."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1000)

    def monotonic(self) -> float:
        return time.monotonic()


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

    def go_to(self, instant: Instant) -> None:
        """Let time pass until an instant; one that is past is now."""
        if instant > self._now:
            self._monotonic += (instant - self._now) / SECOND
            self._now = instant


def to_instant(moment: datetime) -> Instant:
    """An aware datetime as an instant.

    >>> to_instant(datetime(2026, 11, 23, 12, tzinfo=UTC))
    1795435200000000
    """
    if moment.tzinfo is None:
        raise ValueError(f"expected an aware datetime, found {moment!r} without a time zone")
    return Instant((moment - _EPOCH) // MICROSECOND)


def from_instant(instant: int) -> datetime:
    """An instant as an aware UTC datetime, exact to the microsecond.

    >>> from_instant(1795435200000000)
    datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=instant)
