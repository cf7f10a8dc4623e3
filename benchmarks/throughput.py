"""Durable runs a second on SQLite: no-op tasks that are due already, claimed, carried out and finished by one process.

All three keep their jobs in a SQLite file. Rota's runs are async no-ops in one node (synchronous=FULL);
Huey's are no-ops in its consumer (SqliteHuey with fsync, four threads); APScheduler's are date jobs of a
BackgroundScheduler with the SQLAlchemy job store. Each runs in a fresh process, in turn, five rounds.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rota_side import fill, median, rota_in, table, until_done

ROUNDS = 5
RUNS = {"rota": 20_000, "huey": 3_000, "apscheduler": 1_000}


def rota(folder: Path, count: int) -> float:
    bench = rota_in(folder, slots=1000)
    fill(bench, count)

    async def run() -> float:
        began = time.perf_counter()
        async with bench.running() as node:
            await until_done(node, bench.ledger)
            return count / (time.perf_counter() - began)

    return asyncio.run(run())


def huey(folder: Path, count: int) -> float:
    from threading import Event

    from huey import SqliteHuey

    queue = SqliteHuey(filename=str(folder / "huey.db"), fsync=True, results=False)
    done, seen = Event(), []

    @queue.task()
    def no_op() -> None:
        seen.append(None)
        if len(seen) == count:
            done.set()

    for _ in range(count):
        no_op()
    consumer = queue.create_consumer(
        workers=4, periodic=False, backoff=1.0, initial_delay=0.001, max_delay=0.001
    )
    began = time.perf_counter()
    consumer.start()
    done.wait()
    rate = count / (time.perf_counter() - began)
    consumer.stop(graceful=True)
    return rate


_seen: list[None] = []


def _no_op() -> None:
    _seen.append(None)


def apscheduler(folder: Path, count: int) -> float:
    from datetime import UTC, datetime

    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.db'}")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start(paused=True)
    due = datetime.now(UTC)
    for _ in range(count):
        scheduler.add_job("benchmarks.throughput:_no_op", "date", run_date=due, misfire_grace_time=None)
    counted = importlib.import_module(
        "benchmarks.throughput"
    )  # as the scheduler imports it; this file runs as __main__
    began = time.perf_counter()
    scheduler.resume()
    while len(counted._seen) < count:
        time.sleep(0.002)  # the peer offers no signal that costs less
    rate = count / (time.perf_counter() - began)
    scheduler.shutdown(wait=False)
    return rate


def main() -> None:
    rates: dict[str, list[float]] = {name: [] for name in RUNS}
    for _ in range(ROUNDS):
        for name in RUNS:
            rate = _in_a_fresh_process(name)
            if rate is not None:
                rates[name].append(rate)
    ours = median(rates["rota"])
    rows = [
        [
            name,
            _version(name),
            RUNS[name],
            f"{min(r):,.0f}",
            f"{median(r):,.0f}",
            f"{max(r):,.0f}",
            f"{ours / median(r):.1f}",
        ]
        for name, r in rates.items()
        if r
    ]
    table(["durable runs/s", "version", "runs", "min", "median", "max", "rota is x"], rows)


def _in_a_fresh_process(name: str) -> float | None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.throughput", name], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(
            f"{name}: not measured ({done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode})"
        )
        return None
    return float(done.stdout.split()[-1])


def _version(name: str) -> str:
    return importlib.metadata.version(name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        print(globals()[sys.argv[1]](Path(folder), RUNS[sys.argv[1]]))
