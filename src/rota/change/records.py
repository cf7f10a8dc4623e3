"""The records that the actions share: audit lines, a task as it was applied, its own schedule, common refusals."""

from __future__ import annotations

import json
from typing import Any

from rota.clock import Instant, from_instant
from rota.define.canonical import task_from_json
from rota.errors import Conflict, Retriable, UnknownName
from rota.ledger.protocol import Ledger
from rota.ledger.records import Change, ScheduleRecord, TaskRecord
from rota.model.run import RunRecord, State
from rota.model.task import Overlap, Task

__all__ = [
    "change",
    "has_ended",
    "has_not_ended",
    "iso",
    "lane_of",
    "must_be_live",
    "no_such_run",
    "own_schedule",
    "subject",
    "task_of",
    "the_run",
]


def subject(task: TaskRecord) -> str:
    """What audit lines call a task: ``service/task``. Those of its runs bear it too, with the run in the detail."""
    return f"{task.service}/{task.name}"


def change(at: Instant, actor: str, action: str, of: str, reason: str | None, **detail: Any) -> Change:
    """An audit line; what is None in ``detail`` is left out."""
    said = {name: value for name, value in detail.items() if value is not None}
    return Change(at, actor, action, of, reason or None, json.dumps(said, sort_keys=True) if said else None)


def task_of(record: TaskRecord) -> Task:
    """The task as it was applied."""
    return task_from_json(json.loads(record.definition))


def own_schedule(ledger: Ledger, task: TaskRecord) -> ScheduleRecord | None:
    """The task's own schedule, if the rota gives it one."""
    return next(iter(ledger.schedules(task.service, task.name, key="", limit=1)), None)


def lane_of(ledger: Ledger, task: TaskRecord) -> int | None:
    """The lane of the task's own schedule; a task without one has no lane, and its runs may overlap."""
    own = own_schedule(ledger, task)
    return None if own is None or task_of(task).overlap is Overlap.ALLOW else own.id


def must_be_live(task: TaskRecord, done: str) -> None:
    """Raises `Conflict` for a task that is no longer in the rota."""
    if task.retired_at is not None:
        raise Conflict(
            f"{task.name} cannot be {done}: it is no longer in the rota",
            expected="a task of the current rota",
            found="a retired one",
            where=f"task {subject(task)}",
            retry=Retriable(False, "unless a rota brings it back"),
            next=("rota tasks",),
        )


def the_run(ledger: Ledger, run_id: int) -> RunRecord:
    """The run of that number. Raises `UnknownName`."""
    run = ledger.run(run_id) if 0 < run_id < 2**63 else None
    if run is None:
        raise no_such_run(run_id)
    return run


def no_such_run(run_id: int) -> UnknownName:
    return UnknownName("run", str(run_id), next=("rota runs",))


def has_ended(run: RunRecord, state: State) -> Conflict:
    return Conflict(
        f"run {run.id} of {run.task} has ended already",
        expected="a run that waits or is running",
        found=state.value,
        where=f"run {run.id}",
        retry=Retriable(False, "an ended run stays as it is"),
        next=(f"rota retry {run.id}",),
    )


def has_not_ended(run: RunRecord, wanted: str) -> Conflict:
    return Conflict(
        f"run {run.id} cannot be {wanted}: it has not ended",
        expected="a run that has ended",
        found=run.state.value,
        where=f"run {run.id}",
        next=(f"rota log {run.id} --follow", f"rota cancel {run.id}"),
    )


def iso(instant: Instant) -> str:
    """An instant as people and logs read it: ISO 8601, UTC."""
    return from_instant(instant).isoformat().replace("+00:00", "Z")
