"""The judge in virtual time, on both ledgers: what opens an incident, who hears of it, and that it is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.judged import OWNER, World, at, duty, expecting, failing

from rota.app import open_ledger, read_settings
from rota.clock import from_instant
from rota.engine.judge import look_at
from rota.ledger.judging import Report
from rota.ledger.records import Change
from rota.model.alerts import Escalation, OwnerRoute, QuietHours
from rota.model.incident import Status
from rota.model.lifecycle import Errored, Succeeded
from rota.model.task import Objective
from rota.model.verdict import Check, Standing, Verdict
from rota.testing import ManualClock

SECOND_OWNER = "Platform <platform@example.org>"
FRIDAY = "2026-11-27T12:00"


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    clock = ManualClock(from_instant(at(FRIDAY)))
    ledger = open_ledger(read_settings(database_url=url), clock=clock)
    yield World(ledger, clock)
    ledger.close()


def test_one_failed_run_is_told_once_and_so_is_its_end(world: World) -> None:
    world.rota(duty())
    world.fate = failing({"2026-11-27T12:05": "2026-11-27T12:06"})
    world.go("2026-11-27T12:30")
    one = world.incident()
    assert (one.check, one.owner, one.times, one.status) == (Check.RUN, OWNER, 1, Status.CLEAR)
    assert "failed" in one.found
    assert world.told() == [f"opened {OWNER}", f"resolved {OWNER}"]
    assert one.resolved_at is not None
    assert at("2026-11-27T12:11") <= one.resolved_at <= at("2026-11-27T12:12"), "met for five minutes"


def test_all_well_says_nothing(world: World) -> None:
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=3)))
    world.go("2026-11-27T13:00")
    assert world.incidents() == []
    assert {one.check: one.standing.value for one in world.ledger.verdicts()} == {Check.FRESH: "met"}


def test_a_flapping_task_is_one_incident(world: World) -> None:
    """Every second run fails, for two hours."""
    world.rota(duty())
    world.fate = lambda task, due: (
        Errored() if due < at("2026-11-27T14:00") and due // 60_000_000 % 2 else Succeeded()
    )
    world.go("2026-11-27T15:00", step=30)
    one = world.incident()
    assert one.times == 60
    assert world.told() == [f"opened {OWNER}", f"resolved {OWNER}"]


def test_a_task_that_fails_by_turns_each_hour_is_one_incident_soon(world: World) -> None:
    world.rota(duty(schedule="0 * * * *"))
    world.fate = lambda task, due: Errored() if due // 3_600_000_000 % 2 else Succeeded()
    world.go("2026-11-28T12:00", step=300)
    assert len(world.incidents()) <= 4, "each time it came back it had to be met for longer"
    assert world.told().count(f"opened {OWNER}") <= 4


def test_a_weekend_without_any_node_is_told_as_soon_as_one_is_back(world: World) -> None:
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=10)))
    world.go("2026-11-27T17:00")
    world.away("2026-11-30T08:00")
    world.work()
    one = world.incident()
    assert (one.check, one.since_at) == (Check.FRESH, at("2026-11-27T17:00"))
    assert one.found == "none for 2 d 15 h"
    assert world.told() == [f"opened {OWNER}"]
    world.go("2026-11-30T08:30")
    assert world.told() == [f"opened {OWNER}", f"resolved {OWNER}"]


def test_a_weekend_is_told_although_the_run_that_makes_up_for_it_was_quicker_than_the_judge(
    world: World,
) -> None:
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=10)))
    world.go("2026-11-27T17:00")
    world.away("2026-11-30T08:00")
    judge, world.judge = world.judge, lambda: None  # type: ignore[method-assign]  # it comes later
    world.work()
    world.judge = judge  # type: ignore[method-assign]
    world.go("2026-11-30T08:01")
    assert world.incident().status is Status.RECOVERING
    assert world.told() == [f"opened {OWNER}"]


def test_a_dead_task_is_seen_by_the_clock_alone(world: World) -> None:
    """Nothing fails, nothing runs: no executor takes the task's runs."""
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=10)))
    world.go("2026-11-27T12:30")
    world.fate = lambda task, due: None
    world.go("2026-11-27T12:42")
    assert (world.incident().check, world.told()) == (Check.FRESH, [f"opened {OWNER}"])
    world.go("2026-11-27T21:00", step=300)
    assert world.told() == [f"opened {OWNER}", f"reminded {OWNER}", f"reminded {OWNER}"]


