"""Bugs of others that no numbered fault covers, each under its name; and the list of all, held to the tests it names."""

from __future__ import annotations

import ast
import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.faults.ledger.bugs import BUGS
from tests.faults.ledger.props import Place
from tests.faults.ledger.stage import DUTY, Stage
from tests.ledger.house import LEASE, House

from rota import Rota
from rota.clock import SECOND
from rota.engine.rescuer import decide
from rota.errors import LedgerUnreachable
from rota.ledger.postgres.ledger import PostgresLedger
from rota.ledger.postgres.listener import channel_of
from rota.ledger.records import RunFilter
from rota.ledger.work import Orphan
from rota.model.lifecycle import Move
from rota.model.run import Kind, State
from rota.testing import ManualClock

TESTS = Path(__file__).resolve().parents[2]
ALL = RunFilter(limit=10_000)
RETRY = {"attempts": 3, "backoff": "1s", "jitter": 0.0}


def test_every_bug_is_held_by_tests_that_are_there() -> None:
    named = {test for bug in BUGS for test in bug.tests}
    assert named - found_in(TESTS.rglob("test_*.py")) == set()
    assert all(bug.tests and bug.wrong for bug in BUGS)
    files = Path(__file__).parent.glob("test_named_bugs*.py")
    ours = {name for name in found_in(files) if not name.startswith("test_every_bug_")}
    assert ours - named == set(), "a test that is named after a bug stands in no line of the list"


def test_every_bug_stands_on_the_page_about_them() -> None:
    page = (TESTS.parent / "docs" / "explanation" / "known-bugs-of-others.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ")][2:]
    assert lines == [bug.line() for bug in BUGS]


