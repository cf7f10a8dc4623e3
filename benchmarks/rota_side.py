"""Rota, set up for a benchmark: a ledger in a folder, tasks that do nothing, a node that runs until all is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rota import Rota
from rota.change.apply import apply
from rota.clock import Instant
from rota.engine.node import Node
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, State

OPEN = (State.WAITING, State.RUNNING)


async def no_op() -> None:
    """The work: none."""


def rota_in(folder: Path, **settings: object) -> Rota:
    """A Rota with one task, ``no-op``, that has no schedule of its own and may overlap."""
    rota = Rota("bench", database_url=f"sqlite:///{folder / 'rota.db'}", **settings)
    rota.task(
        name="no-op",
        owner="bench@example.org",
        expects="nothing is done",
        rollback="nothing to put back",
        overlap="allow",
    )(no_op)
    return rota


def task_id(ledger: Ledger, name: str = "no-op") -> int:
    return next(task.id for task in ledger.tasks() if task.name == name)


def fill(rota: Rota, count: int, at: Instant | None = None) -> None:
    """Record ``count`` runs of the task, due now or at an instant."""
    ledger = rota.ledger
    apply(ledger, rota.loaded, author="bench", reason="benchmark")
    id_, when = task_id(ledger), at if at is not None else ledger.now()
    run = NewRun(task_id=id_, kind=Kind.ENQUEUED, scheduled_at=when, run_at=when, args=json.dumps({}))
    for start in range(0, count, 5000):
        ledger.enqueue([run] * min(5000, count - start))


async def until_done(node: Node, ledger: Ledger, *, every: float = 0.01) -> None:
    """Wait until no run is waiting or running."""
    where = RunFilter(states=OPEN, limit=1)
    while node.busy or ledger.runs(where):
        await asyncio.sleep(every)


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def table(
    head: Sequence[str], rows: Sequence[Sequence[object]], write: Callable[[str], None] = print
) -> None:
    """Columns, the first to the left and the others to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        write(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )
