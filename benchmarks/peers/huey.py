"""Huey on SQLite with fsync, four threads."""

from __future__ import annotations

import time
from threading import Event

from huey import SqliteHuey

from benchmarks.peers.side import main


def _singly(path: str, count: int) -> float:
    queue = SqliteHuey(filename=path, fsync=True, results=False)

    @queue.task()
    def no_op() -> None: ...

    began = time.perf_counter()
    for _ in range(count):
        no_op()
    return count / (time.perf_counter() - began)


def _work(path: str, count: int) -> float:
    queue = SqliteHuey(filename=path, fsync=True, results=False)
    done, seen = Event(), []

    @queue.task()
    def no_op() -> None:
        seen.append(None)
        if len(seen) == count:
            done.set()

    for _ in range(count):
        no_op()
    consumer = queue.create_consumer(
        workers=4, periodic=False, backoff=1.0, initial_delay=0.001, max_delay=0.001
    )
    began = time.perf_counter()
    consumer.start()
    done.wait()
    took = time.perf_counter() - began
    consumer.stop(graceful=True)
    return count / took


if __name__ == "__main__":
    main("huey", {"singly": _singly, "work": _work}, "SqliteHuey, fsync, 4 threads")
