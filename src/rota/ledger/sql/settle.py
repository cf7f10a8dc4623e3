"""Finish, heartbeat and rescue: everything that a node may write about its runs, each under its token."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rota.clock import MICROSECOND, Instant, from_instant
from rota.errors import LedgerError, Retriable
from rota.ledger.sql.connection import Connection
from rota.ledger.work import Beat, BeatReply, Finish, LogLine, NodeRecord, Orphan
from rota.model.lifecycle import HandedBack, Move, step
from rota.model.run import Kind, Reason, State
from rota.model.task import Retries

__all__ = ["finish", "heartbeat", "register", "rescue", "write_log"]

Sql = dict[str, str]


def finish(
    connection: Connection, sql: Sql, node: str, finishes: Sequence[Finish], now: Instant
) -> list[int]:
    """Record what still holds; keep the rest as notes. Returns the refused run ids."""
    settled = _heeding(connection, sql, node, {(one.id, one.token): one for one in finishes})
    written = _write(connection, sql, node, settled)
    accepted = [one for one in settled if (one.id, one.token) in written]
    if accepted:
        _tell_stories(connection, sql, node, accepted, {id_: row[2] for (id_, _), row in written.items()})
        _count(
            connection,
            sql,
            accepted,
            {row[0]: row[1] for row in written.values() if row[4] != Kind.UNDO},
            now,
        )
    refused = [one for one in finishes if (one.id, one.token) not in written]
    return _refuse(connection, sql, node, refused) if refused else []


def _write(
    connection: Connection, sql: Sql, node: str, settled: Sequence[Finish]
) -> dict[tuple[int, int], Sequence[Any]]:
    """Write what the node still holds, under its tokens; returns (run, token) -> (run, task, attempt, token,
    kind)."""
    rows = json.dumps([_row(one) for one in settled])
    written = connection.rows(sql["finish_runs"], {"done": rows, "node": node})
    return {(row[0], row[3]): row for row in written}


def _heeding(
    connection: Connection, sql: Sql, node: str, finishes: Mapping[tuple[int, int], Finish]
) -> list[Finish]:
    """In the order of the runs, which is the order of locks for all. A run that was to be stopped is not tried again,
    also where its node had not heard of that yet."""
    ordered = [finishes[key] for key in sorted(finishes)]
    waiting = [[one.id, one.token] for one in ordered if one.move.state is State.WAITING]
    if not waiting:
        return ordered
    given = {"keys": json.dumps(waiting), "node": node}
    asked = {(row[0], row[2]): row[1] for row in connection.many(sql["asked_to_stop"], given)}
    return [_stopped(one, asked.get((one.id, one.token))) for one in ordered]


def _stopped(one: Finish, cancel_reason: str | None) -> Finish:
    if cancel_reason is None or one.move.state is not State.WAITING:
        return one
    move = step(State.RUNNING, HandedBack(), one.move.tally, Retries(), asked_to_stop=Reason(cancel_reason))
    assert move is not None  # a running run can always be handed back
    return one._replace(move=move)


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
    """Failed runs in a row, and the pause that follows too many of them. A run that is not among ``tasks`` undid
    something: it says nothing of how the task fares."""
    counted = [one for one in settled if one.id in tasks]
    failed = [tasks[one.id] for one in counted if one.move.state is State.FAILED]
    succeeded = sorted({tasks[one.id] for one in counted if one.move.state is State.SUCCEEDED})
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


def _refuse(connection: Connection, sql: Sql, node: str, late: Sequence[Finish]) -> list[int]:
    """Keep late answers as notes. What this node had recorded before, and did not learn of, is no late answer."""
    keys = json.dumps([[one.id, one.token] for one in late])
    known = {
        (row[0], one.token): row
        for one, row in _paired(late, connection.many(sql["refused_by"], {"keys": keys}))
    }
    refused = [one for one in late if not _is_recorded(one, known.get((one.id, one.token)))]
    rows = [(one, known.get((one.id, one.token))) for one in refused]
    notes = [
        _late_note(one, node, row) for one, row in rows if row is not None and not _is_anothers(one, row)
    ]
    if notes:
        connection.run(sql["note_late"], {"late": json.dumps(notes)})
    return [one.id for one in refused]


def _paired(late: Sequence[Finish], rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Finish, Sequence[Any]]]:
    """Each late answer with what is known of its run; a run that was pruned is not known."""
    remaining = iter(rows)
    row = next(remaining, None)
    for one in late:
        if row is not None and row[0] == one.id:
            yield one, row
            row = next(remaining, None)


def _is_recorded(one: Finish, row: Sequence[Any] | None) -> bool:
    """Whether this very outcome stands in the ledger: its commit came through, but the answer did not."""
    if row is None:
        return False
    _, token, state, _, finished_at, told, told_at = row
    if told is not None:
        return bool(told == one.ended and told_at == one.finished_at)
    return bool(token == one.token and state == one.move.state and finished_at == one.finished_at)


def _is_anothers(one: Finish, row: Sequence[Any]) -> bool:
    """Whether the attempt has no story of its own yet: another node holds it, and it alone will tell."""
    return bool(row[1] == one.token and row[5] is None)


def _late_note(one: Finish, node: str, row: Sequence[Any]) -> list[Any]:
    when = from_instant(one.finished_at).isoformat(timespec="milliseconds")
    note = f"a late answer of {when} was refused, its lease had been lost: {one.ended}"
    if one.result is not None:
        note += f", result {one.result[:1000]}"
    attempt = row[3] if row[1] == one.token else 0  # 0: of an attempt that the ledger knows nothing of
    return [one.id, attempt, one.token, node, one.started_at, one.finished_at, one.error, note]


def register(connection: Connection, sql: Sql, node: NodeRecord, now: Instant) -> None:
    lease = max(1, node.lease_until - node.started_at)
    connection.run(
        sql["register_node"],
        {
            "id": node.id, "label": node.label, "services": node.services, "queues": node.queues, "version": node.version,
            "started_at": now, "now": now, "lease": lease, "lease_until": now + lease, "slots": node.slots,
            "busy": node.busy, "lag": node.lag, "clock_offset": node.clock_offset,
        },
    )  # fmt: skip


def heartbeat(connection: Connection, sql: Sql, beat: Beat, now: Instant) -> BeatReply:
    values = {
        "id": beat.node,
        "lease": beat.lease,
        "slots": beat.slots,
        "busy": beat.busy,
        "lag": beat.lag,
        "clock_offset": beat.clock_offset,
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
    for (node,) in connection.rows(sql["strays"]):
        moved += _take_over(connection, sql, node, decide, now)
    return moved


def _take_over(
    connection: Connection, sql: Sql, node: str, decide: Callable[[Orphan], Move], now: Instant
) -> int:
    """Move all that a lost node held, as attempts that were lost; returns how many runs."""
    rows = connection.rows(sql["orphans"], {"node": node})
    error = json.dumps({"type": "Lost", "message": f"node {node[:8]} lost its lease while it held this run"})
    orphans = [Orphan(*row[:8]) for row in rows]
    finishes = [
        Finish(one.id, one.token, decide(one), "lost", _began(row[10], now), now, None, error)
        for one, row in zip(orphans, rows, strict=True)
    ]
    if finishes:
        written = _write(connection, sql, node, finishes)
        if len(written) != len(finishes):  # they were locked within this very transaction
            raise LedgerError(
                "lost runs were not moved", expected=f"{len(finishes)} runs held by the node", found=str(len(written)),
                retry=Retriable(True, "nothing was written"),
            )  # fmt: skip
        _tell_stories(connection, sql, node, finishes, {one.id: one.attempt for one in orphans})
        _count(connection, sql, finishes, {row[0]: row[9] for row in rows if row[7] != Kind.UNDO}, now)
    return len(finishes)


def _began(started_at: int | None, now: Instant) -> Instant | None:
    """What was held ahead for an instant that has not come had not begun."""
    return Instant(started_at) if started_at is not None and started_at <= now else None


def write_log(
    connection: Connection, sql: Sql, lines: Sequence[LogLine], progress: Mapping[tuple[int, int], str] | None
) -> None:
    if lines:
        places: Counter[int] = Counter()
        rows = []
        for line in lines:
            places[line.run_id] += 1
            rows.append([line.run_id, places[line.run_id], line.attempt, line.at, line.source, line.text])
        connection.run(sql["insert_log"], {"lines": json.dumps(rows)})
    if progress:
        said = [[run, token, text] for (run, token), text in progress.items()]
        connection.run(sql["set_progress"], {"progress": json.dumps(said)})
