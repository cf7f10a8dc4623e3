"""RQ on Redis (appendfsync everysec): the simple worker, which does not fork for each job. Not durable in the sense of the
others: see celery.py."""

from __future__ import annotations

import time

from redis import Redis
from rq import Queue, SimpleWorker

from benchmarks.peers.side import main


def no_op() -> None: ...


def _queue(url: str) -> Queue:
    return Queue(connection=Redis.from_url(url))


def _enqueue(url: str, count: int) -> float:
    queue = _queue(url)
    began = time.perf_counter()
    for start in range(0, count, 1000):
        size = min(1000, count - start)
        queue.enqueue_many(
            [Queue.prepare_data("benchmarks.peers.rq.no_op", result_ttl=0) for _ in range(size)]
        )
    return count / (time.perf_counter() - began)


def _singly(url: str, count: int) -> float:
    queue = _queue(url)
    began = time.perf_counter()
    for _ in range(count):
        queue.enqueue("benchmarks.peers.rq.no_op", result_ttl=0)
    return count / (time.perf_counter() - began)


def _work(url: str, count: int) -> float:
    _enqueue(url, count)
    queue = _queue(url)
    began = time.perf_counter()
    SimpleWorker([queue], connection=queue.connection, log_job_description=False).work(
        burst=True, logging_level="ERROR"
    )
    took = time.perf_counter() - began
    assert queue.count == 0
    return count / took


if __name__ == "__main__":
    main("rq", {"enqueue": _enqueue, "singly": _singly, "work": _work}, "Redis everysec, SimpleWorker")
