"""The limits of queues: concurrency over all nodes, and a rate as a token bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rota.clock import SECOND

__all__ = ["Rooms", "refilled"]


class Rooms:
    """How many runs each queue's own limits allow now. ``rows`` are the limited queues of `claim_head`."""

    def __init__(self, rows: Sequence[Sequence[Any]], now: int) -> None:
        self._rooms: dict[str, int] = {}
        self._tokens: dict[str, float] = {}
        self._unwritten: dict[str, bool] = {}
        for name, rate, concurrency, tokens, refilled_at, paused, running in rows:
            room = 0 if paused else None
            if concurrency is not None and room is None:
                room = max(0, concurrency - running)
            if rate is not None:
                self._tokens[name] = refilled(tokens, rate, refilled_at, now)
                self._unwritten[name] = refilled_at > now
                room = int(self._tokens[name]) if room is None else min(room, int(self._tokens[name]))
            if room is not None:
                self._rooms[name] = room

    def of(self, queue: str, quota: int) -> int:
        """What may be taken of a queue of which a node asks for ``quota``."""
        return min(quota, self._rooms.get(queue, quota))

    def spend(self, queue: str, taken: int) -> None:
        if queue in self._tokens and taken:
            self._tokens[queue] -= taken
            self._unwritten[queue] = True

    def changed(self) -> Iterator[tuple[str, float]]:
        """Buckets to write down: something was taken, or the clock was set back behind the last filling."""
        return ((name, tokens) for name, tokens in self._tokens.items() if self._unwritten[name])


def refilled(tokens: float, rate: float, refilled_at: int, now: int) -> float:
    """What a bucket holds now: one second's worth at most, but at least one.

    A clock that goes back takes nothing away, and fills nothing. 0 stands for a bucket never used: it is full.

    >>> refilled(0.0, 10.0, 1_000_000, 1_500_000)
    5.0
    >>> refilled(3.0, 10.0, 9_000_000, 1_000_000)
    3.0
    >>> refilled(0.0, 0.5, 0, 7)
    1.0
    """
    full = max(1.0, rate)
    if refilled_at == 0:
        return full
    return min(full, tokens + rate * max(0, now - refilled_at) / SECOND)
