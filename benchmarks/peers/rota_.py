"""Rota itself, measured as the peers are: one node, a ledger in PostgreSQL or in a SQLite file."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

from benchmarks.peers.side import main
from benchmarks.rota_side import no_op, task_id
from rota import Rota
from rota.change.apply import apply
from rota.model.run import Kind, NewRun, State

SLOTS = 4000


def _rota(url: str) -> Rota:
    where = f"{url}?schema=b_{uuid.uuid4().hex[:12]}" if url.startswith("postgres") else f"sqlite:///{url}"
    rota = Rota("bench", database_url=where, slots=SLOTS)
    rota.task(
        name="no-op", owner="bench@example.org", expects="nothing is done", rollback="nothing to put back", overlap="allow"
    )(no_op)  # fmt: skip
    apply(rota.ledger, rota.loaded, author="bench", reason="benchmark")
    return rota


def _fill(rota: Rota, count: int) -> float:
    ledger = rota.ledger
    id_, when = task_id(ledger), ledger.now()
    run = NewRun(task_id=id_, kind=Kind.ENQUEUED, scheduled_at=when, run_at=when, args=json.dumps({}))
    began = time.perf_counter()
    for start in range(0, count, 10_000):
        ledger.enqueue([run] * min(10_000, count - start))
    return count / (time.perf_counter() - began)


def _enqueue(url: str, count: int) -> float:
    rota = _rota(url)
    rate = _fill(rota, count)
    rota.close()
    return rate


def _singly(url: str, count: int) -> float:
    rota = _rota(url)
    began = time.perf_counter()
    for _ in range(count):
        rota.enqueue_sync("no-op")
    took = time.perf_counter() - began
    rota.close()
    return count / took


def _work(url: str, count: int) -> float:
    rota = _rota(url)
    _fill(rota, count)

    async def run() -> float:
        node = await rota.start()
        began = time.perf_counter()
        while rota.ledger.next_waiting() is not None or node.busy or node.unrecorded:
            await asyncio.sleep(0.01)
        took = time.perf_counter() - began
        done = sum(by.get(State.SUCCEEDED.value, 0) for by in rota.ledger.counts(0).values())  # type: ignore[arg-type]  # since ever
        assert done == count, done
        await rota.stop()
        return took

    return count / asyncio.run(run())


if __name__ == "__main__":
    main("rota", {"enqueue": _enqueue, "singly": _singly, "work": _work}, f"{SLOTS} slots, psycopg")
