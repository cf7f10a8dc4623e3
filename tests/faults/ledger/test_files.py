"""One file and several processes; a power cut; a disk that is full and a file that may not be written to."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from tests.faults.ledger.props import Place
from tests.faults.ledger.stage import DUTY, Stage
from tests.faults.report import Row
from tests.faults.scene import rota_toml, scene, wait_for
from tests.ledger.house import House
from tests.ledger.sqlite.test_power_cut import copy, sound

from rota import Rota
from rota.clock import SECOND, Instant
from rota.events import LoopFailed
from rota.ledger.protocol import Ledger
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.model.run import FINAL, State
from rota.testing import ManualClock

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


# -- 6


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3, pytest.param(20, marks=pytest.mark.long)])
def test_06_sqlite_multiprocess(place: Place, tmp_path: Path, seconds: int) -> None:
    """Eight processes on one file, each with a node, and a ninth that hands runs in and looks all the while: nobody is
    told that the database is locked."""
    noted = tmp_path / "starts.txt"
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.ledger.forked", place.url, str(seconds), str(noted), "8", "50"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said: list[str] = []
    reading = threading.Thread(target=lambda: said.append(program.communicate()[1]))
    reading.start()
    ledger = place.open()
    asked, longest = 0, 0.0
    while program.poll() is None:
        began = time.monotonic()
        for _ in range(20):  # any fault of the ledger ends this test
            ledger.enqueue(
                [
                    House(ledger, ManualClock(), place.open, {"x": task.id}).new("x")
                    for task in ledger.tasks()[:1]
                ]
            )
            ledger.next_due()
            asked += 1
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)  # it is to share the file, not to take it
    reading.join(60)
    assert program.returncode == 0, said
    assert "locked" not in said[0]
    lines = [line.split() for line in noted.read_text().splitlines()]
    assert set(Counter(run for run, *_ in lines).values()) == {1}, "a run was started twice"
    nodes = ledger.nodes(live=False)
    assert len(nodes) == 8
    ended = min(node.beat_at for node in nodes)
    place.audit(
        ledger, ledger.revisions()[0].applied_at, Instant(ended - SECOND), processes=len({pid for *_, pid in lines}),
        fires=len(lines), asked=asked, longest=f"{longest / 20:.3f} s",
    )  # fmt: skip
    assert sound(tmp_path / "rota.db")
    ledger.close()


# -- 7


DUTIES = {
    "tick": {"schedule": {"every": "1s"}, "overlap": "allow", "catch_up": "all", "retry": {"attempts": 9, "backoff": "1s"}},
    "latest": {"schedule": {"every": "7s"}, "retry": {"attempts": 9, "backoff": "1s"}},
}  # fmt: skip


@pytest.mark.parametrize("cuts", [12, pytest.param(80, marks=pytest.mark.long)])
def test_07_sqlite_power_loss(place: Place, tmp_path: Path, row: Row, cuts: int, seed: int) -> None:
    """The power goes at any point between two commits or within one. What was acknowledged is there; what was not may be
    or not; and the node that starts on what is left accounts for everything."""
    chance, clock = random.Random(seed), ManualClock()
    begun, torn, folder = clock.now(), 0, tmp_path / "cut-0"
    folder.mkdir()
    for cut in range(1, cuts + 1):
        following = tmp_path / f"cut-{cut}"
        torn += life(folder, following, clock, chance)
        shutil.rmtree(folder)
        folder = following
        clock.move(seconds=chance.choice([0, 5, 60]))
    stage = opened(folder, clock, row)
    stage.settle(stage.node())
    stage.audit(begun, seed=seed, cuts=cuts, torn=torn)
    stage.ledger.close()
    assert torn > cuts // 4, "hardly a commit was torn: nothing was tried"


def opened(folder: Path, clock: ManualClock, row: Row | None = None) -> Stage:
    ledger = SqliteLedger(folder / "rota.db", clock=clock)
    ledger.migrate()
    stage = Stage(House(ledger, clock, lambda: ledger), "sqlite", row)
    stage.rota(DUTIES)
    return stage


def life(folder: Path, left: Path, clock: ManualClock, chance: random.Random) -> bool:
    """One node, from its start to the moment that the power goes; returns whether that was within a commit."""
    stage, log = opened(folder, clock), folder / "rota.db-wal"
    node = stage.node()
    stage.pass_time(chance.randrange(3, 20), node)
    clock.move(seconds=1)
    node.beat()
    node.fire()
    node.claim()
    before, size, pages = states(stage.ledger), log.stat().st_size, (folder / "rota.db").read_bytes()
    chance.choice([node.finish, partial(stage.house.enqueue, "tick"), node.turn])()
    after, whole = states(stage.ledger), log.stat().st_size
    path = copy(folder, left)
    torn = whole > size and (folder / "rota.db").read_bytes() == pages  # else the log was begun anew
    if torn:
        with path.with_name("rota.db-wal").open("r+b") as cut_short:
            cut_short.truncate(chance.randint(size, whole - 1))
    stage.ledger.close()
    held_to_its_word(path, before, after)
    return torn


def held_to_its_word(path: Path, before: dict[int, State], after: dict[int, State]) -> None:
    """All that was acknowledged before the last piece of work is there, and nothing that never was."""
    ledger = SqliteLedger(path, clock=ManualClock())
    there = states(ledger)
    ledger.close()
    assert all(there[run] in (state, after[run]) for run, state in before.items())
    assert set(there) <= set(after)
    assert sound(path)


def states(ledger: Ledger) -> dict[int, State]:
    return {run.id: run.state for run in House(ledger, ManualClock(), lambda: ledger).runs()}


# -- 8


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.0, pytest.param(20.0, marks=pytest.mark.long)])
def test_08_disk_full(place: Place, tmp_path: Path, row: Row, seed: int, seconds: float) -> None:
    """A node's process may not write a byte beyond some place of any file: as with a full disk, but for it alone."""
    with scene(tmp_path, place.url, seed, rota_toml(20, kinds=("quick", "slow"))) as made:
        (node,) = made.start_some(1)
        wait_for(lambda: len(recorded(made.ledger)) > 60 and largest(tmp_path) > 200_000, 40, made.log)
        limit = largest(tmp_path) // 2
        assert (tmp_path / "node.log").stat().st_size + 20_000 < limit
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        time.sleep(seconds)  # the fault's own duration
        wait_for(lambda: "trying again" in made.log(100_000), 30, made.log)
        assert node.poll() is None, made.log()
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        made.calm()
        stood = len(recorded(made.ledger))
        recovery = wait_for(lambda: len(recorded(made.ledger)) > stood + 20, 40, made.log)
        assert any(word in made.log(100_000) for word in ("no room", "does not answer as it should"))
        made.settle()
        made.account(row, least=40, recovery=recovery)
        assert sound(tmp_path / "rota.db")


