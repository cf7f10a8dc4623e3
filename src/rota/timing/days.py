"""The days on which a cron expression fires: day-of-month, month and day-of-week together.

Days are counted from 1970-01-01. Which days of a month match depends only on the month's length and on the
weekday of its first, so there are at most 28 answers; each is found once, as bits.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date

__all__ = ["LENGTHS", "Days"]

LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EPOCH = date(1970, 1, 1).toordinal()
_LAST = date(9999, 11, 30).toordinal() - _EPOCH
_ALL_DAYS = 0xFFFFFFFE
_ALL_MONTHS = 0x1FFE
_ALL_WEEKDAYS = 0x7F


class Days:
    """A rule for days; it never changes once made."""

    __slots__ = (
        "_both",
        "_days",
        "_every",
        "_found",
        "_last",
        "_last_weekday",
        "_months",
        "_near",
        "_nth",
        "_weekdays",
    )

    def __init__(
        self,
        *,
        days: int,
        months: int,
        weekdays: int,
        both: bool,
        last: bool = False,
        last_weekday: bool = False,
        near: int = 0,
        nth: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        """Bits for days, months and weekdays (Sunday is 0). ``both``: day and weekday must match, not just one."""
        self._days, self._months, self._weekdays, self._both = days, months, weekdays, both
        self._last, self._last_weekday, self._near, self._nth = last, last_weekday, near, nth
        any_day = days == _ALL_DAYS and weekdays == _ALL_WEEKDAYS and both
        self._every = any_day and months == _ALL_MONTHS
        self._found: list[int | None] = [None] * 28

    def next_from(self, day: int) -> int | None:
        """The first matching day that is not before ``day``; None if there is none before the year 10000."""
        if self._every:
            return day
        if day > _LAST:
            return None
        here = date.fromordinal(day + _EPOCH)
        year, month, number = here.year, here.month, here.day
        if self._months >> month & 1:
            first = day - number + 1
            rest = self._of_month(year, month, first) >> number
            if rest:
                return day + (rest & -rest).bit_length() - 1
        while True:
            later = self._months >> (month + 1)
            if later:
                month += (later & -later).bit_length()
            else:
                year += 1
                if year > 9998:
                    return None
                month = (self._months & -self._months).bit_length() - 1
            first = date(year, month, 1).toordinal() - _EPOCH
            bits = self._of_month(year, month, first)
            if bits:
                return first + (bits & -bits).bit_length() - 2

    def can_fire(self) -> bool:
        """Whether any month of any year has a matching day."""
        for month in range(1, 13):
            if self._months >> month & 1:
                for length in {LENGTHS[month], 29 if month == 2 else 0} - {0}:
                    if any(self._matching(length, weekday) for weekday in range(7)):
                        return True
        return False

    def _of_month(self, year: int, month: int, first: int) -> int:
        """The matching days of a month, as bits 1 to 31; ``first`` is the day count of its first."""
        length = 29 if month == 2 and isleap(year) else LENGTHS[month]
        weekday = (first + 4) % 7  # 1970-01-01 was a Thursday
        kept = (length - 28) * 7 + weekday
        bits = self._found[kept]
        if bits is None:
            bits = self._found[kept] = self._matching(length, weekday)
        return bits

    def _matching(self, length: int, weekday: int) -> int:
        whole = (2 << length) - 2
        days = self._days & whole
        if self._last:
            days |= 1 << length
        if self._last_weekday:
            days |= 1 << _last_weekday(length, weekday)
        for day in range(1, length + 1):
            if self._near >> day & 1:
                days |= 1 << _nearest_weekday(day, length, weekday)
        weekdays = 0
        for day in range(1, length + 1):
            of_week = (weekday + day - 1) % 7
            nth = (of_week, (day + 6) // 7) in self._nth or (day + 7 > length and (of_week, 0) in self._nth)
            if nth or self._weekdays >> of_week & 1:
                weekdays |= 1 << day
        return days & weekdays if self._both else days | weekdays


def _last_weekday(length: int, weekday: int) -> int:
    """The last day from Monday to Friday."""
    of_week = (weekday + length - 1) % 7
    return length - {6: 1, 0: 2}.get(of_week, 0)


def _nearest_weekday(day: int, length: int, weekday: int) -> int:
    """The day from Monday to Friday nearest to a day, in the same month."""
    of_week = (weekday + day - 1) % 7
    if of_week == 6:
        return day - 1 if day > 1 else day + 2
    if of_week == 0:
        return day + 1 if day < length else day - 2
    return day
