"""Tidies: missed deadlines, pauses whose time is over, history past its keep."""

from __future__ import annotations

from collections.abc import Callable

from rota.clock import SECOND, Clock, Instant
from rota.engine.calls import LedgerThread
from rota.ledger.protocol import Ledger

__all__ = ["Janitor"]

SWEEP_EVERY = 5.0
PRUNE_EVERY = 60.0
PRUNE_BATCH = 500


class Janitor:
    """Sweeps every few seconds, and prunes a small batch of old history a minute, more while there is more."""

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        clock: Clock,
        *,
        retention: float,
        swept: Callable[[], None],
        end_pauses: Callable[[Ledger], int],
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._clock = clock
        self._retention = int(retention * SECOND)
        self._swept = swept
        self._end_pauses = end_pauses
        self._prune_at = clock.monotonic() + PRUNE_EVERY

    async def step(self) -> float:
        missed = await self._thread(self._ledger.sweep)
        resumed = await self._thread(self._end_pauses, self._ledger)
        if missed or resumed:
            self._swept()
        if self._clock.monotonic() >= self._prune_at:
            before = Instant(self._ledger.now() - self._retention)
            pruned = await self._thread(self._ledger.prune, before, PRUNE_BATCH)
            pause = 1.0 if pruned >= PRUNE_BATCH else PRUNE_EVERY
            self._prune_at = self._clock.monotonic() + pause
        return SWEEP_EVERY
