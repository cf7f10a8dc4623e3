"""Lengths of time as people write them: ``45s``, ``15m``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from rota.errors import ScheduleError

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_SIZES = {**_UNITS, "w": 7 * _UNITS["d"]}
_PART = re.compile(r"\s*([0-9]{1,18})(?:\.([0-9]{1,18}))?\s*(us|ms|s|m|h|d|w)\s*")
_EXPECTED = 'a length of time with its unit, such as "45s", "15m", "1h30m" or "2d"'


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> timedelta:
    """The length that a text names: numbers with the units w, d, h, m, s, ms and us, exact to the microsecond.

    Raises `ScheduleError` for anything else: a number without unit, an unknown unit, a unit named twice.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    >>> parse_duration("1.5s") == parse_duration("1500ms")
    True
    """
    total, at, seen = 0, 0, set[str]()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part[3] in seen:
            raise _refusal(text)
        whole, fraction, unit = part[1], part[2] or "", part[3]
        size = _SIZES[unit]
        total += int(whole) * size + int(fraction or 0) * size // 10 ** len(fraction)
        seen.add(unit)
        at = part.end()
    if not seen:
        raise _refusal(text)
    try:
        return timedelta(microseconds=total)
    except OverflowError:
        raise _refusal(text) from None


def _refusal(text: str) -> ScheduleError:
    guess = re.sub(
        r"(?i)\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)\b",
        lambda unit: unit[1][0].lower(),
        text.strip(),
    )
    known = guess != text.strip() and re.fullmatch(rf"({_PART.pattern})+", guess)
    return ScheduleError(
        f"{text!r} is not a length of time",
        expected=_EXPECTED,
        found=repr(text),
        hint=guess if known else None,
    )


def format_duration(duration: timedelta) -> str:
    """The one way in which Rota writes a length of time; `parse_duration` gives it back exactly.

    >>> format_duration(timedelta(hours=1, minutes=30))
    '1h30m'
    >>> format_duration(timedelta(0))
    '0s'
    """
    rest = duration // timedelta(microseconds=1)
    if rest < 0:
        return "-" + format_duration(-duration)
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
