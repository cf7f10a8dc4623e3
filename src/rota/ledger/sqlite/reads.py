"""What has been: read on a connection of its own, so that pages wait for no writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rota.clock import Instant
from rota.ledger.protocol import Change, LogLine, NodeRecord, RunFilter, ScheduleRecord, TaskRecord
from rota.ledger.sqlite.connect import Connection
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, Kind, MissedRange, Reason, RunRecord, State

__all__ = ["attempts", "changes", "log", "nodes", "ranges", "revisions", "run", "runs", "schedules", "tasks"]

Sql = dict[str, str]

ORDERS = {"newest": "run.id DESC", "oldest": "run.id", "due": "run.run_at, run.id"}


def run(connection: Connection, sql: Sql, run_id: int, now: Instant) -> RunRecord | None:
    rows = connection.rows(f"{sql['run_columns']} WHERE run.id = :id", {"id": run_id, "now": now})
    return _run(rows[0]) if rows else None


def runs(connection: Connection, sql: Sql, where: RunFilter, now: Instant) -> list[RunRecord]:
    """Conditions are put together from fixed texts; every value is a parameter."""
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
    for column, wanted in (("state", where.states), ("kind", where.kinds), ("reason", where.reasons)):
        if wanted:
            names = [f"{column}_{index}" for index in range(len(wanted))]
            conditions.append(f"run.{column} IN ({', '.join(':' + name for name in names)})")
            values.update(zip(names, (str(value) for value in wanted), strict=True))
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), values


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


def revisions(connection: Connection, sql: Sql, service: str | None, limit: int) -> list[Revision]:
    return [Revision(*row) for row in connection.rows(sql["revisions"], {"service": service, "limit": limit})]


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
    given = {"service": service, "task": task, "key": key, "limit": limit}
    if due_by is not None:
        return [
            ScheduleRecord(*row) for row in connection.rows(sql["schedules_due"], {**given, "due_by": due_by})
        ]
    return [ScheduleRecord(*row) for row in connection.rows(sql["schedules"], given)]


def nodes(connection: Connection, sql: Sql, live: bool) -> list[NodeRecord]:
    return [NodeRecord(*row) for row in connection.rows(sql["live_nodes"], {"all": not live})]


def changes(connection: Connection, sql: Sql, subject: str | None, limit: int) -> list[Change]:
    if subject is None:
        return [Change(*row) for row in connection.rows(sql["changes"], {"limit": limit})]
    return [Change(*row) for row in connection.rows(sql["changes_of"], {"subject": subject, "limit": limit})]
