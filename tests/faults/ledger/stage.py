"""A ledger in virtual time, a rota of the real form on it, and nodes that act when the test says so.

Fires are the real planner's, rescues the real watch's and rescuer's decisions, outcomes the real state machine's; only
when each happens, and what is killed in between, is the test's. Each test ends in the audit.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.ledger.props import told
from tests.faults.report import Row
from tests.ledger.house import LEASE, House

from rota import Rota
from rota.change.apply import apply
from rota.clock import SECOND, Instant, to_instant
from rota.define.loaded import LoadedRota
from rota.engine.calls import LedgerThread
from rota.engine.planner import Planner
from rota.engine.rescuer import Watch, decide
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord
from rota.ledger.work import Claimed
from rota.model.lifecycle import Errored, Event, Succeeded
from rota.model.run import FINAL, RunRecord
from rota.model.task import Retries
from rota.read.audit import Audit, audit
from rota.testing import ManualClock

__all__ = ["DUTY", "Stage", "StagedNode", "at"]


DUTY = {"owner": "faults@example.org", "expects": "what the test says", "rollback": "nothing to put back"}


@dataclass
class StagedNode:
    """What one node would do, a step at a time. A kill is to let it do nothing any more."""

    stage: Stage
    ledger: Ledger
    id: str
    ahead: float = 0.0
    holding: list[Claimed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.stage.clock)
        self.planner = Planner(self.ledger, LedgerThread(), ahead=self.ahead, poll=1.0, fired=lambda: None)

    def beat(self) -> bool:
        """Renew the lease; a node that lost it lets go of what it held."""
        alive = self.ledger.heartbeat(self._beat()).alive
        if not alive:
            self.holding.clear()
        return alive

    def fire(self) -> int:
        """Fire all that is due; returns how many runs that made."""
        made = 0
        while (fired := self.planner.fire()[0]).schedules:
            made += fired.runs
        return made

    def claim(self, want: int = 1000, tasks: Sequence[str] | None = None) -> list[Claimed]:
        got = self.stage.house.claim(self.id, want, tasks=tasks, ledger=self.ledger)
        self.holding += got
        return got

    def finish(self, *claimed: Claimed, event: Event | None = None) -> list[int]:
        """End these attempts (all that are held if none are named); returns the refused ones."""
        return self.end(claimed or tuple(self.holding), event)

    def end(self, ends: Sequence[Claimed], event: Event | None = None) -> list[int]:
        self.holding = [one for one in self.holding if one not in ends]
        event = event or Succeeded()
        outcomes = [
            self.stage.house.outcome(one, event, retries=self.stage.retries(one.task)) for one in ends
        ]
        return self.ledger.finish(self.id, outcomes) if outcomes else []

    def fail(self, *claimed: Claimed) -> list[int]:
        return self.finish(*claimed, event=Errored())

    def rescue(self) -> int:
        """One look at the others, as the rescuer takes it."""
        silent = self.watch.silent(self.ledger.nodes(), but=self.id, lease=LEASE / SECOND)
        return self.ledger.rescue(silent, decide)

    def turn(self) -> None:
        """All that a node does within a second, for bodies that take no time. One that lost its lease, because its thread
        had no turn for so long, begins anew as somebody else, as a real one does."""
        if not self.beat():
            self.id = uuid.uuid4().hex
            self.stage.house.node(self.id)
        self.rescue()
        self.fire()
        self.claim()
        self.finish()

    def _beat(self) -> Any:
        from rota.ledger.work import Beat

        return Beat(self.id, LEASE)


class Stage:
    """One ledger, and what stands on it."""

    def __init__(self, house: House, kind: str, row: Row | None = None) -> None:
        self.house = house
        self.kind = kind  # postgresql | sqlite
        self.row = row
        self.begun = house.ledger.now()
        self.loaded: LoadedRota | None = None

    @property
    def ledger(self) -> Ledger:
        return self.house.ledger

    @property
    def clock(self) -> ManualClock:
        return self.house.clock

    @property
    def now(self) -> Instant:
        return self.ledger.now()

    # -- the rota

    def rota(
        self, tasks: Mapping[str, Mapping[str, Any]], *, timezone: str = "UTC", service: str = "web"
    ) -> dict[str, TaskRecord]:
        """Apply a revision with these tasks, as a process would at its start; returns the live ones by name."""
        made = Rota(service, timezone=timezone)
        for name, options in tasks.items():
            made.task(name=name, **{**DUTY, **options})(_nothing)
        self.loaded = made.loaded
        apply(self.ledger, made.loaded, author="ann", reason="a fault")
        records = {task.name: task for task in self.ledger.tasks(service)}
        self.house.ids.update({name: task.id for name, task in records.items()})
        return records

    def reapply(self, ledger: Ledger | None = None) -> bool:
        """What every start of a process does; returns whether that made a revision."""
        assert self.loaded is not None
        return apply(ledger or self.ledger, self.loaded, author="ann", reason="a start").changed

    def retries(self, task: str) -> Retries:
        known = self.loaded.tasks.get(task) if self.loaded is not None else None
        return Retries() if known is None else known.retry

    # -- nodes

    def node(self, name: str | None = None, *, own: bool = False, ahead: float = 0.0) -> StagedNode:
        """A node that has just started; ``own`` with connections of its own, as another process has them."""
        ledger = self.house.open() if own else self.ledger
        id_ = name or uuid.uuid4().hex  # as real nodes have it: no name comes again
        self.house.node(id_)
        return StagedNode(self, ledger, id_, ahead)

    def pass_time(self, seconds: float, *nodes: StagedNode, step: float = 1.0) -> None:
        """Let time go by, each node having its turn after each step."""
        for _ in range(round(seconds / step)):
            self.clock.move(seconds=step)
            for node in nodes:
                node.turn()

    def settle(self, *nodes: StagedNode, within: float = 120.0) -> None:
        """Take the schedules away, and let all that is open end; it has to, within so many seconds."""
        self.rota({name: {**options, "schedule": None} for name, options in _without_schedules(self.loaded)})
        for _ in range(round(within)):
            if not self.open_runs():
                return
            self.pass_time(1, *nodes)
        raise AssertionError(f"not ended within {within:g} s: {self.open_runs()[:5]}")

    # -- looking

    def runs(self, **where: Any) -> list[RunRecord]:
        return self.house.runs(**where)

    def open_runs(self) -> list[RunRecord]:
        return [run for run in self.runs() if run.state not in FINAL]

    def sql(self, statement: str, **params: Any) -> None:
        """What a defect, or somebody's hand, would do to the tables."""
        self.ledger._write(lambda connection: connection.run(statement, params))  # type: ignore[attr-defined]  # of every SQL ledger

    # -- the end of each test

    def audit(self, since: Instant | None = None, **said: Any) -> Audit:
        """The audit of all that was, which must hold; it is told with what the test says of itself."""
        begin = self.begun if since is None else since
        return told(self.kind, audit(self.ledger, begin, Instant(self.now - SECOND // 2)), said, self.row)


def _without_schedules(loaded: LoadedRota | None) -> Iterable[tuple[str, Mapping[str, Any]]]:
    assert loaded is not None
    for name, task in loaded.tasks.items():
        retry = {"attempts": task.retry.attempts, "backoff": f"{task.retry.backoff.total_seconds():g}s"}
        yield name, {"overlap": task.overlap.value, "retry": retry}


def at(*when: int, zone: Any = None) -> Instant:
    """The instant of a wall time, UTC if nothing is said."""
    from datetime import UTC

    return to_instant(datetime(*when, tzinfo=zone or UTC))  # type: ignore[arg-type, misc]  # year, month, day, ...


async def _nothing() -> None: ...
