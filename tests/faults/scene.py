"""Nodes as processes on one ledger, started, killed, frozen and stopped by a test; and what they have to account for."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.load import load_file
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import State
from tests.faults.report import Row, checked

__all__ = ["LEASE", "Scene", "rota_toml", "wait_for"]

ROOT = Path(__file__).resolve().parents[2]
LEASE = 1.5  # seconds; a third of it between two looks at the others
SETTLED = 60.0  # seconds within which every run must be final once the faults are over
OPEN = (State.WAITING, State.RUNNING)

KINDS = ("quick", "slow", "failing", "in_a_thread", "in_a_process")
POLICIES = (
    'overlap = "allow"\ncatch_up = "all"\ncatch_up_limit = 1000\nretry = { attempts = 3, backoff = "100ms" }',
    'overlap = "skip"\ncatch_up = "latest"',
    'overlap = "queue"\ncatch_up = "all"\ncatch_up_limit = 5\nretry = { attempts = 4, backoff = "100ms" }',
    'overlap = "skip"\ncatch_up = "none"\ndeadline = "2s"',
)


def rota_toml(
    tasks: int, *, kinds: Sequence[str] = KINDS, every: str = "1s", policies: Sequence[str] = POLICIES
) -> str:
    """Mixed tasks: kinds and policies in all combinations, every other one a quick one."""
    entries = ['service = "faults"\n']
    for number in range(tasks):
        kind = "quick" if number % 2 else kinds[(number // 2) % len(kinds)]
        entries.append(
            f'[[task]]\nname = "task-{number}"\nrun = "tests.faults.site_tasks:{kind}"\n'
            f'schedule = {{ every = "{every}", jitter = "900ms" }}\nowner = "faults@example.org"\n'
            'expects = "every occurrence is accounted for"\nrollback = "nothing to put back"\n'
            + ('isolation = "thread"\n' if kind == "in_a_thread" else "")
            + policies[(number // 3) % len(policies)]
            + "\n"
        )
    return "\n".join(entries)


def wait_for(condition: Callable[[], object], within: float, what: Callable[[], str] | str) -> float:
    """Wait until a condition holds; returns how many seconds that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within:
            raise AssertionError(f"not within {within} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.02)  # there is no signal across processes; the condition is polled
    return time.monotonic() - began


@dataclass
class Scene:
    """One ledger, the nodes on it, and the dice of this run."""

    folder: Path
    url: str
    seed: int
    toml: str
    settings: dict[str, str] = field(default_factory=dict)
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.starts = self.folder / "starts.txt"
        (self.folder / "rota.toml").write_text(self.toml)
        self.ledger: Ledger = open_ledger(read_settings(database_url=self.url, lease=LEASE))
        self.since = self.ledger.now()
        self.calm_at: Instant | None = None

    # -- nodes

    def start(self, *, url: str | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """Start a node; ``url`` is its own way to the ledger, ``environment`` its own settings."""
        given = {
            **os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "ROTA_DATABASE_URL": url or self.url,
            "ROTA_TEST_STARTS": str(self.starts), "ROTA_LEASE": str(LEASE), "ROTA_HEARTBEAT": "0.4", "ROTA_POLL": "0.2",
            "ROTA_DRAIN": "5", **self.settings, **environment,
        }  # fmt: skip
        with (self.folder / "node.log").open("ab") as log:
            node = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.node"],
                cwd=self.folder, env=given, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.nodes.append(node)
        return node

    def start_some(self, count: int, **options: str) -> list[subprocess.Popen[bytes]]:
        nodes = [self.start(**options) for _ in range(count)]
        wait_for(lambda: len(self.ledger.nodes()) >= count and self.starts.exists(), 40, self.log)
        return nodes

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """kill -9."""
        node.kill()
        node.wait()
        self.nodes.remove(node)

    def freeze(self, node: subprocess.Popen[bytes]) -> None:
        node.send_signal(signal.SIGSTOP)

    def thaw(self, node: subprocess.Popen[bytes]) -> None:
        node.send_signal(signal.SIGCONT)

    def stop(self, node: subprocess.Popen[bytes]) -> int:
        """SIGTERM, and its exit code."""
        node.send_signal(signal.SIGTERM)
        code = node.wait(timeout=40)
        self.nodes.remove(node)
        return code

    def log(self, last: int = 4000) -> str:
        path = self.folder / "node.log"
        return path.read_text(errors="replace")[-last:] if path.exists() else ""

    # -- time under fire

    def spread(self, seconds: float, times: int) -> Iterator[int]:
        """So many moments, spread by chance over so many seconds."""
        gaps = [self.chance.random() for _ in range(times + 1)]
        for number in range(times):
            time.sleep(seconds * gaps[number] / sum(gaps))  # the faults' own timetable
            yield number
        time.sleep(seconds * gaps[times] / sum(gaps))

    # -- and then

    def calm(self) -> Instant:
        """The faults are over."""
        self.calm_at = self.ledger.now()
        return self.calm_at

    def settle(self, *, least: int = 1, graceful: bool = True) -> float:
        """Nothing new falls due, and what is open comes to its end; returns how many seconds that took."""
        if self.calm_at is None:
            self.calm()
        wait_for(lambda: len(self.ledger.nodes()) >= least and self.all_there(), 40, self.log)
        time.sleep(0.3)  # let occurrences of the last moment have their record
        self.until = self.ledger.now()
        self._apply_without_schedules()
        took = wait_for(lambda: not self._open(), SETTLED, lambda: f"{self._open()[:5]}\n{self.log()}")
        codes = [self.stop(node) for node in list(self.nodes)]
        if graceful:
            assert all(code == 0 for code in codes), f"exit codes {codes}\n{self.log()}"
        return took

    def all_there(self) -> bool:
        """Every node that was started has registered: one that comes later would bring the schedules back."""
        labels = {node.label.rpartition(":")[2] for node in self.ledger.nodes(live=False)}
        return all(str(node.pid) in labels for node in self.nodes) or "7" in labels

    def _apply_without_schedules(self) -> None:
        """The same tasks, so that what waits can still start; but nothing new falls due."""
        path = self.folder / "calm.toml"
        path.write_text(
            "\n".join(line for line in self.toml.splitlines() if not line.startswith("schedule ="))
        )
        apply(self.ledger, load_file(path), author="test", reason="nothing more falls due")

    def _open(self) -> list[tuple[int, str, str, str | None]]:
        found = self.ledger.runs(RunFilter(states=OPEN, limit=20))
        return [(run.id, run.task, run.state.value, run.node) for run in found]

    def account(self, row: Row, *, least: int, recovery: float | None = None) -> Row:
        """End in the audit: nothing lost, doubled, early or stale, and enough tried to mean something."""
        until = Instant(min(self.until, self.ledger.now()) - SECOND // 2)
        return checked(row, self.ledger, self.since, until, self.starts, self.seed, least, recovery, self.log)


@contextmanager
def scene(folder: Path, url: str, seed: int, toml: str, **settings: str) -> Iterator[Scene]:
    """A scene whose nodes are gone at its end, however it ends."""
    made = Scene(folder, url, seed, toml, settings)
    try:
        yield made
    finally:
        for node in made.nodes:
            if node.poll() is None:
                node.kill()
                node.wait()
        made.ledger.close()
