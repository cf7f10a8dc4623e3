"""Runs that were claimed ahead: held in memory, under their lease, until their instant."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from rota.clock import SECOND, Clock
from rota.ledger.work import Claimed

__all__ = ["Held"]

EARLY = 0.0015
"""Seconds before an instant at which to stop sleeping: timers of the event loop are good to a millisecond."""

LOOK_AGAIN = 1.0
"""Seconds of sleep at most: the wall clock may be set meanwhile."""


class Held:
    """Starts each run when its instant has come by the ledger's clock: never early, and not a millisecond late.

    The last moment before an instant is waited out by yielding to the event loop, since a sleep would
    overshoot; that is at most ``EARLY`` of work for each instant at which something is due.
    """

    def __init__(self, clock: Clock, start: Callable[[Claimed], None]) -> None:
        self._clock = clock
        self._start = start
        self._heap: list[tuple[int, int, Claimed]] = []
        self._order = count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, claimed: Claimed) -> None:
        """Start a run at its instant, which may be now."""
        if claimed.run_at <= self._clock.now():
            self._start(claimed)
            return
        heapq.heappush(self._heap, (claimed.run_at, next(self._order), claimed))
        if self._heap[0][2] is claimed:
            self._changed.set()

    def keys(self) -> list[tuple[int, int]]:
        """Run and token of all that is held."""
        return [(claimed.id, claimed.token) for _, _, claimed in self._heap]

    def drop(self, run_id: int, token: int) -> Claimed | None:
        """Hold a run no longer, because it is to be stopped before it starts."""
        for index, (_, _, claimed) in enumerate(self._heap):
            if (claimed.id, claimed.token) == (run_id, token):
                del self._heap[index]
                heapq.heapify(self._heap)
                return claimed
        return None

    def take_all(self) -> list[Claimed]:
        """Hold nothing any more; what was held is returned, not started."""
        taken = [claimed for _, _, claimed in self._heap]
        self._heap.clear()
        return taken

    def take_beyond(self, instant: int) -> list[Claimed]:
        """What is held for later than ``instant``: the clock was set back since it was claimed."""
        beyond = [entry for entry in self._heap if entry[0] > instant]
        if beyond:
            self._heap = [entry for entry in self._heap if entry[0] <= instant]
            heapq.heapify(self._heap)
        return [claimed for _, _, claimed in beyond]

    async def step(self) -> float:
        """Sleep until the earliest instant and start what is due then."""
        self._changed.clear()
        if not self._heap:
            await self._wait(LOOK_AGAIN)
            return 0.0
        wait = (self._heap[0][0] - self._clock.now()) / SECOND - EARLY
        if wait > 0:
            await self._wait(min(wait, LOOK_AGAIN))
            return 0.0
        await self._start_due()
        return 0.0

    def wake(self) -> None:
        self._changed.set()

    async def _start_due(self) -> None:
        if self._heap[0][0] > self._clock.now():
            await asyncio.sleep(0)  # so near that a timer would be late
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            self._start(heapq.heappop(self._heap)[2])

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()