def test_a_paused_task_is_not_stale_and_has_its_whole_time_after_it(world: World) -> None:
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=10)))
    world.go("2026-11-27T12:30")
    [task] = world.ledger.tasks("web")
    world.ledger.pause(task.id, Change(world.now, "ann", "pause", "web/tidy", "the move"))
    world.go("2026-11-27T14:00", step=30)
    world.ledger.resume(task.id, Change(world.now, "ann", "resume", "web/tidy", "moved"))
    world.fate = lambda task, due: None
    world.go("2026-11-27T14:09")
    assert world.incidents() == []
    world.go("2026-11-27T14:12")
    assert world.incident().check is Check.FRESH


@pytest.mark.parametrize(
    ("begin", "end"),
    [("2026-10-23T12:00", "2026-10-27T12:00"), ("2027-03-26T12:00", "2027-03-30T12:00")],
    ids=["longer", "shorter"],
)
def test_a_night_in_which_the_clock_is_set_raises_no_alarm(world: World, begin: str, end: str) -> None:
    """A daily task at half past two, in the hour that comes twice or not at all: 25 hours and a bit is enough."""
    world.clock.set(from_instant(at(begin)))
    task = duty(schedule="30 2 * * *", zone="Europe/Berlin")
    world.rota(expecting(task, fresh_within=timedelta(hours=25, minutes=5)))
    world.go(end, step=900)
    assert world.incidents() == []
    runs = list(world.ledger.counts(at(begin)).values())
    assert runs == [{"succeeded": 4}]


def test_an_owner_changed_in_the_middle(world: World) -> None:
    world.rota(duty())
    world.fate = failing({"2026-11-27T12:05": "2026-11-27T12:40"})
    world.go("2026-11-27T12:20")
    world.rota(duty(owner=SECOND_OWNER))
    world.go("2026-11-27T13:00")
    one = world.incident()
    assert (one.owner, one.status) == (SECOND_OWNER, Status.CLEAR)
    assert world.told() == [
        f"opened {OWNER}",
        f"handed-over {OWNER}",
        f"handed-over {SECOND_OWNER}",
        f"resolved {SECOND_OWNER}",
    ]


def test_a_second_owner_is_told_if_nobody_acknowledges(world: World) -> None:
    escalate = Escalation(timedelta(minutes=30), SECOND_OWNER)
    world.alerts = replace(world.alerts, owners=(OwnerRoute(OWNER, escalate=escalate),))
    world.rota(duty())
    world.fate = failing({"2026-11-27T12:05": "2026-11-27T13:00"})
    world.go("2026-11-27T13:30")
    assert world.told() == [
        f"opened {OWNER}", f"escalated {SECOND_OWNER}", f"resolved {OWNER}", f"resolved {SECOND_OWNER}",
    ]  # fmt: skip


def test_who_acknowledges_is_left_alone_until_that_ends(world: World) -> None:
    escalate = Escalation(timedelta(minutes=30), SECOND_OWNER)
    world.alerts = replace(
        world.alerts, remind=timedelta(hours=1), owners=(OwnerRoute(OWNER, escalate=escalate),)
    )
    world.rota(duty())
    world.fate = lambda task, due: Errored()
    world.go("2026-11-27T12:10")
    change = Change(world.now, "ann", "acknowledge", "incident 1", "at it")
    assert world.ledger.acknowledge(world.incident().id, change, at("2026-11-27T15:00"))
    world.go("2026-11-27T14:56", step=120)
    assert world.told() == [f"opened {OWNER}"]
    world.go("2026-11-27T15:05")
    assert world.incident().status is Status.OPEN
    assert world.told() == [f"opened {OWNER}", f"reminded {OWNER}", f"escalated {SECOND_OWNER}"]


def test_quiet_hours_keep_what_happened_for_the_morning(world: World) -> None:
    night = OwnerRoute(OWNER, None, (QuietHours(22 * 60, 7 * 60),), "Europe/Berlin")
    world.alerts = replace(world.alerts, owners=(night,), remind=timedelta(hours=2))
    world.rota(duty())
    world.fate = failing({"2026-11-28T00:00": "2026-11-28T08:30"})
    world.go("2026-11-28T05:00", step=900)
    world.go("2026-11-28T09:00", step=60)
    assert [(one.kind.value, when) for when, one in world.sent] == [
        ("opened", at("2026-11-28T06:00")),
        ("reminded", at("2026-11-28T08:00")),
        ("resolved", world.sent[2][0]),
    ]