def found_in(paths: Iterable[Path]) -> set[str]:
    return {
        node.name
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_hexpm_pr_1825_a_long_run_of_a_living_node_is_left_alone(stage: Stage) -> None:
    """Forty-seven minutes are not too long: only a lease that runs out is."""
    stage.rota({"nightly": {"retry": RETRY}})
    working, other = stage.node(), stage.node()
    run = stage.house.enqueue("nightly")
    (claimed,) = working.claim()
    for _ in range(47 * 12):
        stage.clock.move(seconds=5)
        assert working.beat()
        other.beat()
        assert other.rescue() == 0
    assert other.claim() == []
    assert stage.house.run(run).token == claimed.token
    assert working.finish() == []
    assert stage.house.told(run) == ("succeeded", None)
    assert stage.audit().attempts == {"succeeded": 1}


def test_river_1258_all_that_a_dead_node_held_is_taken_over(stage: Stage) -> None:
    stage.rota({"work": {"retry": RETRY}})
    dead, other = stage.node(), stage.node()
    stage.ledger.enqueue([stage.house.new("work") for _ in range(5000)])
    while dead.claim():
        pass
    assert len(dead.holding) == 5000
    for _ in range(4):
        other.beat()
        other.rescue()
        stage.clock.move(seconds=LEASE / SECOND / 2)
    assert stage.runs(states=(State.RUNNING,)) == []
    stage.settle(other)
    assert stage.audit().states == {"succeeded": 5000}


def test_procrastinate_1408_a_rescuer_that_dies_or_is_full_is_no_obstacle(stage: Stage) -> None:
    """A rescue is no job that waits for a slot; one that is cut off half-way is done by the next node, wholly."""
    stage.rota({"work": {"retry": RETRY}})
    dead, cut_off, full = stage.node(), stage.node(own=True), stage.node()
    stage.ledger.enqueue([stage.house.new("work") for _ in range(20)])
    dead.claim(10)
    full.claim(10)  # all its slots are busy
    decided: list[int] = []

    def dies(orphan: Orphan) -> Move:
        decided.append(orphan.id)
        if len(decided) == 5:
            raise LedgerUnreachable("cut off")
        return decide(orphan)

    stage.clock.move(seconds=LEASE / SECOND / 2)
    full.beat()
    stage.clock.move(seconds=LEASE / SECOND / 2 + 1)
    with pytest.raises(LedgerUnreachable):
        cut_off.ledger.rescue([dead.id], dies)
    assert len(stage.runs(states=(State.RUNNING,))) == 20
    assert full.ledger.rescue([dead.id], decide) == 10
    assert full.finish() == []
    stage.settle(full)
    assert stage.audit().states == {"succeeded": 20}


@pytest.mark.parametrize(("attempts", "ends"), [(1, ("failed", "lost")), (2, ("succeeded", None))])
def test_solid_queue_591_a_lost_attempt_is_retried_as_its_task_says(
    stage: Stage, attempts: int, ends: tuple[str, str | None]
) -> None:
    stage.rota({"work": {"retry": {**RETRY, "attempts": attempts}}})
    dead, other = stage.node(), stage.node()
    run = stage.house.enqueue("work")
    dead.claim()
    stage.pass_time(2 * LEASE / SECOND + 5, other)
    assert stage.house.told(run) == ends
    assert stage.audit().attempts["lost"] == 1


def test_procrastinate_1158_a_record_that_is_there_ends_nothing(stage: Stage) -> None:
    """Somebody else's record of the very occurrence that is about to be fired, beside others."""
    stage.rota({"tick": {"schedule": {"every": "5s"}}, "other": {"schedule": {"every": "5s"}}})
    node = stage.node()
    stage.house.due("tick", after=5)
    stage.clock.move(seconds=5)
    assert node.fire() == 1
    node.claim()
    assert node.finish() == []
    stage.pass_time(10, node)
    assert Counter(run.task for run in stage.runs()) == {"tick": 3, "other": 3}
    stage.audit()


def test_river_1161_a_part_that_fails_is_tried_again_and_stops_no_other(place: Place) -> None:
    """One of a node's loops fails at its first steps: the others do their work, and it comes round."""
    rota = Rota("web", database_url=place.url, lease=3.0, heartbeat=0.3, poll=0.05, ahead=0.2)

    @rota.task(**DUTY, schedule={"every": "250ms"}, overlap="allow", catch_up="all")
    async def tick() -> None: ...

    ledger, failures = rota.ledger, Counter[str]()

    def failing(name: str, times: int) -> None:
        real = getattr(ledger, name)

        def once(*args: object, **more: object) -> object:
            if failures[name] < times:
                failures[name] += 1
                raise RuntimeError(f"{name} fails, for the {failures[name]}th time")
            return real(*args, **more)

        setattr(ledger, name, once)

    for name in ("sweep", "nodes", "fire", "claim", "finish"):
        failing(name, 2)

    async def scenario() -> None:
        async with rota.running() as node, asyncio.timeout(60):
            while sum(run.state is State.SUCCEEDED for run in ledger.runs(ALL)) < 6:
                await asyncio.sleep(0.05)
            assert set(node.pulse()) >= {"planner", "rescuer", "janitor", "heart"}

    asyncio.run(scenario())
    assert set(failures) == {"sweep", "nodes", "fire", "claim", "finish"}
    found = place.open()
    runs = found.runs(ALL)
    assert {(run.kind, run.attempt) for run in runs if run.state is State.SUCCEEDED} == {(Kind.SCHEDULED, 1)}
    place.audit(found, found.revisions()[0].applied_at, max(run.scheduled_at for run in runs))
    found.close()


def test_graphile_worker_552_a_batch_is_one_notify(postgres_url: str) -> None:
    """NOTIFY takes a lock of the whole server at each commit: one for a transaction, however much it hands in."""
    import psycopg

    clock = ManualClock()
    ledger = PostgresLedger(postgres_url, clock=clock)
    ledger.migrate()
    stage = Stage(House(ledger, clock, lambda: ledger), "postgresql")
    stage.rota({f"tick-{number}": {"schedule": {"every": "1s"}} for number in range(50)})
    node = stage.node()
    with psycopg.connect(ledger.address.url, autocommit=True) as ear:
        ear.execute(f"LISTEN {channel_of(ledger.address.schema)}".encode())
        ledger.enqueue([stage.house.new("tick-0", lane=None) for _ in range(500)])
        stage.clock.move(seconds=1)
        assert node.fire() == 50
        heard = list(ear.notifies(timeout=1.0, stop_after=10))
    assert 1 <= len(heard) <= 2
    node.claim()
    assert node.finish() == []
    stage.audit()
    ledger.close()
