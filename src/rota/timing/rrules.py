"""A recurrence rule as a rule of a schedule: its local times in the zone, its UNTIL and its own start."""

from __future__ import annotations

from datetime import datetime

from rota.clock import SECOND
from rota.errors import ScheduleError
from rota.model.schedule import RRule, Schedule
from rota.timing.calendars import instant_of
from rota.timing.recurrence import RecurrenceTimes, recurrence_parts, recurrence_until
from rota.timing.rules import OnSeconds, RuleTimes
from rota.timing.walk import WallRule
from rota.timing.zones import Zone, moment_of

__all__ = ["is_fixed", "local_start", "recurrence"]


class _Until:
    """A rule cut off after an instant."""

    __slots__ = ("_last", "_rule")

    def __init__(self, rule: RuleTimes, last: int) -> None:
        self._rule, self._last = rule, last

    def next_after(self, instant: int) -> int | None:
        found = self._rule.next_after(instant)
        return found if found is not None and found <= self._last else None

    def count(self, after: int, until: int) -> int | None:
        return self._rule.count(after, min(until, self._last)) if after < self._last else 0


def is_fixed(rule: str) -> bool:
    """Whether a rule names times of the day (DAILY and longer) rather than following real time."""
    return recurrence_parts(rule)["FREQ"] not in ("SECONDLY", "MINUTELY", "HOURLY")


def recurrence(rule: RRule, schedule: Schedule, place: Zone) -> RuleTimes:
    """The occurrences of a recurrence rule. Raises `ScheduleError` if it is not valid or has no start."""
    wall = WallRule(
        RecurrenceTimes(rule.rule, local_start(rule, schedule, place)),
        place,
        fixed=is_fixed(rule.rule),
        gap_runs=schedule.dst_gap == "run",
        fold_twice=schedule.dst_fold == "both",
    )
    until = recurrence_until(rule.rule)
    if until is None:
        return OnSeconds(wall)
    return _Until(OnSeconds(wall), instant_of(until, place))


def local_start(rule: RRule, schedule: Schedule, place: Zone) -> datetime:
    """The DTSTART of a rule, its own or its schedule's, as naive local time."""
    recurrence_parts(rule.rule)
    start = rule.start or schedule.start
    if start is None:
        raise ScheduleError(
            "a recurrence rule is counted from its start, and there is none",
            key="rrule",
            expected='start beside it, such as start = "2026-12-01T09:00" (its DTSTART)',
            found=repr(rule.rule),
        )
    if start.tzinfo is not None:
        second = instant_of(start, place) // SECOND
        return moment_of(second + place.offset(second)).replace(tzinfo=None)
    return start
