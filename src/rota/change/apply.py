"""From a rota to the service's current revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import Any

from rota.clock import MICROSECOND, Instant
from rota.define.canonical import canonical_text, digest_of, rota_as_json
from rota.define.loaded import LoadedRota
from rota.engine.planner import fire_all_due
from rota.errors import Conflict
from rota.ledger.protocol import Ledger
from rota.ledger.records import Applied, NewRevision, NewTask, QueueLimits
from rota.model.revision import Origin
from rota.model.schedule import Schedule
from rota.timing import compile_schedule, schedule_from_json
from rota.timing.durations import parse_duration

__all__ = ["apply", "apply_definition", "new_revision", "schedule_seed"]

ATTEMPTS = 5
"""Times that what has fallen due meanwhile is recorded first. What cannot be computed here stays due, and holds up nothing."""


def apply(
    ledger: Ledger,
    loaded: LoadedRota,
    *,
    author: str,
    reason: str,
    origin: Origin | None = None,
    base: int | None = None,
    confirm_by: Instant | None = None,
) -> Applied:
    """Make a rota its service's current revision, by the ledger's own clock: see `apply_definition`."""
    definition = canonical_text(rota_as_json(loaded))
    return apply_definition(
        ledger,
        loaded.service,
        definition,
        author=author,
        reason=reason,
        origin=origin,
        base=base,
        confirm_by=confirm_by,
    )


def apply_definition(
    ledger: Ledger,
    service: str,
    definition: str,
    *,
    author: str,
    reason: str,
    origin: Origin | None = None,
    base: int | None = None,
    confirm_by: Instant | None = None,
    only_unconfirmed: bool = False,
) -> Applied:
    """Make a rota, as canonical JSON, its service's current revision.

    ``base`` is the revision that the change was planned against, 0 for none: with another one in its place nothing
    changes, and `Conflict` is raised. Nothing changes where the current revision has the same digest. Else what has
    fallen due is recorded first, by the rules under which it did: with the new ones nobody would ask for it any more.
    With ``confirm_by`` it is put back at that instant unless it is confirmed, which ``only_unconfirmed`` does: see
    `rota.change.verify`. Raises `Conflict`, `LedgerError`.
    """
    for attempt in count(1):
        current = next(iter(ledger.revisions(service, limit=1)), None)
        if current is not None and current.digest != digest_of(definition):
            fire_all_due(ledger)
        before = {} if current is None else json.loads(current.definition)
        found = 0 if current is None else current.number
        revision = new_revision(
            definition, before, now=ledger.now(), author=author, reason=reason, origin=origin or Origin(),
            base=found if base is None else base,
        )  # fmt: skip
        try:
            done = ledger.apply(
                replace(
                    revision,
                    confirm_by=confirm_by,
                    only_unconfirmed=only_unconfirmed,
                    check_due=attempt <= ATTEMPTS,
                )
            )
        except Conflict:
            if base is not None or ledger.current(service) == found:
                raise  # else it was made after a revision that is no longer the current one: again, after that which is
        else:
            if not done.is_due:
                return done
    raise AssertionError("a count has no end")


def new_revision(
    definition: str,
    before: Mapping[str, Any],
    *,
    now: Instant,
    author: str,
    reason: str,
    origin: Origin,
    base: int,
) -> NewRevision:
    """The revision that a rota would become, after ``before``, which is that of the revision ``base`` (``{}`` and 0: there
    is none). ``now`` is the ledger's: first occurrences are after it."""
    value = json.loads(definition)
    known = before.get("tasks", {})
    return NewRevision(
        service=value["service"],
        digest=digest_of(definition),
        definition=definition,
        author=author,
        reason=reason,
        tasks=[_new_task(value["tasks"][name], known.get(name), now) for name in sorted(value["tasks"])],
        queues=[_limits(name, value["queues"][name]) for name in sorted(value["queues"])],
        lifted=sorted(before.get("queues", {}).keys() - value["queues"].keys()),
        origin=origin,
        base=base,
    )


def schedule_seed(service: str, task: str, key: str = "") -> str:
    """What spreads a schedule (``H`` and jitter). ``key`` is empty for the task's own schedule.

    It must never change: a schedule's occurrences depend on it.
    """
    return f"{service}/{task}/{key}"


def _new_task(task: Mapping[str, Any], was: Mapping[str, Any] | None, now: Instant) -> NewTask:
    deadline = task.get("deadline")
    rule = canonical_text(task["schedule"]) if "schedule" in task else None
    stays = was is not None and was.get("schedule") == task.get("schedule")  # then its cursor stands as it is
    return NewTask(
        name=task["name"],
        definition=canonical_text(task),
        rule=rule,
        next_at=None if rule is None or stays else _first_after(task, rule, now),
        overlap=task["overlap"],
        catch_up=task["catch_up"],
        catch_up_limit=task["catch_up_limit"],
        queue=task["queue"],
        priority=task["priority"],
        enabled=task["enabled"],
        concurrency=task.get("concurrency"),
        deadline=None if deadline is None else parse_duration(deadline) // MICROSECOND,
        pause_on_failure=task.get("pause_on_failure"),
    )


def _first_after(task: Mapping[str, Any], rule: str, now: Instant) -> Instant | None:
    seed = schedule_seed(task["service"], task["name"])
    return compile_schedule(_schedule(rule), seed=seed).next_after(now)


@lru_cache(maxsize=2048)
def _schedule(rule: str) -> Schedule:
    """Kept, since many tasks have the same rule."""
    return schedule_from_json(json.loads(rule))


def _limits(name: str, queue: Mapping[str, Any]) -> QueueLimits:
    return QueueLimits(
        name, weight=queue["weight"], rate=queue.get("rate"), concurrency=queue.get("concurrency")
    )
