"""A run, its attempts and its record in the ledger, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rota.clock import Instant

__all__ = [
    "CANARY",
    "FINAL",
    "OF_THE_TASK",
    "AttemptRecord",
    "Kind",
    "MissedRange",
    "NewRun",
    "Reason",
    "RunRecord",
    "State",
    "canary_of",
]


class State(StrEnum):
    """The states of a run."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED, State.MISSED})


CANARY = "rota:canary:"
"""What the keys of runs begin with that try a change; the revision's number follows."""


def canary_of(key: str | None) -> int | None:
    """The revision that a run tries, by its key; None for any other run.

    >>> canary_of("rota:canary:7"), canary_of("publish:7"), canary_of("rota:canary:x")
    (7, None, None)
    """
    number = key.removeprefix(CANARY) if key is not None and key.startswith(CANARY) else ""
    return int(number) if number.isdecimal() else None


class Kind(StrEnum):
    """Why there is a run."""

    SCHEDULED = "scheduled"  # the record of one occurrence
    MANUAL = "manual"  # triggered by an operator
    ENQUEUED = "enqueued"  # handed in by a program, as soon as may be
    DELAYED = "delayed"  # handed in by a program for a later instant
    BACKFILLED = "backfilled"  # an occurrence of the past, run again on request
    CAUGHT_UP = "caught-up"  # covers what was skipped while paused
    UNDO = "undo"  # undoes what the task did, by its rollback command


OF_THE_TASK = tuple(kind for kind in Kind if kind is not Kind.UNDO)
"""The runs that say how a task fares: all but those that undo what it did."""


class Reason(StrEnum):
    """Why a run is in its state. Free text beside it stands in ``RunRecord.note``."""

    # waiting
    DUE = "due"
    DELAYED = "delayed"
    RETRY = "retry"
    HANDED_BACK = "handed-back"
    # failed
    ERROR = "error"
    TIMEOUT = "timeout"
    LOST = "lost"
    EXPECTATION = "expectation"
    REJECTED = "rejected"
    # cancelled
    OPERATOR = "operator"
    SUPERSEDED = "superseded"
    # skipped
    OVERLAP = "overlap"
    PAUSED = "paused"
    DISABLED = "disabled"
    # missed
    DEADLINE = "deadline"
    CATCH_UP = "catch-up"  # its range is covered by another run, or catch_up says none


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be recorded. ``expires_at`` is where its deadline turns it into a missed one."""

    task_id: int
    kind: Kind
    scheduled_at: Instant
    run_at: Instant
    state: State = State.WAITING
    reason: Reason = Reason.DUE
    schedule_id: int | None = None
    lane: int | None = None  # at most one running run a lane: the schedule's id unless overlap is `allow`
    key: str | None = None
    args: str | None = None  # JSON object
    queue: str = "default"
    priority: int = 5
    expires_at: Instant | None = None
    covers_from: Instant | None = None  # the first of the occurrences that this run stands for
    covers_count: int = 1
    note: str | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True)
class MissedRange:
    """Occurrences of one schedule that are accounted for together: from ``from_at`` up to before ``until_at``."""

    schedule_id: int
    from_at: Instant
    until_at: Instant
    count: int
    reason: Reason
    covered_by: int | None = None  # the run that covers them, by id


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger holds it. Instants are UTC microseconds; ``result`` and ``args`` are JSON text."""

    id: int
    service: str
    task: str
    task_id: int
    schedule_id: int | None
    schedule_key: str | None  # "" is the task's own schedule
    kind: Kind
    scheduled_at: Instant
    run_at: Instant
    state: State
    reason: Reason | None
    note: str | None
    key: str | None
    args: str | None
    queue: str
    priority: int
    attempt: int  # tries begun; 0 before the first
    spent: int  # tries that count against the task's retries
    crashes: int  # of these, the ones that took their process or node along
    token: int | None  # the fencing token of the latest attempt
    node: str | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    expires_at: Instant | None
    covers_from: Instant | None
    covers_count: int
    result: str | None
    error: str | None
    progress: str | None  # JSON: done, total, note
    cancel_reason: str | None
    requested_by: str | None

    @property
    def lateness(self) -> int | None:
        """Microseconds between the instant it was due and its start, where it has started."""
        return None if self.started_at is None else self.started_at - self.run_at


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try at a run that is over, or the one under way."""

    run_id: int
    attempt: int
    token: int
    node: str
    state: str  # succeeded | error | timeout | lost | handed-back | cancelled | running ...
    started_at: Instant | None
    finished_at: Instant | None
    error: str | None
    note: str | None
