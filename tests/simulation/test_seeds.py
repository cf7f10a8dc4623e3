"""Thousands of histories, each with its own crashes, losses, freezes and set clocks; none breaks a promise.

Short form: 200 seeds over the real SQL, 40 of them over the model as well. Long form (`make faults`): 10,000 and 1,000,
or as many as ROTA_SIMULATION_SEEDS says, from ROTA_SIMULATION_SEED on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.simulation.model import ModelLedger
from tests.simulation.scenario import play, play_some
from tests.simulation.world import FATES

ROOT = Path(__file__).resolve().parents[2]
FIRST = int(os.environ.get("ROTA_SIMULATION_SEED", "0"))
OUTSIDE = tuple(fate for fate in FATES if fate != "crash inside")  # a call of the model has no inside
OFTEN = ("claim", "finish", "fire", "heartbeat", "next_waiting", "nodes", "sweep")
"""Calls at each of which every fate has to come about often enough to mean something."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def _agree(seed: int) -> None:
    real, model = play(seed, fates=OUTSIDE), play(seed, fates=OUTSIDE, ledger=ModelLedger)
    assert real.outcome == model.outcome, f"seed {seed}: the SQL and the model part ways"
    assert real.digest == model.digest, f"seed {seed}"
    assert len(real.outcome) > 10


@pytest.mark.parametrize("part", range(8))
def test_two_hundred_seeds(part: int) -> None:
    first = FIRST + 25 * part
    hits, starts = play_some(range(first, first + 25))
    assert starts > 25 * 10
    assert hits.total() > 100


@pytest.mark.parametrize("part", range(4))
def test_the_real_sql_and_the_model_make_the_same_history(part: int) -> None:
    for seed in range(FIRST + 10 * part, FIRST + 10 * (part + 1)):
        _agree(seed)


def test_a_seed_makes_the_same_history_in_every_process() -> None:
    told = "from tests.simulation.scenario import play; print(play(7).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        ).stdout
        for hashes in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.long
def test_ten_thousand_seeds() -> None:
    count = int(os.environ.get("ROTA_SIMULATION_SEEDS", "10000"))
    batch = 50
    parts = [range(n, min(n + batch, FIRST + count)) for n in range(FIRST, FIRST + count, batch)]
    hits: Counter[str] = Counter()
    starts = 0
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for some, more in pool.map(play_some, parts):
            hits += some
            starts += more
    print(f"\n{count} seeds from {FIRST}: {starts} starts, nothing broken")
    for what, times in sorted(hits.items()):
        print(f"  {times:8,d}  {what}")
    if count >= 10_000:
        rare = {f"{fate}: {call}" for fate in FATES for call in OFTEN if hits[f"{fate}: {call}"] < 50}
        assert not rare, f"tried too seldom to mean anything: {rare}"


@pytest.mark.long
def test_the_model_agrees_on_a_thousand_seeds() -> None:
    count = int(os.environ.get("ROTA_SIMULATION_SEEDS", "10000")) // 10
    for seed in range(FIRST, FIRST + count):
        _agree(seed)
