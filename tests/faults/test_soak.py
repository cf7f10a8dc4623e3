"""All together, for as long as one likes: random faults by seed, and nothing may grow."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rota.clock import Instant
from rota.ledger.records import RunFilter
from tests.faults.proxy import Proxy, proxy
from tests.faults.report import Row
from tests.faults.scene import LEASE, Scene, rota_toml, scene
from tests.faults.test_network import port_of

SHORT = 10.0
GROWTH = 40_000_000  # bytes that a node may have grown between its first third and its end


def soak(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    with proxy(port_of(url)) as way, scene(folder, url, seed, rota_toml(20)) as made:
        made.start_some(1, url=way.url(url))
        made.start_some(1)
        steady = made.nodes[1]
        sizes: list[int] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            what = made.chance.choice(
                ("kill", "freeze", "drain", "reset", "drop", "commit", "delay", "nothing")
            )
            print(f"soak: {what}")
            _harm(made, way, what, url, steady)
            sizes.append(_resident(steady.pid))
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=int(10 * seconds), recovery=recovery)
        first, last = max(sizes[: max(1, len(sizes) // 3)]), sizes[-1]
        print(f"resident: {first / 1e6:.0f} MB, at the end {last / 1e6:.0f} MB")
        assert last < first + GROWTH
        _can_be_pruned(made)


def _harm(made: Scene, way: Proxy, what: str, url: str, steady: object) -> None:
    others = [node for node in made.nodes if node is not steady]
    victim = made.chance.choice(others)
    pause = made.chance.uniform(0.3, 1.2) * LEASE
    match what:
        case "kill":
            made.kill(victim)
            made.start(url=way.url(url))
        case "freeze":
            made.freeze(victim)
            time.sleep(2 * pause)
            made.thaw(victim)
        case "drain":
            fresh = made.start(url=way.url(url))
            time.sleep(pause)
            if victim is not fresh:
                made.stop(victim)
        case "reset":
            way.reset_all()
        case "drop":
            way.drop = True
            time.sleep(2 * pause)
            way.drop = False
            way.reset_all()
        case "commit":
            way.commits_to_cut += 3
        case "delay":
            way.delay = 0.1
            time.sleep(pause)
            way.delay = 0.0
    time.sleep(pause)


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/statm")
    if not status.exists():  # macOS has no such file; what grows is watched where there is one
        return 0
    return int(status.read_text().split()[1]) * 4096


def _can_be_pruned(made: Scene) -> None:
    """History past its keep goes, all but what the unique key needs: the tables stay as large as retention says."""
    before = Instant(made.ledger.now() + 1)
    while made.ledger.prune(before, 500):
        pass
    left = len(made.ledger.runs(RunFilter(limit=100_000)))
    schedules = len(made.ledger.schedules(limit=10_000))
    assert left <= schedules, f"{left} runs are left of {schedules} schedules"


def test_40_soak(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    soak(row, tmp_path, postgres_url, seed, SHORT)


@pytest.mark.long
def test_40_soak_long(row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float) -> None:
    soak(row, tmp_path, postgres_url, seed, 4 * long_seconds)
