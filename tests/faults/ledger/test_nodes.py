"""Who is there and who is gone: there is no leader, names are labels, and a lost row hides no orphan."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.faults.ledger.props import Place
from tests.faults.ledger.stage import Stage, StagedNode
from tests.ledger.house import LEASE

from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.rescuer import Rescuer
from rota.model.run import State

ROOT = Path(__file__).resolve().parents[3]
RETRY = {"attempts": 3, "backoff": "1s", "jitter": 0.0}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.5, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "place", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)  # on SQLite, fault 6 is the same with eight processes
def test_19_two_leaders(place: Place, tmp_path: Path, seconds: float) -> None:
    """Oban #1488, oban-py #32: two that each believe to be the leader. Here every node is alike: five processes,
    forked from one that had used the ledger already, on one host and under one name, all fire."""
    noted = tmp_path / "starts.txt"
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.ledger.forked", place.url, str(seconds), str(noted), "5", "12"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, capture_output=True, text=True,
        timeout=seconds + 120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line.split() for line in noted.read_text().splitlines()]
    assert set(Counter(run for run, *_ in lines).values()) == {1}, "a run was started twice"
    ledger = place.open()
    nodes = ledger.nodes(live=False)
    assert len({node.id for node in nodes}) == len(nodes) == 5
    ended = min(node.beat_at for node in nodes)  # from then on there were fewer, and at last none
    begun = ledger.revisions()[0].applied_at
    working = len({pid for *_, pid in lines})
    place.audit(ledger, begun, Instant(ended - SECOND), processes=working, seconds=seconds)
    ledger.close()
    assert working > 1, "one process did it all: nothing was tried"


def silent_for_a_lease(stage: Stage, watcher: StagedNode) -> None:
    """Let the watcher see, through the real rescuer, that nobody else beats for a whole lease."""
    rescuer = Rescuer(
        watcher.ledger, LedgerThread(), stage.clock, lease=LEASE / SECOND, node=lambda: watcher.id, rescued=lambda: None
    )  # fmt: skip

    async def look() -> None:
        for _ in range(5):
            await rescuer.step()
            stage.clock.move(seconds=LEASE / SECOND / 3 + 0.1)
            watcher.beat()

    asyncio.run(look())
    rescuer._thread.close()


@pytest.mark.parametrize("how", ["pruned", "says that it left", "declared lost"])
def test_21_worker_row_pruned(stage: Stage, how: str) -> None:
    """Procrastinate #1518: with the worker's row, the orphan was gone from sight as well."""
    stage.rota(
        {
            "work": {"retry": RETRY},
            "tick": {"schedule": {"every": "5s"}, "overlap": "queue-all", "retry": RETRY},
        }
    )
    dead, other = stage.node(), stage.node()
    run = stage.house.enqueue("work")
    stage.clock.move(seconds=5)
    dead.fire()
    assert len(dead.claim()) == 2
    if how == "pruned":
        stage.sql(f"DELETE FROM rota_node WHERE id = '{dead.id}'")
    else:
        stage.sql(
            f"UPDATE rota_node SET state = '{'left' if 'left' in how else 'lost'}' WHERE id = '{dead.id}'"
        )
    other.beat()
    silent_for_a_lease(stage, other)
    assert stage.house.state(run) is State.WAITING
    assert not dead.beat()  # should it live after all, it learns that it holds nothing
    stage.pass_time(10, other)
    assert stage.house.told(run) == ("succeeded", None)
    stage.settle(other)
    stage.audit(how=how)


def test_21_history_is_not_pruned_from_under_a_node(stage: Stage) -> None:
    """What prunes old rows leaves every node that holds something, however long ago it was heard of."""
    stage.rota({"work": {"retry": RETRY}})
    dead, other = stage.node(), stage.node()
    run = stage.house.enqueue("work")
    dead.claim()
    stage.clock.move(days=40)
    other.beat()
    for _ in range(3):
        stage.ledger.prune(stage.now, 1000)
    assert {node.id for node in stage.ledger.nodes(live=False)} >= {dead.id}
    silent_for_a_lease(stage, other)
    stage.pass_time(5, other)
    assert stage.house.told(run) == ("succeeded", None)
    stage.audit()
