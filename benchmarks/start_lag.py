"""Start lag of a once-a-second task over a minute, Rota and APScheduler one after the other, and fires lost.

Rota keeps every run in SQLite. APScheduler is measured with its store in memory, and with its SQLite job store.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rota_side import percentile, rota_in, table
from rota import Run

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
    async def tick(run: Run) -> None:
        lags.append(time.time() - run.scheduled / 1e6)

    async def run() -> None:
        async with bench.running():
            await asyncio.sleep(SECONDS + 2)

    asyncio.run(run())
    return lags[1 : SECONDS + 1]


def apscheduler(folder: Path) -> list[float]:
    from datetime import UTC

    from apscheduler.schedulers.background import BackgroundScheduler

    return _apscheduler(BackgroundScheduler(timezone=UTC))


def apscheduler_sqlite(folder: Path) -> list[float]:
    from datetime import UTC

    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.db'}")
    return _apscheduler(BackgroundScheduler(jobstores={"default": store}, timezone=UTC))


def note() -> None:
    """The peer's body; its second is what it was due at."""
    LAGS.append(time.time() % 1)


LAGS: list[float] = []


def _apscheduler(scheduler: Any) -> list[float]:
    scheduler.add_job("benchmarks.start_lag:note", "cron", second="*")
    scheduler.start()
    time.sleep(SECONDS + 2)
    scheduler.shutdown()
    lags: list[float] = importlib.import_module("benchmarks.start_lag").LAGS  # as the scheduler imports it
    return lags[1 : SECONDS + 1]


def main() -> None:
    rows = []
    for name in ("rota", "apscheduler", "apscheduler_sqlite"):
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
