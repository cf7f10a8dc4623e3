"""What is refused in a schedule as a whole. Each rule refuses what is wrong with itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rota.clock import Instant
from rota.errors import ScheduleError
from rota.model.schedule import At, Every, RRule, Schedule
from rota.timing.calendars import instant_of
from rota.timing.durations import format_duration
from rota.timing.zones import zone

__all__ = ["MOST", "check_schedule", "refuse_empty"]

MOST = 100_000
"""The highest limit: it has to be counted out."""

_LEAST = timedelta(milliseconds=1)
_LONGEST = timedelta(days=366 * 100)
_JITTER = timedelta(days=31)


def check_schedule(schedule: Schedule) -> None:
    """Raise `ScheduleError` for rules, bounds and jitter that cannot be meant."""
    if not schedule.rules:
        raise _refusal("a schedule has no rule", "rules", "at least one of cron, every, at, rrule", "none")
    for rule in schedule.rules:
        if isinstance(rule, Every) and not _LEAST <= rule.interval <= _LONGEST:
            raise _refusal(
                "the interval is out of range", "every", "1ms to 100 years", format_duration(rule.interval)
            )
        if isinstance(rule, At) and not rule.instants:
            raise _refusal("no instant is given", "at", "one or more dates with a time", "none")
    if not timedelta(0) <= schedule.jitter <= _JITTER:
        raise _refusal("the jitter is out of range", "jitter", "0s to 31d", format_duration(schedule.jitter))
    _check_limit(schedule)
    _check_order(schedule)


def _check_limit(schedule: Schedule) -> None:
    if schedule.limit is None:
        return
    if not 1 <= schedule.limit <= MOST:
        raise _refusal(
            "the limit is out of range",
            "limit",
            f"a whole number from 1 to {MOST}; or an end",
            str(schedule.limit),
        )
    begins = all(isinstance(rule, At) or (isinstance(rule, RRule) and rule.start) for rule in schedule.rules)
    if schedule.start is None and not begins:
        raise _refusal(
            "a limit without a start would be counted anew from wherever one asks",
            "limit",
            "a start beside it, from which the occurrences are counted",
            f"limit {schedule.limit} and no start",
        )


def _check_order(schedule: Schedule) -> None:
    if schedule.start is None or schedule.end is None:
        return
    place = zone(schedule.timezone)
    if instant_of(schedule.start, place) >= instant_of(schedule.end, place):
        raise _refusal(
            "the schedule ends before it starts",
            "end",
            f"later than the start, {_shown(schedule.start)}",
            _shown(schedule.end),
        )


def refuse_empty(schedule: Schedule, next_after: Callable[[Instant], Any]) -> None:
    """Raise `ScheduleError` for a schedule with a beginning and an end, and nothing between."""
    finite = all(isinstance(rule, At) for rule in schedule.rules)
    bounded = schedule.start is not None and schedule.end is not None
    if (bounded or finite) and next_after(Instant(-(1 << 61))) is None:
        raise _refusal(
            "the schedule can never fire: nothing of it is left between its bounds and beside its exceptions",
            "end" if bounded else "at",
            "at least one occurrence",
            "none",
        )


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ")


def _refusal(what: str, key: str, expected: str, found: str) -> ScheduleError:
    return ScheduleError(what, key=key, expected=expected, found=found)
