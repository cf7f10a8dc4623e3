"""A recurrence rule in English."""

from __future__ import annotations

import re

from rota.model.schedule import RRule
from rota.timing.recurrence import recurrence_parts, recurrence_until
from rota.timing.words import MONTHS, joined, ordinal, plural

__all__ = ["rrule_in_words"]

_UNIT = {
    "SECONDLY": "second", "MINUTELY": "minute", "HOURLY": "hour", "DAILY": "day",
    "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year",
}  # fmt: skip
_DAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday",
    "FR": "Friday", "SA": "Saturday", "SU": "Sunday",
}  # fmt: skip


def rrule_in_words(rule: RRule) -> str:
    """Say when a rule recurs. Raises `ScheduleError` if it cannot be read.

    >>> rrule_in_words(RRule("FREQ=MONTHLY;BYDAY=2MO;BYHOUR=9;BYMINUTE=0"))
    'every month, on the 2nd Monday, at hour 9, at minute 0'
    """
    parts = recurrence_parts(rule.rule)
    unit, interval = _UNIT[parts["FREQ"]], int(parts.get("INTERVAL", "1"))
    words = [f"every {unit}" if interval == 1 else f"every {interval} {unit}s"]
    if "BYMONTH" in parts:
        months = [
            MONTHS[int(month)] if month.isdigit() and 0 < int(month) < 13 else month
            for month in parts["BYMONTH"].split(",")
        ]
        words.append(f"in {joined(months)}")
    if "BYWEEKNO" in parts:
        words.append(f"in week {joined(parts['BYWEEKNO'].split(','))} of the year")
    if "BYYEARDAY" in parts:
        words.append(f"on {_numbered(parts['BYYEARDAY'], 'day of the year')}")
    if "BYMONTHDAY" in parts:
        words.append(f"on {_numbered(parts['BYMONTHDAY'], 'day of the month')}")
    if "BYEASTER" in parts:
        words.append(f"{parts['BYEASTER']} days from Easter Sunday")
    if "BYDAY" in parts:
        words.append(f"on {joined([_day(day) for day in parts['BYDAY'].split(',')])}")
    for key, name in (("BYHOUR", "hour"), ("BYMINUTE", "minute"), ("BYSECOND", "second")):
        if key in parts:
            values = parts[key].split(",")
            words.append(f"at {name}{'s' if len(values) > 1 else ''} {joined(values)}")
    if "BYSETPOS" in parts:
        words.append(f"only {_numbered(parts['BYSETPOS'], 'of these')}")
    if rule.start is not None:
        words.append(f"counted from {_moment(rule)}")
    if "COUNT" in parts:
        words.append(f"{plural(int(parts['COUNT']), 'time')} in all")
    until = recurrence_until(rule.rule)
    if until is not None:
        words.append(f"until {until.replace(tzinfo=None).isoformat(sep=' ')}{' UTC' if until.tzinfo else ''}")
    return ", ".join(words)


def _moment(rule: RRule) -> str:
    assert rule.start is not None
    text = rule.start.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")
    return f"{text} UTC" if rule.start.tzinfo else text


def _numbered(text: str, what: str) -> str:
    words = []
    for number in text.split(","):
        value = int(number) if re.fullmatch(r"[+-]?\d+", number) else 0
        if value >= 0:
            words.append(f"the {ordinal(value)}")
        else:
            words.append("the last" if value == -1 else f"the {ordinal(-value)} last")
    return f"{joined(words)} {what}"


def _day(text: str) -> str:
    found = re.fullmatch(r"([+-]?\d+)?([A-Z]{2})", text)
    if found is None or found[2] not in _DAYS:
        return text
    if found[1] is None:
        return _DAYS[found[2]]
    number = int(found[1])
    place = ordinal(number) if number > 0 else "last" if number == -1 else f"{ordinal(-number)} last"
    return f"the {place} {_DAYS[found[2]]}"
