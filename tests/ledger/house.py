"""A ledger with a clock to turn by hand, and short words for what the tests do with it. Nothing here knows a dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import Change, NewRevision, NewSchedule, NewTask, QueueLimits, RunFilter, TaskRecord
from rota.ledger.work import (
    Beat,
    BeatReply,
    Claim,
    Claimed,
    DueSchedule,
    Finish,
    Fired,
    FirePlan,
    NodeRecord,
    Orphan,
)
from rota.model.lifecycle import Errored, Event, Lost, Move, Succeeded, Tally, step
from rota.model.run import Kind, NewRun, Reason, RunRecord, State
from rota.model.task import Retries
from rota.testing import ManualClock

ENDED = {Succeeded: "succeeded", Errored: "error"}
LEASE = 15 * SECOND


@dataclass
class House:
    """One ledger under test. ``open`` gives another one on the same store, as another process would have."""

    ledger: Ledger
    clock: ManualClock
    open: Callable[[], Ledger]
    ids: dict[str, int] = field(default_factory=dict)
    revisions: int = 0

    # -- the rota

    @property
    def now(self) -> Instant:
        return self.ledger.now()

    def rota(
        self, *tasks: NewTask, service: str = "web", queues: Sequence[QueueLimits] = ()
    ) -> dict[str, TaskRecord]:
        """Apply a revision with these tasks; returns the live ones by name."""
        self.revisions += 1
        revision = NewRevision(
            service, f"digest-{self.revisions}", "{}", "ann", "because", tasks=tasks, queues=queues
        )
        self.ledger.apply(revision)
        records = {task.name: task for task in self.ledger.tasks(service)}
        self.ids.update({name: record.id for name, record in records.items()})
        return records

    def task(
        self, name: str = "tidy", *, every: int | None = None, first: int | None = None, **policies: Any
    ) -> NewTask:
        """A task; ``every`` and ``first`` in seconds, the latter from now (one interval if not said)."""
        rule = None if every is None else json.dumps({"every": every * SECOND})
        begins = every if first is None else first
        given: dict[str, Any] = {
            "definition": json.dumps({"name": name}),
            "rule": rule,
            "next_at": None if begins is None else Instant(self.now + begins * SECOND),
            "overlap": "skip",
            "catch_up": "latest",
            "catch_up_limit": 100,
            "queue": "default",
            "priority": 5,
            "enabled": True,
        }
        return NewTask(name=name, **{**given, **policies})

    def put(self, task: str, key: str, every: int, **more: Any) -> int:
        """Add a schedule at run time; ``every`` in seconds."""
        entry = NewSchedule(
            "web", task, key, json.dumps({"every": every * SECOND}), Instant(self.now + every * SECOND)
        )
        return self.ledger.put_schedules([entry], **more)

    # -- runs

    def new(self, task: str = "tidy", *, after: int = 0, **values: Any) -> NewRun:
        """A run that is due ``after`` seconds from now."""
        at = Instant(self.now + after * SECOND)
        given: dict[str, Any] = {"kind": Kind.ENQUEUED, "scheduled_at": at, "run_at": at}
        return NewRun(task_id=self.ids[task], **{**given, **values})

    def enqueue(self, task: str = "tidy", *, after: int = 0, **values: Any) -> int:
        return self.ledger.enqueue([self.new(task, after=after, **values)])[0].id

    def occurrence(self, task: str = "tidy", *, after: int = 0, key: str = "", **values: Any) -> NewRun:
        """The run of an occurrence, in its schedule's lane."""
        schedule = self.ledger.schedules("web", task, key=key)[0]
        given = {"kind": Kind.SCHEDULED, "schedule_id": schedule.id, "lane": schedule.id}
        return self.new(task, after=after, **{**given, **values})

    def due(self, *tasks: str, after: int = 0, **values: Any) -> list[int]:
        """Record an occurrence of each task's own schedule; returns the runs."""
        runs = [self.occurrence(task, after=after, **values) for task in tasks]
        return [one.id for one in self.ledger.enqueue(runs)]

    def run(self, run_id: int) -> RunRecord:
        found = self.ledger.run(run_id)
        assert found is not None
        return found

    def state(self, run_id: int) -> State:
        return self.run(run_id).state

    def told(self, run_id: int) -> tuple[str, str | None]:
        """State and reason, as words."""
        run = self.run(run_id)
        return run.state.value, None if run.reason is None else run.reason.value

    def runs(self, **where: Any) -> list[RunRecord]:
        return self.ledger.runs(RunFilter(**{"order": "oldest", "limit": 100_000, **where}))

    # -- fire

    def fire(self, ahead: int = 0, limit: int = 1000, ledger: Ledger | None = None) -> Fired:
        """Fire what is due, ``ahead`` seconds from now: a run for every occurrence."""
        return (ledger or self.ledger).fire(Instant(self.now + ahead * SECOND), limit, self.plan(ahead))

    def plan(self, ahead: int = 0) -> Callable[[Sequence[DueSchedule], Instant], Iterable[FirePlan]]:
        def each(due: Sequence[DueSchedule], now: Instant) -> Iterable[FirePlan]:
            for schedule in due:
                step_ = json.loads(schedule.rule)["every"]
                instants = range(schedule.next_at, now + ahead * SECOND + 1, step_)
                runs = [self._run_of(schedule, Instant(at)) for at in instants]
                yield FirePlan(schedule.id, Instant(instants[-1] + step_), Instant(instants[-1]), runs)

        return each

    def _run_of(self, schedule: DueSchedule, at: Instant) -> NewRun:
        return NewRun(
            task_id=schedule.task_id, kind=Kind.SCHEDULED, scheduled_at=at, run_at=at, schedule_id=schedule.id,
            lane=None if schedule.overlap == "allow" else schedule.id, args=schedule.args, queue=schedule.queue,
            priority=schedule.priority,
            expires_at=None if schedule.deadline is None else Instant(at + schedule.deadline),
        )  # fmt: skip

    # -- nodes

    def node(self, name: str = "n1", lease: int = LEASE) -> str:
        """Register a node."""
        now = self.now
        self.ledger.register(
            NodeRecord(
                name, f"host:{name}", "web", "default", "1", now, now, Instant(now + lease), 0, "live", 10, 0, None
            )
        )  # fmt: skip
        return name

    def beat(self, name: str = "n1", lease: int = LEASE) -> BeatReply:
        return self.ledger.heartbeat(Beat(name, lease))

    def claim(
        self,
        node: str = "n1",
        want: int = 100,
        *,
        quota: dict[str, int] | None = None,
        tasks: Sequence[str] | None = None,
        ahead: int = 0,
        ledger: Ledger | None = None,
    ) -> list[Claimed]:
        """Claim what is due, or will be within ``ahead`` seconds, of all tasks if none are named."""
        known = {"web": list(self.ids) if tasks is None else list(tasks)}
        until = Instant(self.now + ahead * SECOND)
        return (ledger or self.ledger).claim(Claim(node, quota or {"default": want}, known, until))

    def claim_one(self, node: str = "n1", **more: Any) -> Claimed:
        (claimed,) = self.claim(node, **more)
        return claimed

    def outcome(
        self,
        claimed: Claimed,
        event: Event | None = None,
        *,
        retries: Retries = Retries(),
        asked: Reason | None = None,
        ended: str | None = None,
        **values: Any,
    ) -> Finish:
        event = event or Succeeded()
        move = step(State.RUNNING, event, Tally(claimed.spent, claimed.crashes), retries, asked_to_stop=asked)
        assert move is not None
        how = ended or ENDED.get(type(event), "handed-back")
        given: dict[str, Any] = {"started_at": self.now, "finished_at": self.now}
        return Finish(claimed.id, claimed.token, move, how, **{**given, **values})

    def finish(self, node: str, *finishes: Finish) -> list[int]:
        return self.ledger.finish(node, finishes)

    def succeed(self, *claimed: Claimed, node: str = "n1") -> None:
        assert self.finish(node, *(self.outcome(one) for one in claimed)) == []

    def fail(self, *claimed: Claimed, node: str = "n1") -> None:
        assert self.finish(node, *(self.outcome(one, Errored()) for one in claimed)) == []

    def lose(self, name: str = "n1") -> int:
        """Let a node's lease run out, and have it declared lost."""
        self.clock.move(seconds=LEASE / SECOND + 1)
        return self.ledger.rescue([name], decide())

    def change(self, action: str = "pause", subject: str = "web/tidy", reason: str = "because") -> Change:
        return Change(self.now, "ann", action, subject, reason)


def decide(retries: Retries = Retries(attempts=3)) -> Callable[[Orphan], Move]:
    """What a rescuer makes of a lost run, with these retries."""

    def one(orphan: Orphan) -> Move:
        asked = None if orphan.cancel_reason is None else Reason(orphan.cancel_reason)
        move = step(State.RUNNING, Lost(), Tally(orphan.spent, orphan.crashes), retries, asked_to_stop=asked)
        assert move is not None
        return move

    return one
