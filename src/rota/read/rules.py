"""A task's definition and its schedules, read back from the ledger."""

from __future__ import annotations

import json

from rota.clock import Instant
from rota.define.canonical import task_from_json
from rota.ledger.records import ScheduleRecord, TaskRecord
from rota.model.schedule import Schedule
from rota.model.task import Task
from rota.timing import Occurrences, compile_schedule, schedule_from_json

__all__ = ["defined", "due_between", "first_due", "rule_of", "seed_of"]


def defined(record: TaskRecord) -> Task:
    """The task as it was applied."""
    return task_from_json(json.loads(record.definition))


def rule_of(schedule: ScheduleRecord) -> Schedule:
    """A schedule as a value."""
    return schedule_from_json(json.loads(schedule.rule))


def seed_of(schedule: ScheduleRecord) -> str:
    """What spreads the schedule: the planner's seed, since both must agree."""
    return f"{schedule.service}/{schedule.task}/{schedule.key}"


def _compiled(schedule: ScheduleRecord) -> Occurrences:
    return compile_schedule(rule_of(schedule), seed=seed_of(schedule))


def due_between(schedule: ScheduleRecord, after: int, until: int, limit: int) -> list[Instant]:
    """The occurrences later than ``after`` and not later than ``until``; the first ``limit`` of them."""
    return _compiled(schedule).between(Instant(after), Instant(until), limit)


def first_due(schedule: ScheduleRecord, after: int, limit: int) -> list[Instant]:
    """The next occurrences later than ``after``; fewer than ``limit`` where the schedule ends."""
    return due_between(schedule, after, 2**62, limit)
