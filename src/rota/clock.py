"""The one place that reads the time. Everything else is told it.

An *instant* is a whole number of microseconds since the Unix epoch, UTC: exact, ordered, cheap to
compare and the same in both ledgers. Aware datetimes are for the edges: schedules, pages, API, user code.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NewType, Protocol

__all__ = ["MICROSECOND", "SECOND", "Clock", "Instant", "SystemClock", "from_instant", "to_instant"]

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
