"""Procrastinate: asynchronous worker over psycopg, a hundred jobs at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import procrastinate

from benchmarks.peers.side import main


def _app(url: str) -> Any:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="no_op")
    async def no_op() -> None: ...

    return app, no_op


async def _enqueue(url: str, count: int) -> float:
    app, no_op = _app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        began = time.perf_counter()
        for start in range(0, count, 1000):
            await no_op.batch_defer_async(*[{}] * min(1000, count - start))
        return count / (time.perf_counter() - began)


async def _singly(url: str, count: int) -> float:
    app, no_op = _app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        began = time.perf_counter()
        for _ in range(count):
            await no_op.defer_async()
        return count / (time.perf_counter() - began)


async def _work(url: str, count: int) -> float:
    await _enqueue(url, count)
    app, _ = _app(url)
    async with app.open_async():
        began = time.perf_counter()
        await app.run_worker_async(concurrency=100, wait=False, install_signal_handlers=False)
        took = time.perf_counter() - began
        done = await app.connector.execute_query_one_async(
            "SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'succeeded'"
        )
        assert done["n"] == count, done
        return count / took


if __name__ == "__main__":
    kinds = {
        "enqueue": lambda url, n: asyncio.run(_enqueue(url, n)),
        "singly": lambda url, n: asyncio.run(_singly(url, n)),
        "work": lambda url, n: asyncio.run(_work(url, n)),
    }
    main("procrastinate", kinds, "concurrency 100, psycopg")
