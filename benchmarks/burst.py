"""Many tasks due at one instant: from that instant until the last body has started, five rounds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rota_side import fill, median, percentile, rota_in, table, until_done
from rota.clock import SECOND, Instant

SIZES = (1_000, 10_000)
ROUNDS = 5


def burst(folder: Path, size: int) -> dict[str, float]:
    """``size`` runs due two seconds from now, one node with as many slots."""
    lags: list[float] = []
    bench = rota_in(folder, slots=size, ahead=1.5)

    @bench.task(
        name="start",
        owner="bench@example.org",
        expects="a lag is noted",
        rollback="nothing to put back",
        overlap="allow",
    )
    async def start() -> None:
        lags.append(time.time() - at / SECOND)

    at = Instant(0)
    fill(bench, 0)
    from benchmarks.rota_side import task_id
    from rota.model.run import Kind, NewRun

    ledger = bench.ledger
    at = Instant(ledger.now() + 3 * SECOND)
    run = NewRun(task_id=task_id(ledger, "start"), kind=Kind.DELAYED, scheduled_at=at, run_at=at)
    for _ in range(0, size, 1000):
        ledger.enqueue([run] * 1000)

    async def go() -> None:
        async with bench.running() as node:
            await until_done(node, ledger, every=0.1)

    asyncio.run(go())
    assert len(lags) == size
    return {"first": min(lags), "p50": percentile(lags, 0.5), "last": max(lags)}


def main() -> None:
    rows = []
    for size in SIZES:
        found = [json.loads(_in_a_fresh_process(size)) for _ in range(ROUNDS)]
        rows.append(
            [
                f"{size:,} due at one instant",
                *(f"{median([f[key] for f in found]) * 1000:.1f}" for key in ("first", "p50", "last")),
                f"{max(f['last'] for f in found) * 1000:.1f}",
            ]
        )
    table(["start after the instant, ms (medians of 5)", "first", "p50", "last", "worst last"], rows)


def _in_a_fresh_process(size: int) -> str:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.burst", str(size)], capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        print(json.dumps(burst(Path(folder), int(sys.argv[1]))))
