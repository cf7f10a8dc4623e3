"""A ledger over SQL: `rota.ledger.protocol.Ledger`, but for what only a dialect knows. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from rota.clock import SECOND, Clock, Instant
from rota.ledger import records as r
from rota.ledger import work as w
from rota.ledger.migrate import Migrations, must_serve, newest, path
from rota.ledger.protocol import Listening
from rota.ledger.sql import fire, people, reads, rota, settle, upkeep
from rota.ledger.sql.claim import Claims
from rota.ledger.sql.connection import Connection, Store
from rota.ledger.sql.desk import Desk
from rota.model.lifecycle import Move
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, MissedRange, NewRun, Reason, RunRecord, State

__all__ = ["SqlLedger"]

LOOK_AGAIN = 5.0
"""Seconds after which the schema's version is read again."""

MOMENT = 0.5
"""Seconds that any answer is waited for at least."""

T = TypeVar("T")


class SqlLedger(Desk):
    """The work of each method, over a dialect's statements and its store of connections."""

    def __init__(self, store: Store, sql: dict[str, str], known: Migrations, clock: Clock) -> None:
        self._connections = store
        self._sql = sql
        self._known = known
        self._clock = clock
        self._claims = Claims(sql)
        self._served_at: float | None = None  # when the schema was last seen to be ours

    # -- what a dialect says

    def _schema(self, connection: Connection) -> int:
        """The schema's version; 0 where there is none of ours."""
        raise NotImplementedError

    def _now(self, connection: Connection) -> Instant:
        """The ledger's now, for the work that this connection is at."""
        return self._clock.now()

    def _tell(self, connection: Connection, word: str) -> None:
        """Tell the nodes once this commits, where the dialect can: see `Ledger.listen`."""

    def _told(self, connection: Connection, answer: T, word: str = "waiting") -> T:
        """Tell the nodes, if there is something to be told."""
        if answer:
            self._tell(connection, word)
        return answer

    def listen(self, heard: Callable[[str], None]) -> Listening | None:
        return None

    def _make_room(self, connection: Connection) -> None:
        """What has to be there before a migration begins."""

    # -- life

    @property
    def clock(self) -> Clock:
        """The ledger's clock, for those who wait by it."""
        return self._clock

    def now(self) -> Instant:
        return self._clock.now()

    def migrate(self, to: int | None = None) -> tuple[int, int]:
        self._served_at = None
        return self._connections.write(lambda c: self._migrate(c, to), alone=True)

    def _migrate(self, connection: Connection, to: int | None) -> tuple[int, int]:
        self._make_room(connection)
        return upkeep.migrate(connection, self._sql, self._known, self._schema(connection), to)

    def migration_sql(self, to: int | None = None) -> str:
        found = self._connections.read(self._schema)
        scripts, target = path(self._known, found, to)
        if not scripts:
            return ""
        record = (
            [self._sql["set_schema"].partition("\n")[2].replace(":version", f"'{target}'")] if target else []
        )
        said = f"-- Rota's ledger from version {found} to {target}. Nothing is done unless all of it is."
        begin, end = self._transaction_words()
        return "\n".join([said, *begin, *scripts, *(f"{one};" for one in record), *end, ""])

    def _transaction_words(self) -> tuple[list[str], list[str]]:
        """What stands before and after a migration that is run by hand."""
        return ["BEGIN IMMEDIATE;"], ["COMMIT;"]

    def version(self) -> tuple[int, int]:
        return self._connections.read(self._schema), newest(self._known)

    def close(self) -> None:
        self._connections.close()

    # -- the rota

    def apply(self, revision: r.NewRevision) -> r.Applied:
        return self._write(lambda c: rota.apply(c, self._sql, revision, self._now(c)), alone=True)

    def services(self) -> list[str]:
        return self._read(lambda c: [row[0] for row in c.rows(self._sql["services"])])

    def confirm(self, service: str, number: int, change: r.Change) -> bool:
        return self._write(lambda c: rota.confirm(c, self._sql, service, number, change), alone=True)

    def unconfirmed(self) -> list[tuple[str, int, Instant]]:
        return self._read(lambda c: [(row[0], row[1], row[2]) for row in c.rows(self._sql["unconfirmed"])])

    def current(self, service: str) -> int:
        rows = self._read(lambda c: c.rows(self._sql["current_revision"], {"service": service}))
        return int(rows[0][0]) if rows else 0

    def revisions(
        self, service: str | None = None, limit: int = 50, *, number: int | None = None
    ) -> list[Revision]:
        return self._read(lambda c: reads.revisions(c, self._sql, service, limit, number))

    def tasks(self, service: str | None = None, *, retired: bool = False) -> list[r.TaskRecord]:
        return self._read(lambda c: reads.tasks(c, self._sql, service, retired))

    def put_schedules(self, schedules: Sequence[r.NewSchedule], *, connection: Any = None) -> int:
        return self._on(
            connection, lambda c: self._told(c, rota.put_schedules(c, self._sql, schedules, self._now(c)))
        )

    def retire_schedules(
        self, service: str, task: str, keys: Sequence[str], *, connection: Any = None
    ) -> int:
        return self._on(
            connection, lambda c: rota.retire_schedules(c, self._sql, service, task, keys, self._now(c))
        )

    def schedules(
        self,
        service: str | None = None,
        task: str | None = None,
        *,
        key: str | None = None,
        due_by: Instant | None = None,
        limit: int = 1000,
    ) -> list[r.ScheduleRecord]:
        return self._read(lambda c: reads.schedules(c, self._sql, service, task, key, due_by, limit))

    def zones(self) -> str | None:
        return self._read(lambda c: reads.zones(c, self._sql))

    def rezone(self, version: str, moves: Sequence[tuple[int, Instant, Instant | None]]) -> int:
        return self._write(lambda c: rota.rezone(c, self._sql, version, moves), alone=True)

    # -- fire

    def next_due(self) -> Instant | None:
        return self._read(lambda c: reads.instant(c, self._sql["next_due"]))

    def fire(
        self,
        until: Instant,
        limit: int,
        plan: Callable[[Sequence[w.DueSchedule], Instant], Iterable[w.FirePlan]],
    ) -> w.Fired:
        following = self.next_due()
        if following is None or following > until:  # nothing is due: no need to be the writer
            return w.Fired(0, 0, following)

        def work(c: Connection) -> w.Fired:
            fired = fire.fire(c, self._sql, self._now(c), until, limit, plan)
            self._told(c, fired.runs)
            return fired

        return self._write(work)

    # -- claim, heartbeat, finish, rescue

    def register(self, node: w.NodeRecord) -> None:
        self._write(lambda c: settle.register(c, self._sql, node, self._now(c)))

    def claim(self, claim: w.Claim) -> list[w.Claimed]:
        if not claim.likely:
            following = self.next_waiting()
            if following is None or following > claim.until:
                return []
        return self._write(lambda c: self._claims.claim(c, claim, self._now(c)), alone=True)

    def holdings(self, node: str) -> list[w.Claimed]:
        return self._read(
            lambda c: [w.Claimed(*row) for row in c.rows(self._sql["holdings"], {"node": node})]
        )

    def next_waiting(self) -> Instant | None:
        return self._read(lambda c: reads.instant(c, self._sql["next_waiting"]))

    def heartbeat(self, beat: w.Beat) -> w.BeatReply:
        # An answer that comes after half the lease comes too late to be of use.
        within = max(MOMENT, beat.lease / SECOND / 2)
        return self._write(lambda c: settle.heartbeat(c, self._sql, beat, self._now(c)), within=within)

    def finish(self, node: str, finishes: Sequence[w.Finish]) -> list[int]:
        return self._write(lambda c: settle.finish(c, self._sql, node, finishes, self._now(c)))

    def rescue(self, nodes: Sequence[str], decide: Callable[[w.Orphan], Move]) -> int:
        return self._write(
            lambda c: self._told(c, settle.rescue(c, self._sql, nodes, decide, self._now(c))), alone=True
        )

    def leave(self, node: str) -> None:
        self._write(lambda c: c.run(self._sql["leave"], {"id": node, "now": self._now(c)}), alone=True)

    def nodes(self, *, live: bool = True) -> list[w.NodeRecord]:
        return self._read(lambda c: reads.nodes(c, self._sql, live))

    def write_log(
        self, lines: Sequence[w.LogLine], progress: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        self._write(lambda c: settle.write_log(c, self._sql, lines, progress))

    def sweep(self, limit: int = 500) -> int:
        return self._write(lambda c: upkeep.sweep(c, self._sql, self._now(c), limit))

    def prune(self, before: Instant, limit: int = 1000) -> int:
        return self._write(lambda c: upkeep.prune(c, self._sql, before, limit), alone=True)

    # -- what people ask

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> list[r.Enqueued]:
        return self._on(
            connection, lambda c: self._told(c, people.enqueue(c, self._sql, runs, if_exists, self._now(c)))
        )

    def cancel(self, run_id: int, change: r.Change, reason: Reason = Reason.OPERATOR) -> State | None:
        def work(c: Connection) -> State | None:
            state = people.cancel(c, self._sql, run_id, change, reason, self._now(c))
            self._told(c, state is State.RUNNING, "stop")
            return state

        return self._write(work)

    def reopen(self, run_id: int, change: r.Change) -> bool:
        return self._write(lambda c: self._told(c, people.reopen(c, self._sql, run_id, change, self._now(c))))

    def pause(self, task_id: int, change: r.Change, until: Instant | None = None) -> bool:
        return self._write(lambda c: people.pause(c, self._sql, task_id, change, until, self._now(c)))

    def resume(self, task_id: int, change: r.Change, runs: Sequence[NewRun] = ()) -> bool:
        return self._write(
            lambda c: self._told(c, people.resume(c, self._sql, task_id, change, runs, self._now(c)))
        )

    def note(self, change: r.Change) -> None:
        self._write(lambda c: people.note(c, self._sql, change))

    def changes(self, *, subject: str | None = None, limit: int = 50) -> list[r.Change]:
        return self._read(lambda c: reads.changes(c, self._sql, subject, limit))

    # -- what has been

    def run(self, run_id: int) -> RunRecord | None:
        return self._read(lambda c: reads.run(c, self._sql, run_id, self._now(c)))

    def runs(self, where: r.RunFilter) -> list[RunRecord]:
        return self._read(lambda c: reads.runs(c, self._sql, where, self._now(c)))

    def attempts(self, run_id: int) -> list[AttemptRecord]:
        return self._view(lambda c: reads.attempts(c, self._sql, run_id, self._now(c)))

    def attempts_between(self, first: int, last: int) -> list[AttemptRecord]:
        return self._read(lambda c: reads.attempts_between(c, self._sql, first, last))

    def log(self, run_id: int, *, after: int = 0, limit: int = 1000) -> list[w.LogLine]:
        return self._read(lambda c: reads.log(c, self._sql, run_id, after, limit))

    def ranges(self, schedule_id: int, since: Instant, limit: int = 1000) -> list[MissedRange]:
        return self._read(lambda c: reads.ranges(c, self._sql, schedule_id, since, limit))

    def counts(self, since: Instant) -> dict[tuple[str, str], dict[str, int]]:
        return self._read(lambda c: reads.counts(c, self._sql, since))

    def touched(self, service: str) -> dict[str, dict[str, int]]:
        return self._read(lambda c: reads.touched(c, self._sql, service))

    def durations(self, service: str, task: str, limit: int = 100) -> list[int]:
        return self._read(lambda c: reads.durations(c, self._sql, service, task, limit))

    # -- connections

    def _write(
        self, work: Callable[[Connection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        return self._connections.write(self._checked(work), alone=alone, within=within)

    def _read(self, work: Callable[[Connection], T]) -> T:
        return self._connections.read(self._checked(work))

    def _view(self, work: Callable[[Connection], T]) -> T:
        return self._connections.view(self._checked(work))

    def _on(self, theirs: Any, work: Callable[[Connection], T]) -> T:
        """Our own transaction; or, on the caller's connection, the caller's."""
        if theirs is None:
            return self._write(work)
        return self._connections.join(theirs, self._checked(work, always=True))

    def _checked(self, work: Callable[[Connection], T], *, always: bool = False) -> Callable[[Connection], T]:
        def checked(connection: Connection) -> T:
            self._check_schema(connection, always=always)
            return work(connection)

        return checked

    def _check_schema(self, connection: Connection, *, always: bool) -> None:
        """Raises `LedgerVersion` unless this build serves the schema; looks again every few seconds, since
        another process may migrate the ledger meanwhile."""
        now = self._clock.monotonic()
        if always or self._served_at is None or not 0 <= now - self._served_at < LOOK_AGAIN:
            must_serve(self._known, self._schema(connection))
            self._served_at = None if always else now
