"""How states look in tables: always a word, and a colour beside it where there are colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rota.cli.output import Cell
from rota.model.run import State

if TYPE_CHECKING:
    from rota.clock import Instant
    from rota.read.runs import RunRow

__all__ = ["condition_cell", "run_rows", "state_cell"]

_STATES: Mapping[State, str] = {
    State.WAITING: "cyan",
    State.RUNNING: "blue",
    State.SUCCEEDED: "green",
    State.FAILED: "bold red",
    State.CANCELLED: "yellow",
    State.SKIPPED: "yellow",
    State.MISSED: "red",
}
_CONDITIONS: Mapping[str, str] = {
    "as-expected": "green",
    "failing": "bold red",
    "late": "red",
    "stale": "red",
    "missed": "red",
    "stuck": "red",
    "node-lost": "red",
    "no-node": "red",
    "paused": "yellow",
    "expired": "yellow",
}


def state_cell(state: State, text: str | None = None) -> Cell:
    """A run's state."""
    return Cell(text or state.value, _STATES[state])


def condition_cell(word: str, text: str | None = None) -> Cell:
    """A task's condition, or what needs attention."""
    return Cell(text or word, _CONDITIONS.get(word, "dim"))


def run_rows(
    runs: Sequence[RunRow], now: Instant, *, with_task: bool = True, with_service: bool = False
) -> tuple[tuple[str, ...], list[tuple[str | Cell, ...]]]:
    """Heads and rows of a table of runs."""
    from rota.cli.times import in_zone
    from rota.read.words import length, relative

    heads = ("RUN", *(("TASK",) if with_task else ()), "STATE", "DUE", "AGO", "TOOK", "TRY", "WHAT")
    rows = []
    for run in runs:
        name = f"{run.service}/{run.task}" if with_service else run.task
        rows.append(
            (
                str(run.id),
                *((name,) if with_task else ()),
                state_cell(run.state),
                in_zone(run.scheduled_at // 1_000_000 * 1_000_000, "UTC"),
                relative(run.scheduled_at, now),
                "-" if run.took is None else length(run.took),
                str(run.attempt) if run.attempt else "-",
                run.words if run.kind.value == "scheduled" else f"{run.kind.value}; {run.words}",
            )
        )
    return heads, rows
