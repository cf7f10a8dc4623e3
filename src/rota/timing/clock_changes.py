"""Says in words where a change of the clock touches a schedule, for `rota next` and plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rota.clock import SECOND, Instant
from rota.model.schedule import Cron, RRule, Schedule
from rota.timing.calendars import Exceptions
from rota.timing.compiled import compile_schedule
from rota.timing.cron import cron_times
from rota.timing.recurrence import RecurrenceTimes
from rota.timing.rrules import is_fixed, local_start
from rota.timing.walk import LAST_SECOND, LocalTimes
from rota.timing.words import clock, joined
from rota.timing.zones import DAY, Period, Zone, moment_of, zone

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
        for times, fixed in _wall_rules(schedule, place, seed):
            change = _change(schedule, times, fixed, before, period)
            if change is not None and not _left_out(schedule, exceptions, change, before, period):
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


def _wall_rules(schedule: Schedule, place: Zone, seed: str) -> Iterator[tuple[LocalTimes, bool]]:
    """The rules that go by the clock, and whether each is of fixed times."""
    for rule in schedule.rules:
        if isinstance(rule, Cron):
            times = cron_times(rule.expression, rule.seconds, seed)
            yield times, times.fixed
        elif isinstance(rule, RRule):
            yield RecurrenceTimes(rule.rule, local_start(rule, schedule, place)), is_fixed(rule.rule)


def _change(
    schedule: Schedule, times: LocalTimes, fixed: bool, before: Period, period: Period
) -> ClockChange | None:
    old, new = int(period.start) + before.offset, int(period.start) + period.offset
    low, high = min(old, new), max(old, new)
    first = times.first_from(low)
    if first is None or first >= high:
        return None
    shown = _shown(times, low, high)
    one = first == _last(times, low, high)
    day = moment_of(low).date().isoformat()
    name = schedule.timezone
    if new > old:
        missing = f"on {day} {shown} {'does' if one else 'do'} not exist in {name}"
        return ClockChange(
            Instant(int(period.start) * SECOND), "gap", f"{missing}: {_in_gap(schedule, fixed, high, low)}"
        )
    double = f"on {day} {shown} {'comes' if one else 'come'} twice in {name}"
    return ClockChange(Instant(int(period.start) * SECOND), "fold", f"{double}: {_in_fold(schedule, fixed)}")


def _in_gap(schedule: Schedule, fixed: bool, high: int, low: int) -> str:
    if not fixed or schedule.dst_gap == "skip" or high - low >= DAY:
        return "does not run"
    day = "" if high // DAY == low // DAY else f"{moment_of(high).date().isoformat()} "
    return f"runs at {day}{clock(high % DAY)}"


def _in_fold(schedule: Schedule, fixed: bool) -> str:
    return "runs once, on the first pass" if fixed and schedule.dst_fold == "once" else "runs on both passes"


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
    while True:
        found = times.first_from(low)
        assert found is not None
        following = times.first_from(found + 1)
        if following is None or following >= high:
            return found
        middle = (following + high) // 2
        later = times.first_from(middle)
        low = middle if later is not None and later < high else following
        if low == following:
            high = min(high, middle + 1) if middle >= following else high


def _left_out(
    schedule: Schedule, exceptions: Exceptions, change: ClockChange, before: Period, period: Period
) -> bool:
    """Whether the schedule is not in force then anyway."""
    last = int(before.end) * SECOND - 1 if change.kind == "fold" else change.at
    if exceptions.until(last) is not None:
        return True
    bounds = compile_schedule(
        Schedule(
            schedule.rules, schedule.timezone, start=schedule.start, end=schedule.end, limit=schedule.limit
        )
    )
    day = Instant(change.at - DAY * SECOND)
    return bounds.next_after(day) is None
