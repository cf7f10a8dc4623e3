"""What waits to be claimed, crew by crew, and how far ahead a claim may reach without changing what comes of it.

Claims cost most of a play, so one takes as much as it may. It may take all up to an instant, if by then every run finds
its lane and a slot free whoever was claimed when: until something fails, which brings a retry, or the slots are full.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rota.clock import Instant
from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew
from rota.engine.crews import CREWS
from rota.model.lifecycle import Succeeded
from rota.model.task import Task
from rota.rehearse.fates import Fate, Fates

__all__ = ["Agenda", "Agendas", "Waiting"]


class Waiting(NamedTuple):
    """A run that waits, the number of the attempt that comes next, and what becomes of that."""

    at: Instant
    task: str
    key: str
    due: Instant
    attempt: int
    fate: Fate


class Agenda:
    """The waiting runs of one crew, the earliest first."""

    def __init__(self) -> None:
        self._heap: list[Waiting] = []

    @property
    def first(self) -> Instant | None:
        """When the earliest may be claimed."""
        return self._heap[0].at if self._heap else None

    def add(self, waiting: Waiting) -> None:
        heapq.heappush(self._heap, waiting)

    def clear(self) -> None:
        self._heap.clear()

    def failing(self, task: str) -> int:
        """How many of a task's attempts to come do not succeed."""
        return sum(one.task == task and not isinstance(one.fate.event, Succeeded) for one in self._heap)

    def take(
        self, now: Instant, limit: Instant, slots: int, ends: Iterable[Instant]
    ) -> tuple[list[Waiting], Instant]:
        """Everything that is due, and what follows up to where a claim may reach; and that instant, at least now.

        ``ends`` are those of the attempts that hold slots.
        """
        taken: list[Waiting] = []
        lanes: set[tuple[str, str]] = set()
        busy = sorted(ends)
        while self._heap and self._heap[0].at <= limit:
            one = self._heap[0]
            if one.at > now and len(taken) > 2 * len(
                lanes
            ):  # of a lane only the first can be claimed: no use to go on
                limit = max(now, Instant(one.at - 1))
                break
            lanes.add((one.task, one.key))
            while busy and busy[0] <= one.at:
                heapq.heappop(busy)
            if len(busy) >= slots:
                limit = max(now, Instant(one.at - 1))
                if one.at > now:
                    break
            end = Instant(max(one.at, now) + one.fate.took)
            heapq.heappush(busy, end)
            if not isinstance(one.fate.event, Succeeded):
                limit = max(now, min(limit, Instant(end - 1)))
            taken.append(heapq.heappop(self._heap))
        within = [one for one in taken if one.at <= limit]
        for one in taken[len(within) :]:  # of an instant at which not all find a slot
            self.add(one)
        return within, limit


class Agendas:
    """The agendas of all crews."""

    def __init__(self, loaded: LoadedRota, crews: Sequence[Crew], fates: Fates) -> None:
        self._tasks, self._fates = loaded.tasks, fates
        self._of_crew = {crew.name: Agenda() for crew in crews}
        self._limited = {name for name, task in loaded.tasks.items() if _is_limited(loaded, task)}
        self._limited_at: list[Instant] = []
        self._of_task = {name: self._of_crew[CREWS[task.executor]] for name, task in loaded.tasks.items()}

    def __iter__(self) -> Iterator[tuple[str, Agenda]]:
        return iter(self._of_crew.items())

    def add(self, at: Instant, task: str, key: str | None, due: Instant, attempt: int) -> None:
        fate = self.fate(task, key, due, attempt)
        self._of_task[task].add(Waiting(at, task, key or "", due, attempt, fate))
        if task in self._limited:
            heapq.heappush(self._limited_at, at)

    def first_limited(self, now: Instant) -> Instant | None:
        """When, from now on, the next run may start that a limit of its task or queue may keep from it."""
        while self._limited_at and self._limited_at[0] < now:
            heapq.heappop(self._limited_at)
        return self._limited_at[0] if self._limited_at else None

    def fate(self, task: str, key: str | None, due: Instant, attempt: int) -> Fate:
        return self._fates.of(self._tasks[task], key or "", due, attempt)

    def failing(self, task: str) -> int:
        return self._of_task[task].failing(task)

    def clear(self) -> None:
        for agenda in self._of_crew.values():
            agenda.clear()
        self._limited_at.clear()


def _is_limited(loaded: LoadedRota, task: Task) -> bool:
    queue = loaded.queues.get(task.queue)
    return task.concurrency is not None or (queue is not None and queue.concurrency is not None)
