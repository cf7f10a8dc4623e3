"""Two releases on one ledger: the newer migrates it while the older serves, and is rolled back again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.faults.ledger.props import Place, beside
from tests.faults.ledger.stage import DUTY, Stage, StagedNode

from rota import Rota
from rota.clock import SECOND, Instant
from rota.errors import LedgerVersion
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.ledger.sql import ledger as sql_ledger
from rota.model.run import State

ROOT = Path(__file__).resolve().parents[3]
UP = "CREATE TABLE rota_later (id integer PRIMARY KEY); ALTER TABLE rota_run ADD COLUMN later text;"
DOWN = "ALTER TABLE rota_run DROP COLUMN later; DROP TABLE rota_later;"
TICKS = {f"tick-{n}": {"schedule": {"every": "1s"}, "overlap": "allow", "catch_up": "all"} for n in range(6)}


def of_the_next_release(ledger: Ledger) -> Ledger:
    """The same build, with one migration more."""
    known = ledger._known  # type: ignore[attr-defined]  # of every SQL ledger
    ledger._known = {**known, max(known) + 1: (UP, DOWN)}  # type: ignore[attr-defined]
    return ledger


def test_38_mixed_version_upgrade(stage: Stage) -> None:
    """Old nodes serve, in threads, while the new release comes, serves, and is rolled back: they are refused in between,
    each time wholly, and go on when they may."""
    stage.rota(TICKS)
    old = [stage.node(own=True) for _ in range(2)]
    newer = of_the_next_release(stage.house.open())
    over, refused = threading.Event(), [0, 0]

    def serve(which: int, node: StagedNode) -> None:
        while not over.is_set():
            try:
                node.turn()
            except LedgerVersion:
                refused[which] += 1
                over.wait(0.01)

    serving = [beside(lambda which=which, node=node: serve(which, node)) for which, node in enumerate(old)]
    try:
        run_for(stage, 3)
        version = newer.version()[0]
        assert newer.migrate() == (version, version + 1)
        stage.reapply(newer)
        new = StagedNode(stage, newer, stage_node(newer, stage))
        stage.clock.move(seconds=6)  # the time within which the old ones look at the version again
        wait_until(lambda: all(refused))
        before = len(newer.runs(RunFilter(limit=10_000)))
        for _ in range(10):
            stage.clock.move(seconds=1)
            new.turn()
        assert len(newer.runs(RunFilter(limit=10_000))) >= before + 10 * len(TICKS)
        newer.leave(new.id)
        assert newer.migrate(version) == (version + 1, version)
        run_for(stage, 5)
    finally:
        over.set()
    for one in serving:
        one.result(30)
    after = stage.node()
    stage.settle(after, *old)
    assert {run.state for run in stage.runs()} == {State.SUCCEEDED}
    stage.audit(refused=sum(refused))


def run_for(stage: Stage, seconds: int) -> None:
    """Let virtual time pass at a pace at which threads can follow."""
    for _ in range(seconds * 5):
        stage.clock.move(milliseconds=200)
        threading.Event().wait(0.02)


def wait_until(condition: object) -> None:
    deadline = threading.Event()
    for _ in range(1000):
        if condition():  # type: ignore[operator]  # a function without arguments
            return
        deadline.wait(0.02)
    raise AssertionError("not within twenty seconds")


def stage_node(ledger: Ledger, stage: Stage) -> str:
    """Register a node of the new release."""
    from tests.ledger.house import House

    return House(ledger, stage.clock, lambda: ledger).node("new-release")


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)
def test_38_a_node_that_is_refused_goes_on_when_it_may(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real node under which the ledger is migrated: it writes nothing, lives, says why, and takes up again."""
    monkeypatch.setattr(sql_ledger, "LOOK_AGAIN", 0.1)
    rota = Rota("web", database_url=place.url, lease=3.0, heartbeat=0.3, poll=0.1, ahead=0.2)

    @rota.task(**DUTY, schedule={"every": "250ms"}, overlap="allow", catch_up="all", catch_up_limit=1000)
    async def tick() -> None: ...

    newer = of_the_next_release(place.open())

    def count() -> int:
        return len(newer.runs(RunFilter(limit=10_000)))

    async def scenario() -> tuple[int, int, Instant]:
        version = await asyncio.to_thread(lambda: newer.version()[0])
        async with rota.running(), asyncio.timeout(60):
            while len(rota.ledger.runs(RunFilter())) < 4:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(newer.migrate)
            before = -1
            while before != (during := count()):  # what was under way ends
                before = during
                await asyncio.sleep(0.7)
            await asyncio.sleep(1.0)  # and nothing follows
            during = count()
            await asyncio.to_thread(newer.migrate, version)
            while True:
                try:
                    if len(rota.ledger.runs(RunFilter(limit=1000))) >= during + 10:
                        break
                except LedgerVersion:
                    pass
                await asyncio.sleep(0.05)
            return before, during, rota.ledger.now()

    before, during, until = asyncio.run(scenario())
    assert before == during
    ledger = place.open()
    place.audit(ledger, ledger.revisions()[0].applied_at, Instant(until - SECOND))
    ledger.close()
    newer.close()


def test_38_an_older_release_refuses_to_start_and_says_what_to_do(place: Place, tmp_path: Path) -> None:
    newer = of_the_next_release(place.open())
    newer.migrate()
    newer.close()
    (tmp_path / "rota.toml").write_text(
        'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\nowner = "faults@example.org"\n'
        'expects = "it is refused"\nrollback = "nothing to put back"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "rota", "run", "--no-pages"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "ROTA_DATABASE_URL": place.url}, check=False,
    )  # fmt: skip
    assert done.returncode == 4  # the ledger is not to be had
    assert "the ledger is newer than this build" in done.stderr
    assert "install the newer Rota" in done.stderr
    assert "Traceback" not in done.stderr
    again = of_the_next_release(place.open())
    assert again.tasks() == []  # nothing was written
    again.close()
