"""Fires: turns occurrences into records and moves the cursors, a little ahead of their instants."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.plan import plan_schedule
from rota.errors import RotaError
from rota.ledger.protocol import Ledger
from rota.ledger.work import DueSchedule, Fired, FirePlan
from rota.timing import Occurrences, compile_schedule, schedule_from_json

__all__ = ["Planner", "Rules", "fire_all_due"]

_log = logging.getLogger("rota.engine")

BATCH = 1000
"""Schedules a fire locks at once: large enough to share the commit, small enough to let others write between."""


class Rules:
    """Compiled schedules, the latest used kept: a schedule that fires often is compiled once."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str], Occurrences] = OrderedDict()

    def occurrences(self, rule: str, seed: str) -> Occurrences:
        known = self._kept.get((rule, seed))
        if known is None:
            known = self._kept[rule, seed] = compile_schedule(schedule_from_json(json.loads(rule)), seed=seed)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end((rule, seed))
        return known


def fire_all_due(ledger: Ledger) -> int:
    """Record whatever is due by now, by the rota that holds now; returns how many runs that made.

    Raises `LedgerError`.
    """
    planner = Planner(ledger, LedgerThread(), ahead=0.0, poll=1.0, fired=lambda: None)
    made = 0
    while True:
        fired, _ = planner.fire()
        made += fired.runs
        if not fired.schedules or not planner.planned:
            return made


class Planner:
    """Sleeps until the earliest cursor, less the horizon; then fires whatever is due by the horizon."""

    def __init__(
        self, ledger: Ledger, thread: LedgerThread, *, ahead: float, poll: float, fired: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._ahead = int(ahead * SECOND)
        self._poll = poll
        self._fired = fired
        self._rules = Rules()
        self._planned = 0
        self._left = (
            0  # due schedules that the last fire could not compute: they are due again with the next one
        )
        self._full = False  # the last fire took as many as it might
        self._told: set[str] = set()

    async def step(self) -> float:
        """Fire one batch; returns the seconds until the next is due, at most the poll."""
        fired, now = await self._thread(self.fire)
        if fired.runs:
            self._fired()
        if self._full and not self._planned:
            return 0.0  # a whole batch is for other nodes to plan; behind it there may be more
        if fired.next_at is None or (fired.schedules and not self._planned):
            return self._poll  # nothing is to come, or all that is due is for another node to plan
        return min(self._poll, max(0.0, (fired.next_at - self._ahead - now) / SECOND))

    @property
    def planned(self) -> int:
        """Schedules that the latest fire could compute."""
        return self._planned

    def fire(self, limit: int = BATCH) -> tuple[Fired, Instant]:
        """Fire what is due by the horizon now, on this thread. What cannot be computed here does not count against
        ``limit``, or a batch of such schedules would stand before all others for ever."""
        now = self._ledger.now()
        until = Instant(now + self._ahead)
        limit += self._left
        self._planned = 0
        fired = self._ledger.fire(
            until, limit, lambda due, at: self._plans(due, at, Instant(at + self._ahead))
        )
        self._left = fired.schedules - self._planned
        self._full = fired.schedules == limit
        return fired, now

    def _plans(self, due: Sequence[DueSchedule], now: Instant, until: Instant) -> Iterator[FirePlan]:
        for schedule in due:
            seed = f"{schedule.service}/{schedule.task}/{schedule.key}"
            try:
                occurrences = self._rules.occurrences(schedule.rule, seed)
                planned = plan_schedule(schedule, occurrences, now, until)
            except RotaError as error:  # for instance a library of holidays that only other nodes have
                self._tell_once(seed, error)
                continue
            self._planned += 1
            yield planned

    def _tell_once(self, seed: str, error: RotaError) -> None:
        """A schedule that cannot be computed here holds up no other, and is not told with every fire."""
        if seed not in self._told:
            self._told.add(seed)
            _log.error(
                "the schedule of %s cannot be computed on this node and waits for another: %s", seed, error
            )
