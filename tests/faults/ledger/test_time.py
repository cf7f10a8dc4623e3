"""What time does to a schedule: starts more often than it fires, weeks without a node, pauses, clocks that are set."""

from __future__ import annotations

import json
import random
import time
from datetime import timedelta
from typing import Any

import pytest
from tests.faults.ledger.stage import Stage, StagedNode
from tests.ledger.house import LEASE

from rota.change.actions import pause, resume
from rota.change.pauses import end_pauses
from rota.clock import SECOND, Instant, from_instant
from rota.ledger.records import NewSchedule
from rota.model.run import Kind, Reason, RunRecord, State
from rota.timing import compile_schedule, schedule_from_json

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND


def scheduled(stage: Stage, task: str) -> list[RunRecord]:
    return [run for run in stage.runs(task=task) if run.kind is Kind.SCHEDULED]


# -- 23


@pytest.mark.parametrize(
    ("days", "life"), [(8, 53), pytest.param(14, 7, marks=pytest.mark.long)], ids=["8 days", "14 days"]
)
def test_23_deploy_faster_than_interval(stage: Stage, days: int, life: int, seed: int) -> None:
    """River #791: the next run lived in memory and began anew with each start, so a weekly job never came.
    Here a process lives for ``life`` minutes, and leaves in order or does not."""
    rota = {
        "weekly": {"schedule": "30 3 * * 1"},
        "hourly": {"schedule": {"every": "1h"}},
        "daily": {"schedule": "@daily"},
    }
    stage.rota(rota)
    chance, starts = random.Random(seed), 0
    until = stage.now + days * DAY
    while stage.now < until:
        node = stage.node(own=starts % 200 == 0)
        starts += 1
        assert not stage.reapply(node.ledger)  # the same rota makes no revision and moves no cursor
        node.turn()
        if chance.random() < 0.5:
            node.ledger.leave(node.id)
        stage.clock.move(minutes=life)
    stage.node().turn()
    found = stage.audit(seed=seed, starts=starts)
    rule = compile_schedule(schedule_from_json({"rules": [{"cron": "30 3 * * 1"}], "timezone": "UTC"}))
    weekly = [run.scheduled_at for run in scheduled(stage, "weekly")]
    assert weekly == rule.between(stage.begun, stage.now)
    assert len(weekly) == days // 7
    assert found.late(1.0) <= life * MINUTE  # nobody was there in between
    assert found.in_range == 0


# -- 24

POLICIES: dict[str, dict[str, Any]] = {
    "latest": {"catch_up": "latest"},
    "all": {"catch_up": "all", "catch_up_limit": 50, "overlap": "queue-all"},
    "none": {"catch_up": "none"},
    "deadline": {"catch_up": "all", "deadline": "2h", "catch_up_limit": 1000, "overlap": "allow"},
}


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * 4096


