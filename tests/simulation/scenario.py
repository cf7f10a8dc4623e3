"""One seed: nodes come, go, freeze and are cut off, clocks are set, calls are lost; then all is calm, and counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rota import Rota
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.ledger.records import Change, RunFilter
from rota.model.run import Kind, NewRun, State
from rota.read.audit import audit
from tests.simulation.nodes import SimNode
from tests.simulation.oracle import Oracle
from tests.simulation.store import MemoryLedger
from tests.simulation.world import FATES, World

__all__ = ["Seed", "play", "play_some"]

DUTY = {"owner": "ann@example.org", "expects": "what the test says", "rollback": "nothing to put back"}
TASKS: dict[str, dict[str, Any]] = {
    "tidy": {"schedule": {"every": "1s"}, "overlap": "skip", "retry": {"attempts": 3, "backoff": "200ms"}},
    "feed": {"schedule": {"every": "700ms", "jitter": "300ms"}, "overlap": "queue", "catch_up": "all",
             "retry": {"attempts": 2, "backoff": "100ms"}},
    "purge": {"schedule": {"every": "2s"}, "overlap": "allow", "catch_up": "none", "deadline": "3s"},
    "swap": {"schedule": {"every": "1s"}, "overlap": "cancel", "retry": {"attempts": 2, "backoff": "300ms"}},
    "mail": {"retry": {"attempts": 4, "backoff": "100ms"}},
}  # fmt: skip
OPEN = (State.WAITING, State.RUNNING)
FIRE, CALM = 8.0, 60.0  # seconds under fire, and seconds at most until all is settled


@dataclass
class Seed:
    """What one seed showed."""

    seed: int
    digest: str
    hits: Counter[str]
    starts: int
    states: Counter[str]
    outcome: list[tuple[Any, ...]] = field(default_factory=list)


@lru_cache(maxsize=2)
def _loaded(due: bool = True) -> LoadedRota:
    """The rota; or the same without schedules, under which nothing new falls due."""
    rota = Rota("web")
    for name, policies in TASKS.items():
        options = {option: value for option, value in policies.items() if due or option != "schedule"}

        async def work() -> None: ...

        work.__qualname__ = work.__name__ = name
        rota.task(name=name, **options, **DUTY)(work)
    return rota.loaded


def play(
    seed: int,
    *,
    sql: dict[str, str] | None = None,
    ledger: Callable[[World], Any] | None = None,
    node: type[SimNode] = SimNode,
    fates: tuple[str, ...] = FATES,
) -> Seed:
    """Play one seed to its end. Raises `Broken`."""
    world = World(seed, fates)
    made: Any = MemoryLedger(world, sql, ready=True) if ledger is None else ledger(world)
    try:
        return _Play(world, made, node).play()
    finally:
        made.close()


def play_some(seeds: range) -> tuple[Counter[str], int]:
    """Play seeds; returns how often each fault came about, and how many attempts began."""
    logging.disable(logging.CRITICAL)
    hits: Counter[str] = Counter()
    starts = 0
    for seed in seeds:
        played = play(seed)
        hits += played.hits
        starts += played.starts
    return hits, starts


class _Play:
    def __init__(self, world: World, ledger: Any, node: type[SimNode]) -> None:
        self.world, self.ledger, self._node = world, ledger, node
        apply(ledger, _loaded(), author="ann", reason="simulated")
        self.begun = world.now()
        self.ids = {task.name: task.id for task in ledger.tasks()}
        self.oracle = Oracle(world, ledger, frozenset(name for name in TASKS if name != "purge"))
        self.nodes: list[SimNode] = []
        self._made = self.ahead = 0
        self.set_back = False

    def play(self) -> Seed:
        world = self.world
        for _ in range(world.chance.randint(2, 5)):
            self._add()
        for _ in range(world.chance.randint(3, 10)):
            world.soon(int(FIRE * SECOND), self._mishap)
        for _ in range(world.chance.randint(0, 8)):
            world.soon(int(FIRE * SECOND), self._somebody_asks)
        world.run(FIRE)
        self._calm()
        return self._count()

    def _add(self) -> None:
        self._made += 1
        node = self._node(self.world, self.oracle, self.ledger, _loaded(), f"n{self._made}")
        self.nodes.append(node)
        node.begin()

    # -- what happens to nodes

    def _mishap(self) -> None:
        world = self.world
        if not world.faulty:
            return
        kind = world.chance.choice(
            ("crash", "crash", "freeze", "freeze", "cut off", "leave", "join", "clock")
        )
        node = world.chance.choice(self.nodes)
        world.hits[f"mishap: {kind}"] += 1
        world.note(f"{node.name} {kind}")
        match kind:
            case "crash":
                node.crash()
                world.soon(2 * SECOND, self._add)
            case "freeze":
                node.frozen_until = world.passed + world.chance.randrange(12 * SECOND)
            case "cut off":
                node.cut_off = True
                world.soon(8 * SECOND, lambda: setattr(node, "cut_off", False))
            case "leave":
                if not node.is_gone and not node.draining:
                    node.leave_in_order()
                    world.soon(SECOND, self._add)
            case "join":
                if len([one for one in self.nodes if not one.is_gone]) < 5:
                    self._add()
            case "clock":
                world.offset += world.chance.choice((-3600, -5, -1, 1, 5, 120)) * SECOND
                self.set_back |= world.offset < self.ahead
                self.ahead = max(self.ahead, world.offset)

    def _somebody_asks(self) -> None:
        """Programs and people: enqueue under a key, cancel."""
        world, ledger = self.world, self.ledger
        if world.likely(0.6):
            at = Instant(world.now() + world.chance.randrange(2 * SECOND))
            key = world.chance.choice((None, "a", "b"))
            run = NewRun(self.ids["mail"], Kind.ENQUEUED, at, at, key=key, args="{}")
            world.note(f"enqueued {ledger.enqueue([run])}")
            return
        runs = ledger.runs(RunFilter(states=OPEN, limit=3))
        if runs:
            chosen = world.chance.choice(runs)
            change = Change(world.now(), "ann", "cancel", f"run {chosen.id}")
            world.note(f"cancel {chosen.id}: {ledger.cancel(chosen.id, change)}")

    # -- and then

    def _calm(self) -> None:
        """No more faults; nothing new falls due. Whatever is open must come to its end."""
        world = self.world
        world.faulty = False
        world.offset = max(world.offset, self.ahead)  # what was put off while the clock was ahead falls due
        world.note("calm")
        for node in self.nodes:
            node.cut_off, node.unlucky = False, 0.0
        if all(node.is_gone or node.draining for node in self.nodes):
            self._add()
        thawed = max((node.frozen_until for node in self.nodes), default=0)
        world.run(max(0, thawed - world.passed) / SECOND + 6.0)  # time to fire what fell due meanwhile
        self.end = Instant(world.now() - SECOND)
        apply(self.ledger, _loaded(due=False), author="ann", reason="nothing more falls due")
        where = RunFilter(states=OPEN, limit=1)
        looked = [0]

        def settled() -> bool:
            if world.passed - looked[0] < 200_000:
                return False
            looked[0] = world.passed
            return not self.ledger.runs(where)

        if not world.run(CALM, settled):
            stuck = [
                (run.id, run.task, run.state.value, run.node)
                for run in self.ledger.runs(RunFilter(states=OPEN))
            ]
            raise world.broken("never ended", f"{stuck[:5]} of {len(stuck)}")

    def _count(self) -> Seed:
        found = audit(self.ledger, self.begun, max(self.begun, self.end))
        if self.set_back:  # times cannot be compared then; the oracle has watched the lanes without them
            found.breaches.pop("overlapping", None)
        if not found.holds:
            raise self.world.broken("the audit", f"{dict(found.breaches)} {found.examples[:3]}")
        runs = self.ledger.runs(RunFilter(order="oldest", limit=100_000))
        for run in runs:
            if run.spent != self.oracle.spent.get(run.id, 0):
                told = f"run {run.id} of {run.task}: {run.spent}, {self.oracle.spent.get(run.id, 0)} attempts count"
                raise self.world.broken("tries were counted wrongly", told)
        outcome = [
            (run.id, run.task, run.scheduled_at, run.state.value, run.attempt, run.token) for run in runs
        ]
        return Seed(
            self.world.seed, self.world.digest, self.world.hits, self.oracle.starts, found.states, outcome
        )
