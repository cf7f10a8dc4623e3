"""A bad task hurts itself only: it crashes, fails for ever, cannot be read, or is not known here."""

from __future__ import annotations

import asyncio
import json
import os
import random

import pytest
from tests.faults.ledger.props import Place
from tests.faults.ledger.stage import DUTY, Stage
from tests.ledger.house import LEASE

from rota import Rota
from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.planner import Planner
from rota.ledger.records import NewSchedule
from rota.model.lifecycle import CRASH_LIMIT
from rota.model.run import Reason, State

EVERY_SECOND = {"schedule": {"every": "1s"}, "overlap": "allow", "catch_up": "all"}


# -- 33


def test_33_poison_task(stage: Stage) -> None:
    """It takes its node along each time: after a limit it is left alone, however many retries it was granted."""
    stage.rota({
        "poison": {"retry": {"attempts": 99, "backoff": "1s", "max": "1s", "jitter": 0.0}},
        "tick": EVERY_SECOND,
    })  # fmt: skip
    run, killed = stage.house.enqueue("poison"), 0
    spare = stage.node()
    for _ in range(200):
        if stage.house.state(run) is State.FAILED:
            break
        victim = stage.node()
        stage.clock.move(seconds=2)
        if any(one.task == "poison" for one in victim.claim(tasks=["poison"])):
            killed += 1  # and that was the end of this node
        for _ in range(int(LEASE / SECOND) + 2):  # the others go on, second by second
            stage.clock.move(seconds=1)
            spare.beat()
            spare.rescue()
            spare.fire()
            spare.claim(tasks=["tick"])
            assert spare.finish() == []
    assert killed == CRASH_LIMIT
    assert stage.house.told(run) == ("failed", "lost")
    assert [attempt.state for attempt in stage.ledger.attempts(run)] == ["lost"] * CRASH_LIMIT
    assert {one.state for one in stage.runs(task="tick")} == {State.SUCCEEDED}
    found = stage.audit(killed=killed)
    assert found.late(1.0) <= 2 * SECOND  # its neighbour was on time all along


def poison() -> None:
    os._exit(3)


def harmless() -> int:
    return os.getpid()


@pytest.mark.long
def test_33_a_task_that_exits_its_process_is_stopped_after_a_limit(place: Place) -> None:
    """On a real node: the worker process is gone each time, with no word; the node and the others go on. (In the short
    form, with a signal instead of an exit: tests/engine/test_overlap.py.)"""
    rota = Rota("web", database_url=place.url, workers=2, lease=3.0, heartbeat=0.5, poll=0.1, ahead=0.2)
    rota.task(**DUTY, retry={"attempts": 99, "backoff": "1ms", "max": "5ms"})(poison)
    rota.task(**DUTY, schedule={"every": "1s"}, overlap="allow")(harmless)

    async def scenario() -> tuple[int, Instant]:
        async with rota.running():
            run = (await rota.enqueue("poison")).id
            async with asyncio.timeout(60):
                while rota.ledger.run(run).state is not State.FAILED:  # type: ignore[union-attr]  # it is there
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1.2)  # so that its neighbour is due once more
            return run, rota.ledger.now()

    begun = rota.ledger.now()
    run, until = asyncio.run(scenario())
    ledger = place.open()
    found = ledger.run(run)
    assert found is not None
    assert (found.state, found.reason, found.crashes) == (State.FAILED, Reason.ERROR, CRASH_LIMIT)
    assert len(ledger.attempts(run)) == CRASH_LIMIT
    audited = place.audit(ledger, begun, Instant(until - SECOND), crashes=found.crashes)
    assert audited.states["succeeded"] >= 1
    ledger.close()


# -- 34


@pytest.mark.parametrize("runs", [150, pytest.param(1500, marks=pytest.mark.long)])
def test_34_retry_storm(stage: Stage, runs: int, seed: int) -> None:
    """Everything fails. Every run is tried just as often as it says, never before its time, whoever restarts meanwhile."""
    retry = {"attempts": 4, "backoff": "10s", "factor": 2, "max": "30s", "jitter": 0.2}
    stage.rota({"work": {"retry": retry}})
    for _ in range(runs):
        stage.house.enqueue("work")
    chance, node, restarts = random.Random(seed), stage.node(), 0
    due = {run.id: run.run_at for run in stage.runs()}
    tries = dict.fromkeys(due, 0)
    while stage.open_runs():
        node.beat()
        for claimed in node.claim(chance.randrange(1, 60)):
            assert stage.now >= claimed.run_at == due[claimed.id], "it was tried before its time"
            tries[claimed.id] += 1
            assert claimed.attempt == tries[claimed.id]
        failed = [one.id for one in node.holding]
        assert node.fail() == []
        for run in map(stage.house.run, failed):
            least = min(10 * 2 ** (run.attempt - 1), 30) * 0.8
            assert run.state is State.FAILED or run.run_at >= stage.now + least * SECOND
            due[run.id] = run.run_at
        if chance.random() < 0.3:
            stage.ledger.leave(node.id)
            node, restarts = stage.node(own=restarts < 5), restarts + 1
        stage.clock.move(seconds=chance.uniform(0.1, 5))
    assert set(tries.values()) == {4}
    assert {(run.state, run.reason, run.spent, run.attempt) for run in stage.runs()} == {
        (State.FAILED, Reason.ERROR, 4, 4)
    }
    found = stage.audit(seed=seed, runs=runs, restarts=restarts)
    assert found.attempts["error"] == 4 * runs


