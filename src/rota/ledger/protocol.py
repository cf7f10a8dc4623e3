"""What a ledger does: one narrow protocol, in seven groups. One conformance suite holds every implementation to it.

A ledger is plain synchronous code that any thread may call. Each method is one transaction. Time is
the ledger's own (`now`); instants are UTC microseconds. Faults are raised as
`rota.errors.LedgerUnreachable` (nothing was done, safe to retry) or `LedgerError`; losing a race is
an ordinary return value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from rota.clock import Clock, Instant
from rota.ledger.judged import Judged
from rota.ledger.records import (
    Applied,
    Change,
    Enqueued,
    NewRevision,
    NewSchedule,
    RunFilter,
    ScheduleRecord,
    TaskRecord,
)
from rota.ledger.work import (
    Beat,
    BeatReply,
    Claim,
    Claimed,
    DueSchedule,
    Finish,
    Fired,
    FirePlan,
    LogLine,
    NodeRecord,
    Orphan,
)
from rota.model.lifecycle import Move
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, MissedRange, NewRun, Reason, RunRecord, State

__all__ = ["Ledger", "Listening"]


class Listening(Protocol):
    """Goes on until it is closed."""

    def close(self) -> None: ...


class Ledger(Judged, Protocol):
    """The store of all that is promised."""

    # -- life

    @property
    def clock(self) -> Clock:
        """The ledger's clock, for those who wait by it: never ahead of what its decisions go by."""
        ...

    def now(self) -> Instant:
        """The ledger's time: what every decision goes by."""
        ...

    def migrate(self, to: int | None = None) -> tuple[int, int]:
        """Bring the schema to a version (the newest if None), up or down; returns (from, to)."""
        ...

    def migration_sql(self, to: int | None = None) -> str:
        """What `migrate` would run, as a script for the database's own command line: one transaction, under the same
        lock. Empty where there is nothing to do."""
        ...

    def version(self) -> tuple[int, int]:
        """(the schema's version, the version this build serves). 0 is an empty ledger."""
        ...

    def facts(self) -> dict[str, Any]:
        """What `rota doctor` and `rota status` show of the store: driver, versions, durability, size."""
        ...

    def backup(self, path: str) -> int:
        """A consistent copy into a new file, while in use; returns its size in bytes."""
        ...

    def listen(self, heard: Callable[[str], None]) -> Listening | None:
        """Be told, on another thread, when something was committed that a node may act on at once: ``waiting``, that
        runs or schedules have come; ``stop``, that a running run is to stop. None where a ledger cannot tell. Nothing
        depends on it: whoever is not told polls."""
        ...

    def close(self) -> None: ...

    # -- the rota

    def apply(self, revision: NewRevision) -> Applied:
        """Make this the service's current revision: tasks upserted, missing ones retired, cursors of new
        and changed schedules set (never back behind an occurrence that has a record), others left."""
        ...

    def services(self) -> list[str]:
        """The services to which a rota was applied, by name."""
        ...

    def confirm(self, service: str, number: int, change: Change) -> bool:
        """A revision that waits for its confirmation stays; False where it does not wait, or is not current."""
        ...

    def unconfirmed(self) -> list[tuple[str, int, Instant]]:
        """The current revisions that wait for their confirmation: service, number, until when."""
        ...

    def current(self, service: str) -> int:
        """The number of a service's current revision; 0 where it has none."""
        ...

    def revisions(
        self, service: str | None = None, limit: int = 50, *, number: int | None = None
    ) -> list[Revision]:
        """Revisions, the newest first; the one of a number, where that is given."""
        ...

    def tasks(self, service: str | None = None, *, retired: bool = False) -> list[TaskRecord]: ...

    def put_schedules(self, schedules: Sequence[NewSchedule], *, connection: Any = None) -> int:
        """Add or move schedules of live tasks under their keys; returns how many."""
        ...

    def retire_schedules(
        self, service: str, task: str, keys: Sequence[str], *, connection: Any = None
    ) -> int: ...

    def schedules(
        self,
        service: str | None = None,
        task: str | None = None,
        *,
        key: str | None = None,
        due_by: Instant | None = None,
        limit: int = 1000,
    ) -> list[ScheduleRecord]:
        """Schedules by id; with ``due_by`` only the live ones whose cursor is there by then, the earliest first."""
        ...

    def zones(self) -> str | None:
        """The version of the zone data that the cursors were computed with; None where none was computed yet."""
        ...

    def rezone(self, version: str, moves: Sequence[tuple[int, Instant, Instant | None]]) -> int:
        """Say which zone data the cursors are of now, and move those that differ: (schedule, was, next cursor).
        Compare and set; a cursor never goes back behind a record. Returns how many moved."""
        ...

    # -- fire

    def next_due(self) -> Instant | None:
        """The earliest cursor of any live schedule; one index probe, whatever is registered."""
        ...

    def fire(
        self, until: Instant, limit: int, plan: Callable[[Sequence[DueSchedule], Instant], Iterable[FirePlan]]
    ) -> Fired:
        """Turn occurrences due by ``until`` into records and move the cursors, in one transaction.

        ``plan`` is pure; it is called inside the transaction with the locked schedules and the ledger's now.
        """
        ...

    # -- claim, heartbeat, finish, rescue

    def register(self, node: NodeRecord) -> None: ...

    def claim(self, claim: Claim) -> list[Claimed]:
        """Take runs under the node's lease. Decides overlap, deadline, concurrency and rate as it goes:
        a due occurrence whose lane is busy is skipped, waits, or asks the running one to stop."""
        ...

    def holdings(self, node: str) -> list[Claimed]:
        """What a live node holds: a claim may have been carried out although its answer was lost."""
        ...

    def next_waiting(self) -> Instant | None:
        """When the earliest waiting run of a live task may be claimed."""
        ...

    def heartbeat(self, beat: Beat) -> BeatReply:
        """Renew the lease of all that a node holds, in one statement."""
        ...

    def finish(self, node: str, finishes: Sequence[Finish]) -> list[int]:
        """Record outcomes, each only if id, token, node and state still hold; returns the refused run ids,
        whose late answers are kept as notes on their attempts."""
        ...

    def rescue(self, nodes: Sequence[str], decide: Callable[[Orphan], Move]) -> int:
        """Declare nodes whose lease has run out lost, and move what they held, and what nobody who lives holds;
        returns how many runs."""
        ...

    def leave(self, node: str) -> None:
        """A node goes in order: it holds nothing any more."""
        ...

    def nodes(self, *, live: bool = True) -> list[NodeRecord]: ...

    def write_log(
        self, lines: Sequence[LogLine], progress: Mapping[tuple[int, int], str] | None = None
    ) -> None:
        """Append log lines, and set the progress (JSON) of runs by (run, token)."""
        ...

    def sweep(self, limit: int = 500) -> int:
        """Turn waiting runs past their deadline into missed ones; returns how many."""
        ...

    def prune(self, before: Instant, limit: int = 1000) -> int:
        """Delete history that ended before an instant, in one small batch; returns how many runs went.
        The latest occurrence of each schedule stays, so that the unique key goes on holding."""
        ...

    # -- what people ask

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> list[Enqueued]:
        """Record runs. A key names at most one run that has not started: the same key again moves it."""
        ...

    def cancel(self, run_id: int, change: Change, reason: Reason = Reason.OPERATOR) -> State | None:
        """Withdraw a waiting run, or ask a running one to stop; returns the state it was found in."""
        ...

    def reopen(self, run_id: int, change: Change) -> bool:
        """Try a run once more that has ended; False where it has not ended."""
        ...

    def pause(self, task_id: int, change: Change, until: Instant | None = None) -> bool: ...

    def resume(self, task_id: int, change: Change, runs: Sequence[NewRun] = ()) -> bool:
        """End a pause, recording the runs that make up for it."""
        ...

    def note(self, change: Change) -> None:
        """Leave an audit line."""
        ...

    def changes(self, *, subject: str | None = None, limit: int = 50) -> list[Change]: ...

    # -- what has been (reads never wait for writes)

    def run(self, run_id: int) -> RunRecord | None: ...

    def runs(self, where: RunFilter) -> list[RunRecord]: ...

    def attempts(self, run_id: int) -> list[AttemptRecord]: ...

    def attempts_between(self, first: int, last: int) -> list[AttemptRecord]:
        """The attempts told apart of the runs with an id from ``first`` to ``last``: all but those whose story stands
        on the run itself."""
        ...

    def log(self, run_id: int, *, after: int = 0, limit: int = 1000) -> list[LogLine]: ...

    def ranges(self, schedule_id: int, since: Instant, limit: int = 1000) -> list[MissedRange]: ...

    def counts(self, since: Instant) -> dict[tuple[str, str], dict[str, int]]:
        """(service, task) -> runs by state, of those scheduled since an instant."""
        ...

    def touched(self, service: str) -> dict[str, dict[str, int]]:
        """What a change of a service's tasks meets, by task: how many runs are ``waiting`` and ``running``, and how many
        ``schedules`` programs have added. What there is none of is not there."""
        ...

    def durations(self, service: str, task: str, limit: int = 100) -> list[int]:
        """Microseconds that the latest succeeded runs of a task took, newest first."""
        ...
