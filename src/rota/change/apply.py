"""From a loaded rota to the service's current revision."""

from __future__ import annotations

from dataclasses import replace

from rota.clock import MICROSECOND, Instant
from rota.define.canonical import canonical_text, digest_of, rota_as_json, task_as_json
from rota.define.loaded import LoadedRota
from rota.engine.planner import fire_all_due
from rota.ledger.protocol import Ledger
from rota.ledger.records import Applied, NewRevision, NewTask, QueueLimits
from rota.model.revision import Origin
from rota.model.task import Queue, Task
from rota.timing import compile_schedule, schedule_as_json

__all__ = ["apply", "new_revision", "schedule_seed"]


def apply(
    ledger: Ledger,
    loaded: LoadedRota,
    *,
    author: str,
    reason: str,
    origin: Origin | None = None,
    base: int | None = None,
) -> Applied:
    """Make a rota its service's current revision, by the ledger's own clock.

    ``base`` is the revision that the change was planned against, 0 for none: with another one in its place nothing
    changes, and `Conflict` is raised. Nothing changes where the current revision has the same digest. Else what has
    fallen due is recorded first, by the rules under which it did: with the new ones nobody would ask for it any more.
    Raises `LedgerError`.
    """
    before = ledger.revisions(loaded.service, limit=1)
    revision = new_revision(loaded, now=ledger.now(), author=author, reason=reason)
    if before and before[0].digest != revision.digest:
        fire_all_due(ledger)
        revision = new_revision(loaded, now=ledger.now(), author=author, reason=reason)
    return ledger.apply(replace(revision, origin=origin or Origin(), base=base))


def new_revision(loaded: LoadedRota, *, now: Instant, author: str, reason: str) -> NewRevision:
    """The revision that a rota would become. ``now`` is the ledger's: first occurrences are after it."""
    definition = canonical_text(rota_as_json(loaded))
    return NewRevision(
        service=loaded.service,
        digest=digest_of(definition),
        definition=definition,
        author=author,
        reason=reason,
        tasks=[_new_task(loaded.tasks[name], now) for name in sorted(loaded.tasks)],
        queues=[_limits(loaded.queues[name]) for name in sorted(loaded.queues)],
    )


def schedule_seed(service: str, task: str, key: str = "") -> str:
    """What spreads a schedule (``H`` and jitter). ``key`` is empty for the task's own schedule.

    It must never change: a schedule's occurrences depend on it.
    """
    return f"{service}/{task}/{key}"


def _new_task(task: Task, now: Instant) -> NewTask:
    return NewTask(
        name=task.name,
        definition=canonical_text(task_as_json(task)),
        rule=None if task.schedule is None else canonical_text(schedule_as_json(task.schedule)),
        next_at=_first_after(task, now),
        overlap=task.overlap.value,
        catch_up=task.catch_up.value,
        catch_up_limit=task.catch_up_limit,
        queue=task.queue,
        priority=task.priority,
        enabled=task.enabled,
        concurrency=task.concurrency,
        deadline=None if task.deadline is None else task.deadline // MICROSECOND,
        pause_on_failure=task.pause_on_failure,
    )


def _first_after(task: Task, now: Instant) -> Instant | None:
    if task.schedule is None:
        return None
    return compile_schedule(task.schedule, seed=schedule_seed(task.service, task.name)).next_after(now)


def _limits(queue: Queue) -> QueueLimits:
    return QueueLimits(queue.name, weight=queue.weight, rate=queue.rate, concurrency=queue.concurrency)
