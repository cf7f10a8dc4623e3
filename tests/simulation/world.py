"""The simulated world: one clock, one queue of what happens next, one source of chance. Same seed, same history."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from itertools import count

from rota.clock import SECOND, Instant
from rota.testing import ManualClock

__all__ = ["FATES", "START", "Broken", "World"]

FATES = ("request lost", "answer lost", "crash before", "crash inside", "crash after")
"""What may become of a call, if it is not just done."""

START = ManualClock().now()
"""Where the ledger's clock stands at first."""


class Broken(Exception):
    """A promise was broken: which, and how to see it again."""


class World:
    """Time passes only from one event to the next. ``trace`` holds the latest events, ``digest`` all of them."""

    def __init__(self, seed: int, fates: tuple[str, ...] = FATES) -> None:
        self.seed = seed
        self.fates = fates
        self.chance = random.Random(seed)
        self.passed = 0  # microseconds since the beginning; never goes back
        self.offset = 0  # how far the ledger's clock was set off
        self.faulty = True
        self.hits: Counter[str] = Counter()
        self.trace: deque[str] = deque(maxlen=60)
        self._digest = hashlib.sha256()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def now(self) -> Instant:
        """The ledger's time."""
        return Instant(START + self.passed + self.offset)

    def monotonic(self) -> float:
        return self.passed / SECOND

    def after(self, microseconds: int, happen: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.passed + max(0, microseconds), next(self._order), happen))

    def soon(self, most: int, happen: Callable[[], None]) -> None:
        """After a time that chance decides, up to so many microseconds."""
        self.after(self.chance.randrange(most + 1), happen)

    def note(self, what: str) -> None:
        line = f"{self.passed / SECOND:9.4f} {what}"
        self.trace.append(line)
        self._digest.update(line.encode())

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def likely(self, share: float) -> bool:
        return self.chance.random() < share

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let so much time pass at most; returns whether ``until`` came about."""
        end = self.passed + int(seconds * SECOND)
        while self._queue and self._queue[0][0] <= end:
            self.passed, _, happen = heapq.heappop(self._queue)
            happen()
            if until():
                return True
        self.passed = end
        return until()

    def broken(self, promise: str, detail: str) -> Broken:
        self.note(f"BROKEN {promise}: {detail}")
        return Broken(
            f"{promise}: {detail}\nseed {self.seed}: ROTA_SIMULATION_SEED={self.seed} ROTA_SIMULATION_SEEDS=1 "
            f"pytest -m 'long or not long' tests/simulation -k seeds\n" + "\n".join(self.trace)
        )
