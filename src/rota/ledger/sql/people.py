"""What people and programs ask of the ledger: enqueue, cancel, reopen, pause and resume, each with an audit line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from rota.clock import Instant
from rota.errors import LedgerUnreachable, Retriable
from rota.ledger.records import Change, Enqueued
from rota.ledger.sql.connection import Connection
from rota.ledger.sql.fire import run_row
from rota.model.lifecycle import Reopened, Tally, Withdrawn, step
from rota.model.run import NewRun, Reason, State
from rota.model.task import Retries

__all__ = ["cancel", "enqueue", "note", "pause", "reopen", "resume", "values_of"]

Sql = dict[str, str]

TRIES = 10
"""Times that a key is looked for, where others enqueue and start runs of the same key at once."""


def enqueue(
    connection: Connection,
    sql: Sql,
    runs: Sequence[NewRun],
    if_exists: Literal["replace", "keep"],
    now: Instant,
) -> list[Enqueued]:
    """Record runs; many without a key go in by one statement."""
    if len(runs) > 1 and all(run.key is None and run.schedule_id is None for run in runs):
        return _enqueue_many(connection, sql, runs, now)
    return [_enqueue_one(connection, sql, run, if_exists, now) for run in runs]


def _enqueue_many(connection: Connection, sql: Sql, runs: Sequence[NewRun], now: Instant) -> list[Enqueued]:
    rows = json.dumps([run_row(run) for run in runs])
    ids = sorted(row[0] for row in connection.rows(sql["insert_many"], {"runs": rows, "now": now}))
    return [Enqueued(id_, True) for id_ in ids]  # given in the order of the rows


def _enqueue_one(
    connection: Connection, sql: Sql, run: NewRun, if_exists: Literal["replace", "keep"], now: Instant
) -> Enqueued:
    """Move or keep the waiting run of this key, or record a new one; once more where another was quicker."""
    for _ in range(TRIES):
        there = _waiting(connection, sql, run)
        if there is not None and (
            if_exists == "keep" or connection.run(sql["move_waiting"], {**values_of(run), "id": there}) == 1
        ):
            return Enqueued(there, False)
        inserted = connection.rows(sql["insert_run"], {**values_of(run), "now": now})
        if inserted:
            return Enqueued(inserted[0][0], True)
        occurrence = {"schedule_id": run.schedule_id, "scheduled_at": run.scheduled_at, "kind": run.kind}
        existing = connection.rows(sql["run_of_occurrence_of_kind"], occurrence)
        if existing:
            return Enqueued(existing[0][0], False)
    raise LedgerUnreachable(
        "others enqueue and start runs of this key without a pause", expected=f"a quiet moment in {TRIES} tries",
        found=f"the key {run.key!r} was taken or started each time", retry=Retriable(True, "nothing was written", 1.0),
    )  # fmt: skip


def _waiting(connection: Connection, sql: Sql, run: NewRun) -> int | None:
    if run.key is None:
        return None
    rows = connection.rows(sql["waiting_by_key"], {"task_id": run.task_id, "key": run.key})
    return rows[0][0] if rows else None


def values_of(run: NewRun) -> dict[str, Any]:
    """A run as the parameters of `insert_run`."""
    values = asdict(run)
    values.pop("state"), values.pop("reason"), values.pop("kind")
    return {**values, "state": str(run.state), "reason": str(run.reason), "kind": str(run.kind)}


def cancel(
    connection: Connection, sql: Sql, run_id: int, change: Change, reason: Reason, now: Instant
) -> State | None:
    found = connection.rows(sql["state_of"], {"id": run_id})
    if not found:
        return None
    state = State(found[0][0])
    if state is State.WAITING:
        move = step(state, Withdrawn(reason), Tally(), Retries())
        assert move is not None  # a waiting run can always be withdrawn
        given = {
            "id": run_id,
            "reason": move.reason,
            "now": now,
            "note": change.reason,
            "actor": change.actor,
        }
        connection.run(sql["withdraw"], given)
    elif state is State.RUNNING:
        connection.run(sql["ask_to_stop"], {"id": run_id, "reason": str(reason)})
    if state in (State.WAITING, State.RUNNING):
        note(connection, sql, change)
    return state


def reopen(connection: Connection, sql: Sql, run_id: int, change: Change, now: Instant) -> bool:
    found = connection.rows(sql["state_of"], {"id": run_id})
    if not found:
        return False
    state, spent, attempts = found[0]
    move = step(State(state), Reopened(), Tally(spent), Retries(attempts=attempts or 1))
    if move is None:
        return False
    connection.run(sql["keep_story"], {"id": run_id})
    if connection.run(sql["reopen"], {"id": run_id, "now": now, "spent": move.tally.spent}) != 1:
        return False
    note(connection, sql, change)
    return True


def pause(
    connection: Connection, sql: Sql, task_id: int, change: Change, until: Instant | None, now: Instant
) -> bool:
    given = {"id": task_id, "now": now, "until": until, "reason": change.reason, "actor": change.actor}
    done = connection.run(sql["pause"], given) == 1
    if done:
        note(connection, sql, change)
    return done


def resume(
    connection: Connection, sql: Sql, task_id: int, change: Change, runs: Sequence[NewRun], now: Instant
) -> bool:
    if connection.run(sql["resume"], {"id": task_id}) != 1:
        return False
    for run in runs:
        _enqueue_one(connection, sql, run, "keep", now)
    note(connection, sql, change)
    return True


def note(connection: Connection, sql: Sql, change: Change) -> None:
    values = asdict(change)
    values.pop("id")
    connection.run(sql["insert_change"], values)
