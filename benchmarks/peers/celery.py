"""Celery on Redis (appendfsync everysec): a pool of four threads, late acknowledgement. What was acknowledged within the
last second may be lost with the machine: not durable in the sense of the others."""

from __future__ import annotations

import os
import sys
import threading
import time

from celery import Celery
from celery.signals import worker_ready

from benchmarks.peers.side import main

SETTINGS = "Redis everysec, 4 threads, acks_late"

_seen: list[None] = []


def _app(url: str) -> Celery:
    app = Celery("bench", broker=url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=100,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,  # the answer goes there
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
    """Its worker wants the main thread, and does not give it back: another thread watches, says the rate, and ends it all."""
    app = _app(url)
    for _ in range(count):
        app.tasks["no_op"].delay()
    began: list[float] = []
    worker_ready.connect(lambda **_: began.append(time.perf_counter()), weak=False)

    def watch() -> None:
        while len(_seen) < count:
            time.sleep(0.002)
        rate = count / (time.perf_counter() - began[0])
        main("celery", {"work": lambda *_: rate}, SETTINGS)
        sys.stdout.flush()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    app.Worker(pool="threads", concurrency=4, loglevel="ERROR", quiet=True, **options).start()
    raise SystemExit("the worker ended before all was done")


if __name__ == "__main__":
    main("celery", {"singly": _singly, "work": _work}, SETTINGS)
