"""Cron expressions: the dialect that ``docs/reference/schedules.md`` describes, read and computed.

One reading serves firing, `rota next` and `explain`. A parsed expression is shared by all schedules that
state it; one with ``H`` is settled by a hash of the schedule's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NoReturn

from rota.errors import ScheduleError, nearest
from rota.timing.days import LENGTHS, Days
from rota.timing.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    Field,
    read_field,
)

__all__ = ["CronTimes", "Expression", "cron_times", "read_cron"]

Seconds = Literal["first", "last"] | None

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ORDER = "minute, hour, day-of-month, month, day-of-week"


@dataclass(frozen=True, slots=True)
class Expression:
    """A cron expression by its fields; ``second`` matches 0 alone where none is stated."""

    text: str
    second: Field
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.second, self.minute, self.hour, self.day, self.month, self.weekday

    @property
    def follows_real_time(self) -> bool:
        """Whether minute or hour start with ``*``: then the rule of daylight saving time is that nothing is moved."""
        return self.minute.star or self.hour.star

    @property
    def both_days(self) -> bool:
        """Whether day-of-month and day-of-week must both match: as soon as one of them starts with ``*``."""
        return self.day.star or self.weekday.star


class CronTimes:
    """When an expression matches, in local seconds since the epoch, as if the clock were never changed."""

    __slots__ = (
        "_days",
        "_first",
        "_first_minute",
        "_first_second",
        "_hours",
        "_minutes",
        "_seconds",
        "fixed",
    )

    def __init__(self, seconds: int, minutes: int, hours: int, days: Days, *, fixed: bool) -> None:
        self._seconds, self._minutes, self._hours, self._days = seconds, minutes, hours, days
        self._first_second = _lowest(seconds)
        self._first_minute = _lowest(minutes) * 60 + self._first_second
        self._first = _lowest(hours) * 3600 + self._first_minute
        self.fixed = fixed  # not `follows_real_time`

    def first_from(self, wall: int) -> int | None:
        """The first matching local second that is not before ``wall``; None after the year 9998."""
        day, rest = divmod(wall, 86_400)
        found = self._days.next_from(day)
        if found is None:
            return None
        if found != day:
            return found * 86_400 + self._first
        hour, rest = divmod(rest, 3600)
        if self._hours >> hour & 1:
            minute, second = divmod(rest, 60)
            if self._minutes >> minute & 1:
                later = self._seconds >> second
                if later:
                    return wall + (later & -later).bit_length() - 1
            later = self._minutes >> (minute + 1)
            if later:
                minute += (later & -later).bit_length()
                return day * 86_400 + hour * 3600 + minute * 60 + self._first_second
        later = self._hours >> (hour + 1)
        if later:
            hour += (later & -later).bit_length()
            return day * 86_400 + hour * 3600 + self._first_minute
        found = self._days.next_from(day + 1)
        return None if found is None else found * 86_400 + self._first

    def count(self, low: int, high: int) -> int:
        """How many local seconds match from ``low`` (included) to ``high`` (excluded). One step a matching day."""
        total, day = 0, self._days.next_from(low // 86_400)
        while day is not None and day * 86_400 < high:
            midnight = day * 86_400
            total += self._before(min(high - midnight, 86_400)) - self._before(max(low - midnight, 0))
            day = self._days.next_from(day + 1)
        return total

    def _before(self, second: int) -> int:
        """How many seconds of a matching day match before a second of it."""
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        in_a_minute = self._seconds.bit_count()
        in_an_hour = self._minutes.bit_count() * in_a_minute
        total = (self._hours & ((1 << hour) - 1)).bit_count() * in_an_hour
        if self._hours >> hour & 1:
            total += (self._minutes & ((1 << minute) - 1)).bit_count() * in_a_minute
            if self._minutes >> minute & 1:
                total += (self._seconds & ((1 << second) - 1)).bit_count()
        return total


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def cron_times(text: str, seconds: Seconds, seed: str) -> CronTimes:
    """The times of an expression; ``seed`` settles its ``H``. Raises `ScheduleError` if it is not valid."""
    expression = read_cron(text, seconds)
    if not any(field.spreads for field in expression.fields):
        return _unseeded(text, seconds)
    numbers = _hash(seed)
    return _resolve(expression, tuple(numbers[i % 6] for i in range(6)))


@lru_cache(maxsize=4096)
def _unseeded(text: str, seconds: Seconds) -> CronTimes:
    return _resolve(read_cron(text, seconds), (0,) * 6)


def _hash(seed: str) -> tuple[int, ...]:
    """A number for each field, the same on every machine and in every version."""
    digest = blake2b(seed.encode(), digest_size=48).digest()
    return tuple(int.from_bytes(digest[at : at + 8], "big") for at in range(0, 48, 8))


def _resolve(expression: Expression, numbers: tuple[int, ...]) -> CronTimes:
    second, minute, hour, day, month, weekday = (
        field.resolve(number) for field, number in zip(expression.fields, numbers, strict=True)
    )
    days = _days(expression, day, month, weekday)
    return CronTimes(second, minute, hour, days, fixed=not expression.follows_real_time)


def _days(expression: Expression, day: int, month: int, weekday: int) -> Days:
    spread = any(field.spreads for field in (expression.day, expression.month, expression.weekday))
    make = _make_days.__wrapped__ if spread else _make_days
    of_month, of_week = expression.day, expression.weekday
    return make(
        day,
        month,
        weekday,
        expression.both_days,
        of_month.last,
        of_month.last_weekday,
        of_month.near,
        of_week.nth,
    )


@lru_cache(maxsize=4096)
def _make_days(
    days: int,
    months: int,
    weekdays: int,
    both: bool,
    last: bool,
    last_weekday: bool,
    near: int,
    nth: frozenset[tuple[int, int]],
) -> Days:
    return Days(
        days=days,
        months=months,
        weekdays=weekdays,
        both=both,
        last=last,
        last_weekday=last_weekday,
        near=near,
        nth=nth,
    )


@lru_cache(maxsize=4096)
def read_cron(text: str, seconds: Seconds = None) -> Expression:
    """Read an expression of five fields, or six where ``seconds`` says which of them holds the seconds.

    Raises `ScheduleError` if it is not valid or can never fire.
    """
    plain = _named(text)
    parts = plain.upper().split()
    if seconds is not None and plain == text.strip():
        if len(parts) != 6:
            _refuse_count(text, len(parts), 'six fields, since seconds = "first" or "last" is stated')
        parts = parts if seconds == "first" else [parts[5], *parts[:5]]
    elif len(parts) == 6:
        _refuse_six(text, parts)
    elif len(parts) != 5:
        _refuse_count(text, len(parts), f"five fields: {_ORDER}")
    else:
        parts = ["0", *parts]
    kinds = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
    expression = Expression(text, *(read_field(kind, part) for kind, part in zip(kinds, parts, strict=True)))
    _refuse_never(expression)
    return expression


def _named(text: str) -> str:
    """The five fields that a name such as @daily stands for."""
    name = text.strip().lower()
    if not name.startswith("@"):
        return text.strip()
    if name == "@reboot":
        raise ScheduleError(
            "@reboot is not a schedule: the start of a node is not an instant that can be known before",
            key="cron",
            expected=f"five fields or one of {', '.join(_NAMED)}; or start the work where the service starts",
            found=repr(text),
        )
    if name not in _NAMED:
        every = name.startswith("@every")
        raise ScheduleError(
            f"there is no schedule named {text.strip()!r}",
            key="cron",
            expected='every = "5m" as a key of its own, instead of cron'
            if every
            else f"one of {', '.join(_NAMED)}",
            found=repr(text),
            hint=None if every else nearest(name, _NAMED),
        )
    return _NAMED[name]


def _refuse_count(text: str, count: int, expected: str) -> NoReturn:
    raise ScheduleError(
        f"a cron expression of {count} field{'' if count == 1 else 's'} cannot be read",
        key="cron",
        expected=expected,
        found=repr(text),
    )


def _refuse_six(text: str, parts: list[str]) -> NoReturn:
    names = [kind.name for kind in (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)]
    first = ", ".join(f"{name} {part}" for name, part in zip(["second", *names], parts, strict=True))
    last = ", ".join(f"{name} {part}" for name, part in zip([*names, "second"], parts, strict=True))
    raise ScheduleError(
        "six cron fields mean seconds first to some tools and seconds last to others",
        key="cron",
        expected=f'seconds = "first" beside it, to read it as {first}; or seconds = "last", to read it as {last}',
        found=repr(text),
    )


def _refuse_never(expression: Expression) -> None:
    """Refuse what can never fire, whatever an ``H`` in it comes to."""
    day, month, weekday = expression.day, expression.month, expression.weekday
    months = month.bits | (0x1FFE if month.spreads else 0)
    spread_days = 0
    for spread in day.spreads:
        spread_days |= 1 << spread.high  # the worst that H may come to
    weekdays = 0x7F if weekday.spreads else weekday.bits
    if spread_days and not day.bits:
        if _days(expression, spread_days, months, weekdays).can_fire():
            return
    elif _days(expression, day.bits, months, weekdays).can_fire():
        return
    wanted = (day.bits | spread_days | day.near) >> 1
    lowest = _lowest(wanted) + 1 if wanted else 0
    named = [month.kind.shown(number) for number in range(1, 13) if months >> number & 1]
    longest = max(29 if number == 2 else LENGTHS[number] for number in range(1, 13) if months >> number & 1)
    if lowest > longest:
        which = named[0] if len(named) == 1 else "none of " + ", ".join(named)
        reason = f"{which} has a day {lowest}" if len(named) > 1 else f"{which} has no day {lowest}"
    else:
        reason = "in its months no day matches both the day-of-month and the day-of-week"
    raise ScheduleError(
        f"{expression.text!r} can never fire: {reason}",
        key="cron",
        expected="an expression that matches at least one day",
        found=repr(expression.text),
    )
