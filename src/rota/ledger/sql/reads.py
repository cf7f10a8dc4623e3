"""What has been: read on a connection of its own, so that pages wait for no writer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rota.clock import Instant
from rota.ledger.records import Change, RunFilter, ScheduleRecord, TaskRecord
from rota.ledger.sql.connection import Connection, Row
from rota.ledger.work import LogLine, NodeRecord
from rota.model.revision import Origin, Revision
from rota.model.run import AttemptRecord, Kind, MissedRange, Reason, RunRecord, State

__all__ = [
    "attempts",
    "attempts_between",
    "changes",
    "log",
    "nodes",
    "ranges",
    "revisions",
    "run",
    "runs",
    "schedules",
    "tasks",
]

Sql = dict[str, str]

OPEN = {
    State.WAITING: "SELECT id FROM rota_run WHERE state = 'waiting'",
    State.RUNNING: "SELECT id FROM rota_run WHERE state = 'running'",
}
ORDERS = {"newest": "run.id DESC", "oldest": "run.id", "due": "run.run_at, run.id"}


def attempts_between(connection: Connection, sql: Sql, first: int, last: int) -> list[AttemptRecord]:
    """Those told apart, of the runs from ``first`` to ``last``."""
    rows = connection.rows(sql["attempts_between"], {"first": first, "last": last})
    return [AttemptRecord(*row) for row in rows]


def run(connection: Connection, sql: Sql, run_id: int, now: Instant) -> RunRecord | None:
    rows = connection.rows(f"{sql['run_columns']} WHERE run.id = :id", {"id": run_id, "now": now})
    return _run(rows[0]) if rows else None


def runs(connection: Connection, sql: Sql, where: RunFilter, now: Instant) -> list[RunRecord]:
    """Conditions are put together from fixed texts; every value is a parameter, or a member of an enumeration."""
    conditions, values = _conditions(where)
    text = f"{sql['run_columns']} {conditions} ORDER BY {ORDERS[where.order]} LIMIT :limit"
    return [_run(row) for row in connection.rows(text, {**values, "limit": where.limit, "now": now})]


def _conditions(where: RunFilter) -> tuple[str, dict[str, Any]]:
    tests = {
        "task.service = :service": ("service", where.service),
        "task.name = :task": ("task", where.task),
        "schedule.key = :schedule_key": ("schedule_key", where.schedule_key),
        "run.scheduled_at >= :since": ("since", where.since),
        "run.scheduled_at < :until": ("until", where.until),
        "run.id < :before": ("before", where.before),
        "run.id > :after": ("after", where.after),
        "run.key = :key": ("key", where.key),
    }
    conditions = [text for text, (_, value) in tests.items() if value is not None]
    values: dict[str, Any] = {name: value for name, value in tests.values() if value is not None}
    if where.states:
        conditions.append(_in_states(where.states))
    for column, wanted in (("kind", where.kinds), ("reason", where.reasons)):
        if wanted:
            conditions.append(f"run.{column} IN ({_literals(wanted)})")
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), values


def _in_states(states: Sequence[State]) -> str:
    """The open states have indexes of their own, in which there is never much: whatever the history, these are found
    at once."""
    if all(one in OPEN for one in states):
        return f"run.id IN ({' UNION ALL '.join(OPEN[one] for one in set(states))})"
    return f"run.state IN ({_literals(states)})" if len(states) > 1 else f"run.state = {_literals(states)}"


def _literals(values: Sequence[State] | Sequence[Kind] | Sequence[Reason]) -> str:
    """Members of our own enumerations as SQL: written out, since partial indexes are not used for parameters."""
    return ", ".join(f"'{type(value)(value).value}'" for value in values)


def _run(row: Sequence[Any]) -> RunRecord:
    reason = Reason(row[10]) if row[10] is not None else None
    values: list[Any] = [*row]
    values[6], values[9], values[10] = Kind(row[6]), State(row[9]), reason
    return RunRecord(*values)


def attempts(connection: Connection, sql: Sql, run_id: int, now: Instant) -> list[AttemptRecord]:
    """Those told apart, and the latest, which stands on the run where it has no row of its own."""
    told = [AttemptRecord(*row) for row in connection.rows(sql["attempts"], {"id": run_id})]
    record = run(connection, sql, run_id, now)
    if record is None or record.token is None or any(one.token == record.token for one in told):
        return told
    node = record.node or ""
    latest = AttemptRecord(
        record.id, record.attempt, record.token, node, record.state, record.started_at, record.finished_at,
        record.error, record.note,
    )  # fmt: skip
    return [*told, latest]


def instant(connection: Connection, text: str) -> Instant | None:
    """The one instant that a statement answers with, if any."""
    rows = connection.rows(text)
    return Instant(rows[0][0]) if rows and rows[0][0] is not None else None


def zones(connection: Connection, sql: Sql) -> str | None:
    rows = connection.rows(sql["zones"])
    return str(rows[0][0]) if rows else None


def durations(connection: Connection, sql: Sql, service: str, task: str, limit: int) -> list[int]:
    rows = connection.rows(sql["durations"], {"service": service, "task": task, "limit": limit})
    return [row[0] for row in rows]


def log(connection: Connection, sql: Sql, run_id: int, after: int, limit: int) -> list[LogLine]:
    rows = connection.rows(sql["log"], {"id": run_id, "after": after, "limit": limit})
    return [LogLine(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


def ranges(
    connection: Connection, sql: Sql, schedule_id: int, since: Instant, limit: int
) -> list[MissedRange]:
    rows = connection.rows(sql["ranges"], {"schedule_id": schedule_id, "since": since, "limit": limit})
    return [MissedRange(row[0], row[1], row[2], row[3], Reason(row[4]), row[5]) for row in rows]


def counts(connection: Connection, sql: Sql, since: Instant) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for service, task, state, count in connection.rows(sql["counts"], {"since": since}):
        found.setdefault((service, task), {})[state] = count
    return found


def touched(connection: Connection, sql: Sql, service: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for task, sort, count in connection.rows(sql["touched"], {"service": service}):
        found.setdefault(task, {})[sort] = count
    return found


def revisions(
    connection: Connection, sql: Sql, service: str | None, limit: int, number: int | None = None
) -> list[Revision]:
    rows = connection.rows(sql["revisions"], {"service": service, "limit": limit, "number": number})
    return [Revision(*[*row[:7], _origin(row), row[13]]) for row in rows]


def _origin(row: Row) -> Origin:
    assumptions, commit, dirty, tool, restores, measures = row[7:13]
    was_dirty = None if dirty is None else bool(dirty)
    return Origin(tuple(json.loads(assumptions)), commit, was_dirty, tool, restores, measures)


def tasks(connection: Connection, sql: Sql, service: str | None, retired: bool) -> list[TaskRecord]:
    return [
        TaskRecord(*row) for row in connection.rows(sql["tasks"], {"service": service, "retired": retired})
    ]


def schedules(
    connection: Connection,
    sql: Sql,
    service: str | None,
    task: str | None,
    key: str | None,
    due_by: Instant | None,
    limit: int,
) -> list[ScheduleRecord]:
    """By id; with ``due_by`` only live ones whose cursor is there by then, the earliest first."""
    tests = {
        "task.service = :service": ("service", service),
        "task.name = :task": ("task", task),
        "schedule.key = :key": ("key", key),
    }
    conditions = [text for text, (_, value) in tests.items() if value is not None]
    values: dict[str, Any] = {name: value for name, value in tests.values() if value is not None}
    base, order = sql["schedule_columns"], "schedule.id"
    if due_by is not None:
        base, order = sql["schedules_due"], "schedule.next_at"
        values["due_by"] = due_by
    joint = " AND " if due_by is not None else " WHERE "
    where = joint + " AND ".join(conditions) if conditions else ""
    rows = connection.rows(f"{base}{where} ORDER BY {order} LIMIT :limit", {**values, "limit": limit})
    return [ScheduleRecord(*row) for row in rows]


def nodes(connection: Connection, sql: Sql, live: bool) -> list[NodeRecord]:
    return [NodeRecord(*row) for row in connection.rows(sql["live_nodes"], {"all": not live})]


def changes(connection: Connection, sql: Sql, subject: str | None, limit: int) -> list[Change]:
    if subject is None:
        return [Change(*row) for row in connection.rows(sql["changes"], {"limit": limit})]
    return [Change(*row) for row in connection.rows(sql["changes_of"], {"subject": subject, "limit": limit})]
