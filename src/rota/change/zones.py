"""New zone data: cursors that were computed with the old are computed anew."""

from __future__ import annotations

import json

from rota.change.apply import schedule_seed
from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import ScheduleRecord
from rota.timing import compile_schedule, schedule_from_json, zone_version

__all__ = ["keep_up_with_zones"]

FAR = Instant(2**62)


def keep_up_with_zones(ledger: Ledger, version: str | None = None) -> int:
    """Move the cursors of schedules whose next occurrence is another one by this process's zone data than by
    those that the ledger's cursors are of; returns how many moved. Governments change their clocks at short
    notice: without this a schedule would go on at the old offset until its next occurrence.

    Only newer data count: in a rolling deploy an old node does not put back what a new one has moved.
    """
    ours = zone_version() if version is None else version
    theirs = ledger.zones()
    if theirs is not None and theirs >= ours:
        return 0
    if theirs is None:  # a new ledger: its cursors are of our data
        return ledger.rezone(ours, [])
    moves = []
    for schedule in ledger.schedules(due_by=FAR, limit=10_000_000):
        next_at = _next(schedule)
        if schedule.next_at is not None and next_at != schedule.next_at:
            moves.append((schedule.id, schedule.next_at, next_at))
    return ledger.rezone(ours, moves)


def _next(schedule: ScheduleRecord) -> Instant | None:
    """The first occurrence that has no record yet, by the zone data of this process."""
    seed = schedule_seed(schedule.service, schedule.task, schedule.key)
    occurrences = compile_schedule(schedule_from_json(json.loads(schedule.rule)), seed=seed)
    return occurrences.next_after(schedule.created_at if schedule.fired_at is None else schedule.fired_at)
