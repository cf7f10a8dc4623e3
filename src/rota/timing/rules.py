"""Rules that need no wall clock: intervals and single instants."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol

from rota.clock import SECOND
from rota.timing.walk import WallRule

__all__ = ["Instants", "Interval", "OnSeconds", "RuleTimes"]


class RuleTimes(Protocol):
    """One rule's occurrences, in microseconds since the epoch."""

    def next_after(self, instant: int) -> int | None: ...

    def count(self, after: int, until: int) -> int | None:
        """How many occurrences there are in (after, until]; None if they have to be counted one by one."""
        ...


class OnSeconds:
    """A wall rule, whose occurrences fall on whole seconds."""

    __slots__ = ("_rule",)

    def __init__(self, rule: WallRule) -> None:
        self._rule = rule

    def next_after(self, instant: int) -> int | None:
        found = self._rule.next_after(instant // SECOND)
        return None if found is None else found * SECOND

    def count(self, after: int, until: int) -> int | None:
        return self._rule.count(after // SECOND, until // SECOND)


class Interval:
    """Every so many microseconds of elapsed time, counted from an anchor in both directions."""

    __slots__ = ("_anchor", "_every")

    def __init__(self, every: int, anchor: int) -> None:
        self._every, self._anchor = every, anchor

    def next_after(self, instant: int) -> int | None:
        return self._anchor + ((instant - self._anchor) // self._every + 1) * self._every

    def count(self, after: int, until: int) -> int | None:
        return (until - self._anchor) // self._every - (after - self._anchor) // self._every


class Instants:
    """Single instants."""

    __slots__ = ("_instants",)

    def __init__(self, instants: Iterable[int]) -> None:
        self._instants = tuple(sorted(set(instants)))

    def next_after(self, instant: int) -> int | None:
        at = bisect_right(self._instants, instant)
        return self._instants[at] if at < len(self._instants) else None

    def count(self, after: int, until: int) -> int | None:
        return bisect_right(self._instants, until) - bisect_right(self._instants, after)
