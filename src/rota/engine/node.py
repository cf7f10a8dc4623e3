"""One node: its loops wired together, its identity, its beginning and its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from rota.clock import SECOND, Clock, Instant, SystemClock
from rota.define.loaded import LoadedRota
from rota.engine.attempts import Attempts
from rota.engine.calls import LedgerThread
from rota.engine.claimer import Claimer, Crew
from rota.engine.crews import Crews
from rota.engine.ending import Stop
from rota.engine.heart import Heart
from rota.engine.held import Held
from rota.engine.identity import Identity
from rota.engine.janitor import Janitor
from rota.engine.lateness import Lateness
from rota.engine.logbook import LogBook
from rota.engine.loop import Loop, Step
from rota.engine.planner import Planner
from rota.engine.rescuer import Rescuer
from rota.engine.settler import Settler
from rota.engine.verdicts import VerdictBook
from rota.errors import LedgerError
from rota.events import Events, NodeLost, NodeStarted, NodeStopped
from rota.execute.protocol import Executor
from rota.ledger.protocol import Ledger, Listening
from rota.ledger.work import Beat, BeatReply, Claimed, Finish, NodeRecord
from rota.model.lifecycle import HandedBack, Tally, step
from rota.model.run import Reason, State, canary_of
from rota.model.task import Retries, Task
from rota.settings import Settings

__all__ = ["Node"]

_log = logging.getLogger("rota.engine")

Beside = Callable[[LedgerThread, Events], Mapping[str, Step]]
"""Makes the loops that a node carries beside its own, by name: those that judge and tell."""

LAST_WRITES = 5.0
"""Seconds that a stopping node goes on trying to record outcomes while the ledger does not answer."""


class Node:
    """Serves one rota from one ledger, on the event loop that it is started on."""

    def __init__(
        self,
        ledger: Ledger,
        loaded: LoadedRota,
        executors: Mapping[str, Executor],
        *,
        settings: Settings,
        clock: Clock,
        events: Events | None = None,
        version: str = "",
        revision: int = 0,
        end_pauses: Callable[[Ledger], int] = lambda _: 0,
        beside: Beside = lambda thread, events: {},
        thread: Callable[[], LedgerThread] = LedgerThread,
    ) -> None:
        self._ledger = ledger
        self._loaded = loaded
        self._executors = executors
        self._settings = settings
        self._clock = clock
        self._version = version
        self._revision = revision
        self._end_pauses = end_pauses
        self._beside = beside
        self.events = events or Events()
        self._identity = Identity()
        self._thread = thread()
        self._writing = thread()  # what is done is written while more is claimed
        self._draining = False
        self._listening: Listening | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._build()

    # -- beginning and end

    @property
    def id(self) -> str:
        return self._identity.id

    async def start(self) -> None:
        """Register with the ledger and begin. Raises `LedgerError` where the ledger cannot be had."""
        self._loop = asyncio.get_running_loop()
        for executor in self._executors.values():
            await executor.start()
        await self._thread(self._ledger.register, self._record())
        self._heart.start()
        self._listening = self._ledger.listen(self._told)
        for loop in self._loops:
            loop.start()
        self.events.emit(NodeStarted(self.id, self._identity.label))

    async def stop(self, drain: float | None = None) -> None:
        """Drain and leave: nothing new is claimed, what runs is given ``drain`` seconds (None: the setting's)
        to end, what is left is handed back and starts again elsewhere without counting as a failure."""
        if self._stopped is not None:
            await asyncio.shield(self._stopped)
            return
        self._draining = True
        self._stopped = asyncio.get_running_loop().create_future()
        try:
            await self._drain(drain)
        finally:
            self._stopped.set_result(None)

    async def _drain(self, drain: float | None) -> None:
        await self._claim_no_more()
        handed_back = self._hand_back(self._held.take_all())
        grace = self._settings.drain if drain is None else drain
        if not await self._attempts.quiet(grace):
            handed_back += self._attempts.stop_all(Stop.DRAIN)
            await self._attempts.quiet(self._attempts.longest_grace)
        await self._leave()
        self.events.emit(NodeStopped(self.id, handed_back))

    def adopt(self, loaded: LoadedRota, revision: int) -> None:
        """Serve another rota of the same service from now on. What is under way ends as it began; what is held for its
        instant goes back to the ledger, and is claimed anew by what holds then. From the event loop's thread."""
        self._hand_back(self._held.take_all())
        self._loaded, self._revision = loaded, revision
        self._crews.adopt(loaded)
        self.wake()

    def hurry(self) -> None:
        """Do not wait any longer for what still runs: a second signal."""
        self._attempts.stop_all(Stop.DRAIN)

    def wake(self) -> None:
        """Something was handed in: look now. From the event loop's thread; see `wake_soon` for others."""
        self._planner_loop.wake()
        self._wake_claimers()

    def wake_soon(self) -> None:
        """As `wake`, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.wake)

    def beat_now(self) -> None:
        """Ask the ledger at once what this node is to stop."""
        self._heart.beat_now()

    @property
    def busy(self) -> int:
        """Attempts under way."""
        return len(self._attempts)

    @property
    def unrecorded(self) -> int:
        """Outcomes that are not in the ledger yet; after `stop`, those that the ledger could not take."""
        return self._settler.pending

    @property
    def draining(self) -> bool:
        return self._draining

    def pulse(self) -> dict[str, float]:
        """Seconds since each loop last advanced, the heart's since it last renewed the lease. Loops that a draining node
        has stopped do not advance, and are left out."""
        asked = (loop for loop in self._loops if loop.name != "settler" and not loop.is_asked_to_stop)
        return {loop.name: loop.silent_for for loop in asked} | {"heart": self._heart.silent_for}

    # -- wiring

    def _build(self) -> None:
        s, thread, ledger, clock = self._settings, self._thread, self._ledger, self._clock
        self._logbook = LogBook(ledger, self._writing, clock)
        self._verdicts = VerdictBook(ledger, self._writing, self._executors, clock)
        self._settler = Settler(
            ledger, self._writing, self._logbook, self.events, node=lambda: self.id, settled=self._wake_claimers
        )  # fmt: skip
        self._attempts = self._new_attempts()
        self._lateness = Lateness()
        self._held = Held(clock, self._begin)
        self._crews = Crews(self._loaded, self._settings)
        self._claimers = [self._claimer(crew) for crew in self._crews]
        planner = Planner(ledger, thread, ahead=s.ahead, poll=s.poll, fired=self._wake_claimers)
        rescuer = Rescuer(
            ledger, thread, clock, lease=s.lease, node=lambda: self.id, rescued=self._wake_claimers
        )
        janitor = Janitor(
            ledger, thread, clock, retention=s.retention, swept=self._wake_claimers, end_pauses=self._end_pauses
        )  # fmt: skip
        self._planner_loop = self._loop_of("planner", planner.step)
        self._claimer_loops = [self._loop_of(f"claimer-{c.crew.name}", c.step) for c in self._claimers]
        self._settler_loop = self._loop_of("settler", self._settler.step)
        self._settler.wake = self._settler_loop.wake
        self._held_loop = self._loop_of("held", self._held.step)
        self._logbook_loop = self._loop_of("logbook", self._logbook.step)
        self._seeking = [self._planner_loop, *self._claimer_loops, self._held_loop]
        self._serving = [
            self._loop_of("pulse", self._check_pulse), self._loop_of("rescuer", rescuer.step), self._loop_of("janitor", janitor.step),
            self._loop_of("verdicts", self._verdicts.step), self._logbook_loop, self._settler_loop,
            *(self._loop_of(name, step) for name, step in self._beside(thread, self.events).items()),
        ]  # fmt: skip
        self._loops = [*self._seeking, *self._serving]
        self._heart = Heart(
            ledger, clock, lease=s.lease, every=s.heartbeat,
            beat=self._beat, replied=self._replied, lost=self._lost_soon,
        )  # fmt: skip

    def _new_attempts(self) -> Attempts:
        return Attempts(
            self._executors, self._task, self._settler, self._logbook, self.events, self._clock, self._verdicts,
            ended=self._slot_freed,
        )  # fmt: skip

    def _begin(self, claimed: Claimed) -> None:
        """An attempt whose instant has come; how late it is, is told with the next heartbeat.

        Not under a lease that has run out meanwhile: a process that was frozen wakes with what it held, and others may
        be at that by now.
        """
        if self._heart.is_overdue:
            self._crews.give_back(self._executor_of(claimed))
            self._lose(self.id)
            self._heart.begin_anew()
            return
        if (canary_of(claimed.key) or 0) > self._revision:
            self._hand_back([claimed])  # it tries a revision that this node does not serve yet
            return
        if claimed.attempt == 1:
            self._lateness.add(self._clock.now() - claimed.run_at)
        self._attempts.start(claimed)

    def _loop_of(self, name: str, step: Step) -> Loop:
        return Loop(name, step, clock=self._clock, events=self.events)

    def _claimer(self, crew: Crew) -> Claimer:
        return Claimer(
            self._ledger, self._thread, crew, weights=self._crews.weights, node=lambda: self.id,
            ahead=self._settings.ahead, poll=self._settings.poll, claimed=self._held.add,
            soon=lambda call: asyncio.get_running_loop().call_soon(call), known=self._known,
        )  # fmt: skip

    def _known(self) -> set[tuple[int, int]]:
        """The runs, by id and token, that this node knows to be its own: held, under way, or ended and not recorded."""
        return {*self._held.keys(), *self._attempts.keys(), *self._settler.keys()}

    def _task(self, service: str, name: str) -> Task | None:
        return self._loaded.tasks.get(name) if service == self._loaded.service else None

    # -- what the loops tell each other

    def _wake_claimers(self) -> None:
        for loop in self._claimer_loops:
            loop.wake()

    def _slot_freed(self, executor: str) -> None:
        name = self._crews.give_back(executor)
        for claimer, loop in zip(self._claimers, self._claimer_loops, strict=True):
            if claimer.crew.name == name and claimer.hungry:
                loop.wake()

    # -- the threads of the heart, and of what is told

    def _told(self, word: str) -> None:
        """Another node, or a program, has committed something."""
        if word == "stop":
            self._heart.beat_now()
        else:
            self._soon(self.wake)

    def _beat(self, lease: int) -> Beat:
        return Beat(self.id, lease, self._crews.slots, self.busy, self._lateness.p99(), self._clock_offset())

    def _clock_offset(self) -> int:
        """How far the wall clock of this machine is ahead of the ledger's, in microseconds."""
        return SystemClock().now() - self._ledger.now()

    def _replied(self, reply: BeatReply) -> None:
        if reply.stops:
            self._soon(self._stop_asked, reply)
        self._soon(self._check_clock)

    def _lost_soon(self, node: str) -> None:
        self._soon(self._lose, node)

    def _soon(self, call: object, *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)  # type: ignore[arg-type]  # bound methods of this class

    # -- back on the event loop

    def _stop_asked(self, reply: BeatReply) -> None:
        for run_id, token, reason in reply.stops:
            stop = Stop.SUPERSEDED if reason == "superseded" else Stop.OPERATOR
            if not self._attempts.stop(run_id, token, stop):
                held = self._held.drop(run_id, token)
                if held is not None:
                    self._hand_back([held], Reason(reason))  # never started: cancelled at once

    async def _check_pulse(self) -> float:
        """The heart may be waiting for an answer that never comes; the lease does not wait with it."""
        if self._heart.is_overdue:
            self._lose(self.id)
            self._heart.begin_anew()
        return self._settings.lease / 15

    def _check_clock(self) -> None:
        """What was claimed ahead and is far off now, because the clock was set back, waits in the ledger instead."""
        horizon = self._clock.now() + int((2 * self._settings.ahead + 1) * SECOND)
        self._hand_back(self._held.take_beyond(horizon))

    def _lose(self, node: str) -> None:
        """The lease is lost: stop everything, record nothing under it, and begin again as somebody new."""
        if node != self.id or self._draining:
            return
        attempts = self._attempts.stop_all(Stop.LOST)
        for claimed in self._held.take_all():
            self._crews.give_back(self._executor_of(claimed))
        _log.error(
            "the lease of this node was lost; %d attempts are stopped and will be taken over", attempts
        )
        self.events.emit(NodeLost(node, attempts))
        self._identity.renew()
        self._spawn(self._register_again())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)

    async def _register_again(self) -> None:
        while not self._draining:
            try:
                await self._thread(self._ledger.register, self._record())
            except LedgerError as error:
                _log.warning("cannot register: %s", error.what)
                await self._pause(self._settings.poll)
            else:
                self.wake()
                return

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    # -- handing back

    def _executor_of(self, claimed: Claimed) -> str:
        task = self._task(claimed.service, claimed.task)
        return task.executor if task is not None else "loop"

    def _hand_back(self, runs: list[Claimed], asked: Reason | None = None) -> int:
        now = self._clock.now()
        for claimed in runs:
            tally = Tally(claimed.spent, claimed.crashes)
            move = step(State.RUNNING, HandedBack(), tally, Retries(), asked_to_stop=asked)
            assert move is not None  # a claimed run can always be handed back
            self._crews.give_back(self._executor_of(claimed))
            self._settler.add(claimed, Finish(claimed.id, claimed.token, move, "handed-back", None, now))
        return len(runs)

    async def _claim_no_more(self) -> None:
        for loop in self._seeking:
            loop.ask_to_stop()
        self._held.wake()  # its step sleeps until an instant
        for loop in self._seeking:
            await loop.stop()

    async def _leave(self) -> None:
        """Record what has come together, then go in order; a ledger that is away is not waited for long."""
        deadline = self._clock.monotonic() + LAST_WRITES
        while self._settler.pending and self._clock.monotonic() < deadline:
            self._settler_loop.wake()
            await asyncio.sleep(0.01)
        for loop in self._serving:
            await loop.stop()
        await asyncio.to_thread(self._heart.stop)  # it may be waiting for the ledger
        if self._listening is not None:
            await asyncio.to_thread(self._listening.close)
        try:
            if not self._settler.pending:
                await self._verdicts.flush()
                await self._thread(self._ledger.leave, self.id)
        except LedgerError as error:
            _log.warning("cannot sign off: %s; the lease will run out by itself", error.what)
        for executor in self._executors.values():
            await executor.close()
        self._thread.close()
        self._writing.close()

    def _record(self) -> NodeRecord:
        now = self._ledger.now()
        return NodeRecord(
            self.id, self._identity.label, self._loaded.service, ",".join(self._crews.weights), self._version, now, now,
            Instant(now + int(self._settings.lease * SECOND)), 0, "live",
            self._crews.slots, 0, None,
        )  # fmt: skip
