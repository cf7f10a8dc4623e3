"""How late a node's latest starts were."""

from __future__ import annotations

from collections import deque

__all__ = ["Lateness"]

WINDOW = 1000
"""Starts that are looked at."""


class Lateness:
    """The lateness of the last starts, in microseconds. Added to on the event loop, read by the heart's thread.

    >>> late = Lateness()
    >>> late.p99() is None
    True
    >>> for number in range(200):
    ...     late.add(number)
    >>> late.p99()
    198
    """

    def __init__(self) -> None:
        self._latest: deque[int] = deque(maxlen=WINDOW)
        self._changed = False
        self._told: int | None = None

    def add(self, microseconds: int) -> None:
        self._latest.append(max(0, microseconds))
        self._changed = True

    def p99(self) -> int | None:
        """What 99 of 100 starts did not exceed; None before the first."""
        if self._changed:
            self._changed = False
            ordered = sorted(self._latest.copy())
            self._told = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        return self._told
