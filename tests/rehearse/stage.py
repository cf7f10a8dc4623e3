"""A scratch ledger and plays on it, in few words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rota.app import open_scratch
from rota.clock import SECOND, Instant, to_instant
from rota.define.loaded import LoadedRota
from rota.engine.crews import Crews
from rota.ledger.records import RunFilter
from rota.model.rehearsal import Estimate
from rota.model.run import RunRecord
from rota.model.task import Command, Queue, Task
from rota.rehearse.copies import Copy
from rota.rehearse.fates import Fates
from rota.rehearse.play import Outage, Play
from rota.rehearse.played import Played
from rota.rehearse.scratch import Scratch, set_up
from rota.settings import Settings
from rota.timing import parse_schedule

BEGIN = to_instant(datetime(2026, 11, 2, 0, 0, 30, tzinfo=UTC))


def duty(name: str = "tidy", schedule: object = "* * * * *", zone: str = "UTC", **more: object) -> Task:
    """A task that would run a command; here none is run."""
    rule = None if schedule is None else parse_schedule(schedule, timezone=zone)
    given: dict[str, object] = {
        "owner": "Web <web@example.org>",
        "expects": "all is tidy",
        "rollback": "put it back",
    }
    return Task("web", name, Command(("true",)), schedule=rule, **{**given, **more})  # type: ignore[arg-type]  # as given


def takes(seconds: float, failures: float = 0.0, most: float | None = None) -> Estimate:
    """Runs of one length, or up to another."""
    usual = timedelta(seconds=seconds)
    return Estimate(usual, usual, usual if most is None else timedelta(seconds=most), failures)


def after(**lengths: float) -> Instant:
    """An instant so long after the beginning."""
    return Instant(BEGIN + int(timedelta(**lengths).total_seconds() * SECOND))


@dataclass
class Stage:
    """Where plays are played: each on a ledger of its own."""

    scratches: list[Scratch] = field(default_factory=list)

    def scratch(self, copy: Copy | None = None) -> Scratch:
        self.scratches.append(set_up(open_scratch, copy or Copy("web", BEGIN)))
        return self.scratches[-1]

    def close(self) -> None:
        for one in self.scratches:
            one.ledger.close()

    def play(
        self,
        *tasks: Task,
        until: Instant,
        slots: int = 100,
        all_take: Estimate | None = None,
        take: dict[str, Estimate] | None = None,
        outage: Outage | None = None,
        queues: tuple[Queue, ...] = (),
        seed: int = 1,
        slower: float = 1.0,
    ) -> Done:
        loaded = LoadedRota("web", {one.name: one for one in tasks}, {one.name: one for one in queues})
        scratch = self.scratch()
        scratch.apply(loaded)
        settings = Settings()
        crews = [replace(crew, slots=slots) for crew in Crews(loaded, settings) if crew.tasks]
        assumed = dict.fromkeys(loaded.tasks, all_take or takes(1))
        fates = Fates(seed, {}, take or {}, assumed, slower)
        played = Play(scratch, loaded, crews, settings, fates, outage=outage).until(until)
        return Done(scratch, played)


@dataclass
class Done:
    """What came of a play."""

    scratch: Scratch
    played: Played

    def states(self, task: str = "tidy") -> dict[str, int]:
        return self.scratch.ledger.counts(Instant(0))["web", task]

    def runs(self, task: str | None = None) -> list[RunRecord]:
        return self.scratch.ledger.runs(RunFilter(task=task, order="oldest", limit=100_000))
