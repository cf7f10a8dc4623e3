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

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from rota.change.pauses import end_pauses
from rota.clock import MICROSECOND, SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew, take
from rota.engine.crews import CREWS, weights_of
from rota.engine.ending import Stop, ending_of
from rota.engine.plan import plan_schedule
from rota.engine.planner import Rules
from rota.engine.rescuer import decide
from rota.ledger.records import RunFilter
from rota.ledger.work import Beat, Claimed, DueSchedule, Finish, FirePlan, NodeRecord
from rota.model.lifecycle import Errored, Event, Succeeded, Tally, TimedOut, Unmet, step
from rota.model.run import State
from rota.model.task import Overlap, Task
from rota.rehearse.agenda import Agenda, Waiting
from rota.rehearse.fates import Fate, Fates
from rota.rehearse.played import Played
from rota.rehearse.scratch import Scratch
from rota.settings import Settings

__all__ = ["Outage", "Play"]

AHEAD = 86_400 * SECOND
ALL = 1_000_000
MOST = 2000
EVER = 10**10 * SECOND

ENDED = {Succeeded: "succeeded", Errored: "error", TimedOut: "timeout", Unmet: "unmet"}


class Outage(NamedTuple):
    """No node is there from ``begin`` to ``end``; what they were at is lost."""

    begin: Instant
    end: Instant


