"""What a pause left out, and the runs that make up for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile

from rota.change.apply import schedule_seed
from rota.clock import MICROSECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord, TaskRecord
from rota.model.run import Kind, NewRun, Reason, RunRecord, State
from rota.model.task import CatchUp, Overlap, Task
from rota.timing import compile_schedule, schedule_from_json

__all__ = ["LIMIT", "Gap", "instants", "left_out", "make_up", "pages"]

LIMIT = 10_000
"""Runs, and schedules of a task, that are looked at: more is no longer something to do by hand."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The occurrences of one schedule that a pause left out, in order."""

    schedule: ScheduleRecord
    instants: Sequence[Instant]


def left_out(ledger: Ledger, task: TaskRecord, since: Instant) -> list[Gap]:
    """The occurrences recorded as skipped because of the pause that began at ``since``, a gap a schedule.

    When a record was made counts, not its instant: what was due just before the pause, and was not recorded
    yet when it began, is skipped by it too.
    """
    found: dict[str, set[Instant]] = {}
    skipped = RunFilter(
        service=task.service, task=task.name, states=(State.SKIPPED,), reasons=(Reason.PAUSED,), limit=500
    )
    for run in takewhile(lambda run: run.created_at >= since, pages(ledger, skipped)):
        if run.schedule_key is not None:
            found.setdefault(run.schedule_key, set()).add(run.scheduled_at)
    gaps = []
    for schedule in ledger.schedules(task.service, task.name, limit=LIMIT):
        skipped_at = found.get(schedule.key, set())
        for missed in ledger.ranges(schedule.id, since):
            if missed.reason is Reason.PAUSED and missed.covered_by is None:
                skipped_at |= set(
                    instants(schedule, Instant(missed.from_at - 1), Instant(missed.until_at - 1))
                )
        if skipped_at:
            gaps.append(Gap(schedule, sorted(skipped_at)))
    return gaps


def make_up(
    gaps: Sequence[Gap],
    known: Task,
    task: TaskRecord,
    policy: CatchUp,
    *,
    now: Instant,
    deadline: timedelta | None,
    actor: str,
) -> list[NewRun]:
    """The runs that make up for the gaps, by the policy; what is past its deadline stays left out."""
    runs: list[NewRun] = []
    oldest = 0 if deadline is None else now - deadline // MICROSECOND
    for gap in gaps:
        wanted = [instant for instant in gap.instants if instant >= oldest]
        if not wanted or policy is CatchUp.NONE:
            continue
        if policy is CatchUp.LATEST:
            runs.append(_run(gap.schedule, known, task, Kind.CAUGHT_UP, wanted, now, actor))
        else:
            kept = wanted[-known.catch_up_limit :]
            runs += [
                _run(gap.schedule, known, task, Kind.BACKFILLED, [instant], now, actor) for instant in kept
            ]
    return runs


def pages(ledger: Ledger, where: RunFilter, limit: int = LIMIT) -> Iterator[RunRecord]:
    """The runs of a filter, newest first, page by page; ``limit`` of them at most."""
    seen = 0
    while seen < limit:
        found = ledger.runs(where)
        yield from found
        seen += len(found)
        if len(found) < where.limit:
            return
        where = replace(where, before=found[-1].id)


def instants(schedule: ScheduleRecord, after: Instant, until: Instant, limit: int = LIMIT) -> list[Instant]:
    """The first ``limit`` occurrences of a schedule in (after, until], as the planner sees them."""
    seed = schedule_seed(schedule.service, schedule.task, schedule.key)
    occurrences = compile_schedule(schedule_from_json(json.loads(schedule.rule)), seed=seed)
    found: list[Instant] = []
    at = occurrences.next_after(after)
    while at is not None and at <= until and len(found) < limit:
        found.append(at)
        at = occurrences.next_after(at)
    return found


def _run(
    schedule: ScheduleRecord,
    known: Task,
    task: TaskRecord,
    kind: Kind,
    covered: Sequence[Instant],
    now: Instant,
    actor: str,
) -> NewRun:
    return NewRun(
        task_id=task.id,
        kind=kind,
        scheduled_at=covered[-1],
        run_at=now,
        schedule_id=schedule.id,
        lane=None if known.overlap is Overlap.ALLOW else schedule.id,
        args=schedule.args,
        queue=task.queue,
        priority=known.priority,
        covers_from=covered[0] if len(covered) > 1 else None,
        covers_count=len(covered),
        requested_by=actor,
    )