# -- 39


def test_39_unknown_task(stage: Stage) -> None:
    """A node without the code leaves a run to one that has it, and looks no oftener because of it."""
    stage.rota({"new": EVERY_SECOND, "old": EVERY_SECOND})
    before, after = stage.node(), stage.node()
    for _ in range(10):
        stage.clock.move(seconds=1)
        before.beat()
        before.rescue()
        before.fire()
        assert {one.task for one in before.claim(tasks=["old"])} <= {"old"}
        before.finish()
    assert {run.state for run in stage.runs(task="new")} == {State.WAITING}
    assert {run.state for run in stage.runs(task="old")} == {State.SUCCEEDED}
    after.turn()
    assert {run.state for run in stage.runs()} == {State.SUCCEEDED}
    assert {run.attempt for run in stage.runs()} == {1}
    stage.audit()


@pytest.mark.parametrize("count", [3, 1050])
def test_39_a_rule_that_cannot_be_computed_here_holds_up_no_other(stage: Stage, count: int) -> None:
    """For instance a library of holidays that only some nodes have, and many schedules that ask it."""
    stage.rota({"keyed": {"catch_up": "latest"}, "tick": EVERY_SECOND})
    rule = json.dumps({"rules": [{"every": "1s"}], "timezone": "UTC", "excepts": [{"moon": "full"}]})
    stage.ledger.put_schedules([NewSchedule("web", "keyed", f"k{n}", rule, stage.now) for n in range(count)])
    node = stage.node()
    thread = LedgerThread()
    planner = Planner(node.ledger, thread, ahead=0.0, poll=1.0, fired=lambda: None)

    async def steps(times: int) -> list[float]:
        return [await planner.step() for _ in range(times)]

    for _ in range(3):
        stage.clock.move(seconds=1)
        node.beat()
        assert 1.0 in asyncio.run(steps(4)), "it never rests"
        node.claim()
        node.finish()
    thread.close()
    assert {run.state for run in stage.runs(task="tick")} == {State.SUCCEEDED}
    assert len(stage.runs(task="tick")) == 3
    assert stage.runs(task="keyed") == []
    good = json.dumps({"rules": [{"every": "1s"}], "timezone": "UTC"})
    stage.sql(
        "UPDATE rota_schedule SET rule = :rule, ruled_at = :now WHERE key <> ''", rule=good, now=stage.now
    )  # another node has it
    stage.clock.move(seconds=1)
    stage.node().turn()
    assert len({run.schedule_key for run in stage.runs(task="keyed")}) == count
    stage.audit(unreadable=count)


def test_39_a_definition_that_cannot_be_read_here_is_rescued_all_the_same(stage: Stage) -> None:
    """A newer release may say what this one does not know; what else the lost node held must not wait for that."""
    stage.rota(
        {
            "newer": {"retry": {"attempts": 3, "backoff": "1s"}},
            "work": {"retry": {"attempts": 3, "backoff": "1s"}},
        }
    )
    dead, other = stage.node(), stage.node()
    runs = {task: stage.house.enqueue(task) for task in ("newer", "work")}
    assert len(dead.claim()) == 2
    definition = stage.ledger.tasks("web")[0].definition
    assert "newer" in definition
    for strange in (definition.replace('"overlap":"skip"', '"overlap":"sideways"'), "{}"):
        stage.sql("UPDATE rota_task SET definition = :text WHERE name = 'newer'", text=strange)
        other.beat()
        other.rescue()
        stage.clock.move(seconds=LEASE / SECOND + 1)
        other.beat()
        assert other.rescue() == 2
        assert all(stage.house.state(run) in (State.WAITING, State.FAILED) for run in runs.values())
        stage.clock.move(seconds=5)
        dead = stage.node()
        stage.ledger.reopen(runs["newer"], stage.house.change("retry"))
        assert len(dead.claim()) == 2
    assert dead.finish() == []
    stage.sql("UPDATE rota_task SET definition = :text WHERE name = 'newer'", text=definition)
    stage.audit()
