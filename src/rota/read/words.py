"""Lengths of time, instants and reasons in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from rota.clock import SECOND, from_instant
from rota.model.run import Reason
from rota.timing.lengths import length

__all__ = ["REASONS", "clock_time", "count", "late", "length", "offset", "relative"]


def offset(micros: int | None) -> str:
    """How far a clock is off: ahead with a plus, behind with a minus.

    >>> [offset(n * SECOND) for n in (600, -600)], offset(3), offset(None)
    (['+10 min', '-10 min'], '0 ms', '-')
    """
    if micros is None:
        return "-"
    if abs(micros) < 1000:
        return "0 ms"
    return ("+" if micros > 0 else "-") + length(micros)


def relative(at: int, now: int) -> str:
    """How far an instant is from now; what is less than a second away is now.

    >>> relative(5 * SECOND, 0), relative(0, 90 * SECOND), relative(0, 10)
    ('in 5 s', '1 min 30 s ago', 'now')
    """
    away = at - now
    if abs(away) < SECOND:
        return "now"
    rounded = round(away / SECOND) * SECOND
    return f"in {length(rounded)}" if away > 0 else f"{length(rounded)} ago"


def clock_time(at: int, zone: tzinfo, now: int | None = None) -> str:
    """An instant on the clock of a zone; without its date where that is the date of ``now``.

    >>> from datetime import UTC
    >>> clock_time(1795435200000000, UTC), clock_time(1795435200000000, UTC, 1795435260000000)
    ('2026-11-23 12:00:00', '12:00:00')
    """
    there = from_instant(at).astimezone(zone)
    same_day = now is not None and from_instant(now).astimezone(zone).date() == there.date()
    return f"{there:%H:%M:%S}" if same_day else f"{there:%Y-%m-%d %H:%M:%S}"


def count(number: int, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "run"), count(1200, "run"), count(2, "try")
    ('1 run', '1,200 runs', '2 tries')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def late(micros: int) -> str:
    """How late a start was."""
    return f"late by {length(micros)}"


REASONS: Mapping[Reason, str] = {
    Reason.DUE: "it waits for its instant, or for a free slot",
    Reason.DELAYED: "it was asked for at a later time",
    Reason.RETRY: "it will be tried again",
    Reason.HANDED_BACK: "its node stopped and handed it back",
    Reason.ERROR: "its code ended with an error",
    Reason.TIMEOUT: "it took longer than its timeout",
    Reason.LOST: "its node or process was lost, and its retries are spent",
    Reason.EXPECTATION: "it ended, but not with the expected result",
    Reason.REJECTED: "its arguments, or its task, are no longer valid",
    Reason.OPERATOR: "somebody cancelled it",
    Reason.SUPERSEDED: "the next occurrence took its place",
    Reason.OVERLAP: "the run before it had not ended",
    Reason.PAUSED: "the task was paused",
    Reason.DISABLED: "the task is not enabled",
    Reason.DEADLINE: "it was past its deadline",
    Reason.CATCH_UP: "no node was there when it was due",
}
"""Why a run is in its state, as the end of a sentence."""
