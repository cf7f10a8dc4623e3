"""Fire: occurrences become records and cursors move, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rota.clock import Instant
from rota.ledger.sql.connection import Connection
from rota.ledger.sql.reads import instant
from rota.ledger.work import DueSchedule, Fired, FirePlan
from rota.model.run import Kind, MissedRange, NewRun, Reason

__all__ = ["fire", "run_row"]

Sql = dict[str, str]
Planner = Callable[[Sequence[DueSchedule], Instant], Iterable[FirePlan]]


def fire(connection: Connection, sql: Sql, now: Instant, until: Instant, limit: int, plan: Planner) -> Fired:
    """One fire, inside the caller's transaction."""
    rows = connection.many(sql["due_schedules"], {"until": until, "limit": limit})
    due = [DueSchedule(*row) for row in rows]
    plans = list(plan(due, now)) if due else []
    runs = [run for one in plans for run in one.runs]
    inserted = insert_runs(connection, sql, now, runs)
    _insert_ranges(connection, sql, plans)
    _move_cursors(connection, sql, due, plans)
    _count_missed(connection, sql, due, plans)
    return Fired(len(due), inserted, instant(connection, sql["next_due"]))


def insert_runs(connection: Connection, sql: Sql, now: Instant, runs: Sequence[NewRun]) -> int:
    """Insert runs in one statement; returns how many were not there yet."""
    if not runs:
        return 0
    return connection.run(
        sql["insert_runs"], {"runs": json.dumps([run_row(run) for run in runs]), "now": now}
    )


def run_row(run: NewRun) -> list[Any]:
    """A run in the order of `insert_runs`."""
    return [
        run.task_id, run.kind, run.scheduled_at, run.run_at, run.state, run.reason, run.schedule_id, run.lane, run.key,
        run.args, run.queue, run.priority, run.expires_at, run.covers_from, run.covers_count, run.note, run.requested_by,
    ]  # fmt: skip


def _insert_ranges(connection: Connection, sql: Sql, plans: Sequence[FirePlan]) -> None:
    """Record ranges, those that go on where the last one of their kind ended as part of it."""
    open_ended = [_range_row(missed, None) for plan in plans for missed in plan.ranges]
    covered = [_range_row(missed, _last_occurrence(plan)) for plan in plans for missed in plan.covered]
    if open_ended:
        connection.run(sql["extend_ranges"], {"ranges": json.dumps(open_ended)})
    if open_ended or covered:
        connection.run(sql["insert_ranges"], {"ranges": json.dumps(open_ended + covered)})


def _range_row(missed: MissedRange, covering: Instant | None) -> list[Any]:
    """A range in the order of `insert_ranges`; ``covering`` is the occurrence whose run covers it."""
    return [
        missed.schedule_id, missed.from_at, missed.until_at, missed.count, missed.reason, missed.covered_by, covering,
    ]  # fmt: skip


def _last_occurrence(plan: FirePlan) -> Instant | None:
    return next((run.scheduled_at for run in reversed(plan.runs) if run.kind is Kind.SCHEDULED), None)


def _count_missed(
    connection: Connection, sql: Sql, due: Sequence[DueSchedule], plans: Sequence[FirePlan]
) -> None:
    """What is past its deadline already. What was left out because its author wants no catching up is no failing."""
    of = {schedule.id: schedule.task_id for schedule in due}
    tasks = [run.task_id for plan in plans for run in plan.runs if run.reason is Reason.DEADLINE]
    tasks += [of[plan.schedule_id] for plan in plans for one in plan.ranges if one.reason is Reason.DEADLINE]
    if tasks:
        connection.run(sql["count_missed"], {"tasks": json.dumps(tasks)})


def _move_cursors(
    connection: Connection, sql: Sql, due: Sequence[DueSchedule], plans: Sequence[FirePlan]
) -> None:
    was = {schedule.id: schedule.next_at for schedule in due}
    cursors = [[plan.schedule_id, was[plan.schedule_id], plan.next_at, plan.fired_at] for plan in plans]
    if cursors:
        connection.run(sql["move_cursors"], {"cursors": json.dumps(cursors)})
