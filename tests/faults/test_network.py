"""Faults between a node and its PostgreSQL server, through the tests' own proxy. Each ends in the audit."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from tests.faults.proxy import Proxy, proxy
from tests.faults.report import Row
from tests.faults.scene import LEASE, POLICIES, rota_toml, scene, wait_for

SHORT = 6.0


def port_of(url: str) -> int:
    return int(url.rpartition("@")[2].partition("/")[0].rpartition(":")[2])


def commit_unknown(row: Row, folder: Path, url: str, seed: int, cuts: int) -> None:
    """The connection is cut after the server has committed and before the node hears of it, again and again."""
    with proxy(port_of(url)) as way, scene(folder, url, seed, rota_toml(40)) as made:
        made.start_some(1, url=way.url(url))
        made.start_some(1)
        while way.cuts < cuts:
            way.commits_to_cut += 1
            wait_for(lambda: way.commits_to_cut == 0, 20, made.log)
            time.sleep(made.chance.uniform(0.05, 0.2))
        made.calm()
        recovery = made.settle(least=1)
        made.account(row, least=cuts, recovery=recovery)


def test_12_commit_unknown(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    commit_unknown(row, tmp_path, postgres_url, seed, 20)


@pytest.mark.long
def test_12_commit_unknown_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    commit_unknown(row, tmp_path, postgres_url, seed, max(40, int(3 * long_seconds)))


def partition_heal(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    """Half of the nodes lose the server, then the other half, each in its own way; then all is well again."""
    with (
        proxy(port_of(url)) as one,
        proxy(port_of(url)) as two,
        scene(folder, url, seed, rota_toml(30)) as made,
    ):
        made.start_some(1, url=one.url(url))
        made.start_some(1, url=two.url(url))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            way = made.chance.choice((one, two))
            heal = _part(way, made.chance.choice(("drop", "refuse", "reset", "half-close", "delay")))
            time.sleep(made.chance.uniform(1.0, 2.0) * LEASE)
            heal()
            time.sleep(made.chance.uniform(0.3, 1.0))
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=int(8 * seconds), recovery=recovery)
        assert recovery < LEASE + 20


def _part(way: Proxy, how: str):  # type: ignore[no-untyped-def]  # a function that heals
    print(f"parted: {how}")
    if how == "drop":
        way.drop = True
    elif how == "delay":
        way.delay = 0.15
    elif how == "half-close":
        way.half_close_all()
    else:
        way.refuse = how == "refuse"
        way.reset_all()

    def heal() -> None:
        if way.drop:
            way.reset_all()  # what stands between has forgotten these connections, and says so when it is back
        way.drop = way.refuse = False
        way.delay = 0.0

    return heal


def test_13_partition_heal(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    partition_heal(row, tmp_path, postgres_url, seed, SHORT)


@pytest.mark.long
def test_13_partition_heal_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    partition_heal(row, tmp_path, postgres_url, seed, long_seconds)


def half_open(row: Row, folder: Path, url: str, seed: int, seconds: float) -> None:
    """Packets of one node vanish without a word. It has to stop its own attempts before its lease ends, and others take
    them over within a lease and a sweep."""
    with (
        proxy(port_of(url)) as way,
        scene(folder, url, seed, rota_toml(20, kinds=("slow",), policies=POLICIES[:1])) as made,
    ):
        made.start_some(1, url=way.url(url))
        made.start_some(1)
        time.sleep(1.0)
        way.drop = True
        lost = wait_for(
            lambda: any(node.state == "lost" for node in made.ledger.nodes(live=False)), 20, made.log
        )
        print(f"taken over after {lost:.1f} s, lease {LEASE} s and a sweep of {LEASE / 3:.1f} s")
        time.sleep(seconds)
        assert "the lease of this node was lost" in made.log(100_000), "the node did not notice by itself"
        way.drop = False
        way.reset_all()  # what stands between has forgotten these connections, and says so when it is back
        made.calm()
        recovery = made.settle(least=2)
        made.account(row, least=30, recovery=recovery)


def test_14_half_open(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    half_open(row, tmp_path, postgres_url, seed, 2.0)


@pytest.mark.long
def test_14_half_open_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    half_open(row, tmp_path, postgres_url, seed, long_seconds)


def test_the_proxy_does_what_it_is_told(postgres_server: str) -> None:
    with proxy(port_of(postgres_server)) as way:
        url = way.url(postgres_server)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS proxy_test (n int)")
            connection.execute("TRUNCATE proxy_test")
            way.commits_to_cut = 1
            with pytest.raises(psycopg.OperationalError):  # noqa: PT012 - where in the transaction it breaks is the point
                connection.execute("BEGIN")
                connection.execute("INSERT INTO proxy_test VALUES (1)")
                connection.execute("COMMIT")
        assert way.cuts == 1
        with psycopg.connect(url, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM proxy_test").fetchone() == (1,), (
                "it was committed"
            )
            assert way.reset_all() == 1
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        way.refuse = True
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
