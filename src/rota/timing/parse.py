"""Schedules as people write them, in rota.toml, JSON or Python, read into values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeGuard

from rota.errors import ScheduleError, nearest
from rota.model.schedule import At, Cron, Dates, Every, Except, Freeze, Holidays, RRule, Rule, Schedule
from rota.timing.compiled import compile_schedule
from rota.timing.durations import parse_duration
from rota.timing.moments import read_date, read_moment, read_moments, shown

__all__ = ["COMMON_KEYS", "RULE_KEYS", "build_schedule", "parse_schedule"]

RULE_KEYS = {
    "cron": ("cron", "seconds"),
    "every": ("every", "anchor"),
    "at": ("at",),
    "rrule": ("rrule", "start"),
}
COMMON_KEYS = ("timezone", "except", "start", "end", "limit", "jitter", "dst")
_EXPECTED = 'a cron expression, or a table with cron, every, at, rrule or rules, such as { every = "15m" }'


def parse_schedule(value: object, *, timezone: str = "UTC") -> Schedule:
    """Read a schedule and check it fully; ``timezone`` is that of a schedule that names none.

    A text is a cron expression; a table has one of ``cron``, ``every``, ``at``, ``rrule`` or ``rules`` (a list
    of these) and the common keys; a list joins rules. Raises `ScheduleError`, whose ``key`` names the part.

    >>> parse_schedule({"every": "15m", "jitter": "30s"}).jitter
    datetime.timedelta(seconds=30)
    """
    schedule = value if isinstance(value, Schedule) else build_schedule(value, timezone)
    compile_schedule(schedule)
    return schedule


def build_schedule(value: object, timezone: str) -> Schedule:
    """The value that a text, table or list spells; only its form is checked here."""
    if isinstance(value, str):
        return Schedule((Cron(value),), timezone=timezone)
    if isinstance(value, Mapping):
        return _table(value, timezone)
    if _is_list(value):
        return Schedule(_rules(value), timezone=timezone)
    raise _refusal("this is not a schedule", None, _EXPECTED, value)


def _table(table: Mapping[Any, Any], timezone: str) -> Schedule:
    kind = _kind(table, ("rules", *RULE_KEYS))
    own = ("rules",) if kind == "rules" else RULE_KEYS[kind]
    _check_keys(table, (*own, *COMMON_KEYS))
    rules = _rules(table["rules"]) if kind == "rules" else (_rule(kind, table),)
    common = {key: value for key, value in table.items() if key not in own}
    return _with_common(Schedule(rules, timezone=timezone), common)


def _rules(value: object) -> tuple[Rule, ...]:
    """A list of rules. What holds for all of them stands beside it, not in it."""
    if not _is_list(value) or not value:
        raise _refusal("a schedule has no rule", "rules", "a list of cron expressions and tables", value)
    found: list[Rule] = []
    for one in value:
        if isinstance(one, str):
            found.append(Cron(one))
        elif isinstance(one, Mapping):
            kind = _kind(one, RULE_KEYS)
            _refuse_common(one, kind)
            _check_keys(one, RULE_KEYS[kind])
            found.append(_rule(kind, one))
        else:
            raise _refusal("this is not a rule", "rules", "a cron expression or a table", one)
    return tuple(found)


def _kind(table: Mapping[Any, Any], kinds: Sequence[str] | Mapping[str, Any]) -> str:
    named = [kind for kind in kinds if kind in table]
    if len(named) == 1:
        return named[0]
    if named:
        raise _refusal(
            "a rule is stated in two ways", named[1], f"one of {', '.join(named)}, or a list of rules", table
        )
    known = [*kinds, *COMMON_KEYS, "seconds", "anchor"]
    for key in table:
        _check_key(str(key), known, "schedule")
    raise _refusal("a schedule has no rule", None, f"one of {', '.join(kinds)}", table)


def _refuse_common(table: Mapping[Any, Any], kind: str) -> None:
    for key in table:
        if key in COMMON_KEYS and key not in RULE_KEYS[kind]:
            raise _refusal(
                f"{key} holds for a whole schedule, and cannot differ from rule to rule",
                str(key),
                f"{{ rules = [...], {key} = ... }}",
                f"{key} in one of several rules",
            )


def _check_keys(table: Mapping[Any, Any], known: Sequence[str], sort: str = "schedule") -> None:
    for key in table:
        _check_key(str(key), known, sort)


def _check_key(key: str, known: Sequence[str], sort: str) -> None:
    if key not in known:
        raise ScheduleError(
            f"there is no key {key!r} in this {sort}",
            key=key,
            expected=f"one of {', '.join(known)}",
            found=repr(key),
            hint=nearest(key, known),
        )


def _rule(kind: str, table: Mapping[Any, Any]) -> Rule:
    value = table[kind]
    if kind == "cron":
        return Cron(_text(value, "cron", "a cron expression"), _seconds(table.get("seconds")))
    if kind == "every":
        anchor = table.get("anchor")
        return Every(_duration(value, "every"), None if anchor is None else read_moment(anchor, "anchor"))
    if kind == "at":
        return At(read_moments(value, "at"))
    start = table.get("start")
    return RRule(
        _text(value, "rrule", "a rule of RFC 5545"), None if start is None else read_moment(start, "start")
    )


def _seconds(value: object) -> Any:
    if value in (None, "first", "last"):
        return value
    raise _refusal(
        "seconds says where a sixth field holds the seconds", "seconds", '"first" or "last"', value
    )


def _with_common(schedule: Schedule, table: Mapping[str, Any]) -> Schedule:
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key == "timezone":
            changes["timezone"] = _text(value, "timezone", "the name of a time zone")
        elif key == "except":
            changes["excepts"] = tuple(_except(one) for one in (value if _is_list(value) else [value]))
        elif key == "start":
            changes["start"] = read_moment(value, "start", day="begins")
        elif key == "end":
            changes["end"] = read_moment(value, "end", day="ends")
        elif key == "limit":
            changes["limit"] = _whole(value)
        elif key == "jitter":
            changes["jitter"] = _duration(value, "jitter")
        elif key == "dst":
            changes |= _dst(value)
    return replace(schedule, **changes)


def _except(value: object) -> Except:
    if not isinstance(value, Mapping):
        raise _refusal(
            "this is not an exception",
            "except",
            '{ holidays = "DE" }, { dates = ["2026-12-24"] } or { from = ..., to = ... }',
            value,
        )
    if "holidays" in value:
        _check_keys(value, ("holidays", "subdivision"), "exception")
        subdivision = value.get("subdivision")
        return Holidays(
            _text(value["holidays"], "except", "a country's ISO 3166 code, such as DE"),
            None if subdivision is None else _text(subdivision, "except", "a subdivision's code, such as BE"),
        )
    if "dates" in value:
        _check_keys(value, ("dates",), "exception")
        days = value["dates"] if _is_list(value["dates"]) else [value["dates"]]
        if not days:
            raise _refusal("no date is given", "except", "one or more dates", "none")
        return Dates(tuple(read_date(day, "except") for day in days))
    _check_keys(value, ("from", "to", "holidays", "dates"), "exception")
    for key in ("from", "to"):
        if key not in value:
            raise _refusal(f"a freeze window has no {key}", "except", "{ from = ..., to = ... }", value)
    return Freeze(
        read_moment(value["from"], "except", day="begins"), read_moment(value["to"], "except", day="ends")
    )


_DST = {
    "run": ("dst_gap", "run"),
    "skip": ("dst_gap", "skip"),
    "once": ("dst_fold", "once"),
    "both": ("dst_fold", "both"),
}


def _dst(value: object) -> dict[str, str]:
    words = list(value) if _is_list(value) else [value]
    found: dict[str, str] = {}
    for word in words:
        if not isinstance(word, str) or word not in _DST:
            raise _refusal(
                "dst says what becomes of fixed times when the clock is changed",
                "dst",
                '"skip" (leave out a time in the gap), "both" (run twice in the fold), or a list of both',
                word,
                hint=nearest(word, _DST) if isinstance(word, str) else None,
            )
        name, meaning = _DST[word]
        if name in found:
            raise _refusal("dst says two things of one case", "dst", "run or skip, once or both", value)
        found[name] = meaning
    return found


def _duration(value: object, key: str) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ScheduleError as error:
            raise error.located(key=key) from None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    raise _refusal(
        "a length of time needs its unit",
        key,
        'a text such as "45s", "15m" or "1h30m"',
        value,
        hint=f'"{value}s"' if number else None,
    )


def _text(value: object, key: str, expected: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise _refusal(f"{key} is not a text", key, expected, value)


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _refusal("the limit is not a number", "limit", "a whole number", value)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _refusal(
    what: str, key: str | None, expected: str, found: object, *, hint: str | None = None
) -> ScheduleError:
    return ScheduleError(what, key=key, expected=expected, found=shown(found), hint=hint)
