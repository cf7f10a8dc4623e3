"""What a ledger does: one narrow protocol, in six groups. One conformance suite holds every implementation to it.

A ledger is plain synchronous code that any thread may call. Each method is one transaction. Time is
the ledger's own (`now`); instants are UTC microseconds. Faults are raised as
`rota.errors.LedgerUnreachable` (nothing was done, safe to retry) or `LedgerError`; losing a race is
an ordinary return value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from rota.clock import Clock, Instant
from rota.model.lifecycle import Move
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, Kind, MissedRange, NewRun, Reason, RunRecord, State

__all__ = [
    "Applied",
    "Beat",
    "BeatReply",
    "Change",
    "Claim",
    "Claimed",
    "DueSchedule",
    "Enqueued",
    "Finish",
    "FirePlan",
    "Fired",
    "Ledger",
    "Listening",
    "LogLine",
    "NewRevision",
    "NewSchedule",
    "NewTask",
    "NodeRecord",
    "Orphan",
    "QueueLimits",
    "RunFilter",
    "ScheduleRecord",
    "TaskRecord",
]


# ---- the rota ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """A queue's limits over all nodes."""

    name: str
    weight: int = 1
    rate: float | None = None  # starts a second
    concurrency: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task of a revision. ``rule`` is the canonical JSON of its own schedule, if it has one."""

    name: str
    definition: str  # canonical JSON of the whole task
    rule: str | None
    next_at: Instant | None  # first occurrence after now; used only where the schedule is new or changed
    overlap: str
    catch_up: str
    catch_up_limit: int
    queue: str
    priority: int
    enabled: bool
    concurrency: int | None = None
    deadline: int | None = None  # microseconds
    pause_on_failure: int | None = None


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A whole rota of one service, to become its current revision."""

    service: str
    digest: str
    definition: str
    author: str
    reason: str
    tasks: Sequence[NewTask]
    queues: Sequence[QueueLimits] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """``changed`` is False where the current revision has that digest already."""

    number: int
    changed: bool


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task with what operators changed of it."""

    id: int
    service: str
    name: str
    definition: str
    revision: int
    queue: str
    retired_at: Instant | None
    paused_at: Instant | None
    paused_until: Instant | None
    paused_reason: str | None
    paused_by: str | None
    failures: int  # failed runs in a row


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule that a program adds under a key at run time, or moves if the key exists."""

    service: str
    task: str
    key: str
    rule: str
    next_at: Instant | None
    args: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A schedule and its cursor: ``next_at`` is the first occurrence that has no record yet."""

    id: int
    task_id: int
    service: str
    task: str
    key: str
    rule: str
    args: str | None
    next_at: Instant | None
    fired_at: Instant | None  # the latest occurrence that has a record
    created_at: Instant
    retired_at: Instant | None
    ruled_at: Instant  # since when the rule holds


# ---- fire ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose cursor is due, with its task's policies, as locked by a fire."""

    id: int
    task_id: int
    service: str
    task: str
    key: str
    rule: str
    args: str | None
    next_at: Instant
    overlap: str
    catch_up: str
    catch_up_limit: int
    deadline: int | None
    queue: str
    priority: int
    enabled: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class FirePlan:
    """What becomes of one due schedule: runs and ranges that account for every occurrence, and the new cursor.

    A range of this plan that is covered by a run of this plan has ``covered_by=None`` and stands in
    ``covered``: the ledger fills in the id of the plan's last run.
    """

    schedule_id: int
    next_at: Instant | None
    fired_at: Instant
    runs: Sequence[NewRun] = ()
    ranges: Sequence[MissedRange] = ()
    covered: Sequence[MissedRange] = ()


@dataclass(frozen=True, slots=True)
class Fired:
    """``next_at`` is the earliest cursor that is left, so that the planner knows how long to sleep."""

    schedules: int
    runs: int
    next_at: Instant | None


