"""When a task is to be looked at again, if nothing happens that calls for it sooner. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rota.clock import MICROSECOND, SECOND, Instant
from rota.engine.findings import Facts, base_of
from rota.engine.telling import Telling, settle_time
from rota.ledger.judging import Moved, Opened
from rota.model.incident import Status
from rota.model.task import Task
from rota.model.verdict import Check

__all__ = ["next_look"]

MINUTE = 60 * SECOND

OFTEN, SELDOM = MINUTE, 5 * MINUTE
"""How often an objective and durations are looked at: while an incident of theirs is open, and else."""

SOONEST, LATEST = 2 * SECOND, MINUTE
"""How soon what is open is looked at again: a sixtieth of its age, within these."""


def next_look(
    task: Task, facts: Facts, opened: Sequence[Opened], moved: Sequence[Moved], telling: Telling
) -> Instant | None:
    """The next instant; None where only news calls for a look. ``moved`` is what stays open."""
    watch, now, looks = telling.watch, telling.now, list[int]()
    expectation = task.expectation
    if expectation.fresh_within is not None:
        last = max((*facts.successes, base_of(watch, now)))
        end = last + expectation.fresh_within // MICROSECOND + 1
        looks.append(now + OFTEN // 2 if watch.is_held else end if end > now else now + OFTEN)
    if expectation.objective is not None or expectation.usual_duration:
        is_open = any(one.check in (Check.OBJECTIVE, Check.DURATION) for one in watch.incidents)
        looks.append(now + (OFTEN if is_open else SELDOM))
    ages = {one.id: now - one.opened_at for one in watch.incidents}
    looks += [now + min(max(ages[one.id] // 60, SOONEST), LATEST) for one in moved]
    looks += [at for one in moved for at in _falls_due(one, facts, telling) if at > now]
    looks += [now + SOONEST for _ in opened]
    return Instant(min(looks)) if looks else None


def _falls_due(one: Moved, facts: Facts, telling: Telling) -> Iterator[int]:
    """The instants at which something falls due for an open incident."""
    alerts = telling.alerts
    was = next(known for known in telling.watch.incidents if known.id == one.id)
    if one.status is Status.RECOVERING and one.met_at is not None:
        yield one.met_at + settle_time(was.check, facts.opened, alerts)
    if one.status is Status.ACKNOWLEDGED and was.acknowledged_until is not None:
        yield was.acknowledged_until
    if one.status is Status.OPEN and one.told_at is not None and alerts.remind is not None:
        yield one.told_at + alerts.remind // MICROSECOND
    escalate = alerts.route(one.owner).escalate
    if one.status is Status.OPEN and escalate is not None and one.escalated_at is None:
        yield was.opened_at + escalate.after // MICROSECOND
