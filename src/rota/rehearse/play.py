"""Plays days in virtual time: the real planner's plans, the real claims, state machine and ledger, driven from one event
to the next. Only the clock and the fates of the attempts are not real.

At each instant at which something happens:

1. the attempts that end by then give back their slots, and are recorded as a node's settler would
2. what is due is fired: up to a day ahead in one batch, since nothing looks at it before its instant
3. what is due is claimed while there are slots, as a node's claimers would

Several nodes are played as one that has the slots of all: which of them has a run changes neither when it begins nor how
it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rota.change.pauses import end_pauses
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew
from rota.engine.crews import weights_of
from rota.engine.plan import plan_schedule
from rota.engine.planner import Rules
from rota.engine.rescuer import decide
from rota.ledger.records import RunFilter
from rota.ledger.work import Beat, DueSchedule, FirePlan, NodeRecord
from rota.model.run import State
from rota.rehearse.agenda import Agendas
from rota.rehearse.claims import Claims
from rota.rehearse.fates import Fates
from rota.rehearse.pausable import Pausable
from rota.rehearse.played import Played
from rota.rehearse.scratch import Scratch
from rota.rehearse.underway import Underway
from rota.settings import Settings

__all__ = ["Outage", "Play"]

AHEAD = 86_400 * SECOND
ALL = 1_000_000
EVER = 10**10 * SECOND


class Outage(NamedTuple):
    """No node is there from ``begin`` to ``end``; what they were at is lost."""

    begin: Instant
    end: Instant


class Play:
    """One play over one scratch ledger. ``told`` hears the instant that it has come to."""

    def __init__(
        self,
        scratch: Scratch,
        loaded: LoadedRota,
        crews: Sequence[Crew],
        settings: Settings,
        fates: Fates,
        *,
        outage: Outage | None = None,
        told: Callable[[Instant], None] = lambda at: None,
    ) -> None:
        self._ledger, self._clock = scratch.ledger, scratch.clock
        self._loaded, self._settings, self._told = loaded, settings, told
        self._slots = sum(crew.slots for crew in crews)
        self._outage, self._down = outage, False
        self._rules = Rules()
        self._fire_at = scratch.ledger.next_due()
        self._pauses = sorted(
            one.paused_until for one in self._ledger.tasks() if one.paused_until is not None
        )
        self.played = Played(self._clock.now())
        by_name = {crew.name: crew for crew in crews}
        self._agendas = Agendas(loaded, crews, fates)
        self._underway = Underway(self._ledger, by_name, self._agendas, self.played, self._register())
        self._pausable = Pausable(self._ledger, loaded, self._agendas, self._underway)
        self._claims = Claims(
            self._ledger, loaded, settings, by_name, self._agendas, self._underway, self.played
        )

    def until(self, end: Instant) -> Played:
        """Play up to an instant; what is under way by then stays so."""
        self._look_anew()
        while (at := self._next(end)) is not None:
            self._clock.go_to(at)
            self._told(at)
            self._turn(end)
        self._clock.go_to(end)
        self._underway.write()
        self._ledger.sweep()
        self.played.passed(end)
        return self.played

    def _next(self, end: Instant) -> Instant | None:
        """The next instant at which something happens."""
        if self._down:
            return self._outage.end if self._outage is not None and self._outage.end <= end else None
        moments = (
            self._fire_at,
            self._claims.next,
            self._claims.beat_at,
            self._underway.next,
            self._pauses[0] if self._pauses else None,
            None if self._outage is None else self._outage.begin,
        )
        nearest = min((one for one in moments if one is not None), default=None)
        return None if nearest is None or nearest > end else max(nearest, self._clock.now())

    def _turn(self, end: Instant) -> None:
        now = self._clock.now()
        self._go_down_or_up(now)
        if self._down:
            return
        self._underway.end(now)
        self._obey_stops(now)
        self._end_pauses(now)
        if self._fire_at is not None and self._fire_at <= now:
            self._fire(now, self._horizon(now, end))
        self._underway.begin(now)
        self._claims.make(now, self._known_until(now, end))

    # -- fire

    def _horizon(self, now: Instant, end: Instant) -> Instant:
        """How far ahead occurrences become records: not beyond what changes how they do."""
        changes = [
            self._pauses[0] if self._pauses else end,
            end if self._outage is None else Instant(self._outage.begin - 1),
        ]
        return max(now, min(Instant(now + AHEAD), end, *changes))

    def _known_until(self, now: Instant, end: Instant) -> Instant:
        """How far ahead everything that is due has its record."""
        horizon = self._horizon(now, end)
        return horizon if self._fire_at is None else min(horizon, Instant(self._fire_at - 1))

    def _fire(self, now: Instant, until: Instant) -> None:
        self._pausable.look()

        def plans(due: Sequence[DueSchedule], at: Instant) -> Iterator[FirePlan]:
            for one in due:
                occurrences = self._rules.occurrences(one.rule, f"{one.service}/{one.task}/{one.key}")
                horizon = self._pausable.until(one, occurrences, now, until)
                if one.next_at <= horizon:
                    plan = plan_schedule(one, occurrences, at, horizon)
                    self._planned(one, plan)
                    yield plan

        self._fire_at = self._ledger.fire(until, ALL, plans).next_at

    def _planned(self, schedule: DueSchedule, plan: FirePlan) -> None:
        self.played.planned(schedule.task, plan)
        for run in plan.runs:
            if run.state is State.WAITING:
                self._agendas.add(run.run_at, schedule.task, schedule.key, run.scheduled_at, 1)

    def _look_anew(self) -> None:
        """What waits, as the ledger has it: after something other than a fire or a retry made it wait."""
        self._agendas.clear()
        for run in self._ledger.runs(RunFilter(states=(State.WAITING,), limit=ALL)):
            if run.task in self._loaded.tasks:
                self._agendas.add(run.run_at, run.task, run.schedule_key, run.scheduled_at, run.attempt + 1)

    # -- what happens seldom

    def _obey_stops(self, now: Instant) -> None:
        """The runs that the next occurrence of their schedule takes the place of."""
        if self._claims.beat_at is not None and self._claims.beat_at <= now:
            self._claims.beat_at = None
            stops = self._ledger.heartbeat(Beat(self._underway.node, EVER)).stops
            self._underway.supersede([token for _, token, _ in stops], now)

    def _end_pauses(self, now: Instant) -> None:
        if self._pauses and self._pauses[0] <= now:
            self._pauses = [one for one in self._pauses if one > now]
            end_pauses(self._ledger)
            self._look_anew()

    def _go_down_or_up(self, now: Instant) -> None:
        if self._outage is None:
            return
        if not self._down and self._outage.begin <= now:
            self._go_down(now)
        elif self._down and self._outage.end <= now:
            self._come_up()

    def _go_down(self, now: Instant) -> None:
        """The nodes are gone, with all that they were at."""
        self._underway.end(now)
        self._underway.write()
        self._ledger.heartbeat(Beat(self._underway.node, int(self._settings.lease * SECOND)))
        self._underway.lose(now)
        self._down = True

    def _come_up(self) -> None:
        """Another node is there, and takes over what was lost."""
        gone, self._underway.node = self._underway.node, self._register()
        self._ledger.rescue([gone], decide)
        self._outage, self._down = None, False
        self._fire_at = self._ledger.next_due()
        self._claims.forget()
        self._look_anew()

    def _register(self) -> str:
        now = self._clock.now()
        name = f"rehearsal-{now}"
        queues = ",".join(weights_of(self._loaded, self._settings))
        self._ledger.register(
            NodeRecord(
                name,
                "rehearsal",
                self._loaded.service,
                queues,
                "",
                now,
                now,
                Instant(now + EVER),
                0,
                "live",
                self._slots,
                0,
                None,
            )
        )
        return name
