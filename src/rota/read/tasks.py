"""Tasks: the list, and one task with all that a person wants to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import Change, RunFilter, ScheduleRecord, TaskRecord
from rota.model.task import Task
from rota.read.card import Card, card_of
from rota.read.condition import Condition, condition, fresh, latest
from rota.read.find import full_name
from rota.read.policies import Policy, policies, raw_schedule, target_words
from rota.read.rules import defined, first_due, rule_of, seed_of
from rota.read.runs import RunRow, median, run_row
from rota.read.shape import JsonText, Micros
from rota.read.strip import Cell, strip
from rota.timing import ClockChange, explain, warnings

__all__ = ["Occurrence", "TaskDetail", "TaskRow", "task_detail", "task_list", "task_row"]

DAY = 24 * 3600 * SECOND


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task in a list."""

    service: str
    name: str
    owner: str
    condition: Condition
    schedule: str  # in words
    rule: str  # as it is written
    timezone: str
    next_at: Instant | None
    last: RunRow | None
    typical: Micros | None  # the median duration of its latest successes
    strip: tuple[Cell, ...]
    day: Mapping[str, int]  # runs by state, of the last 24 hours
    tags: tuple[str, ...]
    queue: str
    schedules: int  # how many it has, its own and those that programs added, up to 100


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An instant at which the task is due, and what is odd about it."""

    at: Instant
    note: str | None


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """One task."""

    task: TaskRow
    card: Card
    description: str
    target: str
    source: str
    args: JsonText
    next: tuple[Occurrence, ...]
    warnings: tuple[str, ...]
    policies: tuple[Policy, ...]
    runs: tuple[RunRow, ...]
    changes: tuple[Change, ...]
    slowest: Micros | None  # 95 % of its latest successes took less
    revision: int
    paused_at: Instant | None
    paused_until: Instant | None
    paused_reason: str | None
    paused_by: str | None
    failures: int


def task_list(
    ledger: Ledger,
    service: str | None = None,
    *,
    search: str = "",
    cells: int = 20,
    start: int = 0,
    limit: int = 200,
) -> list[TaskRow]:
    """The live tasks by name. ``search`` is looked for in name, service and definition (owner, tags)."""
    records = sorted(ledger.tasks(service), key=full_name)
    wanted = search.casefold().split()
    found = [
        record
        for record in records
        if all(word in f"{full_name(record)} {record.definition}".casefold() for word in wanted)
    ]
    now = ledger.now()
    day = ledger.counts(Instant(now - DAY))
    return [
        task_row(ledger, record, now, day.get((record.service, record.name), {}), cells)
        for record in found[start : start + limit]
    ]


def task_row(
    ledger: Ledger, record: TaskRecord, now: Instant, day: Mapping[str, int], cells: int = 20
) -> TaskRow:
    """One task as a list shows it."""
    task = defined(record)
    schedules = ledger.schedules(record.service, record.name, limit=100)
    own = next((schedule for schedule in schedules if schedule.key == ""), None)
    shown = strip(ledger, own, cells, now) if own is not None else []
    last = latest(ledger, record)
    typical = median(ledger.durations(record.service, record.name, 20))
    return TaskRow(
        service=record.service,
        name=record.name,
        owner=task.owner,
        condition=condition(record, task, own, shown, now, fresh=fresh(ledger, record, task, now), last=last),
        schedule=_in_words(task, schedules),
        rule=raw_schedule(task.schedule) if task.schedule is not None else "",
        timezone=task.schedule.timezone if task.schedule is not None else "",
        next_at=_next(schedules),
        last=None if last is None else run_row(last, now),
        typical=None if typical is None else Micros(typical),
        strip=tuple(shown),
        day=day,
        tags=task.tags,
        queue=record.queue,
        schedules=len(schedules),
    )


def task_detail(
    ledger: Ledger, record: TaskRecord, *, cells: int = 30, source: str = "", args: str = "{}"
) -> TaskDetail:
    """One task. ``source`` is where it was written, and ``args`` its own arguments as JSON, where known."""
    now = ledger.now()
    task = defined(record)
    day = ledger.counts(Instant(now - DAY)).get((record.service, record.name), {})
    own = next(iter(ledger.schedules(record.service, record.name, key="", limit=1)), None)
    runs = ledger.runs(RunFilter(service=record.service, task=record.name, limit=15))
    durations = sorted(ledger.durations(record.service, record.name))
    following = first_due(own, now, 10) if own is not None else []
    odd = _odd(own, now, following)
    return TaskDetail(
        task=task_row(ledger, record, now, day, cells),
        card=card_of(ledger, record),
        description=task.description,
        target=target_words(task),
        source=source,
        args=JsonText(args),
        next=tuple(Occurrence(at, _note(at, odd)) for at in following),
        warnings=tuple(change.text for change in odd),
        policies=tuple(policies(task)),
        runs=tuple(run_row(run, now) for run in runs),
        changes=tuple(ledger.changes(subject=full_name(record), limit=20)),
        slowest=Micros(durations[int(0.95 * (len(durations) - 1))]) if durations else None,
        revision=record.revision,
        paused_at=record.paused_at,
        paused_until=record.paused_until,
        paused_reason=record.paused_reason,
        paused_by=record.paused_by,
        failures=record.failures,
    )


def _in_words(task: Task, schedules: Sequence[ScheduleRecord]) -> str:
    added = sum(schedule.key != "" for schedule in schedules)
    if task.schedule is not None:
        return explain(task.schedule)
    if added:
        return f"by {added}{'+' if added >= 100 else ''} schedules that programs added"
    return "when it is asked to"


def _next(schedules: Sequence[ScheduleRecord]) -> Instant | None:
    return min((schedule.next_at for schedule in schedules if schedule.next_at is not None), default=None)


def _odd(schedule: ScheduleRecord | None, now: Instant, following: Sequence[Instant]) -> list[ClockChange]:
    """What a change of the clocks does to the schedule, over the next days or the instants that are shown."""
    if schedule is None or not following:
        return []
    until = Instant(max(following[-1], now + 7 * DAY))
    return warnings(rule_of(schedule), now, until, seed=seed_of(schedule))


def _note(at: Instant, odd: Sequence[ClockChange]) -> str | None:
    return next((change.text for change in odd if change.at == at), None)
