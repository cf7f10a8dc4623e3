"""The days of a cron expression in English."""

from __future__ import annotations

from rota.timing.cron import Expression
from rota.timing.fields import Field
from rota.timing.words import MONTHS, WEEKDAYS, joined, ordinal, ranges

__all__ = ["days_in_words"]


def days_in_words(expression: Expression) -> str:
    """On which days, such as ``on the 1st of January or July``; empty for every day."""
    of_month, of_week = _of_month(expression.day), _of_week(expression.weekday)
    months = _months(expression.month)
    if not of_month and not of_week:
        return f"on every day in {months}" if months else ""
    if of_month and of_week and expression.both_days:
        return f"on {_inside(of_week, months)} if it is also {of_month} of the month"
    days = [f"on {of_month} of {months or 'the month'}"] if of_month else []
    if of_week:
        days.append(f"on {_inside(of_week, months)}")
    return joined(days, "or")


def _inside(of_week: str, months: str) -> str:
    """Weekdays within months: a numbered one always is one of a month."""
    if "the " in of_week:
        return f"{of_week} of {months or 'the month'}"
    return f"{of_week} in {months}" if months else of_week


def _values(field: Field) -> list[int]:
    return [value for value in range(field.kind.low, field.kind.high + 1) if field.bits >> value & 1]


def _months(field: Field) -> str:
    words = [_span(MONTHS[low], MONTHS[high], high - low) for low, high in ranges(_values(field))]
    words += [
        "a month of its own"
        if spread.step is None
        else f"every {ordinal(spread.step)} month from one of its own"
        for spread in field.spreads
    ]
    return "" if len(_values(field)) == 12 else joined(words)


def _of_month(field: Field) -> str:
    values = _values(field)
    if len(values) == 31:
        return ""
    words = [f"the {_span(ordinal(low), ordinal(high), high - low)}" for low, high in ranges(values)]
    for spread in field.spreads:
        within = (
            ""
            if (spread.low, spread.high) == (1, 28)
            else f" from the {ordinal(spread.low)} to the {ordinal(spread.high)}"
        )
        own = (
            "a day of its own"
            if spread.step is None
            else f"every {ordinal(spread.step)} day from one of its own"
        )
        words.append(own + within)
    words += [
        f"the working day nearest to the {ordinal(day)}" for day in range(1, 32) if field.near >> day & 1
    ]
    if field.last_weekday:
        words.append("the last working day (Monday to Friday)")
    if field.last:
        words.append("the last day")
    return (
        joined(words).replace(" and the ", " and ").replace(", the ", ", ")
        if _plain(field)
        else joined(words)
    )


def _plain(field: Field) -> bool:
    """Whether only numbers are listed, which share one article."""
    return not (field.spreads or field.near or field.last or field.last_weekday)


def _of_week(field: Field) -> str:
    values = _values(field)
    if len(values) == 7:
        return ""
    # A week is read from Monday; Sunday closes it.
    order = sorted((value or 7) for value in values)
    words = []
    for low, high in ranges(order):
        words.append(_span(WEEKDAYS[low % 7], WEEKDAYS[high % 7], high - low))
    words += [
        "a weekday of its own"
        if spread.step is None
        else f"every {ordinal(spread.step)} weekday from one of its own"
        for spread in field.spreads
    ]
    for day, number in sorted(field.nth, key=lambda one: (one[1] or 9, one[0] or 7)):
        words.append(f"the {ordinal(number) if number else 'last'} {WEEKDAYS[day]}")
    return joined(words)


def _span(low: str, high: str, distance: int) -> str:
    if distance == 0:
        return low
    return f"{low} and {high}" if distance == 1 else f"{low} to {high}"
