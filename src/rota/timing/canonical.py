"""A schedule as JSON: the form in which the ledger keeps it and revisions are hashed.

It is a table as it may stand in rota.toml. What is as by default is left out; the time zone is always said.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rota.model.schedule import At, Cron, Dates, Every, Except, Freeze, Holidays, RRule, Rule, Schedule
from rota.timing.durations import format_duration
from rota.timing.moments import written
from rota.timing.parse import build_schedule

__all__ = ["schedule_as_json", "schedule_from_json"]


def schedule_as_json(schedule: Schedule) -> dict[str, Any]:
    """The schedule as plain JSON values; equal schedules give equal tables, and `schedule_from_json` the schedule.

    >>> schedule_as_json(Schedule((Cron("0 2 * * *"),), timezone="Europe/Berlin"))
    {'rules': [{'cron': '0 2 * * *'}], 'timezone': 'Europe/Berlin'}
    """
    made: dict[str, Any] = {"rules": [_rule(rule) for rule in schedule.rules], "timezone": schedule.timezone}
    if schedule.excepts:
        made["except"] = [_except(one) for one in schedule.excepts]
    if schedule.start is not None:
        made["start"] = written(schedule.start)
    if schedule.end is not None:
        made["end"] = written(schedule.end)
    if schedule.limit is not None:
        made["limit"] = schedule.limit
    if schedule.jitter != timedelta(0):
        made["jitter"] = format_duration(schedule.jitter)
    dst = [word for word in (schedule.dst_gap, schedule.dst_fold) if word in ("skip", "both")]
    if dst:
        made["dst"] = dst
    return made


def schedule_from_json(table: Mapping[str, Any]) -> Schedule:
    """The schedule that `schedule_as_json` wrote down. `compile_schedule` checks what it says."""
    return build_schedule(table, "UTC")


def _rule(rule: Rule) -> dict[str, Any]:
    match rule:
        case Cron():
            return {"cron": rule.expression} | ({"seconds": rule.seconds} if rule.seconds else {})
        case Every():
            anchor = {} if rule.anchor is None else {"anchor": written(rule.anchor)}
            return {"every": format_duration(rule.interval)} | anchor
        case At():
            return {"at": [written(one) for one in rule.instants]}
        case RRule():
            return {"rrule": rule.rule} | ({} if rule.start is None else {"start": written(rule.start)})


def _except(one: Except) -> dict[str, Any]:
    match one:
        case Holidays():
            return {"holidays": one.country} | ({"subdivision": one.subdivision} if one.subdivision else {})
        case Dates():
            return {"dates": [day.isoformat() for day in one.days]}
        case Freeze():
            return {"from": written(one.start), "to": written(one.end)}
