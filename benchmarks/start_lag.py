"""Start lag of a once-a-second task over a minute, Rota and APScheduler side by side in turn, and fires lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rota_side import percentile, rota_in, table

SECONDS = 60


def rota(folder: Path) -> list[float]:
    lags: list[float] = []
    bench = rota_in(folder)

    @bench.task(
        name="tick",
        schedule={"every": "1s"},
        owner="bench@example.org",
        expects="a lag is noted",
        rollback="nothing to put back",
        overlap="allow",
    )
    async def tick(run: object) -> None:
        lags.append(time.time() - run.scheduled / 1e6)  # type: ignore[attr-defined]  # a rota.Run

    tick.__annotations__["run"] = __import__("rota").Run

    async def run() -> None:
        async with bench.running():
            await asyncio.sleep(SECONDS + 2)

    asyncio.run(run())
    return lags[1 : SECONDS + 1]


def apscheduler(folder: Path) -> list[float]:
    from datetime import UTC

    from apscheduler.schedulers.background import BackgroundScheduler

    lags: list[float] = []
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(lambda: lags.append(time.time() % 1), "cron", second="*")
    scheduler.start()
    time.sleep(SECONDS + 2)
    scheduler.shutdown()
    return lags[1 : SECONDS + 1]


def main() -> None:
    rows = []
    for name in ("rota", "apscheduler"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.start_lag", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{name}: not measured ({done.stderr.strip().splitlines()[-1]})")
            continue
        lags = json.loads(done.stdout)
        shown = [f"{percentile(lags, share) * 1000:.2f}" for share in (0.5, 0.9, 0.99)]
        rows.append([name, len(lags), *shown, f"{max(lags) * 1000:.2f}", f"{min(lags) * 1000:.2f}"])
    table(["start lag, ms", "fires", "p50", "p90", "p99", "max", "earliest"], rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        print(json.dumps(globals()[sys.argv[1]](Path(folder))))