class _Attempt(NamedTuple):
    """An attempt under way, and how it will end."""

    started: Instant
    order: int
    claimed: Claimed
    task: Task
    event: Event
    ends_at: Instant
    spread: float


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
        self._loaded, self._settings, self._fates, self._told = loaded, settings, fates, told
        self._crews = {crew.name: crew for crew in crews}
        self._outage = outage
        self._weights = weights_of(loaded, settings)
        self._rules, self._order = Rules(), count()
        self._agendas = {name: Agenda() for name in self._crews}
        self._starts: list[_Attempt] = []  # claimed ahead, by their instants
        self._ends: list[tuple[Instant, int, _Attempt]] = []
        self._running: dict[int, _Attempt] = {}  # by token
        self._unwritten: list[_Attempt] = []  # ended, not yet recorded
        self._hungry: set[str] = set()  # crews for which something waits that could not be claimed
        self._fire_at = scratch.ledger.next_due()
        self._ask_again: Instant | None = None
        self._beat_at: Instant | None = None
        self._down = False
        self._pauses = sorted(
            one.paused_until for one in self._ledger.tasks() if one.paused_until is not None
        )
        self._now_only = {name for name, task in loaded.tasks.items() if task.pause_on_failure is not None}
        self._superseding = {name for name, task in loaded.tasks.items() if task.overlap is Overlap.CANCEL}
        self._has_rates = any(queue.rate is not None for queue in loaded.queues.values())
        limits = [task.concurrency for task in loaded.tasks.values()]
        limits += [queue.concurrency for queue in loaded.queues.values()]
        self._is_bounded = any(one is not None for one in limits)
        self._node = self._register()
        self.played = Played()

    def until(self, end: Instant) -> Played:
        """Play up to an instant; what is under way by then stays so."""
        self._look_anew()
        while (at := self._next(end)) is not None:
            self._clock.go_to(at)
            self._told(at)
            self._turn(end)
        self._clock.go_to(end)
        self._write()
        self._ledger.sweep()
        self.played.passed(end)
        return self.played

    def _next(self, end: Instant) -> Instant | None:
        """The next instant at which something happens."""
        if self._down:
            return self._outage.end if self._outage is not None and self._outage.end <= end else None
        moments = (
            self._fire_at,
            *(agenda.first for agenda in self._agendas.values()),
            self._starts[0].started if self._starts else None,
            self._ends[0][0] if self._ends else None,
            self._ask_again,
            self._beat_at,
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
        self._end_attempts(now)
        self._obey_stops(now)
        self._end_pauses(now)
        if self._fire_at is not None and self._fire_at <= now:
            self._fire(now, self._horizon(now, end))
        self._begin_held(now)
        self._claim_due(now, end)

    # -- fire

    def _horizon(self, now: Instant, end: Instant) -> Instant:
        """How far ahead occurrences become records: not beyond what changes how they do."""
        changes = [
            self._pauses[0] if self._pauses else end,
            end if self._outage is None else Instant(self._outage.begin - 1),
        ]
        return max(now, min(Instant(now + AHEAD), end, *changes))

    def _fire(self, now: Instant, until: Instant) -> None:
        """Of a task that may be paused by its failures, only what is due now."""

        def plans(due: Sequence[DueSchedule], at: Instant) -> Iterator[FirePlan]:
            for one in due:
                horizon = now if one.task in self._now_only else until
                if one.next_at <= horizon:
                    occurrences = self._rules.occurrences(one.rule, f"{one.service}/{one.task}/{one.key}")
                    plan = plan_schedule(one, occurrences, at, horizon)
                    self._planned(one, plan)
                    yield plan

        self._fire_at = self._ledger.fire(until, ALL, plans).next_at

    def _planned(self, schedule: DueSchedule, plan: FirePlan) -> None:
        self.played.planned(schedule.task, plan)
        agenda = self._agenda_of(schedule.task)
        for run in plan.runs:
            if run.state is State.WAITING:
                agenda.add(Waiting(run.run_at, schedule.task, schedule.key, run.scheduled_at, 1))

    def _look_anew(self) -> None:
        """What waits, as the ledger has it: after something other than a fire or a retry made it wait."""
        for agenda in self._agendas.values():
            agenda.clear()
        for run in self._ledger.runs(RunFilter(states=(State.WAITING,), limit=ALL)):
            if run.task in self._loaded.tasks:
                waiting = Waiting(
                    run.run_at, run.task, run.schedule_key or "", run.scheduled_at, run.attempt + 1
                )
                self._agenda_of(run.task).add(waiting)

    def _agenda_of(self, task: str) -> Agenda:
        return self._agendas[CREWS[self._loaded.tasks[task].executor]]

    # -- claim

    def _claim_due(self, now: Instant, end: Instant) -> None:
        if self._ask_again is not None and self._ask_again <= now:
            self._ask_again = None
        for name, agenda in self._agendas.items():
            if name in self._hungry or (agenda.first is not None and agenda.first <= now):
                self._write()
                self._claim(self._crews[name], agenda, now, self._reach(now, end))
        if self._hungry and self._has_rates:
            self._ask_again = Instant(now + int(self._settings.poll * SECOND))

    def _reach(self, now: Instant, end: Instant) -> Instant:
        """How far a claim may look: not beyond what brings runs that nobody knows of yet, nor while limits decide."""
        if self._hungry or self._is_bounded or self._has_rates:
            return now
        failing = [
            one.ends_at
            for one in (*self._running.values(), *self._starts)
            if not isinstance(one.event, Succeeded)
        ]
        known = [Instant(at - 1) for at in (self._fire_at, *failing) if at is not None]
        return max(now, min([self._horizon(now, end), *known]))

    def _claim(self, crew: Crew, agenda: Agenda, now: Instant, limit: Instant) -> None:
        waiting, until = agenda.take(now, limit, crew.slots, self._ends_of(crew.name), self._fate_of)
        left = {(one.task, one.key, one.due): one for one in waiting}
        while crew.free > 0:
            # ahead, one slot may do for several, one after the other
            wanted = min(crew.free if until <= now else max(crew.free, len(left)), MOST)
            runs = take(self._ledger, crew.tasks, self._weights, self._node, wanted, until, likely=True)
            for claimed in runs:
                left.pop((claimed.task, claimed.schedule_key or "", claimed.scheduled_at), None)
                self._hold(claimed, now)
            self._begin_held(now)
            if len(runs) < wanted:
                break
        late = [one for one in left.values() if one.at <= now]
        for one in left.values():
            if one.at > now:
                agenda.add(one)
        if late or crew.name in self._hungry:
            self._see_who_waits(crew, now)
        if self._beat_at is None and any(one.task in self._superseding for one in late):
            beat = int(self._settings.heartbeat * SECOND)
            self._beat_at = Instant(now - now % beat + beat)  # a node hears of it with its next heartbeat

    def _see_who_waits(self, crew: Crew, now: Instant) -> None:
        """Something that is due was not claimed: it was skipped, or waits for a slot, its lane, a limit."""
        first = self._ledger.next_waiting()
        if first is None or first > now:
            self._hungry.discard(crew.name)
            return
        self._hungry.add(crew.name)
        if crew.free <= 0:
            self.played.full(crew.name, now)

    def _fate_of(self, one: Waiting) -> Fate:
        return self._fates.of(self._loaded.tasks[one.task], one.key, one.due, one.attempt)

    def _ends_of(self, crew: str) -> list[Instant]:
        held = (*self._running.values(), *self._starts)
        return [one.ends_at for one in held if CREWS[one.task.executor] == crew]

    def _hold(self, claimed: Claimed, now: Instant) -> None:
        """Claimed, perhaps ahead: it begins at its instant."""
        task = self._loaded.tasks[claimed.task]
        fate = self._fates.of(task, claimed.schedule_key or "", claimed.scheduled_at, claimed.attempt)
        begins = max(now, claimed.run_at)
        attempt = _Attempt(
            begins, next(self._order), claimed, task, fate.event, Instant(begins + fate.took), fate.spread
        )
        heapq.heappush(self._starts, attempt)

    def _begin_held(self, now: Instant) -> None:
        while self._starts and self._starts[0].started <= now:
            one = heapq.heappop(self._starts)
            self._crews[CREWS[one.task.executor]].in_use += 1
            self._running[one.claimed.token] = one
            heapq.heappush(self._ends, (one.ends_at, one.order, one))
            self.played.began(one.task.name, one.claimed.run_at, now, first=one.claimed.attempt == 1)

    # -- finish

    def _end_attempts(self, now: Instant) -> None:
        """What succeeded may be recorded later, with the instant at which it did; the rest is recorded at once."""
        at_once = False
        while self._ends and self._ends[0][0] <= now:
            attempt = heapq.heappop(self._ends)[2]
            if self._running.get(attempt.claimed.token) is attempt:
                self._give_back(attempt, now)
                self._unwritten.append(attempt)
                at_once = at_once or not isinstance(attempt.event, Succeeded)
        if at_once or len(self._unwritten) >= MOST:
            self._write()

    def _give_back(self, attempt: _Attempt, now: Instant) -> None:
        del self._running[attempt.claimed.token]
        self._crews[CREWS[attempt.task.executor]].in_use -= 1
        self.played.ended(attempt.task.name, now - attempt.started, now)

    def _write(self) -> None:
        finishes = [self._finish(one) for one in self._unwritten]
        self._unwritten.clear()
        if finishes:
            refused = self._ledger.finish(self._node, finishes)
            assert not refused, "nobody else holds what this node holds"

    def _finish(self, attempt: _Attempt) -> Finish:
        claimed = attempt.claimed
        move = step(
            State.RUNNING,
            attempt.event,
            Tally(claimed.spent, claimed.crashes),
            attempt.task.retry,
            spread=attempt.spread,
        )
        assert move is not None  # a running run can always end
        if move.state is State.WAITING:
            again = Instant(attempt.ends_at + move.delay // MICROSECOND)
            waiting = Waiting(
                again, claimed.task, claimed.schedule_key or "", claimed.scheduled_at, claimed.attempt + 1
            )
            self._agenda_of(claimed.task).add(waiting)
        ended = ENDED.get(type(attempt.event), "cancelled")
        return Finish(claimed.id, claimed.token, move, ended, attempt.started, attempt.ends_at)

    # -- what happens seldom

    def _obey_stops(self, now: Instant) -> None:
        """The runs that the next occurrence of their schedule takes the place of."""
        if self._beat_at is None or self._beat_at > now:
            return
        self._beat_at = None
        for _, token, _ in self._ledger.heartbeat(Beat(self._node, EVER)).stops:
            attempt = self._running.get(token)
            if attempt is not None:
                self._give_back(attempt, now)
                event = ending_of(None, Stop.SUPERSEDED).event
                self._unwritten.append(attempt._replace(ends_at=now, event=event))
        self._write()

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
        self._end_attempts(now)
        self._write()
        self._ledger.heartbeat(Beat(self._node, int(self._settings.lease * SECOND)))
        for attempt in tuple(self._running.values()):
            self._give_back(attempt, now)
        self._ends.clear()
        self._down = True

    def _come_up(self) -> None:
        """Another node is there, and takes over what was lost."""
        gone, self._node = self._node, self._register()
        self._ledger.rescue([gone], decide)
        self._outage, self._down = None, False
        self._fire_at = self._ledger.next_due()
        self._hungry.clear()
        self._look_anew()

    def _register(self) -> str:
        now = self._clock.now()
        name = f"rehearsal-{now}"
        slots = sum(crew.slots for crew in self._crews.values())
        queues = ",".join(self._weights)
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
                slots,
                0,
                None,
            )
        )
        return name
