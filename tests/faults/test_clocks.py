"""Nodes whose clocks are wrong, on a PostgreSQL ledger: the server's clock is the only one that counts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.report import Row
from tests.faults.scene import rota_toml, scene

SHORT = 5.0
FAKETIME = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


def clock_skew(
    row: Row, folder: Path, url: str, seed: int, seconds: float, off: list[dict[str, str]]
) -> None:
    """Two of four nodes have a wall clock that is ten minutes ahead, or behind."""
    with scene(folder, url, seed, rota_toml(40)) as made:
        for environment in (*off, {}, {}):
            made.start(**environment)
        made.start_some(0)
        time.sleep(2.0 + seconds)
        made.calm()
        recovery = made.settle(least=4)
        made.account(row, least=int(15 * seconds), recovery=recovery)
        offsets = [node.clock_offset or 0 for node in made.ledger.nodes(live=False)]
        print(f"clock offsets told: {[round(offset / 1e6, 3) for offset in offsets]}")
        assert min(offsets) < -500_000_000
        assert max(offsets) > 500_000_000


def preloaded() -> str:
    found = [str(path) for pattern in FAKETIME for path in Path("/").glob(pattern.lstrip("/"))]
    if not found:
        pytest.skip("libfaketime is not installed: make setup-system")
    return found[0]


def faked() -> list[dict[str, str]]:
    library = preloaded()
    return [
        {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        for offset in ("+10m", "-10m")
    ]  # fmt: skip


def injected() -> list[dict[str, str]]:
    return [{"ROTA_TEST_CLOCK_OFFSET": offset} for offset in ("600", "-600")]


def test_26_clock_skew_faketime(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    clock_skew(row, tmp_path, postgres_url, seed, SHORT, faked())


def test_26_clock_skew_injected(row: Row, tmp_path: Path, postgres_url: str, seed: int) -> None:
    clock_skew(row, tmp_path, postgres_url, seed, SHORT, injected())


@pytest.mark.long
def test_26_clock_skew_long(
    row: Row, tmp_path: Path, postgres_url: str, seed: int, long_seconds: float
) -> None:
    clock_skew(row, tmp_path, postgres_url, seed, long_seconds, faked())
