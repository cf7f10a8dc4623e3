"""Takes over what lost nodes held: killed, frozen or cut off, whatever it was."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence

from rota.clock import Clock
from rota.define.canonical import retries_from_json
from rota.engine.calls import LedgerThread
from rota.errors import RotaError
from rota.ledger.protocol import Ledger
from rota.ledger.work import NodeRecord, Orphan
from rota.model.lifecycle import Lost, Move, Tally, step
from rota.model.run import Kind, Reason, State
from rota.model.task import Retries

__all__ = ["Rescuer", "Watch", "decide"]

_log = logging.getLogger("rota.engine")


class Watch:
    """Which nodes have been silent for a whole lease, as seen by this node's own monotonic clock.

    The ledger's clock alone would not do: when it is set forward by a day, or a laptop wakes, every lease
    has run out at once, of living nodes too. So a node counts as silent only if its count of heartbeats has not
    moved while this node watched for a lease; and the ledger then checks the lease itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    def silent(self, nodes: Sequence[NodeRecord], *, but: str, lease: float) -> list[str]:
        now = self._clock.monotonic()
        seen = {}
        for node in nodes:
            beats, since = self._seen.get(node.id, (-1, now))
            seen[node.id] = (node.beats, since if beats == node.beats else now)
        self._seen = seen
        return [id_ for id_, (_, since) in seen.items() if id_ != but and now - since >= lease]


def decide(orphan: Orphan) -> Move:
    """A lost attempt counts as a try; what was to be stopped anyway is not tried again."""
    asked = Reason(orphan.cancel_reason) if orphan.cancel_reason is not None else None
    tally = Tally(orphan.spent, orphan.crashes)
    move = step(State.RUNNING, Lost(), tally, _retries(orphan), asked_to_stop=asked)
    assert move is not None  # a running run can always be lost
    return move


def _retries(orphan: Orphan) -> Retries:
    """The retry policy of a lost run's task. One that this build cannot read, since a newer one wrote it, grants no
    retry: whatever else the lost node held must not wait for that. What undoes something is tried once: whether half
    of it was done, a person has to look."""
    if orphan.kind == Kind.UNDO:
        return Retries()
    try:
        return retries_from_json(json.loads(orphan.definition))
    except (KeyError, TypeError, ValueError, RotaError) as error:
        _log.error("run %d was lost, and the retry policy of its task cannot be read: %r", orphan.id, error)
        return Retries()


class Rescuer:
    """Looks after the other nodes, three times a lease."""

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        clock: Clock,
        *,
        lease: float,
        node: Callable[[], str],
        rescued: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._watch = Watch(clock)
        self._lease = lease
        self._node = node
        self._rescued = rescued

    async def step(self) -> float:
        nodes = await self._thread(self._ledger.nodes)
        silent = self._watch.silent(nodes, but=self._node(), lease=self._lease)
        # Also where nobody is silent: what a node held whose row is gone has nobody who could be.
        moved = await self._thread(self._ledger.rescue, silent, decide)
        if moved:
            self._rescued()
        return self._lease / 3
