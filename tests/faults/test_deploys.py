"""Old and new side by side while a deploy rolls, and two nodes that share what is due. Each ends in the audit."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from rota.clock import SECOND, Instant
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, State
from rota.read.audit import audit
from tests.faults.scene import POLICIES, Scene, rota_toml, scene, wait_for

NEW = """[[task]]
name = "brand-new"
run = "tests.faults.site_tasks:brand_new"
schedule = { every = "1s" }
owner = "faults@example.org"
expects = "only nodes of the new revision run it"
rollback = "nothing to put back"
overlap = "allow"
"""


def told(made: Scene, what: str = "") -> list[tuple[int, int, str]]:
    """(run, token, code) of each body that began, or that ended."""
    found = []
    notes = made.starts.with_name(made.starts.name + what)
    for line in notes.read_text().splitlines() if notes.exists() else ():
        run_id, _, token, code = line.split()
        found.append((int(run_id), int(token), code))
    return found


def test_a_deploy_rolls_and_nothing_is_lost_or_done_by_the_wrong_code(
    tmp_path: Path, any_url: str, seed: int
) -> None:
    toml = rota_toml(12, kinds=("slow",), policies=POLICIES[:1])
    with scene(tmp_path, any_url, seed, toml) as made:
        old = made.start_some(2, ROTA_TEST_CODE="old")
        time.sleep(1.5)
        made.toml = toml + NEW
        (tmp_path / "rota.toml").write_text(made.toml)
        for node in old:
            made.start(ROTA_TEST_CODE="new", ROTA_APPLY_ON_START="true")
            wait_for(lambda: len(made.ledger.nodes()) >= 3, 40, made.log)
            time.sleep(1.0)  # side by side
            assert made.stop(node) == 0, made.log()
        time.sleep(1.0)
        assert len(made.ledger.revisions("faults")) == 2, "an old node has brought its revision back"
        made.settle(least=2)
        found = audit(made.ledger, made.since, Instant(made.until - SECOND // 2))
        assert found.holds, found.examples
        runs = {run.id: run for run in made.ledger.runs(RunFilter(limit=100_000))}
        codes: dict[int, set[str]] = defaultdict(set)
        for run_id, _, code in told(made):
            codes[run_id].add(code)
        fresh = [run.id for run in runs.values() if run.task == "brand-new" and run.state is State.SUCCEEDED]
        assert fresh
        assert all(codes[run_id] == {"new"} for run_id in fresh)
        assert {code for of in codes.values() for code in of} == {"old", "new"}
        both = [run_id for run_id, of in codes.items() if len(of) > 1]
        assert both == [], "a run began on one code and went on with the other"
        assert found.attempts["lost"] == 0


@pytest.mark.parametrize("slots", ["10"])
def test_no_node_hoards_what_another_could_start_now(
    tmp_path: Path, any_url: str, seed: int, slots: str
) -> None:
    toml = rota_toml(1, kinds=("slow",), policies=POLICIES[:1])
    with scene(tmp_path, any_url, seed, toml, ROTA_SLOTS=slots) as made:
        made.start_some(1, ROTA_TEST_CODE="a")
        made.start(ROTA_TEST_CODE="b")
        wait_for(lambda: len(made.ledger.nodes()) >= 2, 40, made.log)
        task = made.ledger.tasks()[0].id
        at = Instant(made.ledger.now() + SECOND)
        new = NewRun(task_id=task, kind=Kind.ENQUEUED, scheduled_at=at, run_at=at, args="{}")
        handed = {one.id for one in made.ledger.enqueue([new] * 120)}
        most: Counter[str] = Counter()
        while made.ledger.runs(
            RunFilter(states=(State.WAITING, State.RUNNING), kinds=(Kind.ENQUEUED,), limit=1)
        ):
            running = made.ledger.runs(RunFilter(states=(State.RUNNING,), limit=500))
            over = {
                run_id for run_id, _, _ in told(made, ".ends")
            }  # their outcomes are under way to the ledger
            for node, count in Counter(run.node or "" for run in running if run.id not in over).items():
                most[node] = max(most[node], count)
            time.sleep(0.02)
        made.settle(least=2)
        assert audit(made.ledger, made.since, Instant(made.until - SECOND // 2)).holds
        shares = Counter(code for run_id, _, code in told(made) if run_id in handed)
        print(f"shares {dict(shares)}, held at once at most {dict(most)}")
        assert max(most.values()) <= int(slots), "a node held more than it could carry out"
        assert min(shares["a"], shares["b"]) >= 120 // 4, shares
