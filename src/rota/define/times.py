"""The values that tell a time: lengths of time, rates, time zones and schedules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeGuard
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from rota.define.refusal import refused, shown
from rota.errors import ScheduleError, nearest
from rota.model.schedule import Schedule

__all__ = ["Duration", "PositiveDuration", "Rate", "ScheduleValue", "TimeLimit", "TimeZone", "is_timezone"]

_PER = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = 'a length of time with its unit, such as "45s", "5m" or "1h30m"'


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        found = value
    elif isinstance(value, str):
        from rota.timing.durations import parse_duration

        try:
            found = parse_duration(value)
        except ScheduleError as error:
            raise refused(
                error.what, expected=_DURATION, found=shown(value), hint=error.hint and f'"{error.hint}"'
            ) from error
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        raise refused(
            "a length of time needs its unit",
            expected=_DURATION,
            found=shown(value),
            hint=f'"{value:g}s"' if number else None,
        )
    if found < timedelta(0):
        raise refused("a length of time cannot be negative", expected=_DURATION, found=shown(value))
    return found


def _time_limit(value: object) -> timedelta | None:
    if value is None or value == "none":
        return None
    return _positive(_duration(value))


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise refused("a length of time of zero does nothing", expected=_DURATION, found="zero")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError) as error:
        raise refused(
            f"there is no time zone {value!r}",
            expected="a name of the IANA time zone database, such as Europe/Berlin or UTC",
            found=shown(value),
            hint=_nearest_timezone(value),
        ) from error
    return value


@lru_cache(maxsize=100)
def _nearest_timezone(name: str) -> str | None:
    """Kept, since the names are read from disk and one slip may stand in a thousand tasks."""
    return nearest(name, available_timezones())


def is_timezone(value: object) -> TypeGuard[str]:
    """Whether a value is the name of a time zone."""
    try:
        return isinstance(value, str) and _timezone(value) == value
    except PydanticCustomError:
        return False


def _schedule(value: object, info: ValidationInfo) -> Schedule | None:
    if value is None:
        return None
    from rota.timing import parse_schedule

    default = (info.context or {}).get("timezone", "UTC")
    try:
        return parse_schedule(value, timezone=info.data.get("timezone") or default)
    except ScheduleError as error:
        raise refused(
            error.what,
            expected=error.expected or "a schedule",
            found=error.found or shown(value),
            hint=error.hint,
            inside=_parts(error.key) if isinstance(value, Mapping) else (),
        ) from error


def _parts(key: str | None) -> tuple[str | int, ...]:
    """A key below ``schedule``, as an error of the schedule names it, as what leads there.

    >>> _parts("rules[1].cron")
    ('rules', 1, 'cron')
    """
    names = re.findall(r"[^.\[\]]+", key or "")
    return tuple(int(name) if name.isdigit() else name for name in names if name != "schedule")


def _rate(value: object) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(\d*)\s*([smhd])", value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0 or match[2] == "0":
        raise refused(
            f"{shown(value)} is not a rate",
            expected='so many starts a second, minute, hour or day, such as "10/s" or "100/m"',
            found=shown(value),
            hint=f'"{value}/s"'
            if isinstance(value, int) and not isinstance(value, bool) and value > 0
            else None,
        )
    return float(match[1]) / (_PER[match[3]] * int(match[2] or 1))


_DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": r"^\s*(\d+(\.\d+)?\s*(us|ms|s|m|h|d|w)\s*)+$",
    "examples": ["45s", "5m", "1h30m"],
}

Duration = Annotated[timedelta, PlainValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[
    timedelta, PlainValidator(lambda value: _positive(_duration(value))), WithJsonSchema(_DURATION_SCHEMA)
]
TimeLimit = Annotated[
    timedelta | None,
    PlainValidator(_time_limit),
    WithJsonSchema({"anyOf": [{"const": "none"}, _DURATION_SCHEMA]}),
]
TimeZone = Annotated[
    str, AfterValidator(_timezone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "UTC"]})
]
_RULE = {
    "cron": {
        "type": "string",
        "description": "A cron expression.",
        "examples": ["0 9 * * MON-FRI", "@daily"],
    },
    "seconds": {"enum": ["first", "last"], "description": "Where a sixth field of cron holds the seconds."},
    "every": {**_DURATION_SCHEMA, "description": "An interval of elapsed time."},
    "anchor": {"description": "The instant that intervals count from; none: the Unix epoch."},
    "at": {"description": "One or more instants."},
    "rrule": {"type": "string", "description": "A recurrence rule of RFC 5545."},
    "start": {"description": "Nothing is due before; the start of a recurrence rule."},
}
_SCHEDULE = {
    **_RULE,
    "rules": {
        "type": "array",
        "description": "Several rules, joined.",
        "items": {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": _RULE, "additionalProperties": False},
            ]
        },
    },
    "timezone": {"type": "string", "description": "The time zone of this schedule; none: the task's."},
    "except": {"description": "Holidays, dates and freeze windows on which nothing is due."},
    "end": {"description": "Nothing is due from here on."},
    "limit": {"type": "integer", "minimum": 1, "description": "The most occurrences there are, in all."},
    "jitter": {
        **_DURATION_SCHEMA,
        "description": "Each occurrence is moved by its own share of this, always the same.",
    },
    "dst": {
        "description": 'What becomes of fixed times when the clock is changed: "skip" in the gap, "both" in the fold.'
    },
}
ScheduleValue = Annotated[
    Schedule | None,
    PlainValidator(_schedule),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": _SCHEDULE, "additionalProperties": False},
                {"type": "array"},
            ],
            "examples": ["*/15 * * * *", "@daily", {"every": "30s"}],
        }
    ),
]
Rate = Annotated[
    float,
    PlainValidator(_rate),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*/\s*\d*\s*[smhd]$", "examples": ["10/s", "100/m"]}
    ),
]
