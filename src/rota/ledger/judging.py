"""What the judge, the deliverer and people hand to a ledger about verdicts, incidents and messages. Frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rota.clock import Instant
from rota.model.incident import Notice, Status
from rota.model.verdict import Check, Standing, Verdict

__all__ = [
    "BadRun",
    "DueLetter",
    "Incident",
    "IncidentFilter",
    "Judgement",
    "Letter",
    "Moved",
    "NewNotice",
    "NoticeRecord",
    "Opened",
    "Report",
    "Tally",
    "VerdictRecord",
    "Watch",
]


class Report(NamedTuple):
    """A verdict of a node, on a task by name."""

    service: str
    task: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """The latest verdict of one check, since when it stands so, and the latest that was not met."""

    task_id: int
    service: str
    task: str
    check: Check
    standing: Standing
    since_at: Instant
    at: Instant
    expected: str
    found: str
    run_id: int | None
    unmet_at: Instant | None
    unmet_found: str | None
    unmet_run: int | None


@dataclass(frozen=True, slots=True)
class Incident:
    """One failing of one check of one task. ``status`` is never ``clear`` while it is open: see `rota.model.incident`."""

    id: int
    task_id: int
    service: str
    task: str
    check: Check
    status: Status
    opened_at: Instant
    since_at: Instant  # what was not met began here
    owner: str
    expected: str
    found: str
    run_id: int | None
    times: int  # how many runs did not end well, or how often it came back
    met_at: Instant | None  # since when it is met again
    told_at: Instant | None  # the owner was last told, or is about to be
    escalated_at: Instant | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    acknowledged_until: Instant | None
    resolved_at: Instant | None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


@dataclass(frozen=True, slots=True)
class Watch:
    """A task that is to be judged now, with what was judged of it before. ``version`` is 0 where nothing was."""

    task_id: int
    service: str
    name: str
    definition: str
    revision: int
    is_held: bool  # paused, or not enabled
    is_retired: bool
    failures: int  # failed runs in a row
    failed: int  # failed runs ever
    missed: int
    version: int
    failed_seen: int
    missed_seen: int
    fresh_from: Instant | None  # the time without a success counts from here at the earliest
    succeeded_at: Instant | None  # the latest success that was judged
    muted_until: Instant | None
    verdicts: Sequence[VerdictRecord] = ()
    incidents: Sequence[Incident] = ()


@dataclass(frozen=True, slots=True)
class BadRun:
    """The latest run that failed or was missed."""

    id: int
    state: str
    reason: str | None
    error: str | None
    scheduled_at: Instant
    ended_at: Instant


class Tally(NamedTuple):
    """Occurrences of a time that went well, and that did not."""

    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A message that somebody is to get. ``may_lapse``: it is not sent if all is well again by ``due_at``."""

    kind: Notice
    owner: str
    channel: str
    due_at: Instant
    may_lapse: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident to be opened, unless one of that task and check is open."""

    check: Check
    status: Status
    since_at: Instant
    owner: str
    expected: str
    found: str
    run_id: int | None
    times: int
    met_at: Instant | None = None
    notices: Sequence[NewNotice] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """What changes of an open incident."""

    id: int
    status: Status
    owner: str
    found: str
    run_id: int | None
    times: int
    met_at: Instant | None
    told_at: Instant | None
    escalated_at: Instant | None
    resolved_at: Instant | None
    notices: Sequence[NewNotice] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that follows of one look at a task: written as one, and only if nobody judged it meanwhile (``version``)."""

    task_id: int
    version: int
    revision: int
    failed_seen: int
    missed_seen: int
    judge_at: Instant | None
    fresh_from: Instant | None
    succeeded_at: Instant | None
    verdicts: Sequence[Verdict] = ()
    opened: Sequence[Opened] = ()
    moved: Sequence[Moved] = ()


@dataclass(frozen=True, slots=True, order=True)
class NoticeRecord:
    """A message, or a part of one: what was to be told to whom by which channel, and what became of it."""

    id: int
    incident_id: int | None
    service: str
    kind: Notice
    owner: str
    channel: str
    created_at: Instant
    due_at: Instant
    tries: int
    sent_at: Instant | None
    lapsed_at: Instant | None
    error: str | None


class DueLetter(NamedTuple):
    """For whom a message is due, and when the last one to that owner went out by that channel."""

    owner: str
    channel: str
    service: str
    last_sent_at: Instant | None


@dataclass(frozen=True, slots=True)
class Letter:
    """The notices of one owner, channel and service, taken by one deliverer until ``until``."""

    owner: str
    channel: str
    service: str
    claim: str
    notices: Sequence[NoticeRecord]


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents to list; newest first."""

    service: str | None = None
    task: str | None = None
    owner: str | None = None
    is_open: bool | None = None
    ids: Sequence[int] = field(default=())
    limit: int = 50
