"""What a node's loops hand to a ledger and get from it: fires, claims, heartbeats, outcomes, log lines. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rota.clock import Instant
from rota.model.lifecycle import Move
from rota.model.run import MissedRange, NewRun

__all__ = [
    "Beat",
    "BeatReply",
    "Claim",
    "Claimed",
    "DueSchedule",
    "Finish",
    "FirePlan",
    "Fired",
    "LogLine",
    "NodeRecord",
    "Orphan",
]


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
    """A run whose node lost its lease. ``definition`` is its task's, for the retry policy; what undoes has none."""

    id: int
    token: int
    attempt: int
    spent: int
    crashes: int
    cancel_reason: str | None
    definition: str
    kind: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a run wrote. ``source`` is a logging level's name, stdout or stderr."""

    run_id: int
    attempt: int
    at: Instant
    source: str
    text: str
    seq: int = 0  # given by the ledger, rises within a run
