"""A schedule as a value: the rules that yield a task's occurrences. `rota.timing` computes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

__all__ = ["At", "Cron", "Dates", "Every", "Except", "Freeze", "Holidays", "RRule", "Rule", "Schedule"]


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression. ``seconds`` says where a sixth field holds the seconds; without it there are five."""

    expression: str
    seconds: Literal["first", "last"] | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """An interval of elapsed time from a fixed anchor, so that a restart does not move it."""

    interval: timedelta
    anchor: datetime | None = None  # aware; None is the Unix epoch


@dataclass(frozen=True, slots=True)
class At:
    """One or more single instants (aware)."""

    instants: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class RRule:
    """A recurrence rule of RFC 5545 (section 3.3.10), from ``start`` in the schedule's time zone."""

    rule: str
    start: datetime | None = None  # naive: wall time in the schedule's zone; aware: that instant


Rule = Cron | Every | At | RRule


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of a country, and where stated of one of its subdivisions."""

    country: str
    subdivision: str | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """Whole local days."""

    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze window: from ``start`` (included) to ``end`` (excluded). Naive is wall time in the zone."""

    start: datetime
    end: datetime


Except = Holidays | Dates | Freeze


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rules joined, exceptions taken away, within bounds, each occurrence moved by its jitter.

    ``dst_gap`` and ``dst_fold`` apply to fixed-time cron rules: ``run`` fires at the first instant after
    the gap, ``skip`` leaves it out; ``once`` fires on the first pass of the fold, ``both`` on both.
    """

    rules: tuple[Rule, ...]
    timezone: str = "UTC"
    excepts: tuple[Except, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    limit: int | None = None
    jitter: timedelta = timedelta(0)
    dst_gap: Literal["run", "skip"] = "run"
    dst_fold: Literal["once", "both"] = "once"
