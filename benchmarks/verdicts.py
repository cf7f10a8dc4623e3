"""What judging adds to a no-op run: a task of which nothing is expected, and the same task with ``max_duration``, a schema of
its result and a pattern that its output must not have. The two take turns, many short ones in one process, so that whatever
else the machine does meets both; medians in microseconds a run, and the median of how much each turn took more than its
neighbour.

    python -m benchmarks verdicts                    # both stores, forty turns each
    python -m benchmarks verdicts --rounds 10 --only sqlite --count 5000

Whatever serves the verdicts is in the node on both sides: the loop that tells them, and the judge. The body returns another
value each time, so that no result can be known to fit because the last one did.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count as counting
from typing import Any

from benchmarks.rota_side import fill, median, table, until_done
from benchmarks.servers import postgres
from rota import Rota
from rota.model.run import State

SLOTS = 4000
EXPECTATION = {
    "max_duration": "1m",
    "result": {
        "type": "object",
        "required": ["done"],
        "properties": {"done": {"type": "integer", "minimum": 0}},
    },
    "output": {"absent": ["Traceback"]},
}
SIDES: dict[str, dict[str, Any]] = {"nothing expected": {}, "judged": {"expectation": EXPECTATION}}
DONE = counting()

Turn = tuple[float, float]
"""Wall and processor time of one turn, in microseconds a run."""


async def no_op() -> dict[str, int]:
    """The work: none, but for a result to be looked at."""
    return {"done": next(DONE)}


def main(words: list[str] | None = None) -> None:
    given = _arguments(sys.argv[3:] if words is None else words)
    for store in given.only.split(","):
        with _two_ledgers(store) as (urls, described):
            turns = _turns([_rota(url, side) for url, side in zip(urls, SIDES, strict=True)], given)
        print(f"\n{described}: {given.count:,} runs a turn, {given.rounds} turns each, {SLOTS} slots")
        _print(turns)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks verdicts")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", default="sqlite,postgresql")
    return parser.parse_args(words)


@contextmanager
def _two_ledgers(store: str) -> Iterator[tuple[list[str], str]]:
    """New, empty ones, and what they are."""
    if store == "postgresql":
        with postgres() as server:
            yield [server.fresh_database() for _ in SIDES], server.described
        return
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        urls = [f"sqlite:///{folder}/{number}.db" for number, _ in enumerate(SIDES)]
        yield urls, f"SQLite, Python {platform.python_version()}"


def _rota(url: str, side: str) -> Rota:
    rota = Rota("bench", database_url=url, slots=SLOTS)
    rota.task(
        name="no-op", owner="bench@example.org", expects="nothing is done", rollback="nothing to put back",
        overlap="allow", **SIDES[side],
    )(no_op)  # fmt: skip
    return rota


def _turns(rotas: Sequence[Rota], given: argparse.Namespace) -> list[tuple[Turn, Turn]]:
    """A turn of each, again and again; who begins, alternates as well. The first two are to warm up."""
    found = []
    for number in range(given.rounds + 2):
        order = rotas if number % 2 else rotas[::-1]
        took = {id(rota): _turn(rota, given.count) for rota in order}
        if number >= 2:
            found.append((took[id(rotas[0])], took[id(rotas[1])]))
    for rota in rotas:
        rota.close()
    return found


def _turn(rota: Rota, runs: int) -> Turn:
    fill(rota, runs)
    gc.collect()
    wall, processor = asyncio.run(_carry_out(rota))
    counted = rota.ledger.counts(0).values()  # type: ignore[arg-type]  # since ever
    assert all(set(by) == {State.SUCCEEDED} for by in counted), counted
    return 1e6 * wall / runs, 1e6 * processor / runs


async def _carry_out(rota: Rota) -> tuple[float, float]:
    node = await rota.start()
    began, used = time.perf_counter(), time.process_time()
    await until_done(node, rota.ledger)
    took = time.perf_counter() - began, time.process_time() - used
    await rota.stop()
    return took


def _print(turns: Sequence[tuple[Turn, Turn]]) -> None:
    rows = []
    for part, name in enumerate(("wall", "processor")):
        pairs = [(plain[part], judged[part]) for plain, judged in turns]
        adds = median([100 * (judged / plain - 1) for plain, judged in pairs])
        for side, values in zip(SIDES, zip(*pairs, strict=True), strict=True):
            shown = [f"{value:.2f}" for value in (min(values), median(values), max(values))]
            rows.append([f"{name}, {side}", *shown, f"{adds:+.1f} %" if side == "judged" else ""])
    table(["µs a run", "min", "median", "max", "judging adds"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
