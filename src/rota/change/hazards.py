"""What a change may run into, although it is valid: said before it is applied. Pure, but for what is read of history."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from rota.change.apply import schedule_seed
from rota.change.effects import Effect
from rota.clock import MICROSECOND, SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import State
from rota.model.schedule import Cron
from rota.model.task import Task
from rota.timing import compile_schedule, warnings
from rota.timing.lengths import length

__all__ = ["Hazard", "can_be_spread", "hazards"]

DAY = 86_400 * SECOND
YEAR = 366 * DAY

CROWD = 10
"""Tasks that are due at the same instant, from which on that is said."""

MOST = 2_000
"""Occurrences of a day that are looked at, of each task."""

LOOKED_BACK = 20
"""Revisions in which the last change of a task is looked for."""

Sort = Literal[
    "clock-change", "too-much-work", "crowd", "overlong", "waiting-runs", "untold", "no-success", "irreversible"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hazard:
    """One of them, in words; ``task`` is None where it is of the whole rota."""

    sort: Sort
    task: str | None
    words: str


def hazards(
    ledger: Ledger, loaded: LoadedRota, effects: Sequence[Effect], slots: Mapping[str, int], now: Instant
) -> list[Hazard]:
    """All of them. Those of single tasks are of the tasks that change; ``slots`` is what one node carries out at once, by
    executor."""
    touched = [loaded.tasks[one.change.name] for one in effects if one.change.name in loaded.tasks]
    days = {name: _day(task, now) for name, task in loaded.tasks.items()}
    return [
        *(one for task in touched for one in _of_clocks(task, now)),
        *_of_work(ledger, loaded, days, slots),
        *_of_crowds(days, {task.name for task in touched}, loaded.tasks),
        *(one for task in touched for one in _of_length(task, days[task.name])),
        *(_of_runs(one) for one in effects if one.change.sort == "removed" and (one.waiting or one.running)),
        *_of_owners(loaded, touched),
        *_of_success(ledger, loaded.service, {task.name for task in touched}),
    ]


def _day(task: Task, now: Instant) -> list[Instant]:
    if task.schedule is None or not task.enabled:
        return []
    compiled = compile_schedule(task.schedule, seed=schedule_seed(task.service, task.name))
    return compiled.between(now, Instant(now + DAY), MOST)


def _of_clocks(task: Task, now: Instant) -> Iterator[Hazard]:
    if task.schedule is None:
        return
    seed = schedule_seed(task.service, task.name)
    for change in warnings(task.schedule, now, Instant(now + YEAR), seed=seed):
        yield Hazard("clock-change", task.name, change.text)


def _of_work(
    ledger: Ledger, loaded: LoadedRota, days: Mapping[str, Sequence[Instant]], slots: Mapping[str, int]
) -> Iterator[Hazard]:
    """More work in a day than there is time in the slots of one node, by what runs have taken so far."""
    busy: Counter[str] = Counter()
    for name, due in days.items():
        took = ledger.durations(loaded.service, name, 20)
        if took and due:
            busy[loaded.tasks[name].executor] += int(median(took)) * _a_day(due)
    for executor, micros in sorted(busy.items()):
        needed = micros / DAY
        if needed > slots[executor]:
            yield Hazard(
                "too-much-work",
                None,
                f"the {executor} tasks need {needed:.1f} slots at all times, by what their runs have taken; a node has {slots[executor]}",
            )


def _a_day(due: Sequence[Instant]) -> int:
    """Occurrences in a day, also where only the first of them were looked at."""
    if len(due) < MOST:
        return len(due)
    return int(MOST * DAY / max(1, due[-1] - due[0]))


def _of_crowds(
    days: Mapping[str, Sequence[Instant]], touched: set[str], tasks: Mapping[str, Task]
) -> Iterator[Hazard]:
    at: dict[Instant, list[str]] = {}
    for name, due in days.items():
        for instant in due:
            at.setdefault(instant, []).append(name)
    crowds = [names for names in at.values() if len(names) >= CROWD and touched & set(names)]
    if crowds:
        names = max(crowds, key=len)
        movable = [name for name in sorted(touched & set(names)) if can_be_spread(tasks[name])]
        hint = f"; H in place of the minute spreads them, in {', '.join(movable[:3])}" if movable else ""
        yield Hazard("crowd", None, f"{len(names)} tasks are due at the same instant{hint}")


def can_be_spread(task: Task) -> bool:
    """Whether ``H`` in its schedule would spread it: not what is due every minute anyway."""
    rules = () if task.schedule is None else task.schedule.rules
    return any(isinstance(rule, Cron) and _minutes(rule) != "*" for rule in rules)


def _minutes(rule: Cron) -> str:
    fields = rule.expression.split()
    return fields[1 if rule.seconds == "first" else 0]


def _of_length(task: Task, due: Sequence[Instant]) -> Iterator[Hazard]:
    gaps = [after - before for before, after in pairwise(due)]
    if task.timeout is None or not gaps:
        return
    if task.timeout // MICROSECOND > min(gaps):
        yield Hazard(
            "overlong",
            task.name,
            f"a run may take {length(task.timeout // MICROSECOND)} (timeout), and it is due every {length(min(gaps))}: with overlap = {task.overlap.value!r} what falls due meanwhile is not run at once",
        )


def _of_runs(one: Effect) -> Hazard:
    found = [f"{one.waiting} waiting" if one.waiting else "", f"{one.running} running" if one.running else ""]
    return Hazard(
        "waiting-runs",
        one.change.name,
        f"it is removed with runs of it {' and '.join(part for part in found if part)}: those that run end, those that wait are not started",
    )


def _of_owners(loaded: LoadedRota, touched: Sequence[Task]) -> Iterator[Hazard]:
    if not loaded.alerts.channels:
        if touched:
            yield Hazard("untold", None, "no owner is told when something is wrong: the rota has no [alerts]")
        return
    for owner in sorted({task.owner for task in touched}):
        if not loaded.alerts.channels_of(owner):
            names = ", ".join(sorted(task.name for task in touched if task.owner == owner))
            yield Hazard("untold", None, f"{owner} has no channel, and is not told of {names}")


def _of_success(ledger: Ledger, service: str, names: Set[str]) -> Iterator[Hazard]:
    """What has failed since it was last changed is changed again: whatever comes then, nobody knows which change it was."""
    for name, (number, since) in sorted(_last_changes(ledger, service, names).items()):
        where = RunFilter(service=service, task=name, since=since, limit=1)
        failed = ledger.runs(replace(where, states=(State.FAILED,)))
        if failed and not ledger.runs(replace(where, states=(State.SUCCEEDED,))):
            yield Hazard("no-success", name, f"it has not succeeded since revision {number}")


def _last_changes(ledger: Ledger, service: str, names: Set[str]) -> dict[str, tuple[int, Instant]]:
    """By task, of those that there are now, the revision that made it what it is; of what has not changed for long, the
    last one that was looked at."""
    newest = ledger.current(service)
    found: dict[str, tuple[int, Instant]] = {}
    now: Mapping[str, Any] = {}
    for number in range(newest, max(0, newest - LOOKED_BACK), -1):
        revision = ledger.revisions(service, 1, number=number)[0]
        tasks = json.loads(revision.definition)["tasks"]
        now = now or tasks
        names = {name for name in names if name in now and tasks.get(name) == now[name]}
        if not names:
            break
        found.update(dict.fromkeys(names, (number, revision.applied_at)))
    return found
