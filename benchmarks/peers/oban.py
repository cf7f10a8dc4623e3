"""Oban for Python: a queue of a hundred, its own pool."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from oban import Oban, worker
from oban.schema import install

from benchmarks.peers.side import main


@worker(queue="default")
class NoOp:
    done = 0

    async def process(self, job: object) -> None:
        NoOp.done += 1


async def _ready(url: str, queues: dict[str, int]) -> tuple[Any, Oban]:
    pool = await Oban.create_pool(url, min_size=2, max_size=10)
    await install(pool)
    return pool, Oban(pool=pool, queues=queues, leadership=False)


async def _fill(oban: Oban, count: int) -> None:
    for start in range(0, count, 1000):
        await oban.enqueue_many([NoOp.new({}) for _ in range(min(1000, count - start))])


async def _enqueue(url: str, count: int) -> float:
    pool, oban = await _ready(url, {})
    began = time.perf_counter()
    await _fill(oban, count)
    took = time.perf_counter() - began
    await pool.close()
    return count / took


async def _singly(url: str, count: int) -> float:
    pool, oban = await _ready(url, {})
    began = time.perf_counter()
    for _ in range(count):
        await oban.enqueue(NoOp.new({}))
    took = time.perf_counter() - began
    await pool.close()
    return count / took


async def _work(url: str, count: int) -> float:
    pool, filler = await _ready(url, {})
    await _fill(filler, count)
    oban = Oban(pool=pool, queues={"default": 100})
    began = time.perf_counter()
    await oban.start()
    while NoOp.done < count:
        await asyncio.sleep(0.01)
    took = time.perf_counter() - began
    await oban.stop()
    await pool.close()
    return count / took


if __name__ == "__main__":
    kinds = {
        "enqueue": lambda url, n: asyncio.run(_enqueue(url, n)),
        "singly": lambda url, n: asyncio.run(_singly(url, n)),
        "work": lambda url, n: asyncio.run(_work(url, n)),
    }
    main("oban", kinds, "queue of 100, pool of 10")
