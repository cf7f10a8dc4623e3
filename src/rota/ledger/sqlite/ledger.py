"""The SQLite ledger: `rota.ledger.protocol.Ledger` over one file. Each method is one transaction; the work is next door."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rota.clock import Clock, Instant
from rota.ledger import protocol as p
from rota.ledger.migrate import must_serve, newest
from rota.ledger.sqlfile import statements
from rota.ledger.sqlite import fire, people, reads, rota, settle, upkeep
from rota.ledger.sqlite.claim import Claims
from rota.ledger.sqlite.connect import Connection, Driver
from rota.ledger.sqlite.faults import faults
from rota.ledger.sqlite.store import Store
from rota.ledger.sqlite.theirs import accept
from rota.model.lifecycle import Move
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, MissedRange, NewRun, Reason, RunRecord, State

__all__ = ["SqliteLedger"]

LOOK_AGAIN = 5.0
"""Seconds after which the schema's version is read again."""


class SqliteLedger:
    """A ledger in one SQLite file, for the processes of one machine.

    ``synchronous="full"``: what was acknowledged survives a power cut. ``"normal"``: it survives the process,
    but a power cut may cost the last moments. The clock is this machine's.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock,
        driver: Driver = "apsw",
        synchronous: Literal["full", "normal"] = "full",
    ) -> None:
        self._clock = clock
        self._sql = statements(upkeep.PACKAGE)
        self._store = Store(Path(path), driver, synchronous)
        self._claims = Claims(self._sql)
        self._served_at: float | None = None  # when the schema was last seen to be ours

    # -- life

    def now(self) -> Instant:
        return self._clock.now()

    def migrate(self, to: int | None = None) -> tuple[int, int]:
        self._served_at = None
        with self._store.write() as connection:
            return upkeep.migrate(connection, self._sql, to)

    def version(self) -> tuple[int, int]:
        with self._store.read() as connection:
            return upkeep.schema_version(connection), newest(upkeep.known())

    def facts(self) -> dict[str, Any]:
        with self._store.view() as connection:
            return upkeep.facts(self._store, connection)

    def backup(self, path: str) -> int:
        with self._store.read() as connection:
            return upkeep.backup(connection, Path(path))

    def close(self) -> None:
        self._store.close()

    # -- the rota

    def apply(self, revision: p.NewRevision) -> p.Applied:
        with self._write() as connection:
            return rota.apply(connection, self._sql, revision, self.now())

    def revisions(self, service: str | None = None, limit: int = 50) -> list[Revision]:
        with self._read() as connection:
            return reads.revisions(connection, self._sql, service, limit)

    def tasks(self, service: str | None = None, *, retired: bool = False) -> list[p.TaskRecord]:
        with self._read() as connection:
            return reads.tasks(connection, self._sql, service, retired)

    def put_schedules(self, schedules: Sequence[p.NewSchedule], *, connection: Any = None) -> int:
        with self._on(connection) as ours:
            return rota.put_schedules(ours, self._sql, schedules, self.now())

    def retire_schedules(
        self, service: str, task: str, keys: Sequence[str], *, connection: Any = None
    ) -> int:
        with self._on(connection) as ours:
            return rota.retire_schedules(ours, self._sql, service, task, keys, self.now())

    def schedules(
        self,
        service: str | None = None,
        task: str | None = None,
        *,
        key: str | None = None,
        due_by: Instant | None = None,
        limit: int = 1000,
    ) -> list[p.ScheduleRecord]:
        with self._read() as connection:
            return reads.schedules(connection, self._sql, service, task, key, due_by, limit)

    def zones(self) -> str | None:
        with self._read() as connection:
            rows = connection.rows(self._sql["zones"])
            return str(rows[0][0]) if rows else None

    def rezone(self, version: str, moves: Sequence[tuple[int, Instant, Instant | None]]) -> int:
        with self._write() as connection:
            return rota.rezone(connection, self._sql, version, moves)

    # -- fire

    def next_due(self) -> Instant | None:
        with self._read() as connection:
            rows = connection.rows(self._sql["next_due"])
            return Instant(rows[0][0]) if rows else None

    def fire(
        self,
        until: Instant,
        limit: int,
        plan: Callable[[Sequence[p.DueSchedule], Instant], Iterable[p.FirePlan]],
    ) -> p.Fired:
        following = self.next_due()
        if following is None or following > until:  # nothing is due: no need to be the writer
            return p.Fired(0, 0, following)
        with self._write() as connection:
            return fire.fire(connection, self._sql, self.now(), until, limit, plan)

    # -- claim, heartbeat, finish, rescue

    def register(self, node: p.NodeRecord) -> None:
        with self._write() as connection:
            settle.register(connection, self._sql, node, self.now())

    def claim(self, claim: p.Claim) -> list[p.Claimed]:
        following = self.next_waiting()
        if following is None or following > claim.until:
            return []
        with self._write() as connection:
            return self._claims.claim(connection, claim, self.now())

    def next_waiting(self) -> Instant | None:
        with self._read() as connection:
            found = connection.rows(self._sql["next_waiting"])[0][0]
            return Instant(found) if found is not None else None

    def heartbeat(self, beat: p.Beat) -> p.BeatReply:
        with self._write() as connection:
            return settle.heartbeat(connection, self._sql, beat, self.now())

    def finish(self, node: str, finishes: Sequence[p.Finish]) -> list[int]:
        with self._write() as connection:
            return settle.finish(connection, self._sql, node, finishes, self.now())

    def rescue(self, nodes: Sequence[str], decide: Callable[[p.Orphan], Move]) -> int:
        with self._write() as connection:
            return settle.rescue(connection, self._sql, nodes, decide, self.now())

    def leave(self, node: str) -> None:
        with self._write() as connection:
            connection.run(self._sql["leave"], {"id": node, "now": self.now()})

    def nodes(self, *, live: bool = True) -> list[p.NodeRecord]:
        with self._read() as connection:
            return reads.nodes(connection, self._sql, live)

    def write_log(
        self, lines: Sequence[p.LogLine], progress: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        with self._write() as connection:
            settle.write_log(connection, self._sql, lines, progress)

    def sweep(self, limit: int = 500) -> int:
        with self._write() as connection:
            return upkeep.sweep(connection, self._sql, self.now(), limit)

    def prune(self, before: Instant, limit: int = 1000) -> int:
        with self._write() as connection:
            return upkeep.prune(connection, self._sql, before, limit)

    # -- what people ask

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> list[p.Enqueued]:
        with self._on(connection) as ours:
            return people.enqueue(ours, self._sql, runs, if_exists, self.now())

    def cancel(self, run_id: int, change: p.Change, reason: Reason = Reason.OPERATOR) -> State | None:
        with self._write() as connection:
            return people.cancel(connection, self._sql, run_id, change, reason, self.now())

    def reopen(self, run_id: int, change: p.Change) -> bool:
        with self._write() as connection:
            return people.reopen(connection, self._sql, run_id, change, self.now())

    def pause(self, task_id: int, change: p.Change, until: Instant | None = None) -> bool:
        with self._write() as connection:
            return people.pause(connection, self._sql, task_id, change, until, self.now())

    def resume(self, task_id: int, change: p.Change, runs: Sequence[NewRun] = ()) -> bool:
        with self._write() as connection:
            return people.resume(connection, self._sql, task_id, change, runs, self.now())

    def note(self, change: p.Change) -> None:
        with self._write() as connection:
            people.note(connection, self._sql, change)

    def changes(self, *, subject: str | None = None, limit: int = 50) -> list[p.Change]:
        with self._read() as connection:
            return reads.changes(connection, self._sql, subject, limit)

    # -- what has been

    def run(self, run_id: int) -> RunRecord | None:
        with self._read() as connection:
            return reads.run(connection, self._sql, run_id, self.now())

    def runs(self, where: p.RunFilter) -> list[RunRecord]:
        with self._read() as connection:
            return reads.runs(connection, self._sql, where, self.now())

    def attempts(self, run_id: int) -> list[AttemptRecord]:
        with self._view() as connection:
            return reads.attempts(connection, self._sql, run_id, self.now())

    def log(self, run_id: int, *, after: int = 0, limit: int = 1000) -> list[p.LogLine]:
        with self._read() as connection:
            return reads.log(connection, self._sql, run_id, after, limit)

    def ranges(self, schedule_id: int, since: Instant, limit: int = 1000) -> list[MissedRange]:
        with self._read() as connection:
            return reads.ranges(connection, self._sql, schedule_id, since, limit)

    def counts(self, since: Instant) -> dict[tuple[str, str], dict[str, int]]:
        with self._read() as connection:
            return reads.counts(connection, self._sql, since)

    def durations(self, service: str, task: str, limit: int = 100) -> list[int]:
        with self._read() as connection:
            rows = connection.rows(self._sql["durations"], {"service": service, "task": task, "limit": limit})
            return [row[0] for row in rows]

    # -- connections

    @contextlib.contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._store.write() as connection:
            self._check_schema(connection)
            yield connection

    @contextlib.contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._store.read() as connection:
            self._check_schema(connection)
            yield connection

    @contextlib.contextmanager
    def _view(self) -> Iterator[Connection]:
        with self._store.view() as connection:
            self._check_schema(connection)
            yield connection

    @contextlib.contextmanager
    def _on(self, theirs: Any) -> Iterator[Connection]:
        """Our own transaction; or, on the caller's connection, the caller's."""
        if theirs is None:
            with self._write() as connection:
                yield connection
            return
        with faults(self._store.path):
            connection = accept(theirs, self._store)
            self._check_schema(connection, always=True)
            yield connection

    def _check_schema(self, connection: Connection, *, always: bool = False) -> None:
        """Raises `LedgerVersion` unless this build serves the schema; looks again every few seconds, since
        another process may migrate the file meanwhile."""
        now = self._clock.monotonic()
        if always or self._served_at is None or not 0 <= now - self._served_at < LOOK_AGAIN:
            must_serve(upkeep.known(), upkeep.schema_version(connection))
            self._served_at = None if always else now
