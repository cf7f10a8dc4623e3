"""Promise 1 under kill -9: nodes die at random instants, and every occurrence still has exactly one record.

Short form: 12 kills within some 1,500 occurrences. Long form (`make faults`): 200 kills within 20,000.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.accounting import account

from rota.app import open_ledger, read_settings
from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger, RunFilter
from rota.model.run import State

ROOT = Path(__file__).resolve().parents[2]

KINDS = ("quick", "slow", "failing", "in_a_thread", "in_a_process")
POLICIES = (
    'overlap = "allow"\ncatch_up = "all"\ncatch_up_limit = 1000\nretry = { attempts = 3, backoff = "100ms" }',
    'overlap = "skip"\ncatch_up = "latest"',
    'overlap = "queue"\ncatch_up = "all"\ncatch_up_limit = 5\nretry = { attempts = 4, backoff = "100ms" }',
    'overlap = "skip"\ncatch_up = "none"\ndeadline = "2s"',
)


def rota_toml(tasks: int) -> str:
    """Mixed tasks, each due every second: kinds and policies in all combinations, mostly quick ones."""
    entries = ['service = "faults"\n']
    for number in range(tasks):
        kind = "quick" if number % 2 else KINDS[(number // 2) % len(KINDS)]
        entries.append(
            f'[[task]]\nname = "task-{number}"\nrun = "tests.faults.site_tasks:{kind}"\n'
            f'schedule = {{ every = "1s", jitter = "900ms" }}\nowner = "faults@example.org"\n'
            'expects = "every occurrence is accounted for"\nrollback = "nothing to put back"\n'
            + ('isolation = "thread"\n' if kind == "in_a_thread" else "")
            + POLICIES[(number // 3) % len(POLICIES)]
            + "\n"
        )
    return "\n".join(entries)


class Nodes:
    """`rota run` processes on one SQLite file, killed and started by the test."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.starts = folder / "starts.txt"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ROTA_DATABASE_URL": f"sqlite:///{folder / 'rota.db'}",
            "ROTA_TEST_STARTS": str(self.starts),
            "ROTA_LEASE": "1.5", "ROTA_HEARTBEAT": "0.4", "ROTA_POLL": "0.2", "ROTA_DRAIN": "5",
        }  # fmt: skip
        self.running = [self.start() for _ in range(count)]

    def start(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "node.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.node"],
                cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, which: int) -> None:
        """kill -9, and another one in its place."""
        victim = self.running[which]
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.running[which] = self.start()

    def stop(self) -> list[int]:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        return [process.wait(timeout=30) for process in self.running]

    def log(self) -> str:
        return (self.folder / "node.log").read_text(errors="replace")[-4000:]


def wait_for(condition, within: float, what: str) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.05)  # there is no signal across processes; the condition is polled


def ended(ledger: Ledger) -> bool:
    return not ledger.runs(RunFilter(states=(State.WAITING, State.RUNNING), limit=1))


def scenario(
    folder: Path, *, tasks: int, kills: int, nodes: int, gap: tuple[float, float], seed: int
) -> None:
    (folder / "rota.toml").write_text(rota_toml(tasks))
    chance = random.Random(seed)
    settings = read_settings(database_url=f"sqlite:///{folder / 'rota.db'}", lease=1.5)
    under_fire = Nodes(folder, nodes)
    try:
        ledger = open_ledger(settings)
        wait_for(
            lambda: under_fire.starts.exists() and len(ledger.nodes()) == nodes,
            30,
            f"nodes start: {under_fire.log()}",
        )
        since = ledger.now()
        for _ in range(kills):
            time.sleep(chance.uniform(*gap))  # the fault's own schedule
            under_fire.kill(chance.randrange(nodes))
        until = Instant(ledger.now() - SECOND // 2)
        wait_for(lambda: len(ledger.nodes()) >= nodes, 30, "the last node starts")
        # Nothing new falls due once the rota is retired, and what is open has to end: lease, sweep and retries.
        codes = settle(under_fire, ledger)
        found = account(ledger, since, until, under_fire.starts)
        print(f"\nseed {seed}, {kills} kills, {nodes} nodes: {found}")
        assert found.holds, (
            f"{found}\nlost {found.lost[:5]} doubled {found.doubled[:5]} early {found.early[:5]} open {found.open[:5]} restarted {found.restarted[:5]}\n{under_fire.log()}"
        )
        assert found.expected >= kills * tasks * gap[0] * 0.5
        assert found.attempts["lost"] > 0, "no kill hit a running attempt: the test tried nothing"
        assert codes == [0] * nodes
        ledger.close()
    finally:
        for process in under_fire.running:
            if process.poll() is None:
                process.kill()
                process.wait()


def settle(under_fire: Nodes, ledger: Ledger) -> list[int]:
    """Let what is under way end: an edit takes the schedules away, nothing new falls due, and the nodes go on."""
    path = under_fire.folder / "rota.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("schedule =")]
    path.write_text("\n".join(kept))
    extra = under_fire.start()
    try:
        wait_for(
            lambda: any("revision 2" in line for line in under_fire.log().splitlines()),
            20,
            "the edit is applied",
        )
        wait_for(lambda: ended(ledger), 60, "every run ends")
    finally:
        extra.send_signal(signal.SIGTERM)
        extra.wait(timeout=30)
    return under_fire.stop()


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2])
def test_kill_9_loses_and_doubles_nothing(tmp_path, nodes):
    scenario(tmp_path, tasks=60, kills=8, nodes=nodes, gap=(0.8, 2.2), seed=20_261_123 + nodes)


@pytest.mark.long
def test_two_hundred_kills_within_twenty_thousand_occurrences(tmp_path):
    scenario(tmp_path, tasks=80, kills=200, nodes=2, gap=(0.8, 1.8), seed=200)
