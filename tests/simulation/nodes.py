"""Nodes of the simulated world: the real `Node` and its parts, with chance in the place of time, threads and tasks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import Any

from rota.clock import SECOND
from rota.define.loaded import LoadedRota
from rota.engine.ending import Stop, ending_of
from rota.engine.held import Held
from rota.engine.node import Node
from rota.errors import RotaError
from rota.execute.protocol import Outcome
from rota.ledger.work import Claimed, Finish
from rota.model.lifecycle import Tally, step
from rota.model.run import State
from rota.settings import Settings
from tests.simulation.network import Activity, NodeClock, NodeLedger, SimThread, Sleep
from tests.simulation.oracle import Oracle
from tests.simulation.world import World

__all__ = ["SimNode", "settings"]


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings(
        lease=3.0,
        heartbeat=1.0,
        poll=0.5,
        ahead=0.2,
        slots=4,
        drain=1.0,
        retention=3600.0,
        _env_prefix="ROTA_SIMULATED_",
    )  # type: ignore[call-arg]  # pydantic-settings takes it; nothing of the environment counts here


class SimLoop:
    """In the place of `rota.engine.loop.Loop`: the same promise, without an event loop."""

    def __init__(self, node: SimNode, name: str, take: Callable[[], Awaitable[float]]) -> None:
        self.name, self._node, self._step = name, node, take
        self._woken = self.stopping = False
        self._failures = 0
        self.activity: Activity | None = None

    def start(self) -> None:
        self.activity = Activity(self._node, self.name, self._run())
        self.activity.begin()

    def wake(self) -> None:
        self._woken = True
        if self.activity is not None:
            self.activity.wake()

    def ask_to_stop(self) -> None:
        self.stopping = True
        self.wake()

    @property
    def silent_for(self) -> float:
        return 0.0

    async def _run(self) -> None:
        while not self.stopping:
            self._woken = False
            try:
                delay = await self._step()
                self._failures = 0
            except RotaError:
                self._failures += 1
                delay = min(0.1 * 2**self._failures, 2.0)
            if not self._woken:
                await Sleep(max(delay, 0.0005))


class SimAttempts:
    """In the place of `rota.engine.attempts.Attempts`: work that takes a while and ends as chance has it."""

    def __init__(self, node: SimNode) -> None:
        self._node = node
        self._active: dict[tuple[int, int], tuple[Claimed, Any, Stop | None]] = {}

    def __len__(self) -> int:
        return len(self._active)

    def keys(self) -> list[tuple[int, int]]:
        return list(self._active)

    def start(self, claimed: Claimed) -> None:
        node = self._node
        node.oracle.began(node, claimed)
        key = (claimed.id, claimed.token)
        self._active[key] = claimed, node._clock.now(), None
        took = node.world.chance.choice((1_000, 20_000, 300_000, 1_500_000))
        node.later(node.world.chance.randrange(took), lambda: self._end(key, self._outcome()))

    def _outcome(self) -> Outcome:
        drawn = self._node.world.chance.random()
        if drawn < 0.8:
            return Outcome("succeeded")
        return Outcome(
            "error" if drawn < 0.95 else "crashed", error=json.dumps({"type": "E", "message": "no"})
        )

    def stop(self, run_id: int, token: int, stop: Stop) -> bool:
        if (run_id, token) not in self._active:
            return False
        self._stop((run_id, token), stop)
        return True

    def stop_all(self, stop: Stop) -> int:
        for key in tuple(self._active):
            self._stop(key, stop)
        return len(self._active)

    def _stop(self, key: tuple[int, int], stop: Stop) -> None:
        claimed, since, before = self._active[key]
        self._active[key] = claimed, since, before or stop
        self._node.later(self._node.world.chance.randrange(50_000), lambda: self._end(key, None))

    def _end(self, key: tuple[int, int], outcome: Outcome | None) -> None:
        if key not in self._active:
            return
        claimed, since, stop = self._active.pop(key)
        node = self._node
        ending = ending_of(outcome, stop)
        task = node._task(claimed.service, claimed.task)
        assert task is not None
        move = step(
            State.RUNNING, ending.event, Tally(claimed.spent, claimed.crashes), task.retry,
            spread=0.0, asked_to_stop=ending.asked_to_stop,
        )  # fmt: skip
        assert move is not None
        node.world.note(f"{node.name} run {claimed.id} attempt {claimed.attempt}: {ending.ended}")
        node._settler.add(
            claimed, Finish(claimed.id, claimed.token, move, ending.ended, since, node._clock.now())
        )
        node._slot_freed("loop")


class SimNode(Node):
    """The real node: its identity, wiring and decisions; the world decides when each step comes."""

    def __init__(self, world: World, oracle: Oracle, real: Any, loaded: LoadedRota, name: str) -> None:
        self.world, self.oracle, self.name = world, oracle, name
        self.activities: list[Activity] = []
        self.is_gone = self.cut_off = False
        self.frozen_until = 0
        self.unlucky = world.chance.choice((0.0, 0.02, 0.08))
        clock = NodeClock(self, world.chance.choice((0, 1, 700, 4_000)))
        super().__init__(
            NodeLedger(self, real, clock), loaded, {}, settings=settings(), clock=clock, thread=SimThread  # type: ignore[arg-type]  # as the engine uses them
        )  # fmt: skip
        self._heart_thread = SimThread()
        self._identity = _Identity(self)  # type: ignore[assignment]  # the same two words

    # -- what the world gives

    def later(self, microseconds: int, happen: Callable[[], None]) -> None:
        """Something of this process happens then; or when it is no longer frozen, or never."""

        def go() -> None:
            if self.is_gone:
                return
            if self.world.passed < self.frozen_until:
                self.world.after(self.frozen_until - self.world.passed, go)
                return
            happen()

        self.world.after(microseconds, go)

    def begin(self) -> None:
        Activity(self, "start", self._start()).begin()

    async def _start(self) -> None:
        while True:
            try:
                await self._thread(self._ledger.register, self._record())
                break
            except RotaError:
                self._identity.renew()  # as a process that is started again
                await Sleep(0.3)
        Activity(self, "heart", self._beat_on()).begin()
        for loop in self._loops:
            if loop.name != "logbook":
                loop.start()

    async def _beat_on(self) -> None:
        while True:
            before, beat = self._heart.ask()
            try:
                reply = await self._heart_thread(self._ledger.heartbeat, beat)
            except RotaError as error:
                self._heart.failed(beat, error)
            else:
                self._heart.answered(beat, reply, before)
            await Sleep(self._settings.heartbeat)

    def crash(self) -> None:
        """kill -9."""
        self.world.note(f"{self.name} is gone")
        self.is_gone = True
        for activity in self.activities:
            activity.drop()

    def leave_in_order(self) -> None:
        """SIGTERM: as `Node._drain`, in the steps of this world."""
        self._draining = True
        for loop in self._seeking:
            loop.ask_to_stop()
        Activity(self, "drain", self._drain_in_steps()).begin()

    async def _drain_in_steps(self) -> None:
        await Sleep(0.3)  # steps under way end
        self._hand_back(self._held.take_all())
        for _ in range(10):
            if len(self._attempts) == 0:
                break
            await Sleep(0.1)
        self._attempts.stop_all(Stop.DRAIN)
        for _ in range(50):
            if len(self._attempts) == 0 and not self._settler.pending:
                break
            await Sleep(0.1)
        if not self._settler.pending:
            with contextlib.suppress(RotaError):  # the lease will run out by itself
                await self._thread(self._ledger.leave, self.id)
        self.crash()

    # -- instead of an event loop

    def _new_attempts(self) -> Any:
        return SimAttempts(self)

    def _build(self) -> None:
        super()._build()
        self._held._changed = _Wakes(self._held_loop)  # type: ignore[assignment]  # an Event, as far as it is used

    def _loop_of(self, name: str, step: object) -> Any:
        return SimLoop(self, name, self._start_what_is_due if name == "held" else step)  # type: ignore[arg-type]  # bound async methods

    async def _start_what_is_due(self) -> float:
        held: Held = self._held
        if not held._heap:
            return 1.0
        wait = (held._heap[0][0] - self._clock.now()) / SECOND
        if wait > 0:
            return min(wait, 1.0)
        await held._start_due()
        return 0.0

    def _claimer(self, crew: Any) -> Any:
        claimer = super()._claimer(crew)
        claimer._soon = lambda call: self.later(0, call)
        return claimer

    def _soon(self, call: object, *args: object) -> None:
        self.later(0, lambda: call(*args))  # type: ignore[operator]  # bound methods of this class

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        Activity(self, "spawned", work).begin()

    async def _pause(self, seconds: float) -> None:
        await Sleep(seconds)


class _Identity:
    """New with each start and each lost lease, as the real one; but the same again with the same seed."""

    def __init__(self, node: SimNode) -> None:
        self._node, self._lives = node, 0
        self.id, self.label = "", node.name
        self.renew()

    def renew(self) -> None:
        self._lives += 1
        self.id = f"{self._node.name}.{self._lives}"


class _Wakes:
    """In the place of the event that wakes the loop of held runs."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def set(self) -> None:
        self._loop.wake()

    def clear(self) -> None:
        """Nothing waits on it."""
