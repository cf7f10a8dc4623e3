"""Fires: turns occurrences into records and moves the cursors, a little ahead of their instants."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.plan import plan_schedule
from rota.ledger.protocol import DueSchedule, Fired, FirePlan, Ledger
from rota.timing import Occurrences, compile_schedule, schedule_from_json

__all__ = ["Planner", "Rules"]

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

    async def step(self) -> float:
        """Fire one batch; returns the seconds until the next is due, at most the poll."""
        fired, now = await self._thread(self.fire)
        if fired.runs:
            self._fired()
        if fired.next_at is None:
            return self._poll
        return min(self._poll, max(0.0, (fired.next_at - self._ahead - now) / SECOND))

    def fire(self, limit: int = BATCH) -> tuple[Fired, Instant]:
        """Fire what is due by the horizon now, on this thread."""
        now = self._ledger.now()
        until = Instant(now + self._ahead)
        fired = self._ledger.fire(
            until, limit, lambda due, at: self._plans(due, at, Instant(at + self._ahead))
        )
        return fired, now

    def _plans(self, due: Sequence[DueSchedule], now: Instant, until: Instant) -> Iterator[FirePlan]:
        for schedule in due:
            seed = f"{schedule.service}/{schedule.task}/{schedule.key}"
            yield plan_schedule(schedule, self._rules.occurrences(schedule.rule, seed), now, until)
