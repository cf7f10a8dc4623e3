"""How states look in tables: always a word, and a colour beside it where there are colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rota.cli.output import Cell
from rota.clock import Instant, from_instant
from rota.model.incident import Status
from rota.model.run import State

if TYPE_CHECKING:
    from rota.read.runs import RunRow

__all__ = ["SPARE", "condition_cell", "incident_cell", "run_rows", "state_cell", "utc"]

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
    "incident": "red",
    "undelivered": "red",
    "paused": "yellow",
    "expired": "yellow",
}


def state_cell(state: State, text: str | None = None) -> Cell:
    """A run's state."""
    return Cell(text or state.value, _STATES[state])


def condition_cell(word: str, text: str | None = None) -> Cell:
    """A task's condition, or what needs attention."""
    return Cell(text or word, _CONDITIONS.get(word, "dim"))


def incident_cell(status: Status) -> Cell:
    """How an incident stands; what is clear is resolved."""
    styles = {
        Status.OPEN: "red",
        Status.ACKNOWLEDGED: "yellow",
        Status.RECOVERING: "yellow",
        Status.CLEAR: "green",
    }
    return Cell("resolved" if status is Status.CLEAR else status.value, styles[status])


SPARE = ("TRY", "TOOK", "DUE")
"""Columns of a table of runs that a narrow terminal can do without."""


def run_rows(
    runs: Sequence[RunRow], *, with_task: bool = True, with_service: bool = False
) -> tuple[tuple[str, ...], list[tuple[str | Cell, ...]]]:
    """Heads and rows of a table of runs."""
    from rota.read.words import length

    heads = ("RUN", *(("TASK",) if with_task else ()), "STATE", "DUE", "TOOK", "TRY", "WHAT")
    rows = []
    for run in runs:
        name = f"{run.service}/{run.task}" if with_service else run.task
        rows.append(
            (
                str(run.id),
                *((name,) if with_task else ()),
                state_cell(run.state),
                utc(run.scheduled_at),
                "-" if run.took is None else length(run.took),
                str(run.attempt) if run.attempt else "-",
                run.words if run.kind.value == "scheduled" else f"{run.kind.value}; {run.words}",
            )
        )
    return heads, rows


def utc(at: Instant) -> str:
    """An instant to the second, on the clock of UTC.

    >>> utc(Instant(1795435200250000))
    '2026-11-23 12:00:00Z'
    """
    return f"{from_instant(at):%Y-%m-%d %H:%M:%S}Z"
