"""Attempts without a node: what was claimed is carried out and settled at once. For tests, and for rehearsals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rota.clock import Clock
from rota.engine.attempts import Attempts
from rota.engine.calls import LedgerThread
from rota.engine.logbook import LogBook
from rota.engine.settler import Settler
from rota.engine.verdicts import VerdictBook
from rota.events import Events
from rota.execute.protocol import Executor
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claimed
from rota.model.task import Task

__all__ = ["carry_out"]

LONGEST = 3600.0
"""Seconds after which what still runs is not waited for."""


async def carry_out(
    ledger: Ledger,
    claimed: Sequence[Claimed],
    task: Callable[[str, str], Task | None],
    executors: Mapping[str, Executor],
    clock: Clock,
    *,
    node: str,
    rehearsal: bool = False,
) -> None:
    """Carry out runs that ``node`` holds, side by side, by the real executors; return when all is recorded."""
    thread, events = LedgerThread(), Events()
    logbook = LogBook(ledger, thread, clock)
    settler = Settler(ledger, thread, logbook, events, node=lambda: node, settled=lambda: None)
    verdicts = VerdictBook(ledger, thread, executors, clock)
    attempts = Attempts(
        executors, task, settler, logbook, events, clock, verdicts, ended=lambda _: None, rehearsal=rehearsal
    )
    for executor in set(executors.values()):
        await executor.start()
    try:
        for run in claimed:
            attempts.start(run)
        await attempts.quiet(LONGEST)
        while settler.pending:
            await settler.step()
        await logbook.flush()
        await verdicts.flush()
    finally:
        for executor in set(executors.values()):
            await executor.close()
        thread.close()
