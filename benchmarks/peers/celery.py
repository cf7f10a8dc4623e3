"""Celery on Redis (appendfsync everysec): a pool of four threads, late acknowledgement. What was acknowledged within the
last second may be lost with the machine: not durable in the sense of the others."""

from __future__ import annotations

import threading
import time

from celery import Celery

from benchmarks.peers.side import main

_seen: list[None] = []


def _app(url: str) -> Celery:
    app = Celery("bench", broker=url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=100,
        worker_hijack_root_logger=False,
    )

    @app.task(name="no_op")
    def no_op() -> None:
        _seen.append(None)

    return app


def _singly(url: str, count: int) -> float:
    task = _app(url).tasks["no_op"]
    began = time.perf_counter()
    for _ in range(count):
        task.delay()
    return count / (time.perf_counter() - began)


def _work(url: str, count: int) -> float:
    app = _app(url)
    for _ in range(count):
        app.tasks["no_op"].delay()
    worker = app.Worker(
        pool="threads",
        concurrency=4,
        loglevel="ERROR",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    thread = threading.Thread(target=worker.start, daemon=True)
    began = time.perf_counter()
    thread.start()
    while len(_seen) < count:
        time.sleep(0.002)
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main("celery", {"singly": _singly, "work": _work}, "Redis everysec, 4 threads, acks_late")
    import os
    import sys

    sys.stdout.flush()
    os._exit(0)  # its worker does not end by itself in a thread
