"""A cron expression in English: its times of the day, then its days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rota.timing.cron import Expression, Seconds, read_cron
from rota.timing.day_words import days_in_words
from rota.timing.fields import Field, Spread
from rota.timing.words import clock, joined, ranges

__all__ = ["CronWords", "cron_in_words"]

_FEW = 6
"""So many times of the day are listed one by one."""


class CronWords(NamedTuple):
    """The sentence, and whether it means the same in every time zone."""

    text: str
    everywhere: bool


def cron_in_words(text: str, seconds: Seconds) -> CronWords:
    """Say when an expression fires. Raises `ScheduleError` if it cannot be read.

    >>> cron_in_words("*/15 9-17 * * MON-FRI", None).text
    'every 15 minutes from 09:00 to 17:45 on Monday to Friday'
    """
    expression = read_cron(text, seconds)
    times, regular = _times(expression)
    days = days_in_words(expression)
    if days:
        return CronWords(f"{times} {days}", False)
    hours_all = _values(expression.hour) == list(range(24))
    alike = hours_all and not expression.minute.spreads and _repeats(expression.minute.bits, 15)
    return CronWords(times if regular else f"{times} every day", alike)


def _repeats(bits: int, minutes: int) -> bool:
    """Whether a field of minutes looks the same when the clock is ahead by so many (as in Kathmandu)."""
    return (bits << minutes | bits >> (60 - minutes)) & ((1 << 60) - 1) == bits


def _values(field: Field) -> list[int]:
    return [value for value in range(field.kind.low, field.kind.high + 1) if field.bits >> value & 1]


def _times(expression: Expression) -> tuple[str, bool]:
    """The times of the day, and whether they read as a rhythm rather than as times of a day."""
    if any(field.spreads for field in (expression.second, expression.minute, expression.hour)):
        return _spread_times(expression)
    seconds, minutes, hours = _values(expression.second), _values(expression.minute), _values(expression.hour)
    if len(seconds) == 1:
        return _minute_times(minutes, hours, seconds[0])
    rhythm = _rhythm(seconds, 60)
    said = _every(rhythm, "second") if rhythm else f"at seconds {_listed(seconds)}"
    if rhythm and rhythm[0]:
        said += f" from second {rhythm[0]}"
    if len(minutes) == 60 and len(hours) == 24:
        return (said if rhythm else f"{said} of every minute"), True
    times, regular = _minute_times(minutes, hours, 0)
    return f"{said} of the minute, {times}", regular


def _minute_times(minutes: Sequence[int], hours: Sequence[int], second: int) -> tuple[str, bool]:
    at = [hour * 3600 + minute * 60 + second for hour in hours for minute in minutes]
    if len(hours) == 24:
        return _in_every_hour(minutes, second), True
    if len(at) <= _FEW and not _steady(at):
        return f"at {joined([clock(one) for one in at])}", False
    if len(minutes) == 1 and (by := _step(hours)) and len(hours) > 3:
        rhythm = "every hour" if by == 1 else f"every {by} hours"
        return f"{rhythm} from {clock(at[0])} to {clock(at[-1])}", True
    if rhythm_of := _rhythm(minutes, 60):
        spans = [
            f"from {clock(_at(a, minutes[0], second))} to {clock(_at(b, minutes[-1], second))}"
            for a, b in ranges(hours)
        ]
        return f"{_every(rhythm_of, 'minute')} {joined(spans)}", True
    if len(at) <= _FEW:
        return f"at {joined([clock(one) for one in at])}", False
    past = f" and second {second}" if second else ""
    return (
        f"at minute{'s' if len(minutes) > 1 else ''} {_listed(minutes)}{past} of the hours {_listed(hours)}",
        True,
    )


def _at(hour: int, minute: int, second: int) -> int:
    return hour * 3600 + minute * 60 + second


def _in_every_hour(minutes: Sequence[int], second: int) -> str:
    at_second = f", at second {second}" if second else ""
    rhythm = _rhythm(minutes, 60)
    if rhythm:
        start = rhythm[0]
        return _every(rhythm, "minute") + (f" from minute {start} of every hour" if start else "") + at_second
    if list(minutes) == [0] and not second:
        return "every hour, on the hour"
    by = _step(minutes) if len(minutes) > 3 else None
    if by is not None:
        said = _every((0, by), "minute")
        return f"{said} from minute {minutes[0]} to {minutes[-1]} of every hour{at_second}"
    return f"at minute{'s' if len(minutes) > 1 else ''} {_listed(minutes)} of every hour{at_second}"


def _steady(at: Sequence[int]) -> bool:
    """Four or more times at one distance of an hour or less are better said as a rhythm."""
    return len(at) > 3 and (by := _step(at)) is not None and by <= 3600


def _step(values: Sequence[int]) -> int | None:
    """The one distance between values in order; None where there are several."""
    steps = {after - before for before, after in pairwise(values)}
    return steps.pop() if len(steps) == 1 else None


def _rhythm(values: Sequence[int], size: int) -> tuple[int, int] | None:
    """(first, step) of values that go round without a break, so that the step also leads over the end."""
    if len(values) < 2:
        return None
    step = _step(values)
    return (values[0], step) if step and size % step == 0 and len(values) == size // step else None


def _every(rhythm: tuple[int, int], unit: str) -> str:
    return f"every {unit}" if rhythm[1] == 1 else f"every {rhythm[1]} {unit}s"


def _listed(values: Sequence[int]) -> str:
    """Values with runs of three or more drawn together: 0 to 10 and 30."""
    words: list[str] = []
    for low, high in ranges(values):
        words += [f"{low} to {high}"] if high - low > 1 else [str(value) for value in range(low, high + 1)]
    return joined(words)


def _spread_times(expression: Expression) -> tuple[str, bool]:
    """Times with H, which differ from task to task."""
    minute, hour, second = expression.minute, expression.hour, expression.second
    whole = [Spread(field.kind.low, field.kind.high, None) for field in (minute, hour)]
    if [*minute.spreads, *hour.spreads] == whole and not minute.bits and not hour.bits and not second.spreads:
        return "at a time of its own", False
    said = [] if second.bits == 1 and not second.spreads else [_own(second)]
    said.append(_own(minute))
    if hour.spreads or len(_values(hour)) < 24:
        return f"{', '.join(said)} in {_own(hour).removeprefix('at ')}", False
    every_hour = "" if minute.spreads and minute.spreads[0].step else " of every hour"
    return ", ".join(said) + every_hour, True


def _own(field: Field) -> str:
    """One field of times in words, the H in it as a value of the task's own."""
    unit, words = field.kind.name, []
    for spread in field.spreads:
        within = (
            ""
            if (spread.low, spread.high) == (field.kind.low, field.kind.high)
            else f" from {spread.low} to {spread.high}"
        )
        if spread.step is None:
            words.append(f"at a{'n' if unit == 'hour' else ''} {unit} of its own{within}")
        else:
            words.append(f"every {spread.step} {unit}s from a {unit} of its own{within}")
    values = _values(field)
    if len(values) == field.kind.high - field.kind.low + 1:
        words.append(f"every {unit}")
    elif values:
        words.append(f"at {unit}{'s' if len(values) > 1 else ''} {_listed(values)}")
    return joined(words)
