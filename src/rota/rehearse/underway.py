"""What was claimed, until it is recorded: held for its instant, at work in a slot, or ended. As a node has it, but that
an attempt does nothing besides lasting as long as its fate says."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import NamedTuple

from rota.clock import MICROSECOND, Instant
from rota.engine.claimer import Crew
from rota.engine.crews import CREWS
from rota.engine.ending import Stop, ending_of
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claimed, Finish
from rota.model.lifecycle import Errored, Event, Succeeded, Tally, TimedOut, Unmet, step
from rota.model.run import State
from rota.model.task import Task
from rota.rehearse.agenda import Agendas
from rota.rehearse.fates import Fate
from rota.rehearse.played import Played

__all__ = ["MOST", "Attempt", "Underway"]

MOST = 2000
"""Outcomes that are recorded at once."""

ENDED = {Succeeded: "succeeded", Errored: "error", TimedOut: "timeout", Unmet: "unmet"}


class Attempt(NamedTuple):
    """An attempt, and how it will end."""

    started: Instant
    order: int
    claimed: Claimed
    task: Task
    event: Event
    ends_at: Instant
    spread: float


class Underway:
    """The attempts of all crews. ``node`` is who holds them; what is tried again goes back to the agendas."""

    def __init__(
        self, ledger: Ledger, crews: Mapping[str, Crew], agendas: Agendas, played: Played, node: str
    ) -> None:
        self._ledger, self._crews, self._agendas, self._played = ledger, crews, agendas, played
        self.node = node
        self._order = count()
        self._held: list[Attempt] = []  # claimed ahead, by their instants
        self._ends: list[tuple[Instant, int, Attempt]] = []
        self._running: dict[int, Attempt] = {}  # by token
        self._unwritten: list[Attempt] = []
        self._freed: set[str] = set()

    @property
    def next(self) -> Instant | None:
        """When the next attempt begins or ends."""
        begins = self._held[0].started if self._held else None
        ends = self._ends[0][0] if self._ends else None
        return ends if begins is None else begins if ends is None else min(begins, ends)

    def ends_of(self, crew: str) -> list[Instant]:
        """When the slots of a crew that are taken, or will be, come free."""
        return [one.ends_at for one in self._all() if CREWS[one.task.executor] == crew]

    def failing(self, task: str) -> int:
        """Attempts of a task that do not succeed."""
        return sum(one.task.name == task and not isinstance(one.event, Succeeded) for one in self._all())

    def failures(self) -> list[Instant]:
        """When attempts end that do not succeed: until then, nobody knows of what they bring."""
        return [one.ends_at for one in self._all() if not isinstance(one.event, Succeeded)]

    def freed(self) -> set[str]:
        """Crews of which something has ended since this was last asked."""
        freed, self._freed = self._freed, set()
        return freed

    def _all(self) -> Iterator[Attempt]:
        yield from self._running.values()
        yield from self._held

    def hold(self, claimed: Claimed, task: Task, fate: Fate, now: Instant) -> None:
        """Claimed, perhaps ahead: it begins at its instant."""
        begins = max(now, claimed.run_at)
        ends = Instant(begins + fate.took)
        heapq.heappush(
            self._held, Attempt(begins, next(self._order), claimed, task, fate.event, ends, fate.spread)
        )

    def begin(self, now: Instant) -> None:
        """Those held whose instant has come take their slots."""
        while self._held and self._held[0].started <= now:
            one = heapq.heappop(self._held)
            self._crews[CREWS[one.task.executor]].in_use += 1
            self._running[one.claimed.token] = one
            heapq.heappush(self._ends, (one.ends_at, one.order, one))
            self._played.began(one.task.name, one.claimed.run_at, now, first=one.claimed.attempt == 1)

    def end(self, now: Instant) -> None:
        """What succeeded may be recorded later, with the instant at which it did; the rest is recorded at once."""
        at_once = False
        while self._ends and self._ends[0][0] <= now:
            attempt = heapq.heappop(self._ends)[2]
            if self._running.get(attempt.claimed.token) is attempt:
                self._give_back(attempt, now)
                self._unwritten.append(attempt)
                at_once = at_once or not isinstance(attempt.event, Succeeded)
        if at_once or len(self._unwritten) >= MOST:
            self.write()

    def supersede(self, tokens: Collection[int], now: Instant) -> None:
        """The next occurrence takes the place of these."""
        event = ending_of(None, Stop.SUPERSEDED).event
        for attempt in [self._running[one] for one in tokens if one in self._running]:
            self._give_back(attempt, now)
            self._unwritten.append(attempt._replace(ends_at=now, event=event))
        self.write()

    def lose(self, now: Instant) -> None:
        """The node is gone, with all that it was at and had not recorded."""
        for attempt in tuple(self._running.values()):
            self._give_back(attempt, now)
        self._ends.clear()
        self._held.clear()

    def write(self) -> None:
        """Record what has ended."""
        finishes = [self._finish(one) for one in self._unwritten]
        self._unwritten.clear()
        if finishes:
            refused = self._ledger.finish(self.node, finishes)
            assert not refused, "nobody else holds what this node holds"

    def _give_back(self, attempt: Attempt, now: Instant) -> None:
        del self._running[attempt.claimed.token]
        name = CREWS[attempt.task.executor]
        self._crews[name].in_use -= 1
        self._freed.add(name)
        self._played.ended(attempt.task.name, now - attempt.started, now)

    def _finish(self, attempt: Attempt) -> Finish:
        claimed = attempt.claimed
        tally = Tally(claimed.spent, claimed.crashes)
        move = step(State.RUNNING, attempt.event, tally, attempt.task.retry, spread=attempt.spread)
        assert move is not None  # a running run can always end
        if move.state is State.WAITING:
            again = Instant(attempt.ends_at + move.delay // MICROSECOND)
            self._agendas.add(
                again, claimed.task, claimed.schedule_key, claimed.scheduled_at, claimed.attempt + 1
            )
        ended = ENDED.get(type(attempt.event), "cancelled")
        return Finish(claimed.id, claimed.token, move, ended, attempt.started, attempt.ends_at)
