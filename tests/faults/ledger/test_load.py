"""Many at one instant, and runs that take longer than their interval, on nodes that die."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.faults.ledger.props import beside
from tests.faults.ledger.stage import Stage, StagedNode

from rota.clock import SECOND, Instant, to_instant
from rota.ledger.postgres.store import MOST
from rota.ledger.records import NewSchedule
from rota.ledger.work import Claimed
from rota.model.run import Kind, Reason, State
from rota.timing import compile_schedule, schedule_from_json

ROOT = Path(__file__).resolve().parents[3]
RETRY = {"attempts": 9, "backoff": "1s", "jitter": 0.0}
POLICIES = ("skip", "queue", "queue-all", "cancel", "allow")


# -- 31


class Busy:
    """A node whose bodies take a while, and stop when they are asked to."""

    def __init__(self, node: StagedNode, chance: random.Random) -> None:
        self.node = node
        self.chance = chance
        self.ends: dict[int, Instant] = {}

    def turn(self) -> None:
        node, now = self.node, self.node.stage.now
        if not node.beat():
            self.ends.clear()
            node.id = node.stage.node().id  # begins again as somebody new
        node.rescue()
        node.fire()
        for claimed in node.claim():
            self.ends[claimed.token] = Instant(now + int(self.chance.uniform(0.2, 7.0) * SECOND))
        self._end(now)

    def _end(self, now: Instant) -> None:
        asked = {token: reason for _, token, reason in self.node.ledger.heartbeat(self.node._beat()).stops}
        over = [one for one in self.node.holding if self.ends[one.token] <= now and one.token not in asked]
        stopped = [one for one in self.node.holding if one.token in asked]
        self._finish(over, None)
        self._finish(stopped, Reason.SUPERSEDED)

    def _finish(self, ended: list[Claimed], asked: Reason | None) -> None:
        from rota.model.lifecycle import Stopped, Succeeded

        if ended:
            event = Succeeded() if asked is None else Stopped(asked)
            assert self.node.finish(*ended, event=event) == []


@pytest.mark.parametrize("seconds", [40, pytest.param(300, marks=pytest.mark.long)])
def test_31_overlap_policy(stage: Stage, seconds: int, seed: int) -> None:
    """Each policy, with runs of up to seven seconds every two, while nodes are killed: never more at once than it says."""
    tasks = {
        f"{policy}-{number}": {
            "schedule": {"every": "2s"},
            "overlap": policy,
            "retry": RETRY,
            "catch_up": "all",
        }
        for policy in POLICIES
        for number in range(3)
    }
    stage.rota(tasks)
    chance = random.Random(seed)
    nodes = [Busy(stage.node(own=True), chance) for _ in range(3)]
    kills, most = 0, Counter[str]()
    for second in range(seconds):
        stage.clock.move(seconds=1)
        if second % 20 == 10:
            dead = nodes.pop(chance.randrange(len(nodes)))
            nodes.append(Busy(StagedNode(stage, dead.node.ledger, stage.node().id), chance))
            kills += 1
        for node in nodes:
            node.turn()
        running = Counter(run.task for run in stage.runs(states=(State.RUNNING,)))
        for task, count in running.items():
            most[task.rpartition("-")[0]] = max(most[task.rpartition("-")[0]], count)
    assert {most[policy] for policy in POLICIES if policy != "allow"} == {1}
    assert most["allow"] > 1
    settle(stage, nodes)
    skipped = Counter(
        (run.task.rpartition("-")[0], run.reason) for run in stage.runs(states=(State.SKIPPED,))
    )
    assert {policy for policy, _ in skipped} == {"skip", "queue", "cancel"}
    assert {reason for _, reason in skipped} == {Reason.OVERLAP}
    assert all(run.note for run in stage.runs(states=(State.SKIPPED,)))
    superseded = [run for run in stage.runs(states=(State.CANCELLED,)) if run.reason is Reason.SUPERSEDED]
    assert {run.task.rpartition("-")[0] for run in superseded} == {"cancel"}
    found = stage.audit(seed=seed, kills=kills, most=dict(most))
    assert found.attempts["lost"] > 0, "no kill hit a running attempt: nothing was tried"


def settle(stage: Stage, nodes: list[Busy]) -> None:
    """Take the schedules away and let what is open end."""
    assert stage.loaded is not None
    stage.rota(
        {name: {"overlap": task.overlap.value, "retry": RETRY} for name, task in stage.loaded.tasks.items()}
    )
    for _ in range(600):
        if not stage.open_runs():
            return
        stage.clock.move(seconds=1)
        for node in nodes:
            node.turn()
    raise AssertionError(f"not ended: {stage.open_runs()[:5]}")


# -- 32


@pytest.mark.slow
@pytest.mark.parametrize("keys", [2000, pytest.param(10_000, marks=pytest.mark.long)])
def test_32_thundering_herd(stage: Stage, keys: int) -> None:
    """All due at midnight, for four nodes at once: each starts once, and no node opens connections without end."""
    stage.rota({"mail": {"overlap": "skip"}})
    rule, midnight = (
        json.dumps({"rules": [{"cron": "0 0 * * *"}], "timezone": "UTC"}),
        Instant(stage.now + 86_400 * SECOND),
    )
    stage.ledger.put_schedules(
        [NewSchedule("web", "mail", f"reader:{n}", rule, midnight) for n in range(keys)]
    )
    nodes = [stage.node(own=True) for _ in range(4)]
    stage.clock.move(days=1)
    begun = time.perf_counter()

    def work(node: StagedNode) -> list[int]:
        node.beat()
        done: list[int] = []
        while True:
            made, got = node.planner.fire()[0].schedules, node.claim(250)
            done += [one.id for one in got]
            assert node.finish() == []
            if (
                not got
                and not made
                and not stage.ledger.next_waiting()
                and stage.ledger.next_due() != midnight
            ):
                return done

    started = [run for one in [beside(lambda n=node: work(n)) for node in nodes] for run in one.result(120)]
    took = time.perf_counter() - begun
    assert len(started) == len(set(started)) == keys
    runs = stage.runs()
    assert {run.state for run in runs} == {State.SUCCEEDED}
    assert {run.scheduled_at for run in runs if run.kind is Kind.SCHEDULED} == {midnight}
    if stage.kind == "postgresql":
        (opened,) = stage.ledger._read(  # type: ignore[attr-defined]  # of every SQL ledger
            lambda c: c.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rota'")
        )[0]
        assert opened <= 5 * MOST  # four nodes and the test itself
    stage.clock.move(seconds=1)
    stage.audit(keys=keys, seconds=f"{took:.2f}")


SPREAD = """
import json, sys
from rota.timing import compile_schedule, schedule_from_json
rules = ({"rules": [{"cron": "0 0 * * *"}], "timezone": "UTC", "jitter": "10m"}, {"rules": [{"cron": "H H * * *"}], "timezone": "UTC"})
print(json.dumps([
    compile_schedule(schedule_from_json(rule), seed=f"web/mail/{n}").next_after(int(sys.argv[1])) for rule in rules for n in range(300)
]))
"""


def test_32_jitter_is_the_same_in_every_process() -> None:
    """A schedule's place in the herd depends on its name alone: not on the process, its seed for hashes, or the day it began."""
    answers, now = [], to_instant(datetime(2026, 1, 1, 9, tzinfo=UTC))
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", SPREAD, str(now)], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1] == answers[2]
    jittered, hashed = answers[0][:300], answers[0][300:]
    assert len(set(jittered)) > 295  # over ten minutes
    assert len(set(hashed)) > 250  # over a day of minutes
    rule = schedule_from_json({"rules": [{"cron": "0 0 * * *"}], "timezone": "UTC", "jitter": "10m"})
    ours = [compile_schedule(rule, seed=f"web/mail/{n}").next_after(now) for n in range(300)]
    assert ours == jittered
