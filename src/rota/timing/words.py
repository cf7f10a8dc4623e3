"""Small words for sentences: lists, plurals, times of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rota.timing.durations import format_duration

__all__ = ["MONTHS", "WEEKDAYS", "clock", "joined", "length", "ordinal", "plural", "ranges"]

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "", "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def joined(words: Sequence[str], last: str = "and") -> str:
    """Words in a row.

    >>> joined(["02:00", "03:00", "04:00"])
    '02:00, 03:00 and 04:00'
    """
    return f" {last} ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


def plural(count: int, word: str) -> str:
    """A number of things.

    >>> plural(1, "time"), plural(2, "time")
    ('1 time', '2 times')
    """
    return f"{count} {word}{'' if count == 1 else 's'}"


def ordinal(number: int) -> str:
    """A place in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 22, 31)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd', '31st']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def clock(second: int) -> str:
    """A second of the day on a 24-hour clock, with seconds only where there are some.

    >>> clock(9 * 3600), clock(9 * 3600 + 5)
    ('09:00', '09:00:05')
    """
    text = f"{second // 3600:02}:{second // 60 % 60:02}"
    return f"{text}:{second % 60:02}" if second % 60 else text


def length(duration: timedelta, *, alone: bool = False) -> str:
    """A length of time in words where one unit is enough. ``alone`` leaves out the number one: every hour.

    >>> length(timedelta(minutes=15)), length(timedelta(hours=1), alone=True), length(timedelta(seconds=90))
    ('15 minutes', 'hour', '1m30s')
    """
    units = {"d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond", "us": "microsecond"}
    text = format_duration(duration)
    number = text.rstrip("".join(set("dhmsu")))
    unit = units.get(text[len(number) :])
    if unit is None or not number.isdigit():
        return text
    return unit if alone and number == "1" else plural(int(number), unit)


def ranges(values: Sequence[int]) -> list[tuple[int, int]]:
    """Values in order, neighbours drawn together.

    >>> ranges([1, 2, 3, 5])
    [(1, 3), (5, 5)]
    """
    found: list[tuple[int, int]] = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1] = found[-1][0], value
        else:
            found.append((value, value))
    return found
