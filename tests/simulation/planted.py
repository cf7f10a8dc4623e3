"""Bugs planted on purpose, each one that a scheduler has had or could have. The simulation must find every one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from rota.clock import Instant
from rota.engine import node as engine_node
from rota.engine.held import Held
from rota.engine.rescuer import Watch
from rota.engine.settler import Settler
from rota.errors import RotaError
from rota.ledger.sql import fire as sql_fire
from rota.ledger.sqlfile import statements
from rota.ledger.sqlite import upkeep
from rota.ledger.work import DueSchedule, Fired, FirePlan
from rota.model.lifecycle import HandedBack, Move, Tally, step
from tests.simulation.nodes import SimNode
from tests.simulation.store import MemoryLedger
from tests.simulation.world import World

__all__ = ["PLANTED", "Planted"]

Patches = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True)
class Planted:
    """How a bug is put in: changed SQL, a changed ledger, a changed node, or changed parts of the engine."""

    sql: Mapping[str, Sequence[tuple[str, str]]] | None = None
    ledger: type[MemoryLedger] = MemoryLedger
    node: type[SimNode] = SimNode
    patches: Patches = contextlib.nullcontext
    setup: str = ""  # SQL run on the new ledger
    first: int = (
        0  # the seed to begin at: some need a rare meeting, and the search for it need not be made each time
    )

    def options(self) -> dict[str, Any]:
        def make(world: World) -> MemoryLedger:
            made = self.ledger(world, self._changed(), ready=True)
            for text in filter(None, self.setup.split(";")):
                made.store.raw.execute(text)
            return made

        return {"ledger": make, "node": self.node}

    def _changed(self) -> dict[str, str]:
        sql = dict(statements(upkeep.PACKAGE))
        for name, changes in (self.sql or {}).items():
            for old, new in changes:
                assert old in sql[name], f"{name} does not hold {old!r} any more: plant the bug anew"
                sql[name] = sql[name].replace(old, new)
        return sql


class CursorFirst(MemoryLedger):
    """Cursors move in a transaction of their own, before the records are written."""

    def fire(self, until: Instant, limit: int, plan: Any) -> Fired:
        def move(c: Any) -> tuple[list[DueSchedule], list[FirePlan]]:
            due = [
                DueSchedule(*row)
                for row in c.many(self._sql["due_schedules"], {"until": until, "limit": limit})
            ]
            plans = list(plan(due, self._now(c))) if due else []
            sql_fire._move_cursors(c, self._sql, due, plans)
            return due, plans

        due, plans = self._write(move)
        runs = [run for one in plans for run in one.runs]
        made = self._write(lambda c: sql_fire.insert_runs(c, self._sql, self._now(c), runs))
        self._write(lambda c: sql_fire._insert_ranges(c, self._sql, plans))
        return Fired(len(due), made, self.next_due())


class RememberedCursor(MemoryLedger):
    """What is due was read some time ago; nobody looks whether another has fired it meanwhile."""

    remembered: list[DueSchedule] | None = None

    def fire(self, until: Instant, limit: int, plan: Any) -> Fired:
        fresh = self._read(lambda c: c.many(self._sql["due_schedules"], {"until": until, "limit": limit}))
        due, self.remembered = self.remembered, [DueSchedule(*row) for row in fresh]
        if not due:
            return Fired(0, 0, self.next_due())

        def write(c: Any) -> Fired:
            plans = list(plan(due, self._now(c)))
            runs = [run for one in plans for run in one.runs]
            made = sql_fire.insert_runs(c, self._sql, self._now(c), runs)
            sql_fire._insert_ranges(c, self._sql, plans)
            sql_fire._move_cursors(c, self._sql, due, plans)
            return Fired(len(due), made, None)

        return self._write(write)


class SameName(SimNode):
    """A node that comes again takes the identity of the one before it, as a host name or a pod's name would be."""

    def __init__(self, world: World, oracle: Any, real: Any, loaded: Any, name: str) -> None:
        super().__init__(world, oracle, real, loaded, f"n{int(name[1:]) % 2}")


class LeavesAtOnce(SimNode):
    """A node that signs off in the middle of its work, and is gone."""

    async def _drain_in_steps(self) -> None:
        with contextlib.suppress(RotaError):
            await self._thread(self._ledger.leave, self.id)
        self.crash()


class GoesOn(SimNode):
    """A node that has lost its lease goes on as if nothing were: same identity, nothing stopped."""

    def _lose(self, node: str) -> None:
        self.world.note(f"{self.name} does not mind")