def test_a_retired_task_and_a_check_that_is_asked_no_more_end_their_incidents(world: World) -> None:
    world.rota(expecting(duty(), fresh_within=timedelta(minutes=10)), duty("other"))
    world.fate = lambda task, due: None if task == "tidy" else Errored()
    world.go("2026-11-27T12:30")
    assert {(one.task, one.check.value) for one in world.incidents()} == {("tidy", "fresh"), ("other", "run")}
    world.rota(duty())
    world.go("2026-11-27T12:31")
    assert {one.status for one in world.incidents()} == {Status.CLEAR}
    assert world.told().count(f"resolved {OWNER}") == 2


def test_of_many_that_look_at_once_one_opens(world: World) -> None:
    world.rota(duty())
    world.fate = lambda task, due: Errored()
    world.judge, judge = lambda: None, world.judge  # type: ignore[method-assign]  # all at once, below
    world.go("2026-11-27T12:02")
    watches = [world.ledger.to_judge() for _ in range(5)]
    changed = [look_at(world.ledger, looked, lambda service, revision: world.alerts) for looked in watches]
    assert [len(one) for one in changed] == [1, 0, 0, 0, 0]
    world.judge = judge  # type: ignore[method-assign]
    assert len(world.incidents()) == 1
    assert len(world.ledger.notices()) == 1


def say_late(world: World, seconds: float) -> None:
    """What the node that starts a run says of it."""
    late = Standing.UNMET if seconds > 60 else Standing.MET
    found = Verdict(Check.LATENESS, late, "within a minute", f"{seconds:g} s late", world.now, int(seconds))
    world.ledger.report([Report("web", "tidy", found)])


def test_a_late_start_is_told_also_where_the_next_is_on_time(world: World) -> None:
    world.rota(expecting(duty(schedule=None), max_lateness=timedelta(minutes=1)))
    world.go("2026-11-27T12:01")
    say_late(world, 1)
    world.go("2026-11-27T12:02")
    assert world.incidents() == []
    say_late(world, 90)
    world.clock.move(seconds=1)
    say_late(world, 2)
    world.go("2026-11-27T12:03")
    one = world.incident()
    assert (one.check, one.found, one.status) == (Check.LATENESS, "90 s late", Status.RECOVERING)
    world.go("2026-11-27T13:00", step=60)
    assert world.incident().status is Status.CLEAR
    assert world.told() == [f"opened {OWNER}", f"resolved {OWNER}"]


def test_an_objective_is_missed_told_once_and_met_again(world: World) -> None:
    """Six runs of a hundred fail; what is beside is on time."""
    task = expecting(duty(), objective=Objective(99.0, timedelta(hours=4)))
    world.rota(task)
    world.go("2026-11-27T13:30", step=60)
    assert [one.check for one in world.incidents()] == []
    world.fate = failing({"2026-11-27T13:40": "2026-11-27T13:46"})
    world.go("2026-11-27T14:00", step=60)
    assert {one.check for one in world.incidents()} == {Check.RUN, Check.OBJECTIVE}
    [one] = [one for one in world.incidents() if one.check is Check.OBJECTIVE]
    assert "error budget" in one.found
    world.go("2026-11-27T20:00", step=300)
    assert {one.status for one in world.incidents()} == {Status.CLEAR}
    assert world.told().count(f"opened {OWNER}") == 2


def test_runs_that_take_much_longer_than_they_used_to(world: World) -> None:
    world.rota(expecting(duty(), usual_duration=True))
    world.takes = 2
    world.go("2026-11-27T12:40", step=60)
    assert world.incidents() == []
    world.takes = 20
    world.go("2026-11-27T12:55", step=60)
    one = world.incident()
    assert (one.check, one.found.split(",")[0]) == (Check.DURATION, "the latest three took 20 s (median)")
    world.go("2026-11-27T14:30", step=60)
    assert world.incident().status is Status.CLEAR, "it is what is usual now"
