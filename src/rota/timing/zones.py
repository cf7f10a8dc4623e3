"""Time zones as whole numbers: all rules of daylight saving time stand here and in `walk`.

Zone data come from the ``tzdata`` package and not from the machine, so that all nodes that were installed from
one lock file agree on every occurrence. A zone is seen as a row of *periods* in which its offset to UTC does not
change. They are found by asking `zoneinfo` for the offset every few days, and kept for about a year at a time,
so that a conversion costs a look-up and an addition.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rota.clock import from_instant, to_instant
from rota.errors import ScheduleError, nearest

__all__ = ["DAY", "Period", "Zone", "forget_zones", "zone", "zone_names", "zone_version"]

DAY = 86_400
"""Seconds of a day without transition."""

_STRETCH = 25
"""Periods are found and kept together for 2**25 seconds, about 388 days."""

_STEP = 5 * DAY
"""How far apart a zone is asked. No zone has ever changed twice within six days (Recife in 2000 comes nearest)."""

_STRETCHES_KEPT = 64
"""Stretches a zone keeps; most schedules need the present one and the next."""


class Period(NamedTuple):
    """A time of constant offset; all in seconds since the epoch.

    ``start`` (included) and ``end`` (excluded) are UTC, ``offset`` is local less UTC. ``seen`` is local: the clock
    had shown all times before it when the period began. It is later than the period's first local time after a
    fold (the times between come a second time), and earlier after a gap (the times between never came).
    """

    start: float
    end: float
    offset: int
    seen: float


_FOREVER = (Period(-math.inf, math.inf, 0, -math.inf),)


class Zone:
    """One time zone: which period holds an instant."""

    __slots__ = ("_info", "_stretches", "name")

    def __init__(self, name: str, info: ZoneInfo | None) -> None:
        self.name = name
        self._info = info  # None is UTC, which has one period
        self._stretches: dict[int, tuple[list[float], tuple[Period, ...]]] = {}

    def period(self, at: int) -> Period:
        """The period that holds a UTC second. A long period may be given in pieces, with nothing between them."""
        if self._info is None:
            return _FOREVER[0]
        found = self._stretches.get(at >> _STRETCH)
        if found is None:
            found = self._keep(at >> _STRETCH)
        return found[1][bisect_right(found[0], at) - 1]

    def offset(self, at: int) -> int:
        """Seconds by which local time is ahead of UTC."""
        return self.period(at).offset

    def instant(self, wall: int) -> int:
        """The UTC second at which the clock first shows a local second; the first one after the gap it falls in."""
        at = wall - 2 * DAY
        while True:
            period = self.period(at)
            if wall < period.end + period.offset:
                return int(max(wall - period.offset, period.start))
            at = int(period.end)

    def info(self) -> ZoneInfo:
        """The zone for `datetime`, from the same data."""
        return self._info or ZoneInfo("UTC")

    def _keep(self, number: int) -> tuple[list[float], tuple[Period, ...]]:
        periods = self._find(number << _STRETCH, (number + 1) << _STRETCH)
        if len(self._stretches) >= _STRETCHES_KEPT:
            self._stretches = {}
        made = self._stretches[number] = ([period.start for period in periods], periods)
        return made

    def _find(self, start: int, end: int) -> tuple[Period, ...]:
        """The periods of a stretch. Two days before it are looked at too: a fold may reach into it."""
        edges = [start - 2 * DAY, *self._transitions(start - 2 * DAY, end), end]
        if start not in edges:
            edges = sorted([*edges, start])
        periods, seen = [], edges[0] + self._ask(edges[0])
        for begin, until in pairwise(edges):
            offset = self._ask(begin)
            if begin + offset - seen >= DAY:
                seen = (
                    begin + offset
                )  # the calendar left out a day: that is no daylight saving, nothing is owed
            if begin >= start:
                periods.append(Period(begin, until, offset, seen))
            seen = max(seen, until + offset)
        return tuple(periods)

    def _transitions(self, start: int, end: int) -> list[int]:
        """The first seconds of a new offset, in (start, end)."""
        found, before = [], self._ask(start)
        for at in range(start, end, _STEP):
            until = min(at + _STEP, end - 1)
            after = self._ask(until)
            if after != before:
                found.append(self._edge(at, until, before))
                before = after
        return found

    def _edge(self, low: int, high: int, before: int) -> int:
        """The first second in (low, high] whose offset is not ``before``, by halving."""
        while high - low > 1:
            middle = (low + high) // 2
            if self._ask(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def _ask(self, at: int) -> int:
        moment = _EPOCH_NAIVE + timedelta(seconds=at)
        local = self.info().fromutc(moment.replace(tzinfo=self._info))
        return int((local.replace(tzinfo=None) - moment).total_seconds())


_EPOCH_NAIVE = datetime(1970, 1, 1)  # noqa: DTZ001  # local and UTC seconds are both counted from it


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of an IANA name. Raises `ScheduleError` for an unknown one, with the nearest that is known."""
    if name == "UTC":
        return Zone(name, None)
    if name not in zone_names():
        raise ScheduleError(
            f"there is no time zone {name!r}",
            key="timezone",
            expected="a name of the IANA time zone database, such as Europe/Berlin or UTC",
            found=repr(name),
            hint=_nearest_zone(name),
        )
    with (_data() / "zoneinfo" / name).open("rb") as file:
        return Zone(name, ZoneInfo.from_file(file, key=name))


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All names of the zone data in use."""
    return frozenset((_data() / "zones").read_text("utf-8").split())


def _data() -> Path:
    """The folder of the tzdata package. (`importlib.resources` would double the time that this module loads.)"""
    return Path(str(import_module("tzdata").__file__)).parent


@lru_cache(maxsize=256)
def _nearest_zone(name: str) -> str | None:
    """The name meant by a misspelt one: as written but for its case, then by its city, then as a whole."""
    folded = {known.casefold(): known for known in zone_names()}
    wanted = name.strip().replace(" ", "_").casefold()
    cities = {known.rpartition("/")[2]: full for known, full in sorted(folded.items(), reverse=True)}
    near = nearest(wanted, folded)
    return folded.get(wanted) or cities.get(wanted) or (folded[near] if near else None)


def zone_version() -> str:
    """The version of the zone data in use, such as ``2026f``. Cursors are computed anew when it changes."""
    return str(import_module("tzdata").IANA_VERSION)


def forget_zones() -> None:
    """Drop all zone data that was read: for tests that change it underneath."""
    zone.cache_clear()
    zone_names.cache_clear()
    _nearest_zone.cache_clear()


def moment_of(at: float) -> datetime:
    """A UTC second as an aware datetime."""
    return from_instant(int(at) * 1_000_000)


def seconds_of(moment: datetime) -> int:
    """The whole seconds since the epoch of an aware datetime, or of a naive one taken as local."""
    if moment.tzinfo is None:
        return (moment - _EPOCH_NAIVE) // timedelta(seconds=1)
    return to_instant(moment) // 1_000_000
