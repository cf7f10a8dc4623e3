"""PgQueuer: asyncpg, batches of a thousand, drained."""

from __future__ import annotations

import asyncio
import time

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

from benchmarks.peers.side import main


async def _ready(url: str) -> tuple[asyncpg.Connection, Queries]:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    return connection, queries


async def _fill(queries: Queries, count: int) -> None:
    for start in range(0, count, 5000):
        size = min(5000, count - start)
        await queries.enqueue(["no_op"] * size, [None] * size, [0] * size)


async def _enqueue(url: str, count: int) -> float:
    connection, queries = await _ready(url)
    began = time.perf_counter()
    await _fill(queries, count)
    took = time.perf_counter() - began
    await connection.close()
    return count / took


async def _singly(url: str, count: int) -> float:
    connection, queries = await _ready(url)
    began = time.perf_counter()
    for _ in range(count):
        await queries.enqueue("no_op", None)
    took = time.perf_counter() - began
    await connection.close()
    return count / took


async def _work(url: str, count: int) -> float:
    connection, queries = await _ready(url)
    await _fill(queries, count)
    worker = PgQueuer(AsyncpgDriver(connection))
    done = 0

    @worker.entrypoint("no_op")
    async def no_op(job: object) -> None:
        nonlocal done
        done += 1

    began = time.perf_counter()
    await worker.run(batch_size=1000, mode=QueueExecutionMode.drain)
    took = time.perf_counter() - began
    assert done == count, done
    await connection.close()
    return count / took


if __name__ == "__main__":
    kinds = {
        "enqueue": lambda url, n: asyncio.run(_enqueue(url, n)),
        "singly": lambda url, n: asyncio.run(_singly(url, n)),
        "work": lambda url, n: asyncio.run(_work(url, n)),
    }
    main("pgqueuer", kinds, "asyncpg, batch_size 1000, drain")
