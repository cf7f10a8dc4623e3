"""The overview: what needs attention first, then what ran, what runs, and what is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import RunRecord, State
from rota.read.attention import Attention, attention
from rota.read.find import full_name
from rota.read.nodes import NodeView, node_list
from rota.read.rules import defined
from rota.read.runs import Progress, RunRow, progress, run_row, usual
from rota.read.upcoming import Lane, lanes

__all__ = ["Overview", "Running", "overview"]

HOUR = 3600 * SECOND
DAY = 24 * HOUR


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
    return Overview(
        now=now,
        tasks=len(records),
        attention=tuple(attention(ledger, tasks, under_way, nodes, now)),
        running=tuple(_running(ledger, run, now) for run in under_way),
        recent=tuple(run_row(run, now) for run in ledger.runs(RunFilter(limit=10))),
        day=dict(day),
        hour_until=hour,
        lanes=tuple(lanes(ledger, now, hour)),
        nodes=tuple(nodes),
    )


def _running(ledger: Ledger, run: RunRecord, now: Instant) -> Running:
    return Running(run_row(run, now), progress(run, now, usual(ledger, run)))
