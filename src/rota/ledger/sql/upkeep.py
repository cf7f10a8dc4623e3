"""Migrations, sweeping and pruning."""

from __future__ import annotations

import json

from rota.clock import Instant
from rota.ledger.migrate import Migrations, path
from rota.ledger.sql.connection import Connection
from rota.model.lifecycle import Missed, Tally, step
from rota.model.run import State
from rota.model.task import Retries

__all__ = ["migrate", "prune", "sweep"]

WINDOW = 20
"""Runs that a prune looks at for each that it may delete."""

Sql = dict[str, str]


def migrate(
    connection: Connection, sql: Sql, known: Migrations, found: int, to: int | None
) -> tuple[int, int]:
    """Up or down to a version, inside the caller's transaction: all of it, or nothing."""
    scripts, target = path(known, found, to)
    for script in scripts:
        connection.script(script)
    if target > 0:
        connection.run(sql["set_schema"], {"version": target})
    return found, target


def sweep(connection: Connection, sql: Sql, now: Instant, limit: int) -> int:
    rows = connection.many(sql["expired"], {"now": now, "limit": limit})
    if rows:
        move = step(State.WAITING, Missed(), Tally(), Retries())
        assert move is not None  # a waiting run can always be missed
        ended = [[id_, move.state, move.reason, None, run_at, expires_at] for id_, run_at, expires_at in rows]
        told = connection.rows(sql["settle_unstarted"], {"ended": json.dumps(ended), "now": now})
        if told:
            connection.run(sql["count_missed"], {"tasks": json.dumps([task for task, _ in told])})
    return len(rows)


def prune(connection: Connection, sql: Sql, before: Instant, limit: int) -> int:
    """Delete a batch of old history. Goes through the runs by id, on from where the last batch ended, so that
    what has to stay (the newest record of each schedule, what still waits) is not looked at again each time."""
    connection.run(sql["prune_ranges"], {"before": before, "limit": limit})
    connection.run(sql["prune_nodes"], {"before": before})
    for name in ("prune_incidents", "prune_resolved", "prune_tallies"):
        connection.run(
            sql[name], {"before": before, "limit": limit} if name == "prune_incidents" else {"before": before}
        )
    begin = connection.rows(sql["prune_begin"])
    after = begin[0][0] if begin else 0
    given = {"before": before, "limit": limit, "after": after, "window": limit * WINDOW}
    gone, last, seen, old = json.loads(connection.rows(sql["old_runs"], given)[0][0])
    if gone:
        for name in ("prune_logs", "prune_attempts", "prune_runs"):
            connection.run(sql[name], {"ids": json.dumps(gone)})
    if len(gone) == limit:
        last = gone[-1]  # there may be more between here and the end of the window
    elif seen < limit * WINDOW or not old:
        last = 0  # the end of what is old: begin anew
    if last != after:
        connection.run(sql["set_prune_begin"], {"id": last})
    return len(gone)
