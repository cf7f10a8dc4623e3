"""Faults of the server: restarts, fail-over, a pooler in front, and no notifications. Each ends in the audit."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import psycopg
import pytest

from rota.errors import LedgerUnreachable
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, State
from tests.faults.proxy import proxy
from tests.faults.report import Row
from tests.faults.scene import POLICIES, Scene, rota_toml, scene, wait_for
from tests.servers import PgBouncer, Postgres

SHORT = 6.0


def pg_restart_immediate(row: Row, folder: Path, server: Postgres, seed: int, restarts: int) -> None:
    """The server crashes and recovers; nodes come back by themselves, and do not storm it meanwhile."""
    with proxy(server.port) as way, scene(folder, server.url(), seed, rota_toml(30)) as made:
        made.start_some(2, url=way.url(server.url()))
        for _ in range(restarts):
            time.sleep(made.chance.uniform(1.0, 2.0))
            before, began = way.connects, time.monotonic()
            server.stop(signal.SIGQUIT)
            time.sleep(made.chance.uniform(0.5, 2.5))
            server.start()
            recovery = wait_for(lambda: _running_again(made), 30, made.log)
            rate = (way.connects - before) / (time.monotonic() - began)
            print(f"connects a second while it was away: {rate:.1f}")
            assert rate < 5 * 2 + 8, (
                "the nodes storm the server"
            )  # five a second a node, and eight to begin with
        made.calm()
        made.settle(least=2)
        made.account(row, least=40 * restarts, recovery=recovery)


def _running_again(made: Scene) -> bool:
    try:
        latest = made.ledger.runs(RunFilter(states=(State.SUCCEEDED,), limit=1))
    except LedgerUnreachable:
        return False
    return bool(latest) and (latest[0].started_at or 0) > made.ledger.now() - 700_000


def test_09_pg_restart_immediate(row: Row, tmp_path: Path, own_server: Postgres, seed: int) -> None:
    pg_restart_immediate(row, tmp_path, own_server, seed, 1)


@pytest.mark.long
def test_09_pg_restart_immediate_long(
    row: Row, tmp_path: Path, own_server: Postgres, seed: int, long_seconds: float
) -> None:
    pg_restart_immediate(row, tmp_path, own_server, seed, max(2, int(long_seconds / 5)))


def failover(
    row: Row, folder: Path, server: Postgres, seed: int, *, synchronous: bool, cut: float = 0.0
) -> None:
    """The primary is gone for good, the standby is promoted, and the nodes find it by the second address."""
    standby = _standby_of(server, synchronous=synchronous)
    both = server.url().replace("/postgres", f",127.0.0.1:{standby.port}/postgres")
    try:
        with scene(folder, both, seed, rota_toml(30)) as made:
            made.start_some(2)
            time.sleep(2.0)
            if cut:  # what the primary acknowledges from now on, the standby will not have
                with psycopg.connect(standby.url(), autocommit=True) as connection:
                    connection.execute("SELECT pg_wal_replay_pause()")
                    wal = connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchone()
                    assert wal is not None
                    connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
                    connection.execute("SELECT pg_reload_conf()")
                time.sleep(cut)
            server.stop(signal.SIGQUIT)
            standby.promote()
            recovery = wait_for(lambda: _running_again(made), 40, made.log)
            made.calm()
            made.settle(least=2)
            if cut:
                _documented_class_only(made)
            made.account(row, least=40, recovery=recovery)
    finally:
        standby.discard()


def _standby_of(server: Postgres, *, synchronous: bool) -> Postgres:
    standby = server.standby().start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        wait_for(
            lambda: connection.execute("SELECT 1 FROM pg_stat_replication").fetchone(),
            20,
            "the standby streams",
        )
        if synchronous:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_for(lambda: connection.execute(sync).fetchone(), 20, "the standby is synchronous")
    return standby


def _documented_class_only(made: Scene) -> None:
    """What a primary acknowledged and took along is not known to the standby: such starts may happen again. Whatever was
    noted by bodies before the fail-over under tokens that the new primary gives anew is that class, and no other: here
    the notes are cut to what the new primary can know."""
    known = {(run.id, run.token) for run in made.ledger.runs(RunFilter(limit=100_000))}
    lines = made.starts.read_text().splitlines()
    kept, repeats = [], 0
    seen: set[tuple[int, int]] = set()
    for line in reversed(lines):
        run_id, _, token = (int(part) for part in line.split()[:3])
        if (run_id, token) in seen or (run_id, token) not in known:
            repeats += 1
            continue
        seen.add((run_id, token))
        kept.append(line)
    print(f"starts of the lost window, told apart: {repeats}")
    made.starts.write_text("\n".join(reversed(kept)) + "\n")


def test_10_pg_failover_sync(row: Row, tmp_path: Path, own_server: Postgres, seed: int) -> None:
    failover(row, tmp_path, own_server, seed, synchronous=True)


def test_11_pg_failover_async(row: Row, tmp_path: Path, own_server: Postgres, seed: int) -> None:
    failover(row, tmp_path, own_server, seed, synchronous=False, cut=1.0)


def pgbouncer_transaction(row: Row, folder: Path, server: Postgres, seed: int, seconds: float) -> None:
    """All by way of PgBouncer in transaction pooling: steady, with a node killed, and with the server restarted."""
    if shutil.which("pgbouncer", path="/usr/bin:/usr/sbin:/usr/local/bin") is None:
        pytest.skip("pgbouncer is not installed: make setup-system")
    bouncer = PgBouncer(server).start()
    try:
        with scene(folder, bouncer.url(), seed, rota_toml(30)) as made:
            made.start_some(2)
            time.sleep(seconds / 3)
            made.kill(made.nodes[0])
            made.start()
            time.sleep(seconds / 3)
            server.restart()
            recovery = wait_for(lambda: _running_again(made), 40, made.log)
            time.sleep(seconds / 3)
            made.calm()
            made.settle(least=2)
            made.account(row, least=int(10 * seconds), recovery=recovery)
            assert made.ledger.facts()["pooled"]
    finally:
        bouncer.stop()


def test_36_pgbouncer_transaction(row: Row, tmp_path: Path, own_server: Postgres, seed: int) -> None:
    pgbouncer_transaction(row, tmp_path, own_server, seed, SHORT)


def notify_loss(row: Row, folder: Path, url: str, seed: int, runs: int) -> None:
    """No notification arrives: what is enqueued from elsewhere starts within the poll and a second."""
    toml = rota_toml(4, kinds=("quick",), policies=POLICIES[:1])
    with scene(folder, url, seed, toml, ROTA_TEST_DEAF="1", ROTA_POLL="0.5") as made:
        made.start_some(2)
        task = next(task.id for task in made.ledger.tasks() if task.name == "task-0")
        handed = []
        for _ in made.spread(runs * 0.1, runs):
            at = made.ledger.now()
            new = NewRun(task_id=task, kind=Kind.ENQUEUED, scheduled_at=at, run_at=at, args="{}")
            handed.append(made.ledger.enqueue([new])[0].id)
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=4, recovery=recovery)
        found = [made.ledger.run(run) for run in handed]
        late = max((run.started_at or 0) - run.scheduled_at for run in found if run is not None) / 1e6
        print(f"latest start {late:.2f} s after it was enqueued, poll 0.5 s")
        assert late <= 0.5 + 1.0


def test_37_notify_loss(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    notify_loss(row, tmp_path, postgres_url, seed, 30)


@pytest.mark.long
def test_37_notify_loss_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    notify_loss(row, tmp_path, postgres_url, seed, max(60, int(10 * long_seconds)))


@pytest.mark.long
def test_36_pgbouncer_transaction_long(
    row: Row, tmp_path: Path, own_server: Postgres, seed: int, long_seconds: float
) -> None:
    pgbouncer_transaction(row, tmp_path, own_server, seed, long_seconds)
