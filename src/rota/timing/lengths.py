"""Lengths of time in words, rounded to what a reader needs; `rota.timing.durations` has the exact spelling."""

from __future__ import annotations

from rota.clock import SECOND

__all__ = ["length"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def length(micros: float) -> str:
    """A length of time, in one or two units, rounded to what a reader needs.

    >>> [length(n * SECOND) for n in (0.0004, 0.25, 2.54, 45, 75, 3600, 7380, 90000)]
    ['0.4 ms', '250 ms', '2.5 s', '45 s', '1 min 15 s', '1 h', '2 h 3 min', '1 d 1 h']
    """
    seconds = abs(micros) / SECOND
    if seconds < 0.001:
        return f"{seconds * 1000:.1f} ms" if seconds else "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10 and not float(seconds).is_integer():
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            rest = whole % size
            smaller, name = _UNITS[index + 1] if index + 1 < len(_UNITS) else (0, "")
            part = rest // smaller if smaller else 0
            return f"{whole // size} {unit}" + (f" {part} {name}" if part else "")
    return "0 s"