# ---- claim, heartbeat, finish, rescue --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What a node asks for: up to so many runs a queue, of the tasks whose code it has, due by ``until``."""

    node: str
    quota: Mapping[str, int]  # queue -> runs at most, in the order in which queues are served
    tasks: Mapping[str, Sequence[str]]  # service -> names of the tasks that this node has
    until: Instant  # a little after now: runs may be claimed ahead and held in memory until they are due
    likely: bool = False  # something is known to wait: the ledger need not look before it begins


class Claimed(NamedTuple):
    """A run under this node's lease. Its ``token`` is greater than every token given before it."""

    id: int
    service: str
    task: str
    schedule_key: str | None
    kind: str
    scheduled_at: Instant
    run_at: Instant
    attempt: int
    token: int
    spent: int
    crashes: int
    key: str | None
    args: str | None
    covers_from: Instant | None
    covers_count: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A node's sign of life. ``lease`` is in microseconds from the ledger's now."""

    node: str
    lease: int
    slots: int = 0
    busy: int = 0
    lag: int | None = None  # microseconds, the latest p99 it saw
    clock_offset: int | None = None  # microseconds that the node's own clock is ahead of the ledger's


@dataclass(frozen=True, slots=True)
class BeatReply:
    """``alive`` is False where the lease was lost: the node must stop its attempts and take a new identity."""

    alive: bool
    now: Instant
    stops: Sequence[tuple[int, int, str]] = ()  # (run, token, reason) that this node is asked to stop


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node: one process that serves the rota."""

    id: str
    label: str  # host and process id, for people
    services: str
    queues: str
    version: str
    started_at: Instant
    beat_at: Instant
    lease_until: Instant
    beats: int
    state: Literal["live", "left", "lost"]
    slots: int
    busy: int
    lag: int | None
    clock_offset: int | None = None


class Finish(NamedTuple):
    """The outcome of one attempt, to be recorded if its token still holds.

    ``move`` is what the state machine made of it; ``ended`` names how the attempt itself ended
    (succeeded, error, timeout, cancelled, handed-back, ...). ``result`` and ``error`` are JSON text.
    """

    id: int
    token: int
    move: Move
    ended: str
    started_at: Instant | None
    finished_at: Instant
    result: str | None = None
    error: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A run whose node lost its lease. ``definition`` is its task's, for the retry policy."""

    id: int
    token: int
    attempt: int
    spent: int
    crashes: int
    cancel_reason: str | None
    definition: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a run wrote. ``source`` is a logging level's name, stdout or stderr."""

    run_id: int
    attempt: int
    at: Instant
    source: str
    text: str
    seq: int = 0  # given by the ledger, rises within a run


# ---- what people ask -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enqueued:
    """``created`` is False where a waiting run with that key was there, and was moved or kept."""

    id: int
    created: bool


@dataclass(frozen=True, slots=True)
class Change:
    """An audit line: who did what to what, when, and why."""

    at: Instant
    actor: str
    action: str
    subject: str
    reason: str | None = None
    detail: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; newest first. ``before`` and ``after`` are run ids, for paging."""

    service: str | None = None
    task: str | None = None
    states: Sequence[State] = ()
    kinds: Sequence[Kind] = ()
    schedule_key: str | None = None
    since: Instant | None = None  # scheduled at or after
    until: Instant | None = None  # scheduled before
    before: int | None = None
    after: int | None = None
    key: str | None = None
    order: Literal["newest", "oldest", "due"] = "newest"
    limit: int = 50
    reasons: Sequence[Reason] = field(default=())


class Listening(Protocol):
    """Goes on until it is closed."""

    def close(self) -> None: ...


class Ledger(Protocol):
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

    def revisions(self, service: str | None = None, limit: int = 50) -> list[Revision]: ...

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

    def durations(self, service: str, task: str, limit: int = 100) -> list[int]:
        """Microseconds that the latest succeeded runs of a task took, newest first."""
        ...
