"""What the checks found of late, out of the ledger: the results of the runs of the tasks that carry them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, TaskRecord
from rota.model.run import RunRecord, State

__all__ = ["Result", "is_site_task", "latest_results", "results_of"]

_MODULE = "rota_site.tasks:"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run of a check. ``value`` is as `rota_site.finding.as_result` made it."""

    service: str
    task: str
    run: int
    at: Instant
    value: Mapping[str, Any]


def is_site_task(task: TaskRecord) -> bool:
    """Whether a task carries out one of this package's checks."""
    return _MODULE in task.definition


def latest_results(ledger: Ledger, *, each: int = 1) -> list[Result]:
    """The latest results of every check, newest first within a task; ``each`` is how many of one task."""
    return [
        result for task in ledger.tasks() if is_site_task(task) for result in results_of(ledger, task, each)
    ]


def results_of(ledger: Ledger, task: TaskRecord, limit: int = 1) -> list[Result]:
    """The latest results of one task. Runs that ended without one, such as in an error, are left out."""
    runs = ledger.runs(
        RunFilter(task.service, task.name, states=(State.SUCCEEDED, State.FAILED), limit=limit + 20)
    )
    found = [result for run in runs if (result := _result(task, run)) is not None]
    return found[:limit]


def _result(task: TaskRecord, run: RunRecord) -> Result | None:
    value = json.loads(run.result) if run.result else None
    if not isinstance(value, dict) or "check" not in value or run.finished_at is None:
        return None
    return Result(task.service, task.name, run.id, run.finished_at, value)
