"""The timeouts of all attempts under way, behind one timer of the event loop."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, Protocol, TypeVar

__all__ = ["Deadlines"]


class _Timed(Protocol):
    over: bool


T = TypeVar("T", bound=_Timed)


class Deadlines(Generic[T]):
    """Calls back for each attempt that is not over by its deadline.

    Nearly every attempt ends long before. A timer of the loop for each would cost more than a short run itself; an
    entry here is left where it is until its time comes, or until most are of attempts that are over.
    """

    def __init__(self, passed: Callable[[T], None]) -> None:
        self._passed = passed
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._tidy_at = 1000

    def add(self, one: T, seconds: float) -> None:
        """Call back in so many seconds, unless it is over by then."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        heapq.heappush(self._heap, (when, next(self._order), one))
        if self._timer is None or when < self._timer.when():
            self._set(loop, when)
        if len(self._heap) > self._tidy_at:
            self._tidy()

    def _set(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._due)

    def _due(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._heap and (self._heap[0][2].over or self._heap[0][0] <= loop.time()):
            one = heapq.heappop(self._heap)[2]
            if not one.over:
                self._passed(one)
        if self._heap:
            self._set(loop, self._heap[0][0])

    def _tidy(self) -> None:
        """Forget those that are over; the next time when as many again have come."""
        self._heap = [entry for entry in self._heap if not entry[2].over]
        heapq.heapify(self._heap)
        self._tidy_at = 2 * len(self._heap) + 1000
