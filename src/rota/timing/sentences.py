"""A schedule as an English sentence, from the same reading that fires it."""

from __future__ import annotations

from datetime import datetime

from rota.model.schedule import At, Cron, Dates, Every, Except, Freeze, Holidays, RRule, Rule, Schedule
from rota.timing.calendars import country_name
from rota.timing.cron_words import cron_in_words
from rota.timing.words import joined, length, plural

__all__ = ["explain"]


def explain(schedule: Schedule) -> str:
    """One sentence that says when a schedule fires, on a 24-hour clock, without a full stop.

    >>> explain(Schedule((Cron("0 9 * * MON-FRI"),), "Europe/Berlin", (Holidays("DE"),)))
    'at 09:00 on Monday to Friday, Europe/Berlin time, except public holidays of Germany'
    >>> from datetime import timedelta
    >>> explain(Schedule((Every(timedelta(minutes=15)),)))
    'every 15 minutes'
    """
    rules = [_rule(rule) for rule in schedule.rules]
    parts = ["; and ".join(rules)]
    if _local(schedule):
        parts.append("UTC" if schedule.timezone == "UTC" else f"{schedule.timezone} time")
    if schedule.excepts:
        parts.append("except " + joined([_except(one) for one in schedule.excepts]))
    parts += _bounds(schedule)
    if schedule.jitter:
        parts.append(f"each up to {length(schedule.jitter)} later, spread evenly")
    return ", ".join([*parts, *_dst(schedule)])


def _local(schedule: Schedule) -> bool:
    """Whether the zone has a say: it has none in bare intervals and instants."""
    moments: list[datetime | None] = [schedule.start, schedule.end]
    for rule in schedule.rules:
        if isinstance(rule, At):
            moments += rule.instants
        elif isinstance(rule, Every):
            moments.append(rule.anchor)
        elif isinstance(rule, RRule) or not cron_in_words(rule.expression, rule.seconds).everywhere:
            return True
    if any(one is not None and one.tzinfo is None for one in moments):
        return True
    return bool(schedule.excepts)


def _rule(rule: Rule) -> str:
    match rule:
        case Cron():
            return cron_in_words(rule.expression, rule.seconds).text
        case Every():
            anchor = "" if rule.anchor is None else f", counted from {_moment(rule.anchor)}"
            return f"every {length(rule.interval, alone=True)}{anchor}"
        case At():
            shown = [_moment(one) for one in sorted(rule.instants, key=_order)]
            if len(shown) > 5:
                return f"at {len(shown)} single times from {shown[0]} to {shown[-1]}"
            return f"at {joined(shown)}" if len(shown) > 1 else f"once, at {shown[0]}"
        case RRule():
            from rota.timing.rrule_words import rrule_in_words

            return rrule_in_words(rule)


def _order(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _moment(moment: datetime) -> str:
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    text = text.removesuffix(":00") if moment.second == 0 and moment.microsecond == 0 else text
    if moment.tzinfo is None:
        return text
    name = moment.strftime("%z")
    return text + (" UTC" if name == "+0000" else f" {name[:3]}:{name[3:5]}")


def _except(one: Except) -> str:
    match one:
        case Holidays():
            within = f" ({one.subdivision})" if one.subdivision else ""
            return f"public holidays of {country_name(one.country)}{within}"
        case Dates():
            days = sorted(day.isoformat() for day in one.days)
            return joined(days) if len(days) <= 5 else f"{len(days)} dates from {days[0]} to {days[-1]}"
        case Freeze():
            return f"the time from {_moment(one.start)} to {_moment(one.end)}"


def _bounds(schedule: Schedule) -> list[str]:
    parts = []
    if schedule.start is not None:
        parts.append(f"beginning {_moment(schedule.start)}")
    if schedule.end is not None:
        parts.append(f"ending before {_moment(schedule.end)}")
    if schedule.limit is not None:
        parts.append(f"{plural(schedule.limit, 'time')} in all")
    return parts


def _dst(schedule: Schedule) -> list[str]:
    parts = []
    if schedule.dst_gap == "skip":
        parts.append("left out when the clock skips it")
    if schedule.dst_fold == "both":
        parts.append("twice when the clock shows it twice")
    return parts
