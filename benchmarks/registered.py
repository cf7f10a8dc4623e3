"""What schedules cost that are registered but not due: node start, idle CPU, memory, and the planner's tick."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.rota_side import fill, median, rota_in, table
from rota import Rota
from rota.engine.calls import LedgerThread
from rota.engine.planner import Planner
from rota.ledger.records import NewSchedule

SIZES = (1_000, 10_000, 100_000)
IDLE_SECONDS = 10.0


def registered(folder: Path, size: int) -> dict[str, float]:
    """One in a hundred is a task's own schedule, the others were added at run time under keys."""
    bench = _with_tasks(folder, size // 100)
    fill(bench, 0)
    ledger = bench.ledger
    from rota.define.canonical import canonical_text
    from rota.timing import compile_schedule, parse_schedule, schedule_as_json

    schedule = parse_schedule("0 0 1 1 *")
    rule = canonical_text(schedule_as_json(schedule))
    next_at = compile_schedule(schedule).next_after(ledger.now())
    for start in range(size // 100, size, 10_000):
        keys = range(start, min(start + 10_000, size))
        ledger.put_schedules([NewSchedule("bench", "no-op", f"key:{key}", rule, next_at) for key in keys])
    bench.close()

    began = time.perf_counter()
    bench = _with_tasks(folder, size // 100)  # as a new process would: defined, applied, started

    async def go() -> dict[str, float]:
        async with bench.running():
            ready = time.perf_counter() - began
            cpu = time.process_time()
            await asyncio.sleep(IDLE_SECONDS)
            idle = (time.process_time() - cpu) / IDLE_SECONDS
        return {"start": ready, "idle": idle, "memory": _peak_mib()}

    found = asyncio.run(go())
    found["tick"] = _tick(bench)
    return found


def _with_tasks(folder: Path, tasks: int) -> Rota:
    bench = rota_in(folder)
    for number in range(tasks):
        bench.task(
            name=f"task-{number}",
            schedule="0 0 1 1 *",
            owner="bench@example.org",
            expects="nothing falls due",
            rollback="nothing to put back",
        )(_copy_of_no_op(number))
    return bench


def _copy_of_no_op(number: int) -> Callable[[], Awaitable[None]]:
    """A function of its own for each task, since a function is one task."""

    async def nothing() -> None:
        return None

    nothing.__qualname__ = nothing.__name__ = f"nothing_{number}"
    return nothing


def _tick(bench: object) -> float:
    """Microseconds of a planner's step that finds nothing due, the median of 200."""
    ledger = bench.ledger  # type: ignore[attr-defined]  # a Rota
    planner = Planner(ledger, LedgerThread(), ahead=1.0, poll=1.0, fired=lambda: None)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        planner.fire()
        times.append(time.perf_counter() - began)
    return median(times) * 1e6


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    rows = []
    for size in SIZES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.registered", str(size)],
            capture_output=True,
            text=True,
            check=True,
            env=dict(os.environ),
        )
        found = json.loads(done.stdout)
        rows.append(
            [
                f"{size:,}",
                f"{found['start']:.2f}",
                f"{found['idle'] * 100:.2f}",
                f"{found['memory']:.0f}",
                f"{found['tick']:.0f}",
            ]
        )
    table(
        ["schedules registered, none due", "node start s", "idle CPU %", "peak memory MiB", "tick µs"], rows
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        print(json.dumps(registered(Path(folder), int(sys.argv[1]))))
