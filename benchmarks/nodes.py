"""Several nodes on one PostgreSQL server with fsync on, each a process of its own.

- durable no-op runs a second, of one, two and four nodes in sum, and deadlocks;
- the start lag of a once-a-second task over a minute;
- 10,000 runs that are due at one instant, over two nodes: from the instant until the last body has begun.

    python -m benchmarks nodes --rounds 3 --what sum,burst,lag --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.rota_side import median, no_op, percentile, table, task_id
from benchmarks.servers import Server, postgres
from rota import Rota
from rota.change.apply import apply
from rota.clock import SECOND, Instant, SystemClock
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, RunRecord, State

ROOT = Path(__file__).resolve().parents[1]
OPEN = (State.WAITING, State.RUNNING)


async def tell() -> int:
    """The work: to say when it began, by the clock of this machine, which is the server's too."""
    return SystemClock().now()


def a_rota(
    url: str, *, every: str | None = None, slots: int = 4000, work: Callable[[], object] = no_op
) -> Rota:
    rota = Rota("bench", database_url=url, slots=slots)
    options: dict[str, object] = {"schedule": {"every": every}} if every else {}
    rota.task(
        name="no-op",
        owner="bench@example.org",
        expects="nothing is done",
        rollback="nothing to put back",
        overlap="allow",
        **options,
    )(work)  # type: ignore[arg-type]  # options as the decorator has them
    return rota


WORKS: Mapping[str, Callable[[], object]] = {"no_op": no_op, "tell": tell}


def node(url: str, every: str, slots: str, work: str) -> None:
    """A node in this process, until it is told to stop."""
    rota = a_rota(url, every=every or None, slots=int(slots), work=WORKS[work])

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await rota.start()
        print("ready", flush=True)
        await stop.wait()
        await rota.stop(drain=1.0)

    asyncio.run(run())


class Nodes:
    """Processes that serve one ledger."""

    def __init__(
        self, url: str, count: int, *, every: str = "", slots: int = 4000, work: str = "no_op"
    ) -> None:
        words = [
            sys.executable,
            "-c",
            f"from benchmarks.nodes import node; node({url!r}, {every!r}, '{slots}', {work!r})",
        ]
        self._all = [
            subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ) for _ in range(count)
        ]

    def __enter__(self) -> Nodes:
        for process in self._all:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.send_signal(signal.SIGTERM)
        for process in self._all:
            process.wait(30)


def fill(rota: Rota, count: int, at: Instant) -> None:
    run = NewRun(
        task_id=task_id(rota.ledger), kind=Kind.ENQUEUED, scheduled_at=at, run_at=at, args=json.dumps({})
    )
    for start in range(0, count, 10_000):
        rota.ledger.enqueue([run] * min(10_000, count - start))


def together(server: Server, count: int, runs: int) -> float:
    """Runs a second of so many nodes in sum, from the instant at which all that is filled in falls due."""
    rota = a_rota(server.fresh_database())
    url = str(rota.settings.database_url)
    apply(rota.ledger, rota.loaded, author="bench", reason="benchmark")
    with Nodes(url, count):
        due = Instant(rota.ledger.now() + int((3 + runs / 15_000) * SECOND))
        fill(rota, runs, due)
        while rota.ledger.next_waiting() is not None or rota.ledger.runs(RunFilter(states=OPEN, limit=1)):
            time.sleep(0.05)
        ended = max(run.finished_at or 0 for run in rota.ledger.runs(RunFilter(limit=20_000)))
    done = sum(by.get("succeeded", 0) for by in rota.ledger.counts(Instant(0)).values())
    assert done == runs, done
    rota.close()
    return runs / ((ended - due) / SECOND)


def began(runs: Sequence[RunRecord]) -> list[int]:
    """When the body of each began, as it says itself."""
    return [int(run.result) for run in runs if run.result is not None]


def burst(server: Server, runs: int) -> float:
    """Seconds from one instant until the last body of so many runs has begun, over two nodes."""
    rota = a_rota(server.fresh_database(), work=tell)
    apply(rota.ledger, rota.loaded, author="bench", reason="benchmark")
    with Nodes(str(rota.settings.database_url), 2, slots=6000, work="tell"):
        due = Instant(rota.ledger.now() + 4 * SECOND)
        fill(rota, runs, due)
        while rota.ledger.runs(RunFilter(states=OPEN, limit=1)):
            time.sleep(0.05)
        found = rota.ledger.runs(RunFilter(limit=runs + 10))
    assert len(found) == runs
    told = sorted(began(found))
    assert len(told) == runs, "one is missing"
    assert told[0] >= due, "one started early"
    rota.close()
    return (told[-1] - due) / SECOND


def lag(server: Server, seconds: int) -> list[float]:
    """Milliseconds that each start of a once-a-second task was late."""
    rota = a_rota(server.fresh_database(), every="1s", work=tell)
    apply(rota.ledger, rota.loaded, author="bench", reason="benchmark")
    with Nodes(str(rota.settings.database_url), 1, every="1s", slots=100, work="tell"):
        since = Instant(
            rota.ledger.now() + 2 * SECOND
        )  # what fell due while the node began is late for that reason
        time.sleep(seconds + 3.5)
    found = rota.ledger.runs(RunFilter(since=since, states=(State.SUCCEEDED,), limit=100_000))
    assert len(found) >= seconds - 1, f"{len(found)} of {seconds}"
    rota.close()
    return [(at - run.scheduled_at) / 1000 for run, at in zip(found, began(found), strict=True)]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks nodes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=60_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--what", default="sum,burst,lag")
    given = parser.parse_args(words)
    wanted = given.what.split(",")
    with postgres() as server:
        print(server.described)
        if "lag" in wanted:
            lags = lag(server, given.seconds)
            told = f"p50 {median(lags):.1f} ms, p99 {percentile(lags, 0.99):.1f} ms, max {max(lags):.1f} ms"
            print(f"start lag of a once-a-second task, {len(lags)} starts: {told}")
        if "sum" in wanted:
            rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
            for _ in range(given.rounds):
                for count in rates:
                    rates[count].append(together(server, count, given.runs))
            rows = [[str(n), *(f"{f(r):,.0f}" for f in (min, median, max))] for n, r in rates.items()]
            table(["nodes, runs a second in sum", "min", "median", "max"], rows)
            print(f"deadlocks: {server.deadlocks()}")
        if "burst" in wanted:
            took = [burst(server, 10_000) for _ in range(given.rounds)]
            told = ", ".join(f"{one:.2f} s" for one in sorted(took))
            print(f"10,000 due at one instant, over two nodes, until the last has started: {told}")


if __name__ == "__main__":
    main(sys.argv[1:])
