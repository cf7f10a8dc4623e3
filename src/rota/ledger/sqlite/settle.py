"""Finish, heartbeat and rescue: everything that a node may write about its runs, each under its token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rota.clock import MICROSECOND, Instant, from_instant
from rota.ledger.protocol import Beat, BeatReply, Finish, LogLine, NodeRecord, Orphan
from rota.ledger.sqlite.connect import Connection
from rota.model.lifecycle import HandedBack, Move, step
from rota.model.run import Reason, State
from rota.model.task import Retries

__all__ = ["finish", "heartbeat", "register", "rescue", "write_log"]

Sql = dict[str, str]


def finish(
    connection: Connection, sql: Sql, node: str, finishes: Sequence[Finish], now: Instant
) -> list[int]:
    """Record what still holds; keep the rest as notes. Returns the refused run ids."""
    keys = json.dumps([[one.id, one.token] for one in finishes])
    held = {
        row[0]: row for row in json.loads(connection.rows(sql["held_by"], {"keys": keys, "node": node})[0][0])
    }
    accepted = [one for one in finishes if one.id in held]
    refused = [one for one in finishes if one.id not in held]
    if accepted:
        settled = [_heeding(one, held[one.id][3]) for one in accepted]
        rows = json.dumps([_row(one) for one in settled])
        connection.run(sql["finish_runs"], {"done": rows, "node": node})
        _tell_stories(connection, sql, node, settled, {id_: row[2] for id_, row in held.items()})
        _count(connection, sql, settled, {id_: row[1] for id_, row in held.items()}, now)
    if refused:
        _keep_late_answers(connection, sql, node, refused)
    return [one.id for one in refused]


def _heeding(one: Finish, cancel_reason: str | None) -> Finish:
    """A run that was to be stopped is not tried again, also where its node had not heard of that yet."""
    if cancel_reason is None or one.move.state is not State.WAITING:
        return one
    move = step(State.RUNNING, HandedBack(), one.move.tally, Retries(), asked_to_stop=Reason(cancel_reason))
    assert move is not None  # a running run can always be handed back
    return replace(one, move=move)


def _row(one: Finish) -> list[Any]:
    move = one.move
    waits = move.state is State.WAITING
    return [
        one.id, one.token, move.state, move.reason, one.finished_at + move.delay // MICROSECOND if waits else None,
        move.tally.spent, move.tally.crashes, one.started_at, None if waits else one.finished_at,
        one.result, one.error, one.note,
    ]  # fmt: skip


def _tell_stories(
    connection: Connection, sql: Sql, node: str, settled: Sequence[Finish], numbers: Mapping[int, int]
) -> None:
    rows = [
        [
            one.id,
            numbers[one.id],
            one.token,
            node,
            one.ended,
            one.started_at,
            one.finished_at,
            one.error,
            one.note,
        ]
        for one in settled
        if one.ended != "succeeded" or numbers[one.id] > 1
    ]
    if rows:
        connection.run(sql["insert_attempts"], {"attempts": json.dumps(rows)})


def _count(
    connection: Connection, sql: Sql, settled: Sequence[Finish], tasks: Mapping[int, int], now: Instant
) -> None:
    """Failed runs in a row, and the pause that follows too many of them."""
    failed = [tasks[one.id] for one in settled if one.move.state is State.FAILED]
    succeeded = sorted({tasks[one.id] for one in settled if one.move.state is State.SUCCEEDED})
    if succeeded:
        connection.run(sql["clear_failures"], {"tasks": json.dumps(succeeded)})
    if failed:
        count_failures(connection, sql, failed, now)


def count_failures(connection: Connection, sql: Sql, tasks: Sequence[int], now: Instant) -> None:
    given = {"tasks": json.dumps(tasks)}
    connection.run(sql["count_failures"], given)
    for id_, service, name, failures in connection.rows(sql["failing_too_long"], given):
        reason = f"{failures} failed runs in a row"
        connection.run(
            sql["pause"], {"id": id_, "now": now, "until": None, "reason": reason, "actor": "rota"}
        )
        change = {
            "at": now,
            "actor": "rota",
            "action": "pause",
            "subject": f"{service}/{name}",
            "reason": reason,
            "detail": None,
        }
        connection.run(sql["insert_change"], change)


def _keep_late_answers(connection: Connection, sql: Sql, node: str, refused: Sequence[Finish]) -> None:
    rows = []
    for one in refused:
        when = from_instant(one.finished_at).isoformat(timespec="milliseconds")
        note = f"a late answer of {when} was refused, its lease had been lost: {one.ended}"
        if one.result is not None:
            note += f", result {one.result[:1000]}"
        rows.append([one.id, 0, one.token, node, "lost", one.started_at, one.finished_at, one.error, note])
    connection.run(sql["insert_attempts"], {"attempts": json.dumps(rows)})


def register(connection: Connection, sql: Sql, node: NodeRecord, now: Instant) -> None:
    lease = max(1, node.lease_until - node.started_at)
    connection.run(
        sql["register_node"],
        {
            "id": node.id, "label": node.label, "services": node.services, "queues": node.queues, "version": node.version,
            "started_at": now, "now": now, "lease": lease, "lease_until": now + lease, "slots": node.slots,
            "busy": node.busy, "lag": node.lag,
        },
    )  # fmt: skip


def heartbeat(connection: Connection, sql: Sql, beat: Beat, now: Instant) -> BeatReply:
    values = {
        "id": beat.node,
        "lease": beat.lease,
        "slots": beat.slots,
        "busy": beat.busy,
        "lag": beat.lag,
        "now": now,
    }
    alive = connection.run(sql["beat"], values) == 1
    stops = connection.rows(sql["stops"], {"node": beat.node}) if alive else []
    return BeatReply(alive, now, [(row[0], row[1], row[2]) for row in stops])


def rescue(
    connection: Connection, sql: Sql, nodes: Sequence[str], decide: Callable[[Orphan], Move], now: Instant
) -> int:
    connection.run(sql["clamp_leases"], {"now": now})
    moved = 0
    for node in nodes:
        if connection.run(sql["declare_lost"], {"id": node, "now": now}) == 1:
            moved += _take_over(connection, sql, node, decide, now)
    return moved


def _take_over(
    connection: Connection, sql: Sql, node: str, decide: Callable[[Orphan], Move], now: Instant
) -> int:
    rows = connection.rows(sql["orphans"], {"node": node})
    finishes, tasks, numbers = [], {}, {}
    for row in rows:
        orphan = Orphan(*row[:7])
        move = decide(orphan)
        began = row[9] if row[9] is not None and row[9] <= now else None  # held ahead, it had not begun
        error = json.dumps(
            {"type": "Lost", "message": f"node {node[:8]} lost its lease while it held this run"}
        )
        finishes.append(Finish(orphan.id, orphan.token, move, "lost", began, now, None, error))
        tasks[orphan.id], numbers[orphan.id] = row[8], orphan.attempt
    if finishes:
        connection.run(
            sql["finish_runs"], {"done": json.dumps([_row(one) for one in finishes]), "node": node}
        )
        _tell_stories(connection, sql, node, finishes, numbers)
        _count(connection, sql, finishes, tasks, now)
    return len(finishes)


def write_log(
    connection: Connection, sql: Sql, lines: Sequence[LogLine], progress: Mapping[tuple[int, int], str] | None
) -> None:
    if lines:
        runs = json.dumps(sorted({line.run_id for line in lines}))
        last = dict(connection.rows(sql["last_lines"], {"runs": runs}))
        rows = []
        for line in lines:
            last[line.run_id] = last.get(line.run_id, 0) + 1
            rows.append([line.run_id, last[line.run_id], line.attempt, line.at, line.source, line.text])
        connection.run(sql["insert_log"], {"lines": json.dumps(rows)})
    if progress:
        said = [[run, token, text] for (run, token), text in progress.items()]
        connection.run(sql["set_progress"], {"progress": json.dumps(said)})