def largest(folder: Path) -> int:
    """Bytes of the ledger's file or of its log, whichever has grown."""
    return max(path.stat().st_size for path in folder.glob("rota.db*") if path.suffix != ".db-shm")


def recorded(ledger: Ledger) -> list[int]:
    return [run for run, state in states(ledger).items() if state in FINAL]


def test_08_read_only(place: Place) -> None:
    """The file may not be written to for a while: told, tried again, and gone on with where it stood."""
    rota = Rota("web", database_url=place.url, lease=6.0, heartbeat=0.3, poll=0.05, ahead=0.2)

    @rota.task(**DUTY, schedule={"every": "250ms"}, overlap="allow", catch_up="all", catch_up_limit=1000)
    async def tick() -> None: ...

    store = rota.ledger._store  # type: ignore[attr-defined]  # the file is closed to writers from within

    def writable(yes: bool) -> None:
        with store._write_lock:
            store._writer.rows(f"PRAGMA query_only = {int(not yes)}")

    async def scenario() -> tuple[int, int, list[LoopFailed], Instant]:
        async with rota.running() as node, asyncio.timeout(60):
            told: list[LoopFailed] = []
            node.events.subscribe(lambda event: told.append(event) if isinstance(event, LoopFailed) else None)
            while len(states(rota.ledger)) < 4:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(writable, False)
            before = len(states(rota.ledger))
            await asyncio.sleep(1.5)  # the fault's own duration
            during = len(states(rota.ledger))
            await asyncio.to_thread(writable, True)
            while len(states(rota.ledger)) < during + 10:
                await asyncio.sleep(0.05)
            return before, during, told, rota.ledger.now()

    before, during, told, until = asyncio.run(scenario())
    assert during <= before + 1
    assert told
    assert all("cannot be written to" in event.error for event in told)
    ledger = place.open()
    runs = [
        run for run in House(ledger, ManualClock(), place.open).runs() if run.scheduled_at < until - SECOND
    ]
    assert {run.state for run in runs} == {State.SUCCEEDED}
    place.audit(ledger, ledger.revisions()[0].applied_at, Instant(until - SECOND), told=len(told))
    ledger.close()
