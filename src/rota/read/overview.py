"""The overview: what needs attention first, then what ran, what runs, and what is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rota.clock import MICROSECOND, SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, TaskRecord
from rota.model.run import RunRecord, State
from rota.model.task import Task
from rota.read import words
from rota.read.condition import NEEDS_ATTENTION, condition, fresh
from rota.read.find import full_name
from rota.read.nodes import NodeView, node_list
from rota.read.rules import defined
from rota.read.runs import Progress, RunRow, median, progress, run_row
from rota.read.strip import strip
from rota.read.upcoming import Lane, lanes

__all__ = ["Attention", "Overview", "Running", "overview"]

HOUR = 3600 * SECOND
DAY = 24 * HOUR

_GRAVITY = ("failing", "node-lost", "late", "stuck", "stale", "missed", "paused", "expired")


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that somebody should see to: a task's condition, a run that is stuck, a node that is lost."""

    sort: Literal["failing", "node-lost", "late", "stuck", "stale", "missed", "paused", "expired", "no-node"]
    subject: str  # service/task, or a node's label
    words: str
    owner: str | None = None
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A run under way."""

    run: RunRow
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows."""

    now: Instant
    tasks: int
    attention: tuple[Attention, ...]
    running: tuple[Running, ...]
    recent: tuple[RunRow, ...]
    day: Mapping[str, int]  # runs by state, of the last 24 hours
    hour_until: Instant
    lanes: tuple[Lane, ...]
    nodes: tuple[NodeView, ...]


def overview(ledger: Ledger) -> Overview:
    """The state of everything, gathered in one go."""
    now = ledger.now()
    records = ledger.tasks()
    tasks = {full_name(record): (record, defined(record)) for record in records}
    nodes = node_list(ledger)
    under_way = ledger.runs(RunFilter(states=(State.RUNNING,), limit=50))
    day: Counter[str] = Counter()
    for states in ledger.counts(Instant(now - DAY)).values():
        day.update(states)
    hour = Instant(now + HOUR)
    found = [
        *_of_tasks(ledger, tasks, now),
        *_of_runs(ledger, under_way, tasks, now),
        *_of_nodes(nodes, any(tasks)),
    ]
    return Overview(
        now=now,
        tasks=len(records),
        attention=tuple(sorted(found, key=_gravity)),
        running=tuple(_running(ledger, run, now) for run in under_way),
        recent=tuple(run_row(run, now) for run in ledger.runs(RunFilter(limit=10))),
        day=dict(day),
        hour_until=hour,
        lanes=tuple(lanes(ledger, now, hour)),
        nodes=tuple(nodes),
    )


def _gravity(item: Attention) -> tuple[int, str]:
    return (_GRAVITY.index(item.sort) if item.sort in _GRAVITY else -1, item.subject)


def _of_tasks(ledger: Ledger, tasks: Mapping[str, tuple[TaskRecord, Task]], now: Instant) -> list[Attention]:
    found = []
    own = {
        full_name_of.service + "/" + full_name_of.task: full_name_of
        for full_name_of in ledger.schedules(key="", limit=5000)
    }
    for name, (record, task) in tasks.items():
        schedule = own.get(name)
        cells = strip(ledger, schedule, 1, now) if schedule is not None else []
        last = next(iter(ledger.runs(RunFilter(service=record.service, task=record.name, limit=1))), None)
        is_so = condition(
            record, task, schedule, cells, now, fresh=fresh(ledger, record, task, now), last=last
        )
        if is_so.word in NEEDS_ATTENTION:
            run_id = _to_look_at(ledger, record, is_so.word, last)
            found.append(Attention(is_so.word, name, is_so.words, task.owner, run_id))  # type: ignore[arg-type]  # narrowed by NEEDS_ATTENTION
    return found


def _to_look_at(ledger: Ledger, record: TaskRecord, word: str, last: RunRecord | None) -> int | None:
    """The run that shows what is wrong: the latest that failed, or the one that does not start."""
    if word == "failing":
        asked = RunFilter(service=record.service, task=record.name, states=(State.FAILED,), limit=1)
        return next((run.id for run in ledger.runs(asked)), None)
    waits = last is not None and last.state is State.WAITING
    return last.id if word == "late" and last is not None and waits else None


def _of_runs(
    ledger: Ledger, runs: list[RunRecord], tasks: Mapping[str, tuple[TaskRecord, Task]], now: Instant
) -> list[Attention]:
    """Runs that take longer than they are expected to, or far longer than usual."""
    found = []
    for run in runs:
        known = tasks.get(f"{run.service}/{run.task}")
        if known is None:
            continue
        limit, text = _patience(ledger, run, known[1])
        taken = now - (run.run_at if run.started_at is None else run.started_at)
        if limit is not None and taken > limit:
            said = f"running for {words.length(taken)}; {text}"
            found.append(Attention("stuck", f"{run.service}/{run.task}", said, known[1].owner, run.id))
    return found


def _patience(ledger: Ledger, run: RunRecord, task: Task) -> tuple[int | None, str]:
    """How long the run may take before somebody should look, and how that is known."""
    expected = task.expectation.max_duration
    if expected is not None:
        return expected // MICROSECOND, f"expected to take {words.length(expected // MICROSECOND)} at most"
    typical = median(ledger.durations(run.service, run.task, 20))
    if typical is None:
        return None, ""
    return max(5 * typical, 60 * SECOND), f"it usually takes {words.length(typical)}"


def _of_nodes(nodes: list[NodeView], has_tasks: bool) -> list[Attention]:
    found = [
        Attention("node-lost", node.label, f"no sign of life for {words.length(node.beat_ago)}")
        for node in nodes
        if node.state == "silent" or (node.state == "lost" and node.beat_ago < HOUR)
    ]
    if has_tasks and not any(node.state == "live" for node in nodes):
        found.append(
            Attention(
                "no-node", "nodes", "no node is running, so nothing will start; start one with: rota run"
            )
        )
    return found


def _running(ledger: Ledger, run: RunRecord, now: Instant) -> Running:
    typical = median(ledger.durations(run.service, run.task, 20))
    return Running(run_row(run, now), progress(run, now, typical))
