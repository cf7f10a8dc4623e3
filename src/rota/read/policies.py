"""A task's policies and its schedule in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rota.clock import MICROSECOND
from rota.model.schedule import At, Cron, Every, RRule, Rule, Schedule
from rota.model.task import CatchUp, Command, Function, Isolation, Overlap, Request, Task
from rota.read import words

__all__ = ["Policy", "policies", "raw_schedule", "target_words"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: its name as in the rota, its value, and what that means."""

    name: str
    value: str
    meaning: str


_OVERLAP = {
    Overlap.SKIP: "due while a run is under way: the new one is skipped",
    Overlap.QUEUE: "due while a run is under way: one waits",
    Overlap.QUEUE_ALL: "due while a run is under way: all wait",
    Overlap.CANCEL: "due while a run is under way: that one is asked to stop",
    Overlap.ALLOW: "runs may be under way side by side",
}
_CATCH_UP = {
    CatchUp.LATEST: "after a downtime or a pause, one run covers what fell due",
    CatchUp.ALL: "after a downtime or a pause, each occurrence is run, the latest {limit} at most",
    CatchUp.NONE: "what falls due in a downtime or a pause is recorded as missed",
}


def policies(task: Task) -> list[Policy]:
    """What holds for the task, those that are not set left out where they mean nothing; its checks are on its card."""
    retry = task.retry
    found = [
        Policy("overlap", task.overlap.value, _OVERLAP[task.overlap]),
        Policy("catch_up", task.catch_up.value, _CATCH_UP[task.catch_up].format(limit=task.catch_up_limit)),
        Policy("timeout", _length(task.timeout), "an attempt is stopped after this"),
        Policy(
            "retry",
            words.count(retry.attempts, "try"),
            "a failed run is not tried again"
            if retry.attempts == 1
            else f"the first wait {_length(retry.backoff)}, then {retry.factor:g} times as long, up to {_length(retry.max)}",
        ),
        Policy("queue", task.queue, f"priority {task.priority} of 9"),
    ]
    if task.deadline is not None:
        found.append(Policy("deadline", _length(task.deadline), "later than this, it is recorded as missed"))
    if task.concurrency is not None:
        found.append(Policy("concurrency", str(task.concurrency), "runs at once, over all nodes"))
    if task.pause_on_failure is not None:
        found.append(
            Policy("pause_on_failure", str(task.pause_on_failure), "failed runs in a row, then it is paused")
        )
    return found


def raw_schedule(schedule: Schedule) -> str:
    """The rules as they are written."""
    text = "; ".join(_raw(rule) for rule in schedule.rules)
    return f"{text} ± {_length(schedule.jitter)}" if schedule.jitter else text


def target_words(task: Task) -> str:
    """What is carried out, and how."""
    match task.target:
        case Function(path=path, isolation=isolation):
            where = {
                Isolation.LOOP: "on the node's event loop",
                Isolation.PROCESS: "in a worker process",
                Isolation.THREAD: "in a thread",
            }[isolation]
            return f"{path}, {where}"
        case Command(argv=argv):
            return "command " + " ".join(argv)
        case Request(url=url, method=method):
            return f"{method} {url}"


def _raw(rule: Rule) -> str:
    match rule:
        case Cron(expression=expression):
            return expression
        case Every(interval=interval):
            return f"every {_length(interval)}"
        case At(instants=instants):
            return "at " + ", ".join(f"{moment.isoformat()}" for moment in instants)
        case RRule(rule=text):
            return text


def _length(value: timedelta | None) -> str:
    return "none" if value is None else words.length(value // MICROSECOND)
