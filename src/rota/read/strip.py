"""The strip: the latest occurrences of a schedule, a cell for each instant at which it was due.

Every occurrence has exactly one record, a run or a place in a range; a cell is that record, and so a
strip can show what did not happen as well as what did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord
from rota.model.run import Kind, MissedRange, Reason, RunRecord, State
from rota.read import words
from rota.read.rules import due_between
from rota.read.shape import Micros

__all__ = ["GRACE", "ON_TIME", "Cell", "Sort", "run_cell", "strip"]

ON_TIME = 1 * SECOND
"""A start up to this long after its instant counts as on time."""

GRACE = 10 * SECOND
"""An instant this long past without a record, or without a start, is late."""

FEW = 4
"""A range of so many occurrences is shown cell by cell, a longer one as one cell with its count."""

Sort = Literal[
    "on-time", "late", "failed", "skipped", "missed", "covered", "running", "waiting", "retrying", "cancelled", "unrecorded"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of the occurrence at ``at``, or of ``count`` of them from ``at`` up to before ``until``."""

    at: Instant
    sort: Sort
    words: str
    count: int = 1
    until: Instant | None = None
    run_id: int | None = None
    late: Micros | None = None
    took: Micros | None = None
    reason: Reason | None = None


def strip(
    ledger: Ledger, schedule: ScheduleRecord, count: int = 30, now: Instant | None = None
) -> list[Cell]:
    """The latest ``count`` cells of a schedule, oldest first."""
    at = ledger.now() if now is None else now
    runs = ledger.runs(
        RunFilter(
            service=schedule.service,
            task=schedule.task,
            schedule_key=schedule.key,
            kinds=(Kind.SCHEDULED,),
            limit=count,
        )
    )
    full = len(runs) >= count
    since = min((run.scheduled_at for run in runs), default=0) if full else 0
    ranges = ledger.ranges(schedule.id, Instant(since))
    return cells(schedule, runs, ranges, at)[-count:]


def cells(
    schedule: ScheduleRecord, runs: Iterable[RunRecord], ranges: Iterable[MissedRange], now: Instant
) -> list[Cell]:
    """The cells of these records, and of what is due but has none yet, oldest first."""
    found = [run_cell(run, now) for run in runs]
    for missed in ranges:
        found += _range_cells(schedule, missed)
    found += _unrecorded(schedule, now)
    return sorted(found, key=lambda cell: cell.at)


def run_cell(run: RunRecord, now: int) -> Cell:
    """The cell of one run."""
    sort, text = _run_words(run, now)
    late = _late(run)
    took = None if run.started_at is None or run.finished_at is None else run.finished_at - run.started_at
    if run.covers_count > 1:
        text += f"; stands for {words.count(run.covers_count, 'occurrence')}"
    return Cell(
        at=run.scheduled_at,
        sort=sort,
        words=text,
        run_id=run.id,
        late=None if late is None else Micros(late),
        took=None if took is None else Micros(took),
        reason=run.reason,
    )


def _late(run: RunRecord) -> int | None:
    """Microseconds from its instant to its start. A retry starts later on purpose: its own lateness counts."""
    if run.started_at is None:
        return None
    return max(0, run.started_at - (run.scheduled_at if run.attempt <= 1 else run.run_at))


def _run_words(run: RunRecord, now: int) -> tuple[Sort, str]:
    late = _late(run) or 0
    when = words.late(late) if late > ON_TIME else "on time"
    why = words.REASONS.get(run.reason, "") if run.reason is not None else ""
    match run.state:
        case State.SUCCEEDED:
            tries = f", at try {run.attempt}" if run.attempt > 1 else ""
            return ("late" if late > ON_TIME else "on-time"), when + tries
        case State.RUNNING:
            return "running", _runs(run, when, now)
        case State.FAILED:
            return "failed", f"failed: {why}"
        case State.CANCELLED:
            return "cancelled", f"cancelled: {why}"
        case State.SKIPPED:
            return "skipped", f"skipped: {why}"
        case State.MISSED:
            return "missed", f"missed: {why}"
        case State.WAITING if run.reason is Reason.RETRY:
            return "retrying", f"waiting for try {run.attempt + 1}"
        case _:
            overdue = now - run.run_at
            return "waiting", f"waiting, {words.late(overdue)}" if overdue > ON_TIME else "waiting"


def _runs(run: RunRecord, when: str, now: int) -> str:
    """The ledger learns the exact start with the outcome; a run that was claimed ahead starts on its instant."""
    if run.started_at is not None:
        return f"running, started {when}"
    return "claimed, starts on its instant" if run.run_at > now else "running"


def _range_cells(schedule: ScheduleRecord, missed: MissedRange) -> list[Cell]:
    """One cell for a range, or one for each of its instants where they are few."""
    sort, text = _range_words(missed)
    if 1 < missed.count <= FEW:
        instants = due_between(schedule, missed.from_at - 1, missed.until_at - 1, missed.count + 1)
        if len(instants) == missed.count:  # the schedule is still the one that these belong to
            return [Cell(at, sort, text, run_id=missed.covered_by, reason=missed.reason) for at in instants]
    if missed.count > 1:
        text = f"{words.count(missed.count, 'occurrence')} {text}"
    until = missed.until_at if missed.count > 1 else None
    return [Cell(missed.from_at, sort, text, missed.count, until, missed.covered_by, reason=missed.reason)]


def _range_words(missed: MissedRange) -> tuple[Sort, str]:
    why = words.REASONS[missed.reason]
    if missed.covered_by is not None:
        return "covered", f"covered by run {missed.covered_by}: {why}"
    if missed.reason in (Reason.PAUSED, Reason.DISABLED, Reason.OVERLAP):
        return "skipped", f"skipped: {why}"
    return "missed", f"missed: {why}"


def _unrecorded(schedule: ScheduleRecord, now: Instant) -> Sequence[Cell]:
    """What is due for so long that it should have a record: no node is there to give it one."""
    if schedule.next_at is None or schedule.next_at > now - GRACE or schedule.retired_at is not None:
        return ()
    due = due_between(schedule, schedule.next_at - 1, now, 100)
    if not due:
        return ()
    many = f"{words.count(len(due), 'occurrence')} " if len(due) > 1 else ""
    text = f"{many}due, and not recorded yet: no node is there to do it"
    return (Cell(due[0], "unrecorded", text, len(due), due[-1] if len(due) > 1 else None),)
