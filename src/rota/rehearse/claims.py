"""The claims of a play: a node's own, made as soon as something may start, and as far ahead as changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew, take
from rota.engine.crews import weights_of
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claimed
from rota.model.task import Overlap
from rota.rehearse.agenda import Agenda, Agendas, Waiting
from rota.rehearse.fates import Fate
from rota.rehearse.played import Played
from rota.rehearse.underway import Underway
from rota.settings import Settings

__all__ = ["Claims"]

MOST = 2000
"""Runs a claim takes at once."""


class Claims:
    """Claims for each crew. Wakes again, where something waits that no known event will start: ``again`` says when."""

    def __init__(
        self,
        ledger: Ledger,
        loaded: LoadedRota,
        settings: Settings,
        crews: Mapping[str, Crew],
        agendas: Agendas,
        underway: Underway,
        played: Played,
    ) -> None:
        self._ledger, self._tasks, self._crews = ledger, loaded.tasks, crews
        self._agendas, self._underway, self._played = agendas, underway, played
        self._weights = weights_of(loaded, settings)
        self._poll = int(settings.poll * SECOND)
        self._beat = int(settings.heartbeat * SECOND)
        self._hungry: set[str] = set()  # crews for which something waits that could not be claimed
        self._free_of_lanes = {n for n, task in loaded.tasks.items() if task.overlap is Overlap.ALLOW}
        self._superseding = {name for name, task in loaded.tasks.items() if task.overlap is Overlap.CANCEL}
        self._has_rates = any(queue.rate is not None for queue in loaded.queues.values())
        limits = [task.concurrency for task in loaded.tasks.values()]
        limits += [queue.concurrency for queue in loaded.queues.values()]
        self._is_bounded = any(one is not None for one in limits)
        self.again: Instant | None = None
        self.beat_at: Instant | None = None
        """When a node's heartbeat tells it what it is to stop, if there may be something."""

    @property
    def next(self) -> Instant | None:
        """When the next claim is due, unless something ends before."""
        moments = [agenda.first for _, agenda in self._agendas]
        return min((one for one in (*moments, self.again) if one is not None), default=None)

    def forget(self) -> None:
        """All waits are looked up anew: after what was lost is taken over."""
        self._hungry.clear()

    def make(self, now: Instant, horizon: Instant) -> None:
        """Claim what is due now; what follows, up to ``horizon``, with it where that changes nothing."""
        worthwhile = self._hungry & self._may_start(now)
        for name, agenda in self._agendas:
            if name in worthwhile or (agenda.first is not None and agenda.first <= now):
                self._underway.write()
                self._claim(self._crews[name], agenda, now, self._reach(now, horizon))
        if self._hungry and self._has_rates:
            self.again = Instant(now + self._poll)

    def _may_start(self, now: Instant) -> set[str]:
        """Crews of which what waits may find a slot, its lane, or room in its limit, now."""
        freed, everyone = self._underway.freed(), set(self._crews)
        if self.again is not None and self.again <= now:
            self.again = None
            return everyone
        return everyone if freed and self._is_bounded else freed

    def _reach(self, now: Instant, horizon: Instant) -> Instant:
        """How far a claim may look: not beyond what brings runs that nobody knows of yet, nor to where limits decide."""
        if self._hungry or self._has_rates:
            return now
        limited = self._agendas.first_limited(now)
        ends = [*self._underway.failures(), *([] if limited is None else [limited])]
        return max(now, min([horizon, *(Instant(at - 1) for at in ends)]))

    def _claim(self, crew: Crew, agenda: Agenda, now: Instant, limit: Instant) -> None:
        waiting, until = agenda.take(now, limit, crew.slots, self._underway.ends_of(crew.name))
        left = {(one.task, one.key, one.due): one for one in waiting}
        while crew.free > 0:
            # ahead, one slot may do for several, one after the other
            wanted = min(crew.free if until <= now else self._lanes(left), MOST)
            runs = take(
                self._ledger, crew.tasks, self._weights, self._underway.node, wanted, until, likely=True
            )
            for claimed in runs:
                one = left.pop((claimed.task, claimed.schedule_key or "", claimed.scheduled_at), None)
                self._underway.hold(claimed, self._tasks[claimed.task], self._fate(claimed, one), now)
            self._underway.begin(now)
            if len(runs) < wanted or (until > now and wanted < MOST):
                break
        self._left_over(crew, agenda, left.values(), now)

    def _lanes(self, places: Collection[tuple[str, str, Instant]]) -> int:
        """How many of these may be claimed at once: one of each lane."""
        lanes = {place[:2] for place in places if place[0] not in self._free_of_lanes}
        return len(lanes) + sum(place[0] in self._free_of_lanes for place in places)

    def _fate(self, claimed: Claimed, waiting: Waiting | None) -> Fate:
        if waiting is not None:
            return waiting.fate
        return self._agendas.fate(claimed.task, claimed.schedule_key, claimed.scheduled_at, claimed.attempt)

    def _left_over(self, crew: Crew, agenda: Agenda, left: Iterable[Waiting], now: Instant) -> None:
        """What was not claimed waits on; what is due by now was skipped, or waits for a slot, its lane, a limit."""
        late = False
        for one in left:
            if one.at > now:
                agenda.add(one)
                continue
            late = True
            if self.beat_at is None and one.task in self._superseding:
                # a node hears of it with its next heartbeat
                self.beat_at = Instant(now - now % self._beat + self._beat)
        if late or crew.name in self._hungry:
            self._see_who_waits(crew, now)

    def _see_who_waits(self, crew: Crew, now: Instant) -> None:
        first = self._ledger.next_waiting()
        if first is None or first > now:
            self._hungry.discard(crew.name)
            return
        self._hungry.add(crew.name)
        if crew.free <= 0:
            self._played.full(crew.name, now)
