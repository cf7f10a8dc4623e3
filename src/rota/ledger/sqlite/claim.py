"""Claim: takes waiting runs under a node's lease, and decides what overlap, deadlines and limits make of the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Claim, Claimed
from rota.ledger.sqlite.connect import Connection
from rota.model.lifecycle import Event, Missed, Skipped, Tally, step
from rota.model.run import Reason, State
from rota.model.task import Overlap, Retries

__all__ = ["Claims"]

Sql = dict[str, str]


@dataclass(slots=True)
class _Round:
    """What one claim has decided so far."""

    now: Instant
    taken: list[list[Any]] = field(default_factory=list)
    ended: list[list[Any]] = field(default_factory=list)
    superseded: list[int] = field(default_factory=list)
    lanes: set[int] = field(default_factory=set)
    rooms: dict[int, int] = field(default_factory=dict)


class Claims:
    """The claims of one ledger. Remembers, between claims, only which tasks a node does not have."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self._foreign: tuple[int, int, str] | None = None

    def claim(self, connection: Connection, claim: Claim, now: Instant) -> list[Claimed]:
        """One claim, inside the caller's transaction."""
        round_ = _Round(now)
        foreign = self._foreign_tasks(connection, claim.tasks)
        rooms = self._queue_rooms(connection, claim.quota, now)
        for queue, quota in claim.quota.items():
            self._choose_from(connection, claim, round_, queue, min(quota, rooms.get(queue, quota)), foreign)
        self._spend(connection, claim.quota, round_, now)
        return self._record(connection, claim.node, round_)

    # -- choosing

    def _choose_from(
        self, connection: Connection, claim: Claim, round_: _Round, queue: str, quota: int, foreign: str
    ) -> None:
        if quota <= 0:
            return
        before = len(round_.taken)
        for level in json.loads(connection.rows(self._sql["waiting_levels"], {"queue": queue})[0][0]):
            wanted = quota - (len(round_.taken) - before)
            if wanted <= 0:
                return
            found = connection.rows(
                self._sql["claim_candidates"],
                {"queue": queue, "priority": level, "until": claim.until, "now": round_.now, "foreign": foreign, "limit": wanted},
            )  # fmt: skip
            for row in json.loads(found[0][0]):
                self._decide(connection, round_, row)

    def _decide(self, connection: Connection, round_: _Round, row: Sequence[Any]) -> None:
        """Start it, skip it, declare it missed, have another one stop for it, or leave it for later."""
        lane, overlap, expires_at, busy, room = row[15:20]
        if expires_at is not None and expires_at <= round_.now:
            self._end(round_, row, Missed())
        elif busy:
            self._decide_busy(connection, round_, row, overlap)
        elif lane is not None and lane in round_.lanes:
            return  # another of its lane starts with this very claim; the next claim decides
        elif room is not None and round_.rooms.setdefault(row[1], room) <= 0:
            return
        else:
            if lane is not None:
                round_.lanes.add(lane)
            if room is not None:
                round_.rooms[row[1]] -= 1
            round_.taken.append(list(row))

    def _decide_busy(self, connection: Connection, round_: _Round, row: Sequence[Any], overlap: str) -> None:
        lane = row[15]
        if overlap != Overlap.CANCEL:
            self._end(round_, row, Skipped(Reason.OVERLAP), "an earlier run of this schedule had not ended")
            return
        newer = connection.rows(
            self._sql["newer_waits"], {"lane": lane, "scheduled_at": row[6], "now": round_.now}
        )
        if newer[0][0]:
            self._end(
                round_, row, Skipped(Reason.OVERLAP), "superseded by a later occurrence before it could start"
            )
        else:
            connection.run(self._sql["supersede"], {"lane": lane})

    def _end(self, round_: _Round, row: Sequence[Any], event: Event, note: str | None = None) -> None:
        move = step(State.WAITING, event, Tally(row[9], row[10]), Retries())
        assert move is not None  # a waiting run can always be skipped or missed
        round_.ended.append([row[0], move.state, move.reason, note])

    # -- limits

    def _foreign_tasks(self, connection: Connection, tasks: Mapping[str, Sequence[str]]) -> str:
        """Ids of live tasks that the node does not have, asked for anew when the rota has changed."""
        version = connection.rows(self._sql["tasks_version"])
        marker = version[0][0] if version else 0
        if self._foreign is None or self._foreign[:2] != (marker, id(tasks)):
            known = json.dumps([f"{service}/{name}" for service, names in tasks.items() for name in names])
            ids = connection.rows(self._sql["foreign_tasks"], {"known": known})[0][0]
            self._foreign = (marker, id(tasks), ids)
        return self._foreign[2]

    def _queue_rooms(self, connection: Connection, quota: Mapping[str, int], now: Instant) -> dict[str, int]:
        """How many runs the queues' own limits allow, where they have any."""
        rooms = dict.fromkeys((name for (name,) in connection.rows(self._sql["paused_queues"])), 0)
        self._buckets: dict[str, float] = {}
        for name, rate, concurrency, tokens, refilled_at in connection.rows(self._sql["queue_limits"]):
            if name not in quota or name in rooms:
                continue
            room = quota[name]
            if concurrency is not None:
                running = connection.rows(self._sql["queue_running"], {"queue": name})[0][0]
                room = min(room, concurrency - running)
            if rate is not None:
                self._buckets[name] = _refilled(tokens, rate, refilled_at, now)
                room = min(room, int(self._buckets[name]))
            rooms[name] = max(0, room)
        return rooms

    def _spend(self, connection: Connection, quota: Mapping[str, int], round_: _Round, now: Instant) -> None:
        for name, tokens in self._buckets.items():
            taken = sum(1 for row in round_.taken if row[20] == name)
            if taken:
                connection.run(self._sql["set_tokens"], {"name": name, "tokens": tokens - taken, "now": now})

    # -- recording

    def _record(self, connection: Connection, node: str, round_: _Round) -> list[Claimed]:
        if round_.ended:
            connection.run(
                self._sql["settle_unstarted"], {"ended": json.dumps(round_.ended), "now": round_.now}
            )
        if not round_.taken:
            return []
        count = len(round_.taken)
        last = connection.rows(self._sql["take_tokens"], {"count": count})[0][0]
        tokens = range(last - count + 1, last + 1)
        pairs = [[row[0], token] for row, token in zip(round_.taken, tokens, strict=True)]
        connection.run(self._sql["claim_runs"], {"taken": json.dumps(pairs), "node": node})
        return [
            Claimed(row[0], row[2], row[3], row[4], row[5], row[6], row[7], row[8] + 1, token, row[9], row[10], row[11],
                    row[12], row[13], row[14])
            for row, token in zip(round_.taken, tokens, strict=True)
        ]  # fmt: skip


def _refilled(tokens: float, rate: float, refilled_at: int, now: Instant) -> float:
    """A token bucket that holds one second's worth, at least one; a clock that goes back takes nothing away."""
    full = max(1.0, rate)
    if refilled_at == 0:
        return full
    return min(full, tokens + rate * max(0, now - refilled_at) / SECOND)
