"""The bounds of a schedule: start, end and limit."""

from __future__ import annotations

from collections.abc import Callable

from rota.model.schedule import At, RRule, Schedule
from rota.timing.calendars import instant_of
from rota.timing.zones import Zone

__all__ = ["Bounds", "bounds_of"]

_NEVER = 1 << 62


class Bounds:
    """``before`` is the last instant before the first admitted one. The last one may have to be counted out."""

    __slots__ = ("_last", "_limit", "before")

    def __init__(self, before: int, last: int, limit: int | None) -> None:
        self.before, self._last, self._limit = before, last, limit

    def last(self, next_after: Callable[[int], int | None]) -> int:
        """The last admitted instant. A limit is counted out at the first asking, and then kept.

        Two threads that ask at once both count, and find the same.
        """
        if self._limit is not None:
            at: int | None = self.before
            for _ in range(self._limit):
                following = next_after(at) if at is not None else None
                if following is None or following > self._last:
                    break
                at = following
            self._last, self._limit = min(self._last, at if at is not None else self._last), None
        return self._last


def bounds_of(schedule: Schedule, place: Zone) -> Bounds | None:
    """The bounds of a schedule; None if it has none. ``start`` is admitted, ``end`` is not."""
    if schedule.start is None and schedule.end is None and schedule.limit is None:
        return None
    before = -_NEVER if schedule.start is None else instant_of(schedule.start, place) - 1
    last = _NEVER if schedule.end is None else instant_of(schedule.end, place) - 1
    if schedule.limit is not None and schedule.start is None:
        before = min(_beginnings(schedule, place)) - 1
    return Bounds(before, last, schedule.limit)


def _beginnings(schedule: Schedule, place: Zone) -> list[int]:
    """Where rules that have a first occurrence begin; `check_schedule` has seen to it that all of them do."""
    found = []
    for rule in schedule.rules:
        if isinstance(rule, At):
            found += [instant_of(one, place) for one in rule.instants]
        elif isinstance(rule, RRule) and rule.start is not None:
            found.append(instant_of(rule.start, place))
    return found
