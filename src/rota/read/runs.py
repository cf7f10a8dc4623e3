"""Runs: the list with its filters, and one run with all that is known of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rota.clock import Instant
from rota.errors import UnknownName
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.ledger.work import LogLine
from rota.model.run import AttemptRecord, Kind, Reason, RunRecord, State
from rota.read.shape import JsonText, Micros, iso
from rota.read.strip import run_cell
from rota.read.why import why

__all__ = [
    "Attempt",
    "Line",
    "Progress",
    "RunDetail",
    "RunPage",
    "RunRow",
    "log_lines",
    "log_tail",
    "median",
    "progress",
    "run_detail",
    "run_list",
    "run_row",
    "run_text",
    "the_run",
    "usual",
]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run says it is. ``left`` is an estimate from the median duration, else from the share done."""

    done: float | None
    total: float | None
    note: str
    share: float | None
    left: Micros | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list."""

    id: int
    service: str
    task: str
    kind: Kind
    state: State
    reason: Reason | None
    words: str
    sort: str
    scheduled_at: Instant
    run_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    late: Micros | None
    took: Micros | None
    attempt: int
    node: str | None
    schedule_key: str | None
    covers_count: int
    requested_by: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of a list of runs. ``older`` and ``newer`` are the run ids to page on with, where there is more."""

    runs: tuple[RunRow, ...]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a run."""

    attempt: int
    state: str
    node: str
    token: int
    started_at: Instant | None
    finished_at: Instant | None
    took: Micros | None
    error: JsonText | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a run's log."""

    seq: int
    at: Instant
    attempt: int
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """All that is known of one run."""

    run: RunRow
    why: str
    note: str | None
    key: str | None
    queue: str
    priority: int
    created_at: Instant
    claimed_at: Instant | None
    expires_at: Instant | None
    covers_from: Instant | None
    args: JsonText | None
    result: JsonText | None
    error: JsonText | None
    progress: Progress | None
    cancel_reason: str | None
    attempts: tuple[Attempt, ...]


def run_list(ledger: Ledger, where: RunFilter) -> RunPage:
    """One page of runs, newest first."""
    now = ledger.now()
    order = where.order if where.after is None else "oldest"  # towards newer runs: the ones next to the id
    found = ledger.runs(replace(where, limit=where.limit + 1, order=order))
    more = len(found) > where.limit
    if where.after is not None:
        found = found[: where.limit][::-1]
        older, newer = (found[-1].id if found else None), (found[0].id if found and more else None)
    else:
        found = found[: where.limit]
        older = found[-1].id if found and more else None
        newer = found[0].id if found and where.before is not None else None
    return RunPage(tuple(run_row(run, now) for run in found), older, newer)


def the_run(ledger: Ledger, run_id: int) -> RunRecord:
    """The run of that number. Raises `UnknownName`."""
    run = ledger.run(run_id) if 0 < run_id < 2**63 else None
    if run is None:
        raise UnknownName("run", str(run_id), next=("rota runs",))
    return run


def run_detail(ledger: Ledger, run_id: int) -> RunDetail:
    """One run with its attempts. Raises `UnknownName`."""
    now = ledger.now()
    run = the_run(ledger, run_id)
    attempts = tuple(_attempt(attempt) for attempt in ledger.attempts(run_id))
    return RunDetail(
        run=run_row(run, now),
        why=why(run, now),
        note=run.note,
        key=run.key,
        queue=run.queue,
        priority=run.priority,
        created_at=run.created_at,
        claimed_at=None,
        expires_at=run.expires_at,
        covers_from=run.covers_from,
        args=_json(run.args),
        result=_json(run.result),
        error=_json(run.error),
        progress=progress(run, now, usual(ledger, run, 100)) if run.state is State.RUNNING else None,
        cancel_reason=run.cancel_reason,
        attempts=attempts,
    )


def run_row(run: RunRecord, now: int) -> RunRow:
    """One run as a list shows it."""
    cell = run_cell(run, now)
    return RunRow(
        id=run.id,
        service=run.service,
        task=run.task,
        kind=run.kind,
        state=run.state,
        reason=run.reason,
        words=cell.words,
        sort=cell.sort,
        scheduled_at=run.scheduled_at,
        run_at=run.run_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        late=cell.late,
        took=cell.took,
        attempt=run.attempt,
        node=run.node,
        schedule_key=run.schedule_key,
        covers_count=run.covers_count,
        requested_by=run.requested_by,
    )


def log_lines(ledger: Ledger, run_id: int, *, after: int = 0, limit: int = 1000) -> list[Line]:
    """The lines of a run's log after a sequence number, oldest first. Raises `UnknownName`."""
    the_run(ledger, run_id)
    return [_line(line) for line in ledger.log(run_id, after=after, limit=limit)]


def progress(run: RunRecord, now: int, typical: int | None) -> Progress | None:
    """How far a running run is, and how long it may still take; None where nothing is known."""
    if run.state is not State.RUNNING:
        return None
    said = _object(run.progress)
    done, total = _float(said.get("done")), _float(said.get("total"))
    share = min(1.0, max(0.0, done / total)) if done is not None and total else None
    begun = run.run_at if run.started_at is None else run.started_at
    elapsed = max(0, now - begun)
    left: int | None = None
    if share and elapsed:
        left = int(elapsed / share - elapsed)
    elif typical is not None:
        left = max(0, typical - elapsed)
    if not said and left is None:
        return None
    return Progress(done, total, str(said.get("note") or ""), share, None if left is None else Micros(left))


def usual(ledger: Ledger, run: RunRecord, among: int = 20) -> int | None:
    """How long such a run takes: the median of its task's latest successes; of what undoes nothing is known."""
    return None if run.kind is Kind.UNDO else median(ledger.durations(run.service, run.task, among))


def median(durations: Sequence[int]) -> int | None:
    """The middle one of some durations.

    >>> median([5, 1, 3]), median([])
    (3, None)
    """
    return sorted(durations)[len(durations) // 2] if durations else None


def _object(text: str | None) -> dict[str, Any]:
    """What a task wrote as JSON, if it is an object."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _json(text: str | None) -> JsonText | None:
    return None if text is None else JsonText(text)


def _attempt(record: AttemptRecord) -> Attempt:
    known = record.started_at is not None and record.finished_at is not None
    took = Micros(record.finished_at - record.started_at) if known else None  # type: ignore[operator]  # known says so
    return Attempt(
        record.attempt,
        record.state,
        record.node,
        record.token,
        record.started_at,
        record.finished_at,
        took,
        _json(record.error),
        record.note,
    )


def _line(line: LogLine) -> Line:
    return Line(line.seq, line.at, line.attempt, line.source, line.text)


def log_tail(ledger: Ledger, run_id: int, lines: int) -> tuple[list[Line], int]:
    """The last lines of a run's log, and how many there are before them."""
    kept: deque[Line] = deque(maxlen=lines)
    total = 0
    for line in _all_lines(ledger, run_id):
        kept.append(line)
        total += 1
    return list(kept), total - len(kept)


def run_text(ledger: Ledger, run_id: int) -> str:
    """A run's whole log as text."""
    return "".join(f"{iso(line.at)} {line.source:<7} {line.text}\n" for line in _all_lines(ledger, run_id))


def _all_lines(ledger: Ledger, run_id: int) -> Iterator[Line]:
    after = 0
    while found := ledger.log(run_id, after=after, limit=1000):
        yield from map(_line, found)
        after = found[-1].seq
