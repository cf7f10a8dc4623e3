"""One field of a cron expression: its text read into the values at which it matches.

Values are kept as bits of a whole number, so that the next one is found by arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from rota.errors import ScheduleError, nearest

__all__ = [
    "DAY_OF_MONTH",
    "DAY_OF_WEEK",
    "HOUR",
    "MINUTE",
    "MONTH",
    "SECOND",
    "Field",
    "Kind",
    "Spread",
    "read_field",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """What may stand in a field. Names stand for the values from ``low`` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    spread_high: int = -1  # the highest value that H takes, where that is not ``high``

    def shown(self, value: int) -> str:
        return self.names[(value - self.low) % len(self.names)] if self.names else str(value)

    def choices(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{names}"


SECOND = Kind("second", 0, 59)
MINUTE = Kind("minute", 0, 59)
HOUR = Kind("hour", 0, 23)
DAY_OF_MONTH = Kind("day-of-month", 1, 31, spread_high=28)
MONTH = Kind(
    "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
)
DAY_OF_WEEK = Kind("day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), spread_high=6)


@dataclass(frozen=True, slots=True)
class Spread:
    """An ``H``: one value in ``low``-``high`` or, with a step, every ``step``-th from one; a hash decides which."""

    low: int
    high: int
    step: int | None

    def bits(self, number: int) -> int:
        """The values that a hash chooses, as bits."""
        if self.step is None:
            return 1 << (self.low + number % (self.high - self.low + 1))
        first = self.low + number % min(self.step, self.high - self.low + 1)
        return _bits(first, self.high, self.step)


@dataclass(frozen=True, slots=True)
class Field:
    """What a field's text means. The last four are of the two day fields only."""

    kind: Kind
    text: str
    bits: int = 0
    spreads: tuple[Spread, ...] = ()
    last: bool = False  # L in the day-of-month
    last_weekday: bool = False  # LW
    near: int = 0  # 15W, as bits
    nth: frozenset[tuple[int, int]] = frozenset()  # MON#2 as (1, 2); 5L, the last Friday, as (5, 0)

    @property
    def star(self) -> bool:
        """Whether the field starts with ``*``, or with an ``H/15`` that spreads a ``*/15``."""
        return self.text[0] == "*" or self.text.startswith("H/")

    def resolve(self, number: int) -> int:
        """The field's bits with its ``H`` settled by a hash."""
        bits = self.bits
        for spread in self.spreads:
            bits |= spread.bits(number)
        return _one_sunday(bits) if self.kind is DAY_OF_WEEK else bits


_STEP = re.compile(r"(.*)/(.*)")
_SPREAD = re.compile(r"H(?:\((\w+)-(\w+)\))?")


def read_field(kind: Kind, text: str) -> Field:
    """Read one field, in capitals. Raises `ScheduleError` that says what was found and expected."""
    field = Field(kind, text)
    for term in text.split(","):
        field = _join(field, _term(kind, term, text))
    return field


def _join(one: Field, other: Field) -> Field:
    return Field(
        one.kind,
        one.text,
        one.bits | other.bits,
        one.spreads + other.spreads,
        one.last or other.last,
        one.last_weekday or other.last_weekday,
        one.near | other.near,
        one.nth | other.nth,
    )


def _term(kind: Kind, term: str, text: str) -> Field:
    """One of the terms that commas join."""
    if not term:
        raise _refusal(
            kind,
            text,
            f"the {kind.name} field has an empty term",
            "no comma too many, and no blank in a list",
        )
    if kind is DAY_OF_MONTH and (found := _special_day(term, text)):
        return found
    if kind is DAY_OF_WEEK and (found := _special_weekday(term, text)):
        return found
    step = _STEP.fullmatch(term)
    span, by = (step[1], _step(kind, step[2], text)) if step else (term, None)
    if spread := _SPREAD.fullmatch(span):
        return Field(kind, text, spreads=(_spread(kind, spread[1], spread[2], by, text),))
    low, high = _range(kind, span, text)
    if by is not None and low == high and "-" not in span:
        high = kind.high  # 5/15 is 5-59/15
    return Field(
        kind,
        text,
        bits=_one_sunday(_bits(low, high, by or 1)) if kind is DAY_OF_WEEK else _bits(low, high, by or 1),
    )


def _bits(low: int, high: int, step: int) -> int:
    bits = 0
    for value in range(low, high + 1, step):
        bits |= 1 << value
    return bits


def _one_sunday(bits: int) -> int:
    """Sunday is 0 and 7; from here on it is 0."""
    return (bits | bits >> 7) & 0x7F


def _step(kind: Kind, text: str, whole: str) -> int:
    step = int(text) if text.isascii() and text.isdigit() else 0
    if step == 0:
        raise _refusal(kind, whole, f"{text!r} is not a step", f"a whole number from 1 to {kind.high}")
    size = kind.high - kind.low + 1
    if step > max(kind.high, size):
        raise _refusal(
            kind,
            whole,
            f"a step of {step} never comes to a second value in the {kind.name} field",
            f"a step up to {max(kind.high, size)}; for an interval of elapsed time, every = ... instead of cron",
        )
    return step


def _spread(kind: Kind, low: str | None, high: str | None, step: int | None, whole: str) -> Spread:
    if low is None or high is None:
        top = kind.spread_high if kind.spread_high >= 0 else kind.high
        return Spread(kind.low, top, step)
    first, last = _range(kind, f"{low}-{high}", whole)
    return Spread(first, last, step)


def _range(kind: Kind, span: str, whole: str) -> tuple[int, int]:
    if span == "*":
        return kind.low, kind.high
    first, dash, last = span.partition("-")
    low = _value(kind, first, whole)
    if not dash:
        return low, low
    high = _value(kind, last, whole)
    if kind is DAY_OF_WEEK and last == "SUN" and low > 0:
        high = 7  # SAT-SUN: Sunday ends a week as well as it begins one
    if high < low:
        _refuse_reversed(kind, low, high, span, whole)
    return low, high


def _refuse_reversed(kind: Kind, low: int, high: int, span: str, whole: str) -> NoReturn:
    """The two ranges to write instead of one that runs backwards."""
    top = 6 if kind is DAY_OF_WEEK else kind.high
    named = any(letter.isalpha() for letter in span)
    shown: Callable[[int], str] = kind.shown if named else str
    parts = [(low % 7 if kind is DAY_OF_WEEK else low, top), (kind.low, high)]
    if parts[0][0] < low:  # 7-2, where 7 is the Sunday that a week begins with
        parts = [(0, high)]
    written = ",".join(shown(a) if a == b else f"{shown(a)}-{shown(b)}" for a, b in parts)
    raise _refusal(
        kind,
        whole,
        f"the range {span} runs backwards",
        f"{written}, if that is what is meant",
        found=span,
        hint=written,
    )


def _value(kind: Kind, text: str, whole: str) -> int:
    if text in kind.names:
        return kind.low + kind.names.index(text)
    if not (text.isascii() and text.isdigit()):
        hint = None
        if kind.names and text.isalpha():
            hint = text[:3] if text[:3] in kind.names else nearest(text, kind.names)
        if text == "?":
            hint = "*"
        raise _refusal(
            kind, whole, f"{text!r} is not a {kind.name}", kind.choices(), found=repr(text), hint=hint
        )
    value = int(text)
    if not kind.low <= value <= kind.high:
        raise _refusal(
            kind,
            whole,
            f"{value} is out of the range of the {kind.name} field",
            kind.choices(),
            found=str(value),
        )
    return value


def _special_day(term: str, whole: str) -> Field | None:
    """L, LW and 15W."""
    if term == "L":
        return Field(DAY_OF_MONTH, whole, last=True)
    if term in ("LW", "WL"):
        return Field(DAY_OF_MONTH, whole, last_weekday=True)
    if term.endswith("W"):
        return Field(DAY_OF_MONTH, whole, near=1 << _value(DAY_OF_MONTH, term[:-1], whole))
    return None


def _special_weekday(term: str, whole: str) -> Field | None:
    """5L, MON#2 and their kin."""
    day, mark, number = term.partition("#")
    if mark:
        if number not in ("1", "2", "3", "4", "5"):
            raise _refusal(
                DAY_OF_WEEK,
                whole,
                f"there is no {number!r}-th weekday of a month",
                "a number from 1 to 5 after #",
            )
        return Field(DAY_OF_WEEK, whole, nth=frozenset({(_value(DAY_OF_WEEK, day, whole) % 7, int(number))}))
    if term == "L":
        raise _refusal(
            DAY_OF_WEEK,
            whole,
            "L alone in the day-of-week field means Saturday to some tools and the last day to others",
            "SAT for Saturdays, 6L for the last Saturday of the month, or L in the day-of-month field",
            found="L",
        )
    if term.endswith("L") and len(term) > 1:
        return Field(DAY_OF_WEEK, whole, nth=frozenset({(_value(DAY_OF_WEEK, term[:-1], whole) % 7, 0)}))
    return None


def _refusal(
    kind: Kind, whole: str, what: str, expected: str, *, found: str | None = None, hint: str | None = None
) -> ScheduleError:
    return ScheduleError(
        what,
        key="cron",
        expected=expected,
        found=f"{found or whole!r} in the {kind.name} field",
        hint=hint,
    )
