"""Runs for occurrences of the past that have not succeeded."""

from __future__ import annotations

from collections.abc import Sequence

from rota.change.left_out import instants, pages
from rota.change.records import change, iso, must_be_live, own_schedule, subject, task_of
from rota.clock import Instant
from rota.errors import Retriable, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord, TaskRecord
from rota.model.run import Kind, NewRun, RunRecord, State
from rota.model.task import Overlap

__all__ = ["BACKFILL_LIMIT", "backfill"]

BACKFILL_LIMIT = 1000
"""Runs that one backfill starts at most: a longer span is filled in steps."""

_LAID_OUT = 20 * BACKFILL_LIMIT
"""Occurrences that are looked at for it."""

_TAKEN = frozenset({State.SUCCEEDED, State.WAITING, State.RUNNING})


def backfill(
    ledger: Ledger,
    task: TaskRecord,
    *,
    since: Instant,
    until: Instant,
    actor: str,
    reason: str | None = None,
    dry_run: bool = False,
) -> list[Instant]:
    """Start a run for each occurrence in (since, until] without a succeeded run; returns their instants.

    Runs are of kind backfilled, one an instant however often it is asked for: what waits or is running is left
    alone, and a backfilled run that has ended without success is tried again. A run that covers several
    occurrences counts for its own instant only. ``dry_run`` changes nothing. Raises `UsageError` for a span
    that reaches into the future or holds more than `BACKFILL_LIMIT`, or a task without a schedule of its own.
    """
    must_be_live(task, "backfilled")
    now = ledger.now()
    schedule = own_schedule(ledger, task)
    if schedule is None:
        raise UsageError(
            f"{task.name} has no schedule of its own, so nothing was due",
            expected="a task with a schedule",
            found="one that runs when it is asked to",
            where=f"task {subject(task)}",
            next=(f"rota trigger {task.name}",),
        )
    _check_span(since, until, now)
    ran = _runs_in(ledger, schedule, since, until)
    done = {run.scheduled_at for run in ran if run.state in _TAKEN}
    due = [instant for instant in _due(schedule, since, until) if instant not in done]
    if len(due) > BACKFILL_LIMIT:
        raise _too_many(len(due), due[BACKFILL_LIMIT - 1], task)
    if due and not dry_run:
        _start(ledger, task, schedule, due, ran, actor=actor, reason=reason)
        line = change(
            now, actor, "backfill", subject(task), reason, since=iso(since), until=iso(until), runs=len(due)
        )
        ledger.note(line)
    return due


def _start(
    ledger: Ledger,
    task: TaskRecord,
    schedule: ScheduleRecord,
    due: Sequence[Instant],
    ran: Sequence[RunRecord],
    *,
    actor: str,
    reason: str | None,
) -> None:
    """Reopen the backfilled runs that ended without success, and record one for every other instant."""
    before = {run.scheduled_at: run.id for run in ran if run.kind is Kind.BACKFILLED}
    now = ledger.now()
    for instant in due:
        if instant in before:
            run_id = before[instant]
            ledger.reopen(run_id, change(now, actor, "retry", subject(task), reason, run=run_id))
    known = task_of(task)
    ledger.enqueue(
        [
            NewRun(
                task_id=task.id,
                kind=Kind.BACKFILLED,
                scheduled_at=instant,
                run_at=now,
                schedule_id=schedule.id,
                lane=None if known.overlap is Overlap.ALLOW else schedule.id,
                args=schedule.args,
                queue=task.queue,
                priority=known.priority,
                note=reason,
                requested_by=actor,
            )
            for instant in due
            if instant not in before
        ]
    )


def _runs_in(ledger: Ledger, schedule: ScheduleRecord, since: Instant, until: Instant) -> list[RunRecord]:
    where = RunFilter(
        service=schedule.service,
        task=schedule.task,
        schedule_key=schedule.key,
        since=Instant(since + 1),
        until=Instant(until + 1),
        limit=500,
    )
    return list(pages(ledger, where, limit=1_000_000))


def _due(schedule: ScheduleRecord, since: Instant, until: Instant) -> list[Instant]:
    """The occurrences in (since, until]; a span of far too many is refused before it is laid out."""
    found = instants(schedule, since, until, limit=_LAID_OUT + 1)
    if len(found) > _LAID_OUT:
        raise UsageError(
            f"the span holds more than {_LAID_OUT:,} occurrences",
            expected=f"a span in which at most {BACKFILL_LIMIT:,} have no succeeded run",
            found=f"{iso(since)} to {iso(until)}",
            where="from and to",
        )
    return found


def _check_span(since: Instant, until: Instant, now: Instant) -> None:
    if since >= until:
        raise UsageError(
            "the span ends before it begins",
            expected="a start before the end",
            found=f"{iso(since)} to {iso(until)}",
            where="from and to",
        )
    if until > now:
        raise UsageError(
            "the span reaches into the future: what is due then runs by itself",
            expected=f"an end up to {iso(now)}, the ledger's time",
            found=iso(until),
            where="to",
        )


def _too_many(count: int, last: Instant, task: TaskRecord) -> UsageError:
    return UsageError(
        f"{count:,} occurrences of {task.name} have no succeeded run",
        expected=f"at most {BACKFILL_LIMIT:,} at a time",
        found=f"{count:,}",
        where="from and to",
        retry=Retriable(
            True, f"in steps: the first {BACKFILL_LIMIT:,} end at {iso(last)}; nothing was changed"
        ),
    )
