"""The server's clock as this process knows it: told with every transaction, and never ahead of the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rota.clock import Instant

__all__ = ["ServerClock"]


class ServerClock:
    """The ledger's clock between two answers of the server.

    Every answer carries the server's time. It was read after the question was sent and before the answer came, so
    the server's lead over our monotonic clock lies between two bounds; the lower is used, so that what goes by this
    clock is never early, and late by no more than the way of one answer. The machine's own wall clock plays no part:
    it may be set to anything (Cristian, "Probabilistic clock synchronization", 1989, for the bounds).

    >>> clock = ServerClock(lambda: None)
    >>> clock.observe(10.0, Instant(5_000_000), 10.5)
    >>> clock.lead
    -5500001
    """

    def __init__(self, ask: Callable[[], object], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.lead: int | None = None  # microseconds that the server's time is ahead of our monotonic one

    def now(self) -> Instant:
        """The server's time, from the latest answer; the first call asks the server."""
        if self.lead is None:
            self._ask()
        assert self.lead is not None  # whoever asks observes the answer
        return Instant(int(self._monotonic() * 1_000_000) + self.lead)

    def monotonic(self) -> float:
        return self._monotonic()

    def observe(self, sent: float, told: Instant, received: float) -> None:
        """The server told its time, between two moments of our monotonic clock (in seconds)."""
        low, high = told - int(received * 1_000_000) - 1, told - int(sent * 1_000_000)
        with self._lock:
            if self.lead is None or low > self.lead or high < self.lead:
                self.lead = low
