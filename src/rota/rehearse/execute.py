"""Chosen tasks really run, once each, with ``ROTA_REHEARSAL=1``: on a scratch ledger, by the executors of a node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from rota.change.apply import apply
from rota.clock import SECOND, Instant, SystemClock
from rota.define.loaded import LoadedRota
from rota.engine.by_hand import carry_out
from rota.execute.arguments import prepare
from rota.execute.executors import build_executors
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claim, NodeRecord
from rota.model.run import Kind, NewRun
from rota.model.task import Retries, Task
from rota.rehearse.report import Executed
from rota.rehearse.scratch import AUTHOR, OpenScratch
from rota.settings import Settings

__all__ = ["execute"]

NODE = "rehearsal"
DAY = 86_400 * SECOND

LINES = 20
"""Of what a run wrote, the last ones."""


def execute(
    open_scratch: OpenScratch, loaded: LoadedRota, names: Sequence[str], settings: Settings
) -> tuple[Executed, ...]:
    """Run these tasks once, side by side, and say how each ended. Raises `UnknownName`, before anything is run."""
    chosen = {name: _once(loaded.task(name)) for name in names}
    if not chosen:
        return ()
    ledger = open_scratch(SystemClock())
    try:
        only = LoadedRota(loaded.service, chosen, {}, loaded.functions, loaded.looks)
        apply(ledger, only, author=AUTHOR, reason="executed")
        runs = _handed_in(ledger, loaded.service)
        _carry_out(ledger, only, settings)
        return tuple(_outcome(ledger, name, runs[name]) for name in chosen)
    finally:
        ledger.close()


def _once(task: Task) -> Task:
    """The task as it is tried once, by nobody but this, in the line that is served here."""
    return replace(task, schedule=None, retry=Retries(), queue="default", enabled=True, pause_on_failure=None)


def _handed_in(ledger: Ledger, service: str) -> dict[str, int]:
    """A run of each task; their ids."""
    now = ledger.now()
    tasks = ledger.tasks(service)
    new = [
        NewRun(task_id=one.id, kind=Kind.MANUAL, scheduled_at=now, run_at=now, requested_by=AUTHOR)
        for one in tasks
    ]
    return {task.name: run.id for task, run in zip(tasks, ledger.enqueue(new), strict=True)}


def _carry_out(ledger: Ledger, loaded: LoadedRota, settings: Settings) -> None:
    now = ledger.now()
    ledger.register(
        NodeRecord(
            NODE,
            AUTHOR,
            loaded.service,
            "default",
            "",
            now,
            now,
            Instant(now + DAY),
            0,
            "live",
            len(loaded.tasks),
            0,
            None,
        )
    )
    claimed = ledger.claim(
        Claim(NODE, {"default": len(loaded.tasks)}, {loaded.service: sorted(loaded.tasks)}, now)
    )
    known = {path: prepare(function) for path, function in loaded.functions.items()}
    executors = build_executors(settings, known=known)
    asyncio.run(
        carry_out(
            ledger,
            claimed,
            lambda _, name: loaded.tasks.get(name),
            executors,
            ledger.clock,
            node=NODE,
            rehearsal=True,
        )
    )


def _outcome(ledger: Ledger, task: str, run_id: int) -> Executed:
    run = ledger.run(run_id)
    assert run is not None  # it was handed in above, and nobody prunes a scratch ledger
    took = 0 if run.started_at is None or run.finished_at is None else run.finished_at - run.started_at
    log = tuple(line.text for line in ledger.log(run_id, limit=100_000)[-LINES:])
    return Executed(task, run.state.value, took, _said(run.error), log)


def _said(error: str | None) -> str | None:
    """An error in a line."""
    if error is None:
        return None
    value = json.loads(error)
    return f"{value.get('type', 'Error')}: {value.get('message', '')}".strip(": ")
