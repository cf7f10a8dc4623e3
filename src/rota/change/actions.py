"""What people do to tasks and runs: the same functions for CLI, API and pages. Each leaves an audit line.

Nothing here but the ledger's own I/O. Whoever calls has checked the arguments (`LoadedRota.validate_args`) and
that the actor may do it. Refusals are errors of `rota.errors`; where one is raised, nothing was changed.
"""

from __future__ import annotations

from typing import Literal

from rota.change.backfill import backfill
from rota.change.left_out import left_out, make_up
from rota.change.records import (
    change,
    has_ended,
    has_not_ended,
    iso,
    lane_of,
    must_be_live,
    no_such_run,
    subject,
    task_of,
    the_run,
)
from rota.change.undo import undo
from rota.clock import Instant
from rota.errors import Conflict, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import Enqueued, TaskRecord
from rota.model.run import FINAL, Kind, NewRun, Reason, State
from rota.model.task import CatchUp

__all__ = ["backfill", "cancel", "enqueue", "pause", "resume", "retry", "trigger", "undo"]


def trigger(
    ledger: Ledger,
    task: TaskRecord,
    *,
    args: str | None,
    actor: str,
    reason: str | None = None,
    run_at: Instant | None = None,
) -> int:
    """Record a run that somebody asked for, now or at ``run_at``; returns its id.

    It shares the lane of the task's own schedule, so that it never runs beside another unless overlap is
    ``allow``. A paused task can be triggered: that is how a mended one is tried. ``args`` is canonical JSON.
    Raises `Conflict` for a task that is no longer in the rota.
    """
    must_be_live(task, "triggered")
    now = ledger.now()
    due = now if run_at is None else Instant(max(run_at, now))
    run = NewRun(
        task_id=task.id,
        kind=Kind.MANUAL,
        scheduled_at=due,
        run_at=due,
        reason=Reason.DUE if due <= now else Reason.DELAYED,
        lane=lane_of(ledger, task),
        args=args,
        queue=task.queue,
        priority=task_of(task).priority,
        note=reason,
        requested_by=actor,
    )
    run_id = ledger.enqueue([run])[0].id
    ledger.note(change(now, actor, "trigger", subject(task), reason, run=run_id))
    return run_id


def enqueue(
    ledger: Ledger,
    task: TaskRecord,
    *,
    args: str | None,
    actor: str,
    run_at: Instant | None = None,
    key: str | None = None,
    if_exists: Literal["replace", "keep"] = "replace",
) -> Enqueued:
    """Hand in a run by hand, as a program would: it waits for its turn, and while the task is paused.

    A ``key`` names at most one run that has not started: the same key again moves it. Raises `Conflict` for a
    task that is no longer in the rota.
    """
    must_be_live(task, "handed runs")
    now = ledger.now()
    due = now if run_at is None else Instant(max(run_at, now))
    known = task_of(task)
    run = NewRun(
        task_id=task.id,
        kind=Kind.ENQUEUED if due <= now else Kind.DELAYED,
        scheduled_at=due,
        run_at=due,
        reason=Reason.DUE if due <= now else Reason.DELAYED,
        key=key,
        args=args,
        queue=task.queue,
        priority=known.priority,
        requested_by=actor,
    )
    done = ledger.enqueue([run], if_exists=if_exists)[0]
    ledger.note(
        change(now, actor, "enqueue", subject(task), None, run=done.id, key=key, created=done.created)
    )
    return done


def pause(ledger: Ledger, task: TaskRecord, *, actor: str, reason: str, until: Instant | None = None) -> None:
    """Pause a task until somebody resumes it, or ``until``. What falls due meanwhile is recorded as skipped.

    Raises `UsageError` without a reason or for an end that has passed, and `Conflict` for a task that is no
    longer in the rota.
    """
    must_be_live(task, "paused")
    now = ledger.now()
    if not reason.strip():
        raise UsageError(
            "a pause needs a reason: whoever finds the task paused must know why",
            expected="why the task is paused, in a few words",
            found="nothing",
            where="reason",
        )
    if until is not None and until <= now:
        raise UsageError(
            "the pause would be over already",
            expected=f"an end after {iso(now)}, the ledger's time",
            found=iso(until),
            where="until",
        )
    line = change(
        now, actor, "pause", subject(task), reason.strip(), until=None if until is None else iso(until)
    )
    if not ledger.pause(task.id, line, until):
        raise Conflict(
            f"{task.name} cannot be paused",
            expected="a task of the current rota that is not paused",
            found=_paused_words(task),
            next=(f"rota task {task.name}",),
        )


def resume(
    ledger: Ledger,
    task: TaskRecord,
    *,
    actor: str,
    reason: str | None = None,
    catch_up: Literal["latest", "all", "none"] | None = None,
) -> int:
    """End a pause, and make up for what was skipped; returns how many runs that takes.

    ``catch_up`` is the task's own policy where it is None. ``latest``: one run, kind caught-up, that covers
    all of a schedule's skipped occurrences. ``all``: a run each, kind backfilled, for the last
    `catch_up_limit` of them. ``none``: they stay skipped. By the task's own policy, occurrences past their
    deadline stay skipped too; whoever names a policy wants them. Raises `Conflict` if it is not paused.
    """
    must_be_live(task, "resumed")
    known = task_of(task)
    policy = known.catch_up if catch_up is None else CatchUp(catch_up)
    if task.paused_at is None:
        raise _not_paused(task)
    now = ledger.now()
    gaps = [] if policy is CatchUp.NONE else left_out(ledger, task, task.paused_at)
    deadline = known.deadline if catch_up is None else None
    runs = make_up(gaps, known, task, policy, now=now, deadline=deadline, actor=actor)
    line = change(now, actor, "resume", subject(task), reason, catch_up=policy.value, runs=len(runs))
    if not ledger.resume(task.id, line, runs):
        raise _not_paused(task)  # somebody was quicker; their runs make up for it
    return len(runs)


def cancel(ledger: Ledger, run_id: int, *, actor: str, reason: str | None = None) -> State:
    """Withdraw a waiting run, or ask a running one to stop; returns the state it was found in.

    Raises `UnknownName` if there is no such run, and `Conflict` if it has ended.
    """
    run = the_run(ledger, run_id)
    line = change(ledger.now(), actor, "cancel", f"{run.service}/{run.task}", reason, run=run_id)
    found = ledger.cancel(run_id, line)
    if found is None:
        raise no_such_run(run_id)
    if found in FINAL:
        raise has_ended(run, found)
    return found


def retry(ledger: Ledger, run_id: int, *, actor: str, reason: str | None = None) -> None:
    """Try a run once more that has ended.

    Raises `UnknownName` if there is no such run, and `Conflict` if it has not ended.
    """
    run = the_run(ledger, run_id)
    line = change(ledger.now(), actor, "retry", f"{run.service}/{run.task}", reason, run=run_id)
    if not ledger.reopen(run_id, line):
        raise has_not_ended(ledger.run(run_id) or run, "tried again")


def _not_paused(task: TaskRecord) -> Conflict:
    return Conflict(
        f"{task.name} is not paused",
        expected="a paused task",
        found="one that is not",
        where=f"task {subject(task)}",
        next=(f"rota task {task.name}",),
    )


def _paused_words(task: TaskRecord) -> str:
    if task.paused_at is None:
        return "one that was changed just now"
    return f"paused by {task.paused_by}: {task.paused_reason}"
