"""What people and programs hand to a ledger and read from it: revisions, tasks, schedules, changes. Frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rota.clock import Instant
from rota.model.revision import Origin
from rota.model.run import Kind, Reason, State

__all__ = [
    "Applied",
    "Change",
    "Enqueued",
    "NewRevision",
    "NewSchedule",
    "NewTask",
    "QueueLimits",
    "RunFilter",
    "ScheduleRecord",
    "TaskRecord",
]


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
    lifted: Sequence[str] = ()  # queues that the revision before limited, and this one does not
    origin: Origin = field(default_factory=Origin)
    confirm_by: Instant | None = None  # put back at that instant, unless it is confirmed
    base: int | None = (
        None  # the current revision that it was planned against, 0 for none; None: whichever is current
    )
    only_unconfirmed: bool = (
        False  # refused where that one is confirmed: it is put back since it was not in time
    )
    check_due: bool = False  # nothing changes while something is due by a rule that this would change


@dataclass(frozen=True, slots=True)
class Applied:
    """``changed`` is False where the current revision has that digest already; or where something `is_due` by a rule that
    would change: it has to be recorded first."""

    number: int
    changed: bool
    is_due: bool = False


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
