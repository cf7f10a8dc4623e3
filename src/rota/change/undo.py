"""Undoing what a task did, by the command that stands beside its rollback note.

Two steps, so that whoever confirms sees what will be done: `plan_undo` says what that is, `undo` records the run that
does it. Nothing of the task runs beside it: while a run is under way both refuse, and the undo takes the lane of the
schedule whose run it undoes.
"""

from __future__ import annotations

import json

from rota.change.records import change, has_not_ended, lane_of, must_be_live, subject, task_of, the_run
from rota.errors import Conflict, Retriable, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, TaskRecord
from rota.model.run import FINAL, OF_THE_TASK, Kind, NewRun, RunRecord, State
from rota.model.undo import Undo, command_line

__all__ = ["plan_undo", "undo"]

FIRST = 9
"""Its priority: whoever undoes something does not wait behind what is due."""

KEY = "rota:undo"
"""Of two who ask in the same moment, the second finds the run of the first: a key names one waiting run at most."""

LOOK_AT = 200
"""Of how many runs of the task the latest that ended is looked for."""


def plan_undo(ledger: Ledger, task: TaskRecord, run_id: int | None = None) -> Undo:
    """What would undo run ``run_id``, or the task's latest run that ended.

    Raises `Conflict` for a task without a command, one that is under way, or a run that does not belong to it or never
    ran, and `UnknownName` if there is no such run.
    """
    must_be_live(task, "undone")
    known = task_of(task)
    if not known.rollback_command:
        raise _no_command(task, known.rollback)
    _must_be_quiet(ledger, task)
    run = _latest(ledger, task) if run_id is None else _undoable(ledger, task, run_id)
    args = known.args if run is None or run.args is None else json.loads(run.args)
    return Undo(known.rollback_command, None if run is None else run.id, args)


def undo(ledger: Ledger, task: TaskRecord, plan: Undo, *, actor: str, reason: str) -> int:
    """Record the run that carries the plan out; returns its id.

    It works on a paused task, is tried once, and is no run of the task's: neither judged nor counted. Raises
    `UsageError` without a reason, and `Conflict` where a run of the task has begun meanwhile, or an undo waits.
    """
    if not reason.strip():
        raise UsageError(
            "an undo needs a reason: whoever looks at what happened must know why",
            expected="why it is undone, in a few words",
            found="nothing",
            where="reason",
        )
    must_be_live(task, "undone")
    _must_be_quiet(ledger, task)
    now = ledger.now()
    run = NewRun(
        task_id=task.id,
        kind=Kind.UNDO,
        scheduled_at=now,
        run_at=now,
        lane=_lane(ledger, task, plan),
        key=KEY,
        args=plan.as_json(),
        queue=task.queue,
        priority=FIRST,
        note=reason.strip(),
        requested_by=actor,
    )
    done = ledger.enqueue([run], if_exists="keep")[0]
    if not done.created:
        raise _under_way(task, done.id, State.WAITING, Kind.UNDO)
    of = command_line(plan.argv)
    ledger.note(
        change(now, actor, "undo", subject(task), reason.strip(), run=done.id, undoes=plan.run, command=of)
    )
    return done.id


def _lane(ledger: Ledger, task: TaskRecord, plan: Undo) -> int | None:
    """That of the schedule whose run is undone, else of the task's own: what falls due meanwhile does not run beside."""
    lane = lane_of(ledger, task)
    run = None if lane is None or plan.run is None else ledger.run(plan.run)
    return lane if run is None or run.schedule_id is None else run.schedule_id


def _must_be_quiet(ledger: Ledger, task: TaskRecord) -> None:
    """Raises `Conflict` while a run of the task is under way, or an undo waits."""
    running = RunFilter(service=task.service, task=task.name, states=(State.RUNNING,), limit=1)
    waiting = RunFilter(
        service=task.service, task=task.name, states=(State.WAITING,), kinds=(Kind.UNDO,), limit=1
    )
    for run in (*ledger.runs(running), *ledger.runs(waiting)):
        raise _under_way(task, run.id, run.state, run.kind)


def _latest(ledger: Ledger, task: TaskRecord) -> RunRecord | None:
    """The task's latest run that ran and has ended."""
    asked = RunFilter(
        service=task.service,
        task=task.name,
        states=(State.SUCCEEDED, State.FAILED, State.CANCELLED),
        kinds=OF_THE_TASK,
        limit=LOOK_AT,
    )
    return next((run for run in ledger.runs(asked) if run.attempt > 0), None)


def _undoable(ledger: Ledger, task: TaskRecord, run_id: int) -> RunRecord:
    run = the_run(ledger, run_id)
    if run.task_id != task.id:
        raise _not_undoable(run_id, f"a run of {task.name}", f"one of {run.task}", task)
    if run.kind is Kind.UNDO:
        raise _not_undoable(run_id, "a run of the task's own", "one that undid something", task)
    if run.state not in FINAL:
        raise has_not_ended(run, "undone")
    if run.attempt == 0:
        raise _not_undoable(run_id, "a run that ran", f"one that never did ({run.state.value})", task)
    return run


def _not_undoable(run_id: int, expected: str, found: str, task: TaskRecord) -> Conflict:
    return Conflict(
        f"run {run_id} cannot be undone",
        expected=expected,
        found=found,
        where=f"run {run_id}",
        retry=Retriable(False, "nothing was done"),
        next=(f"rota runs --task {task.name}",),
    )


def _no_command(task: TaskRecord, note: str) -> Conflict:
    return Conflict(
        f"{task.name} has no command that undoes what it did",
        expected='rollback_command = ["program", "argument"] beside its rollback note in the rota',
        found=f"the note alone: {note}",
        where=f"task {subject(task)}",
        retry=Retriable(True, "once it has one; nothing was done: follow the note by hand"),
        next=(f"rota task {task.name}",),
    )


def _under_way(task: TaskRecord, run_id: int, state: State, kind: Kind) -> Conflict:
    what = "an undo" if kind is Kind.UNDO else "a run"
    return Conflict(
        f"{task.name} cannot be undone now: {what} of it is under way",
        expected="a task of which nothing is running",
        found=f"run {run_id}, {state.value}",
        where=f"task {subject(task)}",
        retry=Retriable(True, "once that run has ended; nothing was done"),
        next=(f"rota log {run_id} --follow", f"rota cancel {run_id}"),
    )
