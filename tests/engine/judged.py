"""A ledger on a clock to turn by hand, its tasks and the judge: what a node does about them, without the node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.ledger.house import House

from rota.change.apply import apply
from rota.clock import SECOND, Instant, to_instant
from rota.define.loaded import LoadedRota
from rota.engine.judge import look_at
from rota.engine.planner import fire_all_due
from rota.ledger.judging import Incident, IncidentFilter, NoticeRecord
from rota.ledger.protocol import Ledger
from rota.model.alerts import Alerts
from rota.model.lifecycle import Errored, Event, Succeeded
from rota.model.run import Kind, NewRun
from rota.model.task import Command, Expectation, Task
from rota.testing import ManualClock
from rota.timing import parse_schedule

__all__ = ["OWNER", "World", "at", "duty"]

OWNER = "Web <web@example.org>"
ROUTES = Alerts({"mail": "TEST_MAIL"}, default=("mail",), settle=timedelta(minutes=5), every=timedelta(0))


def at(text: str) -> Instant:
    """An instant, in UTC."""
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def duty(name: str = "tidy", schedule: str | None = "* * * * *", zone: str = "UTC", **more: object) -> Task:
    """A task; what is expected of it stands in ``expectation``."""
    rule = None if schedule is None else parse_schedule(schedule, timezone=zone)
    given: dict[str, object] = {"owner": OWNER, "expects": "all is tidy", "rollback": "nothing to put back"}
    return Task("web", name, Command(("true",)), schedule=rule, **{**given, **more})  # type: ignore[arg-type]  # as given


@dataclass
class World:
    """``fate`` says how each run ends; None: no node is there that would carry it out."""

    ledger: Ledger
    clock: ManualClock
    alerts: Alerts = ROUTES
    fate: Callable[[str, Instant], Event | None] = lambda task, due: Succeeded()
    sent: list[tuple[Instant, NoticeRecord]] = field(default_factory=list)
    node: str | None = None
    takes: float = 0.0  # seconds that a run takes, as is recorded of it

    @property
    def now(self) -> Instant:
        return self.clock.now()

    def rota(self, *tasks: Task) -> None:
        loaded = LoadedRota("web", {one.name: one for one in tasks}, alerts=self.alerts)
        apply(self.ledger, loaded, author="ann", reason="a test")

    def enqueue_each(self, number: int) -> None:
        """So many runs of each task, due now."""
        for task in self.ledger.tasks("web"):
            run = NewRun(task_id=task.id, kind=Kind.ENQUEUED, scheduled_at=self.now, run_at=self.now)
            self.ledger.enqueue([run] * number)

    def go(self, until: str, step: int = 10) -> None:
        """Turn the clock, and do at each step what a node's loops would do."""
        while self.now < at(until):
            self.clock.move(seconds=step)
            self.work()

    def away(self, until: str) -> None:
        """No node is there until then."""
        self.clock.move(seconds=(at(until) - self.now) / SECOND)

    def work(self) -> None:
        fire_all_due(self.ledger)
        house = House(self.ledger, self.clock, lambda: self.ledger)
        house.ids = {one.name: one.id for one in self.ledger.tasks("web")}
        node = self.node or house.node("n1", lease=10_000_000 * SECOND)
        self.node = node
        finishes = []
        for claimed in house.claim(node, want=5_000):
            event = self.fate(claimed.task, claimed.scheduled_at)
            if event is not None:
                began = Instant(self.now - int(self.takes * SECOND))
                finishes.append(house.outcome(claimed, event, started_at=began))
        self.ledger.finish(node, finishes)
        self.judge()
        self.deliver()

    def judge(self) -> None:
        look_at(self.ledger, self.ledger.to_judge(), lambda service, revision: self.alerts)

    def deliver(self) -> None:
        for owner, channel, service, _ in self.ledger.letters():
            letter = self.ledger.take_letter(owner, channel, service, SECOND)
            if letter is not None:
                self.ledger.letter_sent(letter.claim)
                self.sent += [(self.now, one) for one in letter.notices]

    # -- what became of it

    def incidents(self) -> list[Incident]:
        """Oldest first."""
        return self.ledger.incidents(IncidentFilter(limit=1000))[::-1]

    def incident(self) -> Incident:
        [one] = self.incidents()
        return one

    def told(self) -> list[str]:
        """Who was told what, in order."""
        return [f"{one.kind} {one.owner}" for _, one in self.sent]


def expecting(task: Task, **more: object) -> Task:
    return replace(task, expectation=Expectation(**more))  # type: ignore[arg-type]  # as given


def failing(between: Mapping[str, str]) -> Callable[[str, Instant], Event]:
    """Runs that are due within one of the times fail; the others succeed."""
    spans = [(at(begin), at(end)) for begin, end in between.items()]
    return lambda task, due: Errored() if any(begin <= due < end for begin, end in spans) else Succeeded()
