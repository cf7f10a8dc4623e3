"""What ``except`` takes away: public holidays and dates (whole local days), freeze windows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from rota.clock import SECOND, to_instant
from rota.errors import ScheduleError, nearest
from rota.model.schedule import Dates, Except, Freeze, Holidays
from rota.timing.zones import DAY, Zone, seconds_of

__all__ = ["Exceptions", "check_holidays", "country_name", "instant_of"]

_EPOCH = date(1970, 1, 1).toordinal()


class Exceptions:
    """Exceptions of one schedule, in its zone."""

    __slots__ = ("_days", "_holidays", "_starts", "_windows", "_zone")

    def __init__(self, excepts: Iterable[Except], zone: Zone) -> None:
        days: set[int] = set()
        holidays: list[Holidays] = []
        windows: list[tuple[int, int]] = []
        for one in excepts:
            match one:
                case Dates():
                    days.update(day.toordinal() - _EPOCH for day in one.days)
                case Holidays():
                    check_holidays(one)
                    holidays.append(one)
                case Freeze():
                    windows.append(_window(one, zone))
        self._zone, self._days, self._holidays = zone, frozenset(days), tuple(holidays)
        self._windows = _joined(windows)
        self._starts = [start for start, _ in self._windows]

    def until(self, instant: int) -> int | None:
        """The end of the exception that holds an instant (the first instant later than it); None if none does."""
        at = bisect_right(self._starts, instant) - 1
        if at >= 0 and instant < self._windows[at][1]:
            return self._windows[at][1]
        if not self._days and not self._holidays:
            return None
        second = instant // SECOND
        day = (second + self._zone.offset(second)) // DAY
        if day not in self._days and not any(day in _holidays_near(one, day) for one in self._holidays):
            return None
        end = self._zone.instant((day + 1) * DAY) * SECOND
        return max(end, instant + 1)  # a fold at midnight shows the end of the day a second time


def _window(freeze: Freeze, zone: Zone) -> tuple[int, int]:
    start, end = instant_of(freeze.start, zone), instant_of(freeze.end, zone)
    if start >= end:
        raise ScheduleError(
            "a freeze window ends before it starts",
            key="except",
            expected="from earlier than to",
            found=f"from {freeze.start.isoformat()} to {freeze.end.isoformat()}",
        )
    return start, end


def _joined(windows: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Windows in order, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def instant_of(moment: datetime, zone: Zone) -> int:
    """An aware datetime as it is; a naive one is wall time in the zone (the first pass; the end of a gap)."""
    if moment.tzinfo is not None:
        return to_instant(moment)
    second = zone.instant(seconds_of(moment))
    exact = second + zone.offset(second) == seconds_of(moment)
    return second * SECOND + (moment.microsecond if exact else 0)


@lru_cache(maxsize=1024)
def _holidays_of(holidays: Holidays, year: int) -> frozenset[int]:
    found = _library().country_holidays(
        holidays.country, subdiv=holidays.subdivision, years=year, expand=False
    )
    return frozenset(day.toordinal() - _EPOCH for day in found)


def _holidays_near(holidays: Holidays, day: int) -> frozenset[int]:
    return _holidays_of(holidays, date.fromordinal(day + _EPOCH).year)


def _library() -> Any:
    """The `holidays` package, which is large: loaded when a schedule first needs it."""
    try:
        import holidays
    except ImportError as error:
        raise ScheduleError(
            "public holidays need the package holidays, which is not installed",
            key="except",
            expected="the extra: rota[holidays]",
            found="no package holidays",
            next=["pip install 'rota[holidays]'"],
        ) from error
    return holidays


@lru_cache(maxsize=256)
def check_holidays(one: Holidays) -> None:
    """Raise `ScheduleError` unless the country, and the subdivision in it, are known."""
    known: dict[str, Sequence[str]] = _library().list_supported_countries()
    if one.country not in known:
        raise _refusal("country", one.country, known, "an ISO 3166 code, such as DE, US or AU")
    within = [*known[one.country], *_aliases(one.country)]
    if one.subdivision is not None and one.subdivision not in within:
        choice = ", ".join(within[:40]) or f"no subdivision: none of {one.country} is known"
        raise _refusal(
            f"subdivision of {one.country}", one.subdivision, within, f"one of {choice}" if within else choice
        )


def _aliases(country: str) -> list[str]:
    made = _library().country_holidays(country, expand=False)
    return list(getattr(type(made), "subdivisions_aliases", {}) or {})


def _refusal(sort: str, name: str, known: Iterable[str], expected: str) -> ScheduleError:
    names = list(known)
    hint = name.upper() if name.upper() in names else nearest(name, names)
    return ScheduleError(
        f"there are no holidays of the {sort} {name!r}",
        key="except",
        expected=expected,
        found=repr(name),
        hint=hint,
    )


@lru_cache(maxsize=256)
def country_name(country: str) -> str:
    """The country in words, as far as the library has them.

    >>> country_name("DE"), country_name("US")
    ('Germany', 'the United States')
    """
    made = type(_library().country_holidays(country, expand=False))
    names = (one.__name__ for one in made.__mro__ if one.__module__.startswith("holidays.countries"))
    long = next((name for name in names if not name.isupper()), country)
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in long).strip()
    if long == country:
        return country
    plural = words.startswith("United ") or words.endswith(
        ("Islands", "Netherlands", "Philippines", "Bahamas", "Emirates")
    )
    return f"the {words}" if plural else words
