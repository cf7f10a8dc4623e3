"""Recurrence rules of RFC 5545, through python-dateutil (the extra ``ical``), as local times.

A rule with COUNT is worked out once, up to `MOST` times. Any other is asked from a start moved ahead by whole
intervals, so that an old rule is not counted through from its beginning each time.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from rota.errors import ScheduleError, nearest
from rota.timing.zones import seconds_of

__all__ = ["MOST", "RecurrenceTimes", "recurrence_parts", "recurrence_until"]

MOST = 100_000
"""The highest COUNT."""

_KEYS = (
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY",
    "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS", "BYEASTER",
)  # fmt: skip
_UNITS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600, "DAILY": 86_400, "WEEKLY": 7 * 86_400}
_FREQUENCIES = (*_UNITS, "MONTHLY", "YEARLY")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # local seconds are counted from it
_HORIZON = 100
"""A rule that has not come again for so many years is taken to have ended."""


@lru_cache(maxsize=1024)
def recurrence_parts(rule: str) -> dict[str, str]:
    """The parts of a rule by name. Raises `ScheduleError` for what is not one."""
    text = rule.strip().upper().removeprefix("RRULE:")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise _refusal(
                rule, f"{part!r} is not a part of a recurrence rule", "parts such as FREQ=MONTHLY;BYDAY=2MO"
            )
        if name not in _KEYS:
            raise _refusal(
                rule,
                f"a recurrence rule has no part {name}",
                f"one of {', '.join(_KEYS)}",
                nearest(name, _KEYS),
            )
        if name in parts:
            raise _refusal(rule, f"{name} is stated twice", "each part once")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        found = parts.get("FREQ", "")
        raise _refusal(
            rule,
            "a recurrence rule needs its FREQ",
            f"FREQ={' or '.join(_FREQUENCIES)}",
            nearest(found, _FREQUENCIES),
        )
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refusal(rule, "a recurrence rule ends either by COUNT or by UNTIL", "one of them")
    for name in ("INTERVAL", "COUNT"):
        if name in parts and not 0 < _number(parts[name]) <= MOST:
            raise _refusal(rule, f"{name}={parts[name]} is out of range", f"a whole number from 1 to {MOST}")
    return parts


def recurrence_until(rule: str) -> datetime | None:
    """The last moment that UNTIL admits: aware if it ends in Z, else local; a date admits its whole day."""
    text = recurrence_parts(rule).get("UNTIL")
    if text is None:
        return None
    for form in ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"):
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007  # local unless it ends in Z
        except ValueError:
            continue
        if form.endswith("Z"):
            return moment.replace(tzinfo=UTC)
        return moment if "T" in form else moment + timedelta(days=1, seconds=-1)
    raise _refusal(
        rule, f"UNTIL={text} is not a date", "UNTIL=20270101T000000Z, without Z for local time, or 20270101"
    )


class RecurrenceTimes:
    """The local times of a rule from its first on; ``start`` and what is answered are local seconds."""

    __slots__ = ("_end", "_rule", "_step", "_times")

    def __init__(self, rule: str, start: datetime) -> None:
        """``start`` is naive. Raises `ScheduleError` if dateutil is missing or refuses the rule."""
        parts = recurrence_parts(rule)
        self._rule = _make(rule, start.replace(microsecond=0, tzinfo=None))
        until = recurrence_until(rule)
        self._end = seconds_of(until) if until is not None and until.tzinfo is None else math.inf
        interval = int(parts.get("INTERVAL", "1"))
        self._step = _UNITS.get(parts["FREQ"], 0) * interval
        self._times: list[int] | None = [seconds_of(one) for one in self._rule] if "COUNT" in parts else None

    def first_from(self, wall: int) -> int | None:
        if self._times is not None:
            at = bisect_left(self._times, wall)
            return self._times[at] if at < len(self._times) else None
        try:
            moment = _EPOCH + timedelta(seconds=wall)
            found = self._near(wall).after(moment, inc=True)
        except (OverflowError, ValueError):  # past the year 9999
            return None
        if found is None:
            return None
        second = seconds_of(found)
        return second if second <= self._end else None

    def count(self, low: int, high: int) -> int:
        total, at = 0, self.first_from(low)
        while at is not None and at < high:
            total += 1
            at = self.first_from(at + 1)
        return total

    def _near(self, wall: int) -> Any:
        """The same rule from a start moved ahead by whole intervals to shortly before a local second."""
        start = seconds_of(self._rule._dtstart)
        if not self._step:
            return self._rule
        steps = (wall - start) // self._step - 1
        if steps <= 0:
            return self._rule
        return self._rule.replace(dtstart=_EPOCH + timedelta(seconds=start + steps * self._step))


def _make(rule: str, start: datetime) -> Any:
    parts = {name: value for name, value in recurrence_parts(rule).items() if name != "UNTIL"}
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        return _library().rrulestr(
            text, dtstart=start, cache="COUNT" not in parts and parts["FREQ"] not in _UNITS
        )
    except (ValueError, TypeError, KeyError) as error:
        raise _refusal(
            rule, f"the recurrence rule cannot be read: {error}", "a rule of RFC 5545, section 3.3.10"
        ) from None


def _library() -> Any:
    try:
        from dateutil import rrule
    except ImportError as error:
        raise ScheduleError(
            "recurrence rules need the package python-dateutil, which is not installed",
            key="rrule",
            expected="the extra: rota[ical]",
            found="no package dateutil",
            next=["pip install 'rota[ical]'"],
        ) from error
    return rrule


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _refusal(rule: str, what: str, expected: str, hint: str | None = None) -> ScheduleError:
    return ScheduleError(what, key="rrule", expected=expected, found=repr(rule), hint=hint)
