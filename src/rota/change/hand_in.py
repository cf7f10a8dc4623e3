"""What programs hand in: runs for later, and schedules under a key. Checked here, then recorded in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from rota.clock import MICROSECOND, Instant, to_instant
from rota.define.loaded import LoadedRota
from rota.errors import UnknownName, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import Enqueued, NewSchedule
from rota.model.run import Kind, NewRun, Reason
from rota.model.task import Task

__all__ = ["HandIn"]


class HandIn:
    """Records runs and schedules of one service's tasks, in a transaction of its own or in the caller's."""

    def __init__(self, ledger: Ledger, loaded: LoadedRota) -> None:
        self._ledger = ledger
        self._loaded = loaded
        self._ids: dict[str, int] = {}

    def enqueue(
        self,
        task: str,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        key: str | None = None,
        args: Mapping[str, Any] | None = None,
        priority: int | None = None,
        if_exists: Literal["replace", "keep"] = "replace",
        requested_by: str | None = None,
        connection: Any = None,
    ) -> Enqueued:
        """Record one run. See `rota.Rota.enqueue` for the contract."""
        many = self._runs(
            task, [args], at=at, delay=delay, key=key, priority=priority, requested_by=requested_by
        )
        return self._ledger.enqueue(many, if_exists=if_exists, connection=connection)[0]

    def enqueue_many(
        self,
        task: str,
        args: Iterable[Mapping[str, Any] | None],
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        priority: int | None = None,
        connection: Any = None,
    ) -> list[Enqueued]:
        """Record a run for each of ``args``. See `rota.Rota.enqueue_many` for the contract."""
        runs = self._runs(task, args, at=at, delay=delay, priority=priority)
        return self._ledger.enqueue(runs, connection=connection) if runs else []

    def _runs(
        self,
        task: str,
        args: Iterable[Mapping[str, Any] | None],
        *,
        at: datetime | None,
        delay: timedelta | None,
        key: str | None = None,
        priority: int | None = None,
        requested_by: str | None = None,
    ) -> list[NewRun]:
        """A run of the task for each of ``args``, which differ in nothing else."""
        known = self._task(task)
        now = self._ledger.now()
        run_at = _moment(at, delay, now)
        first = NewRun(
            task_id=self._task_id(known),
            kind=Kind.ENQUEUED if run_at <= now else Kind.DELAYED,
            scheduled_at=run_at,
            run_at=run_at,
            reason=Reason.DUE if run_at <= now else Reason.DELAYED,
            key=_key(key) if key is not None else None,
            queue=known.queue,
            priority=known.priority if priority is None else _priority(priority),
            expires_at=None if known.deadline is None else Instant(run_at + known.deadline // MICROSECOND),
            requested_by=requested_by,
        )
        return [replace(first, args=self._loaded.validate_args(task, one)) for one in args]

    def schedule(
        self,
        task: str,
        key: str,
        rule: Mapping[str, Any] | str,
        *,
        timezone: str = "UTC",
        args: Mapping[str, Any] | None = None,
        connection: Any = None,
    ) -> Instant | None:
        """Add or move one schedule under a key; returns its first occurrence."""
        from rota.define.canonical import canonical_text
        from rota.timing import compile_schedule, parse_schedule, schedule_as_json

        known = self._task(task)
        self._task_id(known)
        schedule = parse_schedule(rule, timezone=timezone)
        occurrences = compile_schedule(schedule, seed=f"{known.service}/{task}/{_key(key)}")
        next_at = occurrences.next_after(self._ledger.now())
        text = self._loaded.validate_args(task, args)
        self._account_for_due(connection)
        entry = NewSchedule(
            known.service, task, key, canonical_text(schedule_as_json(schedule)), next_at, text
        )
        self._ledger.put_schedules([entry], connection=connection)
        return next_at

    def unschedule(self, task: str, key: str, *, connection: Any = None) -> bool:
        """Retire the schedule under a key; False where there is none."""
        known = self._task(task)
        self._account_for_due(connection)
        return self._ledger.retire_schedules(known.service, task, [_key(key)], connection=connection) > 0

    def _account_for_due(self, connection: Any) -> None:
        """Record first what has fallen due while no node was there: once a schedule has another rule, or is gone, nobody
        asks for it any more. Not beside a transaction of the caller's, which may hold the ledger's lock: there the edit
        takes away what was not fired yet."""
        from rota.engine.planner import fire_all_due

        following = self._ledger.next_due() if connection is None else None
        if following is not None and following <= self._ledger.now():
            fire_all_due(self._ledger)

    def _task(self, name: str) -> Task:
        task = self._loaded.tasks.get(name)
        if task is None:
            raise UnknownName("task", name, self._loaded.tasks, next=["rota tasks"])
        return task

    def _task_id(self, task: Task) -> int:
        """The task's id in the ledger; asked for once, since ids do not change."""
        if task.name not in self._ids:
            self._ids = {record.name: record.id for record in self._ledger.tasks(task.service)}
        if task.name not in self._ids:
            raise UnknownName(
                "task of the applied revision", task.name, self._ids, next=["rota run", "rota tasks"]
            )
        return self._ids[task.name]


def _moment(at: datetime | None, delay: timedelta | None, now: Instant) -> Instant:
    if at is not None and delay is not None:
        raise UsageError("a run is wanted at two times", expected="at or delay", found="both")
    if delay is not None:
        return Instant(now + max(0, delay // MICROSECOND))
    if at is None:
        return now
    if at.tzinfo is None:
        raise UsageError(
            "it is not clear when the run is wanted",
            expected="an aware datetime, for instance datetime(2026, 11, 23, 8, tzinfo=ZoneInfo('Europe/Berlin'))",
            found=f"{at.isoformat()} without a time zone",
            where="at",
        )
    return to_instant(at)


def _key(key: str) -> str:
    if not key or len(key) > 200:
        raise UsageError(
            "the key is not usable", expected="1 to 200 characters", found=f"{len(key)}", where="key"
        )
    return key


def _priority(priority: int) -> int:
    if not 0 <= priority <= 9:
        raise UsageError("the priority is not usable", expected="0 to 9, higher first", found=str(priority))
    return priority
