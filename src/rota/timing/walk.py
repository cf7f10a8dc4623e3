"""From wall times to instants: the rule of daylight saving time, once, for every rule that is stated in local time.

Within a period of constant offset, wall times and instants differ by that offset only. What is special happens
where one period meets the next:

1. A rule that follows real time fires whenever the clock shows a matching time: never in a gap, in both passes
   of a fold. Each period is looked at on its own.
2. A fixed-time rule fires once for each matching time. Times that the clock left out (a gap) come due at the
   period's start, all together as one; times that it shows again (a fold) were fired before, in the earlier period.
   ``skip`` and ``both`` take these two exceptions away.
"""

from __future__ import annotations

from typing import Protocol

from rota.timing.zones import DAY, Period, Zone

__all__ = ["LAST_SECOND", "LocalTimes", "WallRule"]

LAST_SECOND = 253_339_228_800
"""Nothing is computed from here (9998-01-01) on."""

_FAR = 8 * DAY
"""A match later than this is looked for anew near its own period, instead of period by period."""


class LocalTimes(Protocol):
    """Matching local seconds."""

    def first_from(self, wall: int) -> int | None:
        """The first that is not before ``wall``."""
        ...

    def count(self, low: int, high: int) -> int:
        """How many there are from ``low`` (included) to ``high`` (excluded)."""
        ...


class WallRule:
    """A rule stated in the local time of a zone."""

    __slots__ = ("_both", "_fixed", "_run", "_times", "_zone")

    def __init__(
        self, times: LocalTimes, zone: Zone, *, fixed: bool, gap_runs: bool, fold_twice: bool
    ) -> None:
        self._times, self._zone, self._fixed = times, zone, fixed
        self._run = fixed and gap_runs
        self._both = not fixed or fold_twice

    def next_after(self, second: int) -> int | None:
        """The first occurrence later than a UTC second."""
        at = second
        while at < LAST_SECOND:
            period = self._zone.period(at)
            start, end, offset, _ = period
            found = self._times.first_from(self._lowest(period, second))
            if found is None:
                return None
            due = found - offset
            if due < start:
                due = int(start)
            if due < end:
                return due
            if due - second > _FAR and end - second > DAY:
                at = second = due - _FAR // 2  # no fold can bring an earlier match in between
            else:
                at = int(end)
                second = at - 1
        return None

    def count(self, after: int, until: int) -> int:
        """How many occurrences there are in (after, until], without making them."""
        total, at, second = 0, after, after
        until = min(until, LAST_SECOND)
        while second < until:
            period = self._zone.period(at)
            low = self._lowest(period, second)
            high = int(min(period.end, until + 1)) + period.offset
            begin = int(max(period.start, second + 1)) + period.offset
            if low < begin:  # a gap: all of its times come due as one, at the period's start
                owed = self._times.first_from(low)
                total += owed is not None and owed < begin and self._times.first_from(begin) != begin
                low = begin
            if low < high:  # not so where it ends inside a second pass
                total += self._times.count(low, high)
            if period.end > until:
                break
            at = int(period.end)
            second = at - 1
        return total

    def _lowest(self, period: Period, second: int) -> int:
        """The first local second in a period that may still match, when all until ``second`` is dealt with."""
        start, _, offset, seen = period
        if second >= start:
            low = second + 1 + offset
            return low if self._both or low >= seen else int(seen)
        low = int(start) + offset
        if low < seen:
            return low if self._both else int(seen)
        return int(seen) if self._run else low
