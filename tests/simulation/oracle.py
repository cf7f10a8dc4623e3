"""What must never happen, watched from outside: told of every call that the ledger carried out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rota.ledger.protocol import Ledger
from rota.ledger.work import BeatReply, Claimed, Finish
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.nodes import SimNode

__all__ = ["Oracle"]


@dataclass(slots=True)
class _Hold:
    """A run under a token, and whose it is."""

    token: int
    node: str
    attempt: int
    lane: tuple[str, str, str] | None
    open: bool = True


@dataclass
class Oracle:
    """Keeps its own books. Raises `tests.simulation.world.Broken`."""

    world: World
    ledger: Ledger
    exclusive: frozenset[str]  # tasks whose runs of one schedule never overlap
    holds: dict[int, _Hold] = field(default_factory=dict)
    lanes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)  # lost, or left
    spent: dict[int, int] = field(default_factory=dict)
    recorded: set[tuple[int, int]] = field(default_factory=set)
    begun: set[tuple[int, int]] = field(default_factory=set)
    first: set[int] = field(default_factory=set)  # runs that were started once
    last_token: int = 0
    starts: int = 0

    def saw(self, node: SimNode, name: str, args: tuple[Any, ...], answer: Any) -> None:
        """The ledger has carried out a call."""
        match name:
            case "register":
                if args[0].id not in self.leases:  # its own second try changes nothing
                    self._renewed(args[0].id, args[0].lease_until - args[0].started_at)
            case "heartbeat":
                self._beat(args[0], answer)
            case "claim":
                for claimed in answer:
                    self._claimed(args[0].node, claimed)
            case "finish":
                self._finished(args[0], args[1], answer)
            case "rescue":
                self._rescued()
            case "leave":
                self._left(args[0])
        if name in ("claim", "finish", "rescue", "fire", "leave", "sweep"):
            told = [one.id for one in answer] if name == "claim" else answer
            self.world.note(f"{node.name} {name}: {told}")

    def began(self, node: SimNode, claimed: Claimed) -> None:
        """A task's code was started."""
        self.starts += 1
        key = (claimed.id, claimed.token)
        if key in self.begun:
            raise self.world.broken("started twice", f"run {claimed.id} under token {claimed.token}")
        self.begun.add(key)
        self.world.note(f"{node.name} starts run {claimed.id} attempt {claimed.attempt}")
        first = claimed.scheduled_at if claimed.id not in self.first else claimed.run_at
        self.first.add(claimed.id)
        if self.world.now() < first:
            early = first - self.world.now()
            raise self.world.broken("started early", f"run {claimed.id} by {early} microseconds")

    def abandoned(self, run_id: int) -> None:
        """An operator had it tried again, or took it away: its books begin anew."""
        self.spent.pop(run_id, None)

    # -- the calls

    def _beat(self, beat: Any, reply: BeatReply) -> None:
        if not reply.alive:
            return
        if beat.node in self.gone:
            raise self.world.broken("a lost lease was renewed", beat.node[:8])
        self._renewed(beat.node, beat.lease)

    def _renewed(self, node: str, lease: int) -> None:
        """A lease lasts so long in truth, whatever the clocks are set to."""
        self.leases[node] = self.world.passed + lease

    def _claimed(self, node: str, claimed: Claimed) -> None:
        where = f"run {claimed.id} of {claimed.task} by {node[:8]}"
        if node in self.gone:
            raise self.world.broken("claimed without a lease", where)
        if claimed.token <= self.last_token:
            raise self.world.broken("a token was given twice", where)
        self.last_token = claimed.token
        before = self.holds.get(claimed.id)
        if before is not None and before.open:
            raise self.world.broken("claimed from under a holder", where)
        if claimed.attempt != (before.attempt if before else 0) + 1:
            raise self.world.broken("an attempt was not counted", f"{where}: attempt {claimed.attempt}")
        lane = self._lane(claimed)
        if lane is not None:
            other = self.holds.get(self.lanes.get(lane, -1))
            if other is not None and other.open and other.lane == lane:
                raise self.world.broken("two of one lane at once", where)
            self.lanes[lane] = claimed.id
        self.holds[claimed.id] = _Hold(claimed.token, node, claimed.attempt, lane)

    def _lane(self, claimed: Claimed) -> tuple[str, str, str] | None:
        if claimed.kind != "scheduled" or claimed.task not in self.exclusive:
            return None
        return claimed.service, claimed.task, claimed.schedule_key or ""

    def _finished(self, node: str, finishes: list[Finish], refused: list[int]) -> None:
        for one in finishes:
            key = (one.id, one.token)
            hold = self.holds.get(one.id)
            if one.id in refused or key in self.recorded:
                continue
            if hold is None or not hold.open or hold.token != one.token or hold.node != node:
                raise self.world.broken("an outcome under a stale token", f"run {one.id} token {one.token}")
            self._close(one.id, hold, counts=one.ended != "handed-back")

    def _close(self, run_id: int, hold: _Hold, *, counts: bool) -> None:
        hold.open = False
        self.recorded.add((run_id, hold.token))
        self.spent[run_id] = self.spent.get(run_id, 0) + counts

    def _rescued(self) -> None:
        states = {node.id: node.state for node in self.ledger.nodes(live=False)}
        for node, state in states.items():
            if state == "lost" and node not in self.gone:
                if self.world.passed < self.leases[node]:
                    raise self.world.broken("taken over within its lease", node[:8])
                self.gone.add(node)
        for run_id, hold in self.holds.items():
            if hold.open and (hold.node in self.gone or hold.node not in states):
                self._close(run_id, hold, counts=True)

    def _left(self, node: str) -> None:
        if all(one.id != node for one in self.ledger.nodes()):
            self.gone.add(node)
            held = [run_id for run_id, hold in self.holds.items() if hold.open and hold.node == node]
            if held:
                raise self.world.broken("a node left while it held runs", f"{node[:8]}: {held}")
