"""APScheduler 3 with its SQLAlchemy job store on SQLite."""

from __future__ import annotations

import importlib
import time
from datetime import UTC, datetime

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from benchmarks.peers.side import main

_seen: list[None] = []


def no_op() -> None:
    _seen.append(None)


def _filled(path: str, count: int) -> tuple[BackgroundScheduler, float]:
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=f"sqlite:///{path}")}, timezone=UTC
    )
    scheduler.start(paused=True)
    due = datetime.now(UTC)
    began = time.perf_counter()
    for _ in range(count):
        scheduler.add_job("benchmarks.peers.apscheduler:no_op", "date", run_date=due, misfire_grace_time=None)
    return scheduler, time.perf_counter() - began


def _singly(path: str, count: int) -> float:
    scheduler, took = _filled(path, count)
    scheduler.shutdown(wait=False)
    return count / took


def _work(path: str, count: int) -> float:
    scheduler, _ = _filled(path, count)
    counted = importlib.import_module("benchmarks.peers.apscheduler")  # as the scheduler imports it
    began = time.perf_counter()
    scheduler.resume()
    while len(counted._seen) < count:
        time.sleep(0.002)
    took = time.perf_counter() - began
    scheduler.shutdown(wait=False)
    return count / took


if __name__ == "__main__":
    main("apscheduler", {"singly": _singly, "work": _work}, "SQLAlchemy job store on SQLite")
