"""DBOS: workflows without steps from a queue, its system database on the same server."""

from __future__ import annotations

import time
from typing import Any

from dbos import DBOS

from benchmarks.peers.side import main


def _launch(url: str) -> tuple[Any, object]:
    DBOS(
        config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "max_executor_threads": 64}
    )

    @DBOS.workflow()
    def no_op() -> None: ...

    DBOS.launch()
    return DBOS.register_queue("bench", polling_interval_sec=0.01), no_op


def _singly(url: str, count: int) -> float:
    queue, no_op = _launch(url)
    began = time.perf_counter()
    handles = [queue.enqueue(no_op) for _ in range(count)]
    took = time.perf_counter() - began
    for handle in handles:
        handle.get_result()
    DBOS.destroy()
    return count / took


def _work(url: str, count: int) -> float:
    """From the first enqueue to the last result: what is enqueued begins at once, there is no filling beforehand."""
    queue, no_op = _launch(url)
    began = time.perf_counter()
    for handle in [queue.enqueue(no_op) for _ in range(count)]:
        handle.get_result()
    took = time.perf_counter() - began
    DBOS.destroy()
    return count / took


if __name__ == "__main__":
    main("dbos", {"singly": _singly, "work": _work}, "queue polled every 10 ms, 64 threads")
