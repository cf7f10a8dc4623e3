"""A ledger filled through its protocol, as a node would fill it: what the read side and the pages are tested on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.engine.plan import plan_schedule
from rota.ledger.records import TaskRecord
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.ledger.work import Beat, Claim, Claimed, Finish, LogLine, NodeRecord
from rota.model.lifecycle import Errored, Event, Succeeded, Tally, step
from rota.model.run import State
from rota.model.schedule import Cron, Every, Schedule
from rota.model.task import Command, Expectation, Function, Isolation, Retries, Task
from rota.read.find import find_task
from rota.testing import ManualClock
from rota.timing import compile_schedule, schedule_from_json

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERVICE = "newsroom"
NODE = "5d2f8a90-0000-4000-8000-000000000001"
LEASE = 15 * SECOND
EVIL = "<script>alert(1)</script>"

Ending = Callable[[Claimed], tuple[Event, str, str | None, str | None]]


def publish(limit: int, title: str = "all", deep: bool = False) -> None:
    """A task's function, of which only the signature matters here."""


def a_task(name: str, schedule: Schedule | None = None, *, service: str = SERVICE, **more: Any) -> Task:
    """A task with its duty stated."""
    facts: dict[str, Any] = {
        "target": Command(("true",)),
        "owner": "Web <web@example.org>",
        "expects": f"{name} has done what it should",
        "rollback": "nothing to undo",
        **more,
    }
    return Task(service=service, name=name, schedule=schedule, **facts)


def every(seconds: float) -> Schedule:
    return Schedule((Every(timedelta(seconds=seconds)),))


def usual_tasks() -> list[Task]:
    return [
        a_task(
            "publish-due",
            every(60),
            timeout=timedelta(seconds=45),
            owner=f"Editorial {EVIL}",
            rollback_command=("take-down", 'it\'s "all"', EVIL),
        ),
        a_task("rebuild-sitemap", Schedule((Cron("*/15 * * * *"),), timezone="Europe/Berlin")),
        a_task("find-links", every(120), expectation=Expectation(max_duration=timedelta(seconds=30))),
        a_task(
            "republish",
            target=Function("tests.read.house:publish", Isolation.PROCESS),
            args={"limit": 5},
            tags=("content",),
        ),
    ]


def succeeded(result: Any = None) -> Ending:
    return lambda claimed: (Succeeded(), "succeeded", None if result is None else json.dumps(result), None)


def errored(message: str = "no", **facts: Any) -> Ending:
    error = json.dumps({"type": "ValueError", "message": message, **facts})
    return lambda claimed: (Errored(), "error", None, error)


@dataclass
class House:
    """A ledger, its clock, and a node's part played by hand."""

    ledger: SqliteLedger
    clock: ManualClock
    loaded: LoadedRota
    held: list[Claimed] = field(default_factory=list)

    @property
    def now(self) -> Instant:
        return self.clock.now()

    def task(self, name: str) -> TaskRecord:
        return find_task(self.ledger, name)

    def fire(self) -> int:
        """Record what is due by now."""

        def plans(due: Any, now: Instant) -> Any:
            for one in due:
                occurrences = compile_schedule(
                    schedule_from_json(json.loads(one.rule)), seed=f"{one.service}/{one.task}/{one.key}"
                )
                yield plan_schedule(one, occurrences, now, now)

        return self.ledger.fire(self.now, 1000, plans).runs

    def claim(self) -> list[Claimed]:
        """Take what waits, under the node's lease."""
        names = {SERVICE: list(self.loaded.tasks)}
        self.held = self.ledger.claim(Claim(NODE, {"default": 1000}, names, self.now))
        return self.held

    def end(self, claimed: Claimed, ending: Ending, *, late: float = 0.0, took: float = 0.5) -> None:
        """Record how an attempt ended."""
        event, ended, result, error = ending(claimed)
        move = step(State.RUNNING, event, Tally(claimed.spent, claimed.crashes), Retries())
        assert move is not None
        started = Instant(claimed.run_at + int(late * SECOND))
        finished = Instant(started + int(took * SECOND))
        finish = Finish(claimed.id, claimed.token, move, ended, started, finished, result, error)
        assert self.ledger.finish(NODE, [finish]) == []

    def round(self, ending: Ending, **by: float) -> list[Claimed]:
        """Fire, claim and end whatever is due now."""
        self.fire()
        claimed = self.claim()
        for one in claimed:
            self.end(one, ending, **by)
        return claimed

    def beat(self) -> None:
        """The node's sign of life."""
        assert self.ledger.heartbeat(Beat(NODE, LEASE, slots=100)).alive

    def log(self, run_id: int, *texts: str, source: str = "INFO", attempt: int = 1) -> None:
        self.ledger.write_log([LogLine(run_id, attempt, self.now, source, text) for text in texts])

    def progress(self, claimed: Claimed, value: Mapping[str, Any]) -> None:
        self.ledger.write_log([], {(claimed.id, claimed.token): json.dumps(value)})


def build(path: Path, tasks: list[Task] | None = None, clock: ManualClock | None = None) -> House:
    """A house with these tasks applied and one node registered; nothing has fallen due yet."""
    clock = clock or ManualClock(START)
    ledger = SqliteLedger(str(path / "rota.db"), clock=clock)
    ledger.migrate()
    wanted = usual_tasks() if tasks is None else tasks
    loaded = LoadedRota(
        SERVICE, {task.name: task for task in wanted}, functions={"tests.read.house:publish": publish}
    )
    if wanted:
        apply(ledger, loaded, author="a test", reason="first")
    ledger.register(a_node(clock.now()))
    return House(ledger, clock, loaded)


def a_node(now: Instant, node: str = NODE, label: str = "web-1:4021") -> NodeRecord:
    return NodeRecord(
        id=node,
        label=label,
        services=SERVICE,
        queues="",
        version="0.1.0",
        started_at=now,
        beat_at=now,
        lease_until=Instant(now + LEASE),
        beats=0,
        state="live",
        slots=100,
        busy=0,
        lag=None,
    )
