"""Start, repeat, back off, wake and stop: written once, for all loops of a node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from rota.clock import Clock
from rota.errors import LedgerError
from rota.events import Events, LoopFailed

__all__ = ["Loop", "Step"]

Step = Callable[[], Awaitable[float]]
"""Does what is to be done now; returns how many seconds may pass until the next."""

_log = logging.getLogger("rota.engine")

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0


class Loop:
    """Calls ``step`` again and again. A step returns how many seconds may pass until the next one.

    A step that fails is logged, told as an event, and tried again after a delay that doubles up to ten
    seconds: a ledger that is away for a while, or a full disk, ends nothing.
    """

    def __init__(self, name: str, step: Step, *, clock: Clock, events: Events) -> None:
        self.name = name
        self._step = step
        self._clock = clock
        self._events = events
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.advanced = clock.monotonic()

    def start(self) -> None:
        self._stopping = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"rota-{self.name}")

    def wake(self) -> None:
        """Have the next step come at once. From the event loop's thread only."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """Take no other step after the one under way."""
        self._stopping = True
        self._woken.set()

    async def stop(self) -> None:
        """Let the step under way end, and take no other."""
        self.ask_to_stop()
        if self._task is not None:
            await self._task
            self._task = None

    @property
    def is_asked_to_stop(self) -> bool:
        return self._stopping

    @property
    def silent_for(self) -> float:
        """Seconds since a step last began: what a liveness probe looks at."""
        return self._clock.monotonic() - self.advanced

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            self._woken.clear()
            self.advanced = self._clock.monotonic()
            try:
                delay = await self._step()
                failures = 0
            except Exception as error:
                failures += 1
                delay = self._failed(error, failures)
            if delay > 0 and not self._stopping:
                await self._wait(delay)
            else:
                await asyncio.sleep(0)

    def _failed(self, error: Exception, failures: int) -> float:
        delay: float = min(FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY)
        if isinstance(error, LedgerError):
            _log.warning("%s: %s; trying again in %.1f s", self.name, error.what, delay)
        else:
            _log.exception("%s failed; trying again in %.1f s", self.name, delay)
        self._events.emit(LoopFailed(self.name, str(error), delay))
        return delay

    async def _wait(self, delay: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), delay)
