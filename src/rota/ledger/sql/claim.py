"""Claim: takes waiting runs under a node's lease, and decides what overlap, deadlines and limits make of the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rota.clock import Instant
from rota.ledger.sql.buckets import Rooms
from rota.ledger.sql.connection import Connection
from rota.ledger.work import Claim, Claimed
from rota.model.lifecycle import Event, Missed, Skipped, Tally, step
from rota.model.run import Reason, State
from rota.model.task import Overlap, Retries

__all__ = ["Claims"]

Sql = dict[str, str]

GLANCE = 64
"""Candidates looked at even where fewer are wanted: what has to be skipped must not take a turn each."""

ROUNDS = 100
"""Times that one claim looks at a queue and priority again, after what it took has made others wait."""


class _Candidate(NamedTuple):
    """A row of `claim_candidates`."""

    id: int
    task_id: int
    schedule_key: str | None
    kind: str
    scheduled_at: Instant
    run_at: Instant
    attempt: int
    spent: int
    crashes: int
    key: str | None
    args: str | None
    covers_from: Instant | None
    covers_count: int
    lane: int | None
    expires_at: Instant | None
    busy: int


@dataclass(frozen=True, slots=True)
class _Facts:
    """What claims need to know of the tasks, as of one state of the rota."""

    marker: int
    tasks: Mapping[int, tuple[str, str, str]]  # service, name, overlap
    limits: Mapping[int, int]  # runs at once, of the tasks that say so
    retired: frozenset[int]


@dataclass(slots=True)
class _Round:
    """What one claim has found and decided so far."""

    connection: Connection
    node: str
    now: Instant
    until: Instant
    facts: _Facts
    held: str
    blocked: set[int]
    rooms: dict[int, int]
    claimed: list[Claimed] = field(default_factory=list)
    taken: list[_Candidate] = field(default_factory=list)
    ended: list[list[Any]] = field(default_factory=list)
    lanes: set[int] = field(default_factory=set)
    missed: list[int] = field(default_factory=list)  # their tasks


class Claims:
    """The claims of one ledger. Remembers, between claims, only facts about tasks that change with the rota."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self._facts: _Facts | None = None
        self._foreign: list[tuple[int, Mapping[str, Sequence[str]], frozenset[int]]] = []

    def claim(self, connection: Connection, claim: Claim, now: Instant) -> list[Claimed]:
        """One claim, inside the caller's transaction. A node without a live lease gets nothing."""
        head = json.loads(connection.rows(self._sql["claim_head"], {"node": claim.node})[0][0])
        state, marker, held, queues, levels = head
        if state != "live":
            return []
        round_ = self._begin(connection, claim, now, marker or 0, held)
        rooms = Rooms(queues, now)
        waiting: dict[str, list[int]] = {}
        for queue, priority in reversed(levels):  # as the index has them: highest priority last
            waiting.setdefault(queue, []).append(priority)
        for queue, quota in claim.quota.items():
            before = len(round_.claimed)
            for priority in waiting.get(queue, ()):
                wanted = rooms.of(queue, quota) - (len(round_.claimed) - before)
                self._fill(round_, queue, priority, wanted)
            rooms.spend(queue, len(round_.claimed) - before)
        for name, tokens in rooms.changed():
            connection.run(self._sql["set_tokens"], {"name": name, "tokens": tokens, "now": now})
        if round_.missed:
            connection.run(self._sql["count_missed"], {"tasks": json.dumps(round_.missed)})
        return round_.claimed

    def _begin(
        self, connection: Connection, claim: Claim, now: Instant, marker: int, held: Sequence[int]
    ) -> _Round:
        facts = self._facts_of(connection, marker)
        rooms = dict(facts.limits)
        if rooms:
            for task, running in connection.many(self._sql["running_of"], {"tasks": json.dumps(list(rooms))}):
                rooms[task] -= running
        blocked = set(self._foreign_to(claim.tasks, facts))
        blocked.update(task for task, room in rooms.items() if room <= 0)
        return _Round(connection, claim.node, now, claim.until, facts, json.dumps(held), blocked, rooms)

    # -- choosing

    def _fill(self, round_: _Round, queue: str, priority: int, wanted: int) -> None:
        """Take up to ``wanted`` runs of a queue and priority.

        1. Look at the first candidates, and decide each.
        2. Record what was decided. Whatever that has made wait (its lane is busy now, its task has no room) is left
           out of the next look.
        3. Look again while more is wanted and there may be more.
        """
        for _ in range(ROUNDS):
            if wanted <= 0:
                return
            limit = max(wanted, GLANCE)
            candidates = self._candidates(round_, queue, priority, limit)
            again = self._decide_all(round_, candidates, wanted)
            wanted -= self._record(round_)
            if not again and len(candidates) < limit:
                return

    def _candidates(self, round_: _Round, queue: str, priority: int, limit: int) -> list[_Candidate]:
        given = {
            "queue": queue, "priority": priority, "until": round_.until, "now": round_.now, "limit": limit,
            "blocked": json.dumps(list(round_.blocked)), "held": round_.held,
        }  # fmt: skip
        return [_Candidate(*row) for row in round_.connection.many(self._sql["claim_candidates"], given)]

    def _decide_all(self, round_: _Round, candidates: Iterable[_Candidate], wanted: int) -> bool:
        """Decide candidates until enough are taken; returns whether some could not be decided yet."""
        again = False
        for run in candidates:
            if len(round_.taken) >= wanted:
                break
            if run.expires_at is not None and run.attempt == 0 and run.expires_at <= round_.now:
                self._end(round_, run, Missed())
            elif run.lane is not None and run.lane in round_.lanes:
                again = (
                    True  # another of its lane starts with this very claim: the next look finds the lane busy
                )
            elif run.busy:
                self._decide_busy(round_, run)
            elif not self._take(round_, run):
                again = True
        return again

    def _take(self, round_: _Round, run: _Candidate) -> bool:
        room = round_.rooms.get(run.task_id)
        if room is not None:
            if room <= 0:
                round_.blocked.add(run.task_id)
                return False
            round_.rooms[run.task_id] = room - 1
        if run.lane is not None:
            round_.lanes.add(run.lane)
        round_.taken.append(run)
        return True

    def _decide_busy(self, round_: _Round, run: _Candidate) -> None:
        """A due occurrence whose lane is busy, where it is not just to wait."""
        overlap = round_.facts.tasks[run.task_id][2]
        if overlap != Overlap.CANCEL:
            self._end(round_, run, Skipped(Reason.OVERLAP), "an earlier run of this schedule had not ended")
            return
        given = {"lane": run.lane, "scheduled_at": run.scheduled_at, "now": round_.now}
        if round_.connection.rows(self._sql["newer_waits"], given)[0][0]:
            note = "superseded by a later occurrence before it could start"
            self._end(round_, run, Skipped(Reason.OVERLAP), note)
        else:
            round_.connection.run(self._sql["supersede"], {"lane": run.lane})

    def _end(self, round_: _Round, run: _Candidate, event: Event, note: str | None = None) -> None:
        move = step(State.WAITING, event, Tally(run.spent, run.crashes), Retries())
        assert move is not None  # a waiting run can always be skipped or missed
        round_.ended.append([run.id, move.state, move.reason, note, run.run_at, run.expires_at])

    # -- recording

    def _record(self, round_: _Round) -> int:
        """Write down what was decided; returns how many runs were taken."""
        connection, taken = round_.connection, round_.taken
        if round_.ended:
            ended: dict[str, Any] = {"ended": json.dumps(round_.ended), "now": round_.now}
            told = connection.rows(self._sql["settle_unstarted"], ended)
            round_.missed += [task for task, state in told if state == State.MISSED]
        if taken:
            last = connection.rows(self._sql["take_tokens"], {"count": len(taken)})[0][0]
            tokens = range(last - len(taken) + 1, last + 1)
            # Only what has a key can have been given other arguments meanwhile: the others need not be compared.
            chosen = [
                (run.id, token, run.attempt, run.run_at, None if run.key is None else run.args)
                for run, token in zip(taken, tokens, strict=True)
            ]
            given = {"taken": json.dumps(chosen), "node": round_.node, "now": round_.now}
            got = {  # not what was cancelled or moved just now
                row[0] for row in connection.rows(self._sql["claim_runs"], given)
            }
            tasks = round_.facts.tasks
            round_.claimed += [
                Claimed(
                    run.id, *tasks[run.task_id][:2], run.schedule_key, run.kind, run.scheduled_at, run.run_at,
                    run.attempt + 1, token, run.spent, run.crashes, run.key, run.args, run.covers_from, run.covers_count,
                )
                for run, token in zip(taken, tokens, strict=True)
                if run.id in got
            ]  # fmt: skip
        round_.taken, round_.ended, round_.lanes = [], [], set()
        return len(taken)

    # -- what changes only with the rota

    def _facts_of(self, connection: Connection, marker: int) -> _Facts:
        if self._facts is None or self._facts.marker != marker:
            rows = connection.many(self._sql["task_facts"])
            self._facts = _Facts(
                marker,
                {row[0]: (row[1], row[2], row[3]) for row in rows},
                {row[0]: row[4] for row in rows if row[4] is not None and not row[5]},
                frozenset(row[0] for row in rows if row[5]),
            )
            self._foreign = []
        return self._facts

    def _foreign_to(self, known: Mapping[str, Sequence[str]], facts: _Facts) -> frozenset[int]:
        """Ids of tasks that are retired, or that a node with ``known`` tasks does not have."""
        for size, tasks, ids in self._foreign:  # held here, so that the same identity is the same mapping
            if tasks is known and size == sum(map(len, known.values())):
                return ids
        names = {service: frozenset(of) for service, of in known.items()}
        none: frozenset[str] = frozenset()
        foreign = (
            id_ for id_, (service, name, _) in facts.tasks.items() if name not in names.get(service, none)
        )
        ids = facts.retired.union(foreign)
        self._foreign = [*self._foreign[-7:], (sum(map(len, known.values())), known, ids)]
        return ids
