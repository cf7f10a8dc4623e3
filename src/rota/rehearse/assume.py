"""What a task is taken to be like of which neither its history nor the rota says how long it takes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from rota.change.apply import schedule_seed
from rota.clock import MICROSECOND, SECOND, Instant
from rota.model.rehearsal import Estimate
from rota.model.task import Task
from rota.timing import compile_schedule

__all__ = ["assumed_of"]

USUAL = Estimate(timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1))

PART = 5
"""The longest run takes the fifth part of the time between two occurrences: whoever wrote a schedule thought of runs that
end well before the next is due."""

WITHIN = 0.9
"""The longest run ends in this share of what its task allows: a rota of which nothing is known is not taken to fail."""

LOOKED_AT = 20
"""Occurrences by which it is judged how often a task comes."""

FAR = 86_400 * 366 * SECOND


def assumed_of(task: Task, begin: Instant) -> Estimate:
    """Ten seconds, between one and sixty; in proportion less where a task comes more often than every five minutes, or says
    that it does not take so long.

    >>> from rota.clock import Instant
    >>> from rota.model.task import Command
    >>> from rota.timing import parse_schedule
    >>> often = Task("web", "ping", Command(("true",)), owner="Web <web@example.org>", expects="it answers",
    ...              rollback="nothing to undo", schedule=parse_schedule({"every": "10s"}))
    >>> assumed_of(often, Instant(0)).most
    datetime.timedelta(seconds=2)
    """
    gap = _shortest_gap(task, begin)
    allowed = [one * WITHIN for one in (task.timeout, task.expectation.max_duration) if one is not None]
    share = min([USUAL.most, *([] if gap is None else [gap / PART]), *allowed]) / USUAL.most
    return Estimate(USUAL.least * share, USUAL.usual * share, USUAL.most * share)


def _shortest_gap(task: Task, begin: Instant) -> timedelta | None:
    if task.schedule is None:
        return None
    compiled = compile_schedule(task.schedule, seed=schedule_seed(task.service, task.name))
    due = compiled.between(begin, Instant(begin + FAR), LOOKED_AT)
    return min(((after - before) * MICROSECOND for before, after in pairwise(due)), default=None)
