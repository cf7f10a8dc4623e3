"""Faults of processes: killed, frozen, restarted, blocked. Each ends in the audit."""

from __future__ import annotations

import time
from pathlib import Path

import apsw
import pytest

from rota.clock import SECOND
from rota.ledger.records import RunFilter
from rota.model.run import State
from tests.faults.report import Row
from tests.faults.scene import LEASE, POLICIES, Scene, rota_toml, scene, wait_for

SHORT = 6.0  # seconds under fire in the short form
QUIET = ("quick", "slow", "in_a_thread")


def steady_state(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    """No fault at all: what is measured here is what the others are held against."""
    with scene(folder, url, seed, rota_toml(40)) as made:
        made.start_some(2)
        time.sleep(seconds)
        made.settle()
        made.account(row, least=int(20 * seconds))


def test_01_steady_state(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    steady_state(row, tmp_path, postgres_url, seed, SHORT)


@pytest.mark.long
def test_01_steady_state_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    steady_state(row, tmp_path, postgres_url, seed, long_seconds)


def kill9(row: Row, folder: Path, url: str, seed: int, seconds: float, *, nodes: int = 2) -> None:
    """One node after the other dies by kill -9, and another comes in its place."""
    with scene(folder, url, seed, rota_toml(60)) as made:
        made.start_some(nodes)
        for _ in made.spread(seconds, max(3, int(seconds / 1.5))):
            made.kill(made.chance.choice(made.nodes))
            made.start()
        made.calm()
        recovery = made.settle(least=nodes)
        made.account(row, least=int(15 * seconds), recovery=recovery)
        assert row.values["attempts lost"] > 0, "no kill hit a running attempt: nothing was tried"


def test_02_kill9_worker_pg(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    kill9(row, tmp_path, postgres_url, seed, SHORT, nodes=3)


@pytest.mark.long
def test_02_kill9_worker_pg_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    kill9(row, tmp_path, postgres_url, seed, long_seconds, nodes=3)


def kill9_all(row: Row, folder: Path, url: str, seed: int, outages: int) -> None:
    """All die at once, again and again; what fell due meanwhile is treated exactly as each policy says."""
    with scene(folder, url, seed, rota_toml(30)) as made:
        made.start_some(2)
        for _ in range(outages):
            time.sleep(made.chance.uniform(0.7, 1.5))
            for node in list(made.nodes):
                made.kill(node)
            time.sleep(made.chance.uniform(1.0, 3.0))  # nobody is there
            made.start()
            made.start()
            wait_for(lambda: len(made.ledger.nodes()) >= 2, 30, made.log)
            wait_for(lambda: _fresh(made), 30, made.log)
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=60 * outages, recovery=recovery)


def _fresh(made: Scene) -> bool:
    """Something has started within the last second: the nodes are at it again."""
    latest = made.ledger.runs(RunFilter(states=(State.SUCCEEDED,), limit=1))
    return bool(latest) and (latest[0].started_at or 0) > made.ledger.now() - 1_000_000


def test_03_kill9_all(row: Row, tmp_path: Path, any_url: str, seed: int) -> None:
    kill9_all(row, tmp_path, any_url, seed, outages=1)


@pytest.mark.long
def test_03_kill9_all_long(row: Row, tmp_path: Path, any_url: str, seed: int, long_seconds: float) -> None:
    kill9_all(row, tmp_path, any_url, seed, outages=max(2, int(long_seconds / 6)))


def kill9_sqlite(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    """The single process dies again and again; the file is whole each time."""
    with scene(folder, url, seed, rota_toml(60)) as made:
        made.start_some(1)
        for _ in made.spread(seconds, max(3, int(seconds / 2))):
            made.kill(made.nodes[0])
            file = apsw.Connection(
                str(folder / "rota.db")
            )  # the ledger's own library: two would undo each other's locks
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            file.close()
            made.start()
        made.calm()
        recovery = made.settle()
        made.account(row, least=int(15 * seconds), recovery=recovery)
        assert row.values["attempts lost"] > 0


def test_05_kill9_sqlite(row: Row, tmp_path: Path, sqlite_url: str, seed: int) -> None:
    kill9_sqlite(row, tmp_path, sqlite_url, seed, SHORT)


@pytest.mark.long
def test_05_kill9_sqlite_long(
    row: Row, tmp_path: Path, sqlite_url: str, seed: int, long_seconds: float
) -> None:
    kill9_sqlite(row, tmp_path, sqlite_url, seed, long_seconds)


SLOW = {f"task-{number}" for number in range(0, 30, 4)}
"""Of the tasks of ``sigstop_zombie``, those that take 0.4 s; the others are over at once."""


def _all_just_began(made: Scene) -> bool:
    """Whether both nodes are in the middle of an attempt that takes a while yet, whichever of them is to be frozen."""
    now = made.ledger.now()
    slow = [
        run for run in made.ledger.runs(RunFilter(states=(State.RUNNING,), limit=200)) if run.task in SLOW
    ]
    return len({run.node for run in slow if 0 <= now - (run.started_at or 0) <= SECOND // 5}) >= 2


def sigstop_zombie(row: Row, folder: Path, url: str, seed: int, rounds: int) -> None:
    """A node is frozen for three times its lease in the middle of its attempts, then goes on."""
    with scene(
        folder, url, seed, rota_toml(30, kinds=("slow", "in_a_process"), policies=POLICIES[:1])
    ) as made:
        made.start_some(2)
        for _ in range(rounds):
            zombie = made.chance.choice(made.nodes)
            wait_for(lambda: _all_just_began(made), 20, made.log)
            made.freeze(zombie)
            time.sleep(3 * LEASE)
            made.thaw(zombie)
            time.sleep(LEASE)
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=60 * rounds, recovery=recovery)
        assert any(node.state == "lost" for node in made.ledger.nodes(live=False))
        assert row.values["attempts lost"] > 0


def test_15_sigstop_zombie(row: Row, tmp_path: Path, any_url: str, seed: int) -> None:
    sigstop_zombie(row, tmp_path, any_url, seed, 1)


@pytest.mark.long
def test_15_sigstop_zombie_long(
    row: Row, tmp_path: Path, any_url: str, seed: int, long_seconds: float
) -> None:
    sigstop_zombie(row, tmp_path, any_url, seed, max(2, int(long_seconds / (4 * LEASE))))


def event_loop_block(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    """A task blocks the event loop for twice the lease: the heart beats on a thread of its own."""
    toml = rota_toml(10) + rota_toml(1).split("[[task]]")[1].join(("[[task]]", "")).replace("task-0", "blocker").replace(
        "site_tasks:quick", "site_tasks:blocking").replace("site_tasks:slow", "site_tasks:blocking").replace(
        'every = "1s"', 'every = "4s"')  # fmt: skip
    with scene(folder, url, seed, toml, ROTA_TEST_BLOCK=str(2 * LEASE)) as made:
        made.start_some(2)
        time.sleep(seconds)
        made.calm()
        recovery = made.settle(least=1)
        made.account(row, least=20, recovery=recovery)
        blocked = made.ledger.runs(RunFilter(task="blocker", states=(State.SUCCEEDED,), limit=10))
        assert blocked, "the loop was never blocked"


def test_16_event_loop_block(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    event_loop_block(row, tmp_path, postgres_url, seed, SHORT)


@pytest.mark.long
def test_16_event_loop_block_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    event_loop_block(row, tmp_path, postgres_url, seed, long_seconds)


def identity_reuse(row: Row, folder: Path, url: str, seed: int, rounds: int) -> None:
    """A container is started again under the same host name and process id while its work is under way: a name is no
    identity, and what the first life held is taken over."""
    same = {"ROTA_TEST_HOST": "web-1", "ROTA_TEST_PID": "7"}
    with scene(folder, url, seed, rota_toml(20, kinds=("slow",), policies=POLICIES[:1])) as made:
        made.start_some(1, **same)
        for done in range(rounds):
            wait_for(lambda: made.ledger.runs(RunFilter(states=(State.RUNNING,), limit=1)), 20, made.log)
            time.sleep(made.chance.uniform(0.5, 1.0))
            made.kill(made.nodes[0])
            made.start(**same)
            lives = 2 + done
            wait_for(lambda: len(made.ledger.nodes(live=False)) >= lives, 30, made.log)  # noqa: B023 - called at once
            wait_for(lambda: _fresh(made), 30, made.log)
        time.sleep(1.5)  # a life of its own, so that there is something to account for
        made.calm()
        recovery = made.settle(least=1)
        made.account(row, least=20 * rounds, recovery=recovery)
        nodes = made.ledger.nodes(live=False)
        assert {node.label for node in nodes} == {"web-1:7"}
        assert len({node.id for node in nodes}) == len(nodes) >= rounds + 1
        assert row.values["attempts lost"] > 0


def test_20_identity_reuse(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    identity_reuse(row, tmp_path, postgres_url, seed, 1)


@pytest.mark.long
def test_20_identity_reuse_long(
    row: Row, tmp_path: Path, any_url: str, seed: int, long_seconds: float
) -> None:
    identity_reuse(row, tmp_path, any_url, seed, max(2, int(long_seconds / 4)))


def tick_in_handover(row: Row, folder: Path, url: str, seed: int, times: int) -> None:
    """A node is stopped within 50 ms of an instant at which something falls due, and another starts then."""
    with scene(folder, url, seed, rota_toml(20, kinds=QUIET).replace(', jitter = "900ms"', "")) as made:
        made.start_some(1)
        for _ in range(times):
            other = made.start()
            wait_for(
                made.all_there, 30, made.log
            )  # one that is not there yet does not know what to do with a signal
            until_tick = 1_000_000 - made.ledger.now() % 1_000_000
            time.sleep(max(0.0, (until_tick + made.chance.randint(-50_000, 50_000)) / 1e6))
            leaving = next(node for node in made.nodes if node is not other)
            if made.chance.random() < 0.5:
                made.kill(leaving)
            else:
                assert made.stop(leaving) == 0, made.log()
        made.calm()
        recovery = made.settle(least=1)
        made.account(row, least=20 * times, recovery=recovery)


def test_22_tick_in_handover(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    tick_in_handover(row, tmp_path, postgres_url, seed, 3)


@pytest.mark.long
def test_22_tick_in_handover_long(
    row: Row, tmp_path: Path, any_url: str, seed: int, long_seconds: float
) -> None:
    tick_in_handover(row, tmp_path, any_url, seed, max(4, int(long_seconds / 2)))
