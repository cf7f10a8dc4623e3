"""Occurrences found the slow way, minute by minute, from zoneinfo and calendar alone: shares no code with Rota.

The rule is played as a cron daemon would live it: the clock is looked at every minute of real time, and what it
showed, left out or showed again decides.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@lru_cache
def zone_of(name: str) -> ZoneInfo:
    """The zone from the tzdata package, whatever the machine has."""
    *folders, leaf = name.split("/")
    with resources.files(".".join(["tzdata", "zoneinfo", *folders])).joinpath(leaf).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def numbers(text: str, low: int, high: int) -> set[int]:
    """The plain numbers of a field."""
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        if span == "*":
            a, b = low, high
        elif "-" in span:
            a, b = map(int, span.split("-"))
        else:
            a, b = int(span), high if step else int(span)
        found.update(range(a, b + 1, int(step or 1)))
    return found


def day_matches(text: str, at: datetime) -> bool:
    length = calendar.monthrange(at.year, at.month)[1]
    for term in text.split(","):
        if term == "L":
            hit = at.day == length
        elif term == "LW":
            hit = at.day == max(day for day in range(1, length + 1) if at.replace(day=day).weekday() < 5)
        elif term.endswith("W"):
            wanted = int(term[:-1])
            near = [day for day in range(1, length + 1) if at.replace(day=day).weekday() < 5]
            hit = wanted <= length and at.day == min(near, key=lambda day: abs(day - wanted))
        else:
            hit = at.day in numbers(term, 1, 31)
        if hit:
            return True
    return False


def weekday_matches(text: str, at: datetime) -> bool:
    length = calendar.monthrange(at.year, at.month)[1]
    today = at.isoweekday() % 7
    for term in text.split(","):
        if "#" in term:
            day, number = map(int, term.split("#"))
            hit = today == day % 7 and (at.day - 1) // 7 + 1 == number
        elif term.endswith("L"):
            hit = today == int(term[:-1]) % 7 and at.day + 7 > length
        else:
            hit = today in {value % 7 for value in numbers(term, 0, 7)}
        if hit:
            return True
    return False


class Brute:
    """An expression, asked whether it matches what the clock shows."""

    def __init__(self, expression: str) -> None:
        self.minute, self.hour, self.day, self.month, self.weekday = expression.split()
        self.minutes, self.hours = numbers(self.minute, 0, 59), numbers(self.hour, 0, 23)
        self.months = numbers(self.month, 1, 12)
        self.days: dict[tuple[int, int, int], bool] = {}

    @property
    def fixed(self) -> bool:
        return not (self.minute.startswith("*") or self.hour.startswith("*"))

    def matches(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        date = (wall.year, wall.month, wall.day)
        if date not in self.days:
            day, weekday = day_matches(self.day, wall), weekday_matches(self.weekday, wall)
            either = not (self.day.startswith("*") or self.weekday.startswith("*"))
            self.days[date] = wall.month in self.months and (
                (day or weekday) if either else (day and weekday)
            )
        return self.days[date]

    def occurrences(
        self, walls: Iterable[tuple[int, datetime]], *, gap: str = "run", fold: str = "once"
    ) -> list[int]:
        """Matching instants (epoch seconds) among minutes of real time and what the clock showed at each."""
        found: list[int] = []
        shown: set[datetime] = set()
        before: datetime | None = None
        once, run = self.fixed and fold == "once", self.fixed and gap == "run"
        for second, wall in walls:
            due = self.matches(wall)
            if due and once:
                due = wall not in shown
                shown.add(wall)
            if run:
                if before is not None and timedelta(minutes=1) < wall - before < timedelta(days=1):
                    due = due or any(self.matches(missing) for missing in minutes_between(before, wall))
                before = wall
            if due:
                found.append(second)
        return found


def minutes_between(before: datetime, wall: datetime) -> Iterator[datetime]:
    """The minutes that the clock left out."""
    while (before := before + MINUTE) < wall:
        yield before


def shown_walls(zone: str, start: datetime, end: datetime) -> Iterator[tuple[int, datetime]]:
    """Every minute of real time in [start, end), with the wall time that the clock shows."""
    info, at = zone_of(zone), start
    while at < end:
        yield int((at - EPOCH).total_seconds()), at.astimezone(info).replace(tzinfo=None, fold=0)
        at += MINUTE


def transitions(zone: str, start: datetime, end: datetime) -> list[datetime]:
    """The first minutes of a new offset, looked for hour by hour."""
    info, found, at = zone_of(zone), [], start
    while at < end:
        following = at + timedelta(hours=1)
        if at.astimezone(info).utcoffset() != following.astimezone(info).utcoffset():
            minute = at
            while minute.astimezone(info).utcoffset() == at.astimezone(info).utcoffset():
                minute += MINUTE
            found.append(minute)
        at = following
    return found
