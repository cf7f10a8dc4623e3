"""Claims: takes waiting runs under the node's lease, as many as there are free slots, a little ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.errors import LedgerUnreachable
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claim, Claimed

__all__ = ["Claimer", "Crew", "shares", "take"]

MOST = 2000
"""Runs a claim takes at once."""

GATHER = 0.002
"""Seconds to let slots come free together, when few are: a claim for each would cost a commit for each."""


@dataclass(slots=True)
class Crew:
    """Slots of one kind, and the tasks that are carried out in them."""

    name: str
    slots: int
    tasks: Mapping[str, Sequence[str]]  # service -> task names
    in_use: int = 0

    @property
    def free(self) -> int:
        return self.slots - self.in_use


def shares(free: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Free slots divided over queues by weight; what does not divide goes to the heavier queues first.

    >>> shares(10, {"default": 3, "mail": 1})
    {'default': 8, 'mail': 2}
    >>> shares(1, {"default": 3, "mail": 1})
    {'default': 1, 'mail': 0}
    """
    total = sum(weights.values())
    by_weight = sorted(weights, key=lambda name: -weights[name])
    quota = {name: free * weights[name] // total for name in by_weight}
    for name in by_weight[: free - sum(quota.values())]:
        quota[name] += 1
    return quota


class Claimer:
    """Keeps one crew at work."""

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        crew: Crew,
        *,
        weights: Mapping[str, int],
        node: Callable[[], str],
        ahead: float,
        poll: float,
        claimed: Callable[[Claimed], None],
        soon: Callable[[Callable[[], None]], object],
        known: Callable[[], Set[tuple[int, int]]],
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self.crew = crew
        self._weights = weights
        self._node = node
        self._ahead = int(ahead * SECOND)
        self._poll = poll
        self._claimed = claimed
        self._soon = soon
        self._known = known
        self._unanswered = False  # a claim went out, and whether it was carried out is not known
        self.hungry = False  # the last claim was as large as it could be: there may be more

    async def step(self) -> float:
        """Claim once; returns the seconds until it is worth asking again."""
        free = min(self.crew.free, MOST)
        if free <= 0 or not self.crew.tasks:
            return self._poll
        if self.hungry and free < min(self.crew.slots // 4, MOST):
            self.hungry = False  # whatever comes free next wakes this loop only after the gathering
            return GATHER
        if self._unanswered:
            await self._adopt()
        node = self._node()
        try:
            runs, delay = await self._thread(self._claim, node, free, self.hungry)
        except LedgerUnreachable:
            self._unanswered = True
            raise
        if node != self._node():
            return 0.0  # the lease was lost meanwhile; these runs are the rescuer's
        self.hungry = len(runs) == free
        self.crew.in_use += len(runs)
        # Not at once: with slots left, the next claim is under way while these begin.
        self._soon(lambda: self._hand_over(node, runs))
        return 0.0 if self.hungry and self.crew.free > 0 else delay

    async def _adopt(self) -> None:
        """Begin what a claim took for this node without its knowing: nobody else would, while its lease holds."""
        node, known = self._node(), self._known()
        held = await self._thread(self._ledger.holdings, node)
        self._unanswered = False
        mine = [run for run in held if run.task in self.crew.tasks.get(run.service, ())]
        unknown = [run for run in mine if (run.id, run.token) not in known]
        self.crew.in_use += len(unknown)
        self._hand_over(node, unknown)

    def _hand_over(self, node: str, runs: Sequence[Claimed]) -> None:
        for run in runs:
            if node == self._node():
                self._claimed(run)
            else:
                self.crew.in_use -= 1  # the lease was lost in this very moment

    def _claim(self, node: str, free: int, likely: bool) -> tuple[list[Claimed], float]:
        now = self._ledger.now()
        until = Instant(now + self._ahead)
        runs = take(self._ledger, self.crew.tasks, self._weights, node, free, until, likely=likely)
        if runs:
            return runs, self._poll
        waiting = self._ledger.next_waiting()
        if waiting is None or waiting <= until:
            return runs, self._poll
        return runs, min(self._poll, (waiting - until) / SECOND)


def take(
    ledger: Ledger,
    tasks: Mapping[str, Sequence[str]],
    weights: Mapping[str, int],
    node: str,
    free: int,
    until: Instant,
    *,
    likely: bool = False,
) -> list[Claimed]:
    """Claim at most ``free`` runs: each queue its share, then what one leaves over for the others, one queue after the
    other, so that it never takes more than is free."""
    wanted = {name: n for name, n in shares(free, weights).items() if n > 0}
    runs = ledger.claim(Claim(node, wanted, tasks, until, likely))
    nothing_waits = not runs and len(wanted) == len(
        weights
    )  # with few slots free, a light queue has no share of them
    if nothing_waits or len(runs) == free or len(weights) == 1:
        return runs
    for name in weights:
        left = free - len(runs)
        if left > 0:
            runs += ledger.claim(Claim(node, {name: left}, tasks, until))
    return runs
