"""Says in words where a change of the clock touches a schedule, for `rota next` and plans."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rota.clock import SECOND, Instant
from rota.model.schedule import At, Cron, RRule, Schedule
from rota.timing.calendars import Exceptions, instant_of
from rota.timing.compiled import compile_schedule
from rota.timing.cron import cron_times
from rota.timing.recurrence import RecurrenceTimes
from rota.timing.rrules import is_fixed, local_start
from rota.timing.walk import LAST_SECOND, LocalTimes
from rota.timing.words import clock, joined
from rota.timing.zones import DAY, Period, Zone, moment_of, seconds_of, zone

__all__ = ["ClockChange", "warnings"]

_MOST = 1000
"""Changes of the clock that are looked at: some 500 years of them."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A change of the clock that touches a schedule: ``at`` is its instant, ``text`` what comes of it."""

    at: Instant
    kind: Literal["gap", "fold"]
    text: str

    def __str__(self) -> str:
        return self.text


def warnings(schedule: Schedule, after: Instant, until: Instant, *, seed: str = "") -> list[ClockChange]:
    """What every change of the clock in (after, until] does to a schedule, in order.

    Raises `ScheduleError` if the schedule is not valid.

    >>> from datetime import UTC, datetime
    >>> from rota.clock import to_instant
    >>> year = to_instant(datetime(2027, 1, 1, tzinfo=UTC)), to_instant(datetime(2027, 6, 1, tzinfo=UTC))
    >>> print(*warnings(Schedule((Cron("30 2 * * *"),), timezone="Europe/Berlin"), *year))
    on 2027-03-28 02:30 does not exist in Europe/Berlin: runs at 03:00
    """
    compile_schedule(schedule, seed=seed)
    place = zone(schedule.timezone)
    exceptions = Exceptions(schedule.excepts, place)
    found: dict[str, ClockChange] = {}
    for before, period in _changes(place, after // SECOND, until // SECOND):
        if _out_of_force(schedule, exceptions, before, period):
            continue
        for rule in _wall_rules(schedule, place, seed):
            change = _change(schedule.timezone, rule, before, period)
            if change is not None:
                found[change.text] = change
    return list(found.values())


def _changes(place: Zone, after: int, until: int) -> Iterator[tuple[Period, Period]]:
    """The periods before and after each change of the offset."""
    at = max(after, -LAST_SECOND // 5)
    for _ in range(_MOST):
        before = place.period(at)
        if before.end > min(until, LAST_SECOND):
            return
        at = int(before.end)
        period = place.period(at)
        if period.offset != before.offset:
            yield before, period


class _WallRule(NamedTuple):
    """The local times of a rule, and what becomes of them: at the end of a gap, on both passes of a fold."""

    times: LocalTimes
    gap_runs: bool
    fold_twice: bool


class _Walls:
    """Single local times, sorted."""

    def __init__(self, walls: Iterable[int]) -> None:
        self._walls = sorted(walls)

    def first_from(self, wall: int) -> int | None:
        at = bisect_left(self._walls, wall)
        return self._walls[at] if at < len(self._walls) else None

    def count(self, low: int, high: int) -> int:
        return bisect_left(self._walls, high) - bisect_left(self._walls, low)


def _wall_rules(schedule: Schedule, place: Zone, seed: str) -> Iterator[_WallRule]:
    """The rules that go by the clock."""
    run, twice = schedule.dst_gap == "run", schedule.dst_fold == "both"
    for rule in schedule.rules:
        if isinstance(rule, Cron):
            times = cron_times(rule.expression, rule.seconds, seed)
            yield _WallRule(times, run and times.fixed, twice or not times.fixed)
        elif isinstance(rule, RRule):
            fixed = is_fixed(rule.rule)
            recurring = RecurrenceTimes(rule.rule, local_start(rule, schedule, place))
            yield _WallRule(recurring, run and fixed, twice or not fixed)
        elif isinstance(rule, At):
            yield _WallRule(
                _Walls(seconds_of(one) for one in rule.instants if one.tzinfo is None), True, False
            )


def _change(name: str, rule: _WallRule, before: Period, period: Period) -> ClockChange | None:
    """What one change of the clock does to one rule."""
    old, new = int(period.start) + before.offset, int(period.start) + period.offset
    low, high = min(old, new), max(old, new)
    count = rule.times.count(low, high)
    if count == 0:
        return None
    at = Instant(int(period.start) * SECOND)
    shown = f"on {moment_of(low).date().isoformat()} {_shown(rule.times, low, high)}"
    if new > old:
        fate = _in_gap(rule, low, high)
        return ClockChange(at, "gap", f"{shown} {'does' if count == 1 else 'do'} not exist in {name}: {fate}")
    fate = "runs on both passes" if rule.fold_twice else "runs once, on the first pass"
    return ClockChange(at, "fold", f"{shown} {'comes' if count == 1 else 'come'} twice in {name}: {fate}")


def _in_gap(rule: _WallRule, low: int, high: int) -> str:
    if not rule.gap_runs or high - low >= DAY:
        return "does not run"
    day = "" if high // DAY == low // DAY else f"{moment_of(high).date().isoformat()} "
    return f"runs at {day}{clock(high % DAY)}"


def _shown(times: LocalTimes, low: int, high: int) -> str:
    """The times of a gap or fold: up to three by name, more by the first and the last."""
    found: list[int] = []
    at = times.first_from(low)
    while at is not None and at < high and len(found) < 4:
        found.append(at)
        at = times.first_from(at + 1)
    if len(found) < 4:
        return joined([clock(one % DAY) for one in found])
    return (
        f"{clock(found[0] % DAY)} to {clock(_last(times, low, high) % DAY)} ({times.count(low, high)} times)"
    )


def _last(times: LocalTimes, low: int, high: int) -> int:
    """The last of the times in [low, high), of which there is at least one, by halving."""
    last, beyond = low, high
    while beyond - last > 1:
        middle = (last + beyond) // 2
        found = times.first_from(middle)
        if found is not None and found < high:
            last = found
        else:
            beyond = middle
    return last


def _out_of_force(schedule: Schedule, exceptions: Exceptions, before: Period, period: Period) -> bool:
    """Whether the schedule is not in force when the clock is changed: excepted, before its start, after its end."""
    at = int(period.start) * SECOND
    fold = period.offset < before.offset
    if exceptions.until(at - 1 if fold else at) is not None:
        return True
    place = zone(schedule.timezone)
    if schedule.start is not None and instant_of(schedule.start, place) > at:
        return True
    return schedule.end is not None and instant_of(schedule.end, place) <= (at - DAY * SECOND if fold else at)
