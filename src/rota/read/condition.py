"""The condition of a task: the one word that its page and its row in a list begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rota.clock import MICROSECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord, TaskRecord
from rota.model.run import OF_THE_TASK, RunRecord, State
from rota.model.task import Task
from rota.read import words
from rota.read.strip import GRACE, Cell

__all__ = ["NEEDS_ATTENTION", "Condition", "condition", "fresh", "latest"]

Word = Literal[
    "retired", "disabled", "paused", "failing", "late", "stale", "missed", "expired", "on-request", "new", "as-expected"
]  # fmt: skip

NEEDS_ATTENTION: tuple[Word, ...] = ("failing", "late", "stale", "missed", "paused", "expired")


@dataclass(frozen=True, slots=True)
class Condition:
    """A word and a sentence of why."""

    word: Word
    words: str


def condition(
    record: TaskRecord,
    task: Task,
    schedule: ScheduleRecord | None,
    strip: Sequence[Cell],
    now: Instant,
    *,
    fresh: bool | None = None,
    last: RunRecord | None = None,
) -> Condition:
    """The first that holds, the gravest first. ``fresh`` is None where nothing says how fresh it must be."""
    if record.retired_at is not None:
        return Condition("retired", "no longer in the rota")
    if record.paused_at is not None:
        return Condition("paused", _paused(record, now))
    if not task.enabled:
        return Condition("disabled", "enabled = false in the rota")
    if record.failures:
        return Condition("failing", f"{words.count(record.failures, 'failed run')} in a row")
    newest = strip[-1] if strip else None
    if newest is not None and newest.sort == "unrecorded":
        return Condition("late", newest.words)
    if last is not None and last.state is State.WAITING and last.attempt == 0 and now - last.run_at > GRACE:
        return Condition("late", f"due {words.relative(last.run_at, now)}, and not started")
    if fresh is False:
        within = task.expectation.fresh_within
        return Condition(
            "stale", f"no success within {words.length(within // MICROSECOND) if within else ''}"
        )
    if newest is not None and newest.sort == "missed":
        return Condition("missed", newest.words)
    if schedule is not None and schedule.next_at is None:
        return Condition("expired", "its schedule has ended: it will not be due again")
    if last is None:
        what = "it runs when it is asked to" if schedule is None else "it has not been due yet"
        return Condition("on-request" if schedule is None else "new", what)
    return Condition("as-expected", "no failure, nothing late or missed")


def fresh(ledger: Ledger, record: TaskRecord, task: Task, now: Instant) -> bool | None:
    """Whether a success is as recent as the task's expectation asks; None where it does not ask.

    A task that has not run yet is given the benefit of the doubt.
    """
    within = task.expectation.fresh_within
    if within is None:
        return None
    found = latest(ledger, record, State.SUCCEEDED)
    if found is None:
        oldest = ledger.runs(RunFilter(service=record.service, task=record.name, order="oldest", limit=1))
        return not oldest or now - oldest[0].scheduled_at <= within // MICROSECOND
    ended = found.finished_at or found.scheduled_at
    return now - ended <= within // MICROSECOND


def latest(ledger: Ledger, record: TaskRecord, *states: State) -> RunRecord | None:
    """The task's latest run, of those in some states; what undoes it says nothing of how it fares."""
    asked = RunFilter(service=record.service, task=record.name, states=states, kinds=OF_THE_TASK, limit=1)
    return next(iter(ledger.runs(asked)), None)


def _paused(record: TaskRecord, now: Instant) -> str:
    parts = ["paused"]
    if record.paused_by:
        parts.append(f"by {record.paused_by}")
    if record.paused_until is not None:
        parts.append(f"for {words.length(max(0, record.paused_until - now))} more")
    text = " ".join(parts)
    return f"{text}: {record.paused_reason}" if record.paused_reason else text