@contextlib.contextmanager
def _no_holding() -> Iterator[None]:
    def add(self: Held, claimed: Any) -> None:
        self._start(claimed)

    with mock.patch.object(Held, "add", add):
        yield


@contextlib.contextmanager
def _given_up() -> Iterator[None]:
    async def stepping(self: Settler) -> float:
        if not self._pending:
            return 60.0
        batch = self._take()
        del self._pending[: len(batch)]
        await self._thread(self._ledger.finish, batch[0][0], [finish for _, (_, finish) in batch])
        return 0.0

    with mock.patch.object(Settler, "step", stepping):
        yield


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """All other nodes count as silent at once, and the ledger does not look at their lease."""

    def silent(self: Watch, nodes: Sequence[Any], *, but: str, lease: float) -> list[str]:
        return [node.id for node in nodes if node.id != but]

    with mock.patch.object(Watch, "silent", silent):
        yield


@contextlib.contextmanager
def _hand_back_counts() -> Iterator[None]:
    def counted(state: Any, event: Any, tally: Tally, *more: Any, **options: Any) -> Move | None:
        move = step(state, event, tally, *more, **options)
        if isinstance(event, HandedBack) and move is not None:
            return move._replace(tally=Tally(tally.spent + 1, tally.crashes))
        return move

    with (
        mock.patch.object(engine_node, "step", counted),
        mock.patch("tests.simulation.nodes.step", counted),
    ):
        yield


@contextlib.contextmanager
def _not_adopted() -> Iterator[None]:
    async def forget(self: Any) -> None:
        self._unanswered = False

    with mock.patch("rota.engine.claimer.Claimer._adopt", forget):
        yield


_GUARD = "rota_run.id = done.id AND rota_run.token = done.token AND rota_run.node = :node AND rota_run.state = 'running'"
_BUSY = (
    "OR NOT EXISTS (SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running')"
)
_IS_BUSY = "SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running') AS busy"

PLANTED: Mapping[str, Planted] = {
    "the token guard of an outcome is dropped": Planted(
        sql={"finish_runs": [(_GUARD, "rota_run.id = done.id")]},
        setup="DROP INDEX rota_run_lane",
    ),
    "an outcome is guarded by run and state, not by token": Planted(
        sql={"finish_runs": [(_GUARD, "rota_run.id = done.id AND rota_run.state = 'running'")]}
    ),
    "the cursor is moved before the records are written": Planted(ledger=CursorFirst, first=70),
    "a remembered cursor is fired, and the unique key is gone": Planted(
        ledger=RememberedCursor,
        sql={"move_cursors": [("rota_schedule.next_at = moved.was", "true")]},
        setup="DROP INDEX rota_run_occurrence",
    ),
    "a lost lease is renewed": Planted(
        sql={
            "beat": [
                ("WHERE id = :id AND state = 'live'", "WHERE id = :id"),
                ("beats = beats + 1", "beats = beats + 1, state = 'live'"),
            ]
        }
    ),
    "a node without a lease may claim, and goes on after it lost it": Planted(
        node=GoesOn, sql={"claim_head": [("(SELECT state FROM rota_node WHERE id = :node)", "'live'")]}
    ),
    "runs are taken over without a look at the lease": Planted(
        patches=_impatient, sql={"declare_lost": [(" AND lease_until < :now", "")]}
    ),
    "a node comes again under its old name": Planted(node=SameName),
    "a lane may hold two": Planted(
        sql={"claim_candidates": [(_BUSY, "OR true"), (_IS_BUSY, _IS_BUSY.replace("'running'", "'nobody'"))]},
        setup="DROP INDEX rota_run_lane",
    ),
    "a run that is held starts at once": Planted(patches=_no_holding),
    "an outcome that could not be written is given up": Planted(patches=_given_up),
    "a claim whose answer was lost is forgotten": Planted(patches=_not_adopted, first=70),
    "being handed back counts as a try": Planted(patches=_hand_back_counts),
    "a node that leaves is gone, whatever it holds": Planted(
        sql={"leave": [("CASE WHEN holds.some THEN state", "CASE WHEN false THEN state")]},
        node=LeavesAtOnce,
    ),
    "what had not begun is tried again at once": Planted(
        sql={"finish_runs": [("max(done.run_at, rota_run.run_at)", "done.run_at")]}
    ),
    "tokens begin anew with each claim": Planted(sql={"take_tokens": [("value + :count", ":count + 1000")]}),
}
