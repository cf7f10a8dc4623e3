"""What is due next, over all schedules."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord
from rota.model.run import State
from rota.read.rules import due_between
from rota.read.runs import median
from rota.read.shape import Micros

__all__ = ["Lane", "Upcoming", "lanes", "upcoming"]

SCHEDULES = 5000
"""Schedules that are looked at; more than that would be no page for people."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One instant at which a task is due, or a waiting run's (then ``run_id`` is set)."""

    at: Instant
    service: str
    task: str
    schedule_key: str | None
    run_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One task's instants in a span of time; ``more`` says that there are more than are listed."""

    service: str
    task: str
    instants: tuple[Instant, ...]
    more: bool
    typical: Micros | None  # the median duration of its latest successes


def upcoming(ledger: Ledger, until: Instant, limit: int = 50) -> list[Upcoming]:
    """The first ``limit`` instants from now up to ``until``, of schedules and of runs that wait for their time."""
    now = ledger.now()
    waiting = ledger.runs(RunFilter(states=(State.WAITING,), order="due", limit=limit))
    runs = [
        Upcoming(run.run_at, run.service, run.task, run.schedule_key, run.id, run.reason)
        for run in waiting
        if now < run.run_at <= until
    ]
    streams = [_of(schedule, now, until, limit) for schedule in _live(ledger, until)]
    merged = heapq.merge(sorted(runs, key=_when), *streams, key=_when)
    return [entry for _, entry in zip(range(limit), merged, strict=False)]


def lanes(ledger: Ledger, now: Instant, until: Instant, limit: int = 720, tasks: int = 40) -> list[Lane]:
    """What is due up to ``until`` as a lane a task, those that are due first on top."""
    found: dict[tuple[str, str], list[Instant]] = {}
    full: set[tuple[str, str]] = set()
    for schedule in _live(ledger, until):
        name = (schedule.service, schedule.task)
        if len(found.get(name, ())) >= limit:
            continue
        due = due_between(schedule, now, until, limit + 1)
        found.setdefault(name, []).extend(due)
        if len(due) > limit:
            full.add(name)
    first = sorted((min(instants), name) for name, instants in found.items() if instants)[:tasks]
    return [_lane(ledger, name, sorted(found[name])[:limit], name in full) for _, name in first]


def _lane(ledger: Ledger, name: tuple[str, str], instants: list[Instant], more: bool) -> Lane:
    typical = median(ledger.durations(*name, 20))
    return Lane(*name, tuple(instants), more, None if typical is None else Micros(typical))


def _live(ledger: Ledger, until: Instant) -> list[ScheduleRecord]:
    """The schedules of tasks that are not paused, with a cursor by ``until``."""
    paused = {(task.service, task.name) for task in ledger.tasks() if task.paused_at is not None}
    due = ledger.schedules(due_by=until, limit=SCHEDULES)
    return [schedule for schedule in due if (schedule.service, schedule.task) not in paused]


def _of(schedule: ScheduleRecord, after: Instant, until: Instant, limit: int) -> Iterator[Upcoming]:
    """Lazily: of many schedules only the first few instants are asked for."""
    at = after
    for _ in range(limit):
        found = due_between(schedule, at, until, 1)
        if not found:
            return
        at = found[0]
        yield Upcoming(at, schedule.service, schedule.task, schedule.key)


def _when(entry: Upcoming) -> Instant:
    return entry.at
