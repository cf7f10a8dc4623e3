"""A real node on a real SQLite ledger, with short times, for the tests of the engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from rota import Rota
from rota.clock import SECOND, Instant, SystemClock
from rota.ledger.records import RunFilter
from rota.model.run import FINAL, RunRecord, State

QUICK = {"lease": 1.2, "heartbeat": 0.2, "poll": 0.05, "ahead": 0.2, "drain": 5.0}
DUTY = {"owner": "tests@example.org", "expects": "what the test says", "rollback": "nothing to put back"}


class ShiftedClock:
    """The machine's clock, set off by ``offset`` microseconds: what setting a clock, or a suspended laptop, looks like."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.offset = 0
        self.asleep = 0.0  # seconds that the monotonic clock did not count

    def now(self) -> Instant:
        return Instant(self._real.now() + self.offset)

    def monotonic(self) -> float:
        return self._real.monotonic() - self.asleep

    def set_by(self, seconds: float) -> None:
        self.offset += int(seconds * SECOND)


def rota_in(folder: Path, clock: Any = None, **settings: Any) -> Rota:
    return Rota("test", clock=clock, database_url=f"sqlite:///{folder / 'rota.db'}", **{**QUICK, **settings})


def runs(rota: Rota, task: str | None = None) -> list[RunRecord]:
    return rota.ledger.runs(RunFilter(task=task, order="oldest", limit=100_000))


async def until(condition: Callable[[], Any], within: float = 10.0) -> Any:
    """Wait until a condition holds; what it returned is returned."""
    async with asyncio.timeout(within):
        while not (found := condition()):
            await asyncio.sleep(0.005)
    return found


async def ended(rota: Rota, run_id: int, within: float = 10.0) -> RunRecord:
    def look() -> RunRecord | None:
        run = rota.ledger.run(run_id)
        return run if run is not None and run.state in FINAL else None

    return await until(look, within)


async def in_state(rota: Rota, run_id: int, state: State, within: float = 10.0) -> RunRecord:
    def look() -> RunRecord | None:
        run = rota.ledger.run(run_id)
        return run if run is not None and run.state is state else None

    return await until(look, within)


@contextlib.asynccontextmanager
async def second_node(rota: Rota, like: Rota) -> AsyncIterator[Rota]:
    """Another Rota on the same ledger, with the same tasks."""
    rota._registry = like._registry
    try:
        async with rota.running():
            yield rota
    finally:
        rota.close()