@pytest.mark.slow
@pytest.mark.parametrize("keys", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_24_long_outage(stage: Stage, keys: int) -> None:
    """K8s #42649: after a hundred missed starts never again; River #1035: two weeks off, and then all of it at once."""
    tasks = {f"minutely-{name}": {"schedule": "* * * * *", **policy} for name, policy in POLICIES.items()}
    tasks |= {f"daily-{name}": {"schedule": "15 4 * * *", **policy} for name, policy in POLICIES.items()}
    stage.rota({**tasks, "keyed": {"catch_up": "latest"}})
    rule = json.dumps({"rules": [{"every": "1d"}], "timezone": "UTC"})
    first = Instant(stage.now + DAY)
    stage.ledger.put_schedules([NewSchedule("web", "keyed", f"k{n}", rule, first) for n in range(keys)])
    node = stage.node()
    stage.pass_time(180, node, step=60)
    before = {name: len(scheduled(stage, name)) for name in tasks}
    stage.clock.move(days=14, seconds=7)
    stage.house.node(node.id + "b")
    node.id += "b"
    held, begun = resident(), time.perf_counter()
    fired = node.fire()
    took, grown = time.perf_counter() - begun, resident() - held
    made = {
        name: [run for run in scheduled(stage, name)[before[name] :] if run.state is State.WAITING]
        for name in tasks
    }
    counts = {name: len(runs) for name, runs in made.items()}
    assert counts == {
        "minutely-latest": 1, "minutely-all": 50, "minutely-none": 1, "minutely-deadline": 120,
        "daily-latest": 1, "daily-all": 14, "daily-none": 0, "daily-deadline": 0,
    }  # fmt: skip
    (latest,) = made["minutely-latest"]
    assert latest.covers_count == 14 * 24 * 60
    missed = 2 * 14  # of the daily ones, each has its own record; the minutely ones stand in ranges
    assert fired == sum(counts.values()) + missed + keys
    assert grown < 50_000_000, f"{grown} bytes more"
    node.turn()
    stage.pass_time(300, node, step=30)
    for name in tasks:  # none of them has stopped for good
        assert node.ledger.schedules("web", name)[0].next_at > stage.now
    assert max(run.scheduled_at for run in scheduled(stage, "minutely-latest")) >= stage.now - MINUTE
    stage.settle(node, within=3600)
    found = stage.audit(keys=keys, fired=fired, seconds=f"{took:.2f}", grown_bytes=grown)
    assert found.expected == found.by_run + found.in_range


# -- 25


@pytest.mark.parametrize("served", [True, False], ids=["node there", "no node there"])
@pytest.mark.parametrize("by_itself", [False, True], ids=["by hand", "by itself"])
def test_25_suspend_resume(stage: Stage, served: bool, by_itself: bool) -> None:
    """A pause of three days: nothing fires for that time unless it is asked for, and the next one is right."""
    policies = {"none": {}, "latest": {}, "all": {"catch_up_limit": 4, "overlap": "queue-all"}}
    records = stage.rota(
        {name: {"schedule": {"every": "1h"}, "catch_up": name, **more} for name, more in policies.items()}
    )
    node = stage.node()
    stage.pass_time(7200, node, step=600)
    until = Instant(stage.now + 3 * DAY) if by_itself else None
    for task in records.values():
        pause(stage.ledger, task, actor="ann", reason="the database moves", until=until)
    begun = stage.now
    if served:
        stage.pass_time(3 * 86_400, node, step=3600)
    else:
        stage.clock.move(days=3)
        node = stage.node()
        node.turn()
    if by_itself:
        assert end_pauses(stage.ledger) == 3
    else:
        for task in stage.ledger.tasks():
            resume(stage.ledger, task, actor="ann")
    ended = stage.now
    stage.pass_time(7200, node, step=600)
    for name, expected in {"none": 0, "latest": 1, "all": 4}.items():
        runs = stage.runs(task=name)
        inside = [run for run in runs if begun < run.scheduled_at <= ended]
        started = [run for run in inside if run.started_at is not None]
        assert len(started) == expected, name
        assert all(run.kind in (Kind.CAUGHT_UP, Kind.BACKFILLED) for run in started)
        left_out = [run for run in inside if run.kind is Kind.SCHEDULED]
        assert {(run.state, run.reason) for run in left_out} == {(State.SKIPPED, Reason.PAUSED)}
        assert len(left_out) == 72
        after = [run for run in runs if run.kind is Kind.SCHEDULED and run.scheduled_at > ended]
        assert [run.scheduled_at for run in after] == [ended + HOUR, ended + 2 * HOUR]
        assert all(run.state is State.SUCCEEDED for run in after)
    stage.audit(served=served, by_itself=by_itself)


# -- 27


def ticking(stage: Stage) -> tuple[StagedNode, StagedNode]:
    stage.rota({
        "latest": {"schedule": {"every": "5s"}, "catch_up": "latest"},
        "all": {"schedule": {"every": "60s"}, "catch_up": "all", "overlap": "allow"},
        "none": {"schedule": {"every": "7s"}, "catch_up": "none"},
    })  # fmt: skip
    return stage.node(), stage.node()


def test_27_clock_step_back(stage: Stage) -> None:
    """The ledger's clock goes back an hour: no instant again, and a node that dies then is not alive for an hour."""
    dying, living = ticking(stage)
    stage.pass_time(120, dying, living)
    run = stage.house.enqueue("latest")
    assert [one.id for one in dying.claim()] == [run]  # and it is not heard of again
    fired = {(one.task, one.scheduled_at) for one in stage.runs()}
    begun, top = len(stage.runs()), stage.now
    stage.clock.set(from_instant(top) - timedelta(hours=1))
    stage.pass_time(
        3 * LEASE / SECOND, living
    )  # a lease from now, a lease of silence and a look; not an hour
    assert stage.house.run(run).node != dying.id
    stage.pass_time(60, living)
    assert len(stage.runs()) == begun
    assert living.beat()
    stage.clock.set(from_instant(top))
    stage.pass_time(120, living)
    found = [(run.task, run.scheduled_at) for run in stage.runs() if run.kind is Kind.SCHEDULED]
    assert len(found) == len(set(found)) > len(fired)
    stage.audit(stepped="back 1 h")


def test_27_clock_step_forward(stage: Stage) -> None:
    """An hour ahead is an hour without a node: each policy makes of it what it says; leases of the living hold."""
    nodes = ticking(stage)
    stage.pass_time(120, *nodes)
    before = {name: len(scheduled(stage, name)) for name in ("latest", "all", "none")}
    stage.clock.set(from_instant(stage.now) + timedelta(hours=1))
    assert nodes[0].rescue() == 0  # every lease has run out by this clock, but nobody fell silent
    assert all(node.beat() for node in nodes)
    for node in nodes:
        node.turn()
    made = {name: len(scheduled(stage, name)) - count for name, count in before.items()}
    assert made == {"latest": 1, "all": 60, "none": 1}
    stage.pass_time(120, *nodes)
    stage.settle(*nodes)
    stage.audit(stepped="forward 1 h")


@pytest.mark.parametrize("steps", [300, pytest.param(3000, marks=pytest.mark.long)])
def test_27_clock_step_and_slew_at_random(stage: Stage, steps: int, seed: int) -> None:
    """Slewed all the time, as by NTP, and stepped now and then, up to a minute either way."""
    nodes = ticking(stage)
    chance, stepped, latest = random.Random(seed), 0, stage.now
    for _ in range(steps):
        stage.clock.move(seconds=1)
        by = chance.uniform(-0.02, 0.02)
        if chance.random() < 0.02:
            by, stepped = chance.uniform(-60, 60), stepped + 1
        stage.clock.set(from_instant(stage.now) + timedelta(seconds=by))
        latest = max(latest, stage.now)
        for node in nodes:
            node.turn()
    stage.clock.set(max(from_instant(latest), stage.clock.at))
    stage.pass_time(60, *nodes)
    assert all(node.beat() for node in nodes)
    found = [(run.task, run.scheduled_at) for run in stage.runs() if run.kind is Kind.SCHEDULED]
    assert len(found) == len(set(found))
    stage.audit(seed=seed, steps=steps, stepped=stepped)
