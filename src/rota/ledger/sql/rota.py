"""The rota in the ledger: revisions, tasks, schedules and queues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rota.clock import Instant
from rota.errors import Conflict, Retriable
from rota.ledger.records import Applied, Change, NewRevision, NewSchedule, NewTask
from rota.ledger.sql.connection import Connection

__all__ = ["apply", "confirm", "put_schedules", "retire_schedules", "rezone"]

Sql = dict[str, str]


def apply(connection: Connection, sql: Sql, revision: NewRevision, now: Instant) -> Applied:
    """Make a revision the service's current one, inside the caller's transaction."""
    current = connection.rows(sql["current_revision"], {"service": revision.service})
    if current and current[0][1] == revision.digest:
        return Applied(current[0][0], False)
    service, found = revision.service, int(current[0][0]) if current else 0
    if revision.base is not None and revision.base != found:
        raise moved_on(service, revision.base, found)
    number, origin = found + 1, revision.origin
    if current and current[0][2] is not None and origin.restores is None:
        raise unconfirmed(service, found)
    if revision.only_unconfirmed and not (current and current[0][2] is not None):
        raise confirmed_meanwhile(service, found)
    rows = connection.rows(sql["own_schedules"], {"service": service})
    if revision.check_due and _something_is_due(rows, revision.tasks, now):
        return Applied(found, False, is_due=True)
    connection.run(
        sql["insert_revision"],
        {"service": service, "number": number, "digest": revision.digest, "definition": revision.definition,
         "author": revision.author, "reason": revision.reason, "now": now,
         "assumptions": json.dumps([*origin.assumptions], ensure_ascii=False), "git_commit": origin.commit,
         "git_dirty": origin.dirty, "tool": origin.tool, "restores": origin.restores,
            "confirm_by": revision.confirm_by,
            "measures": origin.measures,
        },
    )  # fmt: skip
    _put_tasks(connection, sql, service, number, revision.tasks, now)
    _put_own_schedules(connection, sql, service, rows, revision.tasks, now)
    _put_queues(connection, sql, revision)
    connection.run(sql["tasks_changed"])
    change = {"at": now, "actor": revision.author, "action": "apply" if origin.restores is None else "rollback", "subject": f"{service} revision {number}",
              "reason": revision.reason, "detail": None}  # fmt: skip
    connection.run(sql["insert_change"], change)
    return Applied(number, True)


def unconfirmed(service: str, number: int) -> Conflict:
    """A revision is being verified: what is changed meanwhile could not be told from it."""
    return Conflict(
        f"revision {number} of {service} is not confirmed yet",
        expected="one that is confirmed, or put back",
        found=f"revision {number}, which is being verified",
        retry=Retriable(True, "when it is decided; nothing was changed"),
        next=("rota confirm -m WHY", "rota rollback -m WHY"),
    )


def confirmed_meanwhile(service: str, number: int) -> Conflict:
    """Somebody confirmed it in the very moment in which its time was over."""
    return Conflict(
        f"revision {number} of {service} is not put back",
        expected="one that is not confirmed",
        found=f"revision {number}, which is",
        retry=Retriable(False, "it stays; nothing was changed"),
        next=("rota revisions",),
    )


def _something_is_due(rows: Sequence[Sequence[Any]], tasks: Sequence[NewTask], now: Instant) -> bool:
    """Whether an occurrence has no record yet that nobody would ask for any more: its rule changes, or goes."""
    rules = {task.name: task.rule for task in tasks}
    return any(
        retired_at is None and next_at is not None and next_at <= now and rules.get(name) != rule
        for name, rule, retired_at, next_at, *_ in rows
    )


def confirm(connection: Connection, sql: Sql, service: str, number: int, change: Change) -> bool:
    if connection.run(sql["confirm"], {"service": service, "number": number}) != 1:
        return False
    connection.run(
        sql["insert_change"],
        {"at": change.at, "actor": change.actor, "action": change.action, "subject": change.subject,
         "reason": change.reason, "detail": change.detail},
    )  # fmt: skip
    return True


def moved_on(service: str, planned: int, found: int) -> Conflict:
    """The ledger is no longer at the revision that a change was planned against."""
    return Conflict(
        f"the rota of {service} was changed meanwhile",
        expected=f"revision {planned}, against which this was planned" if planned else "no revision yet",
        found=f"revision {found}",
        retry=Retriable("after-check", "plan again: nothing was changed"),
        next=("rota plan", "rota revisions"),
    )


def _put_tasks(
    connection: Connection, sql: Sql, service: str, number: int, tasks: Sequence[NewTask], now: Instant
) -> None:
    rows = json.dumps(
        [
            [t.name, t.definition, t.overlap, t.catch_up, t.catch_up_limit, t.queue, t.priority, int(t.enabled),
             t.concurrency, t.deadline, t.pause_on_failure]
            for t in tasks
        ]
    )  # fmt: skip
    names = json.dumps(
        [[t.name] for t in tasks]
    )  # without their definitions, which take longer to read than all else
    back = [row[0] for row in connection.many(sql["tasks_back"], {"service": service, "tasks": names})]
    connection.run(sql["upsert_tasks"], {"service": service, "revision": number, "tasks": rows})
    connection.run(sql["retire_missing_tasks"], {"service": service, "revision": number, "now": now})
    connection.run(sql["retire_schedules_of_retired"], {"service": service, "now": now})
    connection.run(sql["schedules_back"], {"back": json.dumps(back)})


def _put_own_schedules(
    connection: Connection,
    sql: Sql,
    service: str,
    rows: Sequence[Sequence[Any]],
    tasks: Sequence[NewTask],
    now: Instant,
) -> None:
    """New and changed schedules get a cursor; an unchanged one keeps its own, and so what fell due meanwhile."""
    known = {row[0]: (row[1], row[2]) for row in rows}
    changed = [
        [t.name, t.rule, t.next_at]
        for t in tasks
        if t.rule is not None and known.get(t.name) != (t.rule, None)
    ]
    gone = [t.name for t in tasks if t.rule is None and t.name in known]
    if changed:
        connection.run(
            sql["put_own_schedules"], {"service": service, "schedules": json.dumps(changed), "now": now}
        )
    if gone:
        connection.run(
            sql["retire_own_schedules"], {"service": service, "names": json.dumps(gone), "now": now}
        )


def _put_queues(connection: Connection, sql: Sql, revision: NewRevision) -> None:
    for queue in revision.queues:
        limits = {
            "name": queue.name,
            "weight": queue.weight,
            "rate": queue.rate,
            "concurrency": queue.concurrency,
        }
        connection.run(sql["upsert_queue"], limits)
    if revision.lifted:
        connection.run(
            sql["lift_queues"], {"service": revision.service, "names": json.dumps([*revision.lifted])}
        )


def put_schedules(connection: Connection, sql: Sql, schedules: Sequence[NewSchedule], now: Instant) -> int:
    rows: list[list[Any]] = [[s.service, s.task, s.key, s.rule, s.args, s.next_at] for s in schedules]
    return connection.run(sql["put_schedules"], {"schedules": json.dumps(rows), "now": now})


def retire_schedules(
    connection: Connection, sql: Sql, service: str, task: str, keys: Sequence[str], now: Instant
) -> int:
    given = {"service": service, "task": task, "keys": json.dumps(list(keys)), "now": now}
    return connection.run(sql["retire_schedules"], given)


def rezone(
    connection: Connection, sql: Sql, version: str, moves: Sequence[tuple[int, Instant, Instant | None]]
) -> int:
    connection.run(sql["set_zones"], {"version": version})
    return connection.run(sql["rezone"], {"moves": json.dumps(moves)}) if moves else 0
