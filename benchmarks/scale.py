"""What a fire, a claim and a batch of pruning cost on PostgreSQL, with more and more registered and remembered.

python -m benchmarks scale                                 # up to a million schedules and ten million runs
python -m benchmarks scale --schedules 0,100000 --history 0,1000000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable

import psycopg

from benchmarks.nodes import a_rota
from benchmarks.rota_side import median, table, task_id
from benchmarks.servers import postgres
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.planner import Planner
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claim, Finish, NodeRecord
from rota.model.lifecycle import Succeeded, Tally, step
from rota.model.run import Kind, NewRun, State
from rota.model.task import Retries

ROUNDS, BATCH, DUE, PRUNED = 15, 100, 100, 500

SCHEDULES = """INSERT INTO rota.rota_schedule (task_id, key, rule, next_at, created_at, ruled_at)
SELECT {task}, 'k' || i, '{{"every":"1d"}}', {now} + 86400000000 + i, {now}, {now} FROM generate_series({a}, {b}) AS i"""
HISTORY = """INSERT INTO rota.rota_run (task_id, kind, scheduled_at, run_at, state, queue, priority, attempt, spent, token,
  created_at, started_at, finished_at)
SELECT {task}, 'enqueued', {now} - i * 1000::bigint, {now} - i * 1000::bigint, 'succeeded', 'default', 5, 1, 1, i, {now},
  {now}, {now} - i * 1000::bigint FROM generate_series({a}, {b}) AS i"""
BEGIN_AFTER = """INSERT INTO rota.rota_meta (key, value) SELECT 'pruned', coalesce(max(id), 0)::text FROM rota.rota_run
ON CONFLICT (key) DO UPDATE SET value = excluded.value"""


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scale")
    parser.add_argument("--schedules", default="0,10000,100000,1000000")
    parser.add_argument("--history", default="0,100000,1000000,10000000")
    given = parser.parse_args(words)
    steps = list(zip(map(int, given.schedules.split(",")), map(int, given.history.split(",")), strict=True))
    with postgres() as server:
        print(server.described)
        url = server.fresh_database()
        rota = a_rota(url)
        apply(rota.ledger, rota.loaded, author="bench", reason="benchmark")
        rows: list[list[str]] = []
        first: list[float] = []
        done = (0, 0)
        for schedules, history in steps:
            _grow(url, rota.ledger, done, (schedules, history))
            done = (schedules, history)
            costs = [_fire(rota.ledger), _claim(rota.ledger), _finish(rota.ledger), _prune(rota.ledger, url)]
            first = first or costs
            cells = [
                f"{cost * 1000:.1f} ms ({cost / base:.1f}x)" for cost, base in zip(costs, first, strict=True)
            ]
            rows.append([f"{schedules:,}", f"{history:,}", *cells])
            print("  ".join(rows[-1]), flush=True)
        table(
            ["schedules", "history", f"fire {DUE}", f"claim {BATCH}", f"finish {BATCH}", f"prune {PRUNED}"],
            rows,
        )
        rota.close()


def _grow(url: str, ledger: Ledger, was: tuple[int, int], now: tuple[int, int]) -> None:
    given = {"task": task_id(ledger), "now": ledger.now()}
    with psycopg.connect(url, autocommit=True) as connection:
        for text, low, high in ((SCHEDULES, was[0], now[0]), (HISTORY, was[1], now[1])):
            for start in range(low + 1, high + 1, 500_000):
                connection.execute(text.format(**given, a=start, b=min(high, start + 499_999)).encode())
        connection.execute("VACUUM ANALYZE rota.rota_run")
        connection.execute("VACUUM ANALYZE rota.rota_schedule")
        connection.execute("CHECKPOINT")


def _timed(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    took = []
    for _ in range(ROUNDS):
        before()
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return median(took)


def _fire(ledger: Ledger) -> float:
    """A fire of so many schedules that are due."""
    from rota.ledger.records import NewSchedule

    def due() -> None:
        rule = json.dumps({"every": "1d"})
        now = ledger.now()
        ledger.put_schedules(
            [NewSchedule("bench", "no-op", f"due-{uuid.uuid4().hex}", rule, now) for _ in range(DUE)]
        )

    planner = Planner(ledger, LedgerThread(), ahead=0.0, poll=1.0, fired=lambda: None)
    return _timed(planner.fire, due)


def _node(ledger: Ledger) -> str:
    id_, now = uuid.uuid4().hex, ledger.now()
    ledger.register(
        NodeRecord(
            id_,
            "bench",
            "bench",
            "default",
            "1",
            now,
            now,
            Instant(now + 3600 * SECOND),
            0,
            "live",
            1000,
            0,
            None,
        )
    )
    return id_


def _enqueue(ledger: Ledger) -> None:
    now = ledger.now()
    ledger.enqueue(
        [NewRun(task_id=task_id(ledger), kind=Kind.ENQUEUED, scheduled_at=now, run_at=now)] * BATCH
    )


def _claim(ledger: Ledger) -> float:
    node = _node(ledger)
    claim = Claim(node, {"default": BATCH}, {"bench": ["no-op"]}, Instant(ledger.now() + 60 * SECOND))
    return _timed(lambda: ledger.claim(claim), lambda: _enqueue(ledger))


def _finish(ledger: Ledger) -> float:
    node, held = _node(ledger), []
    claim = Claim(node, {"default": BATCH}, {"bench": ["no-op"]}, Instant(ledger.now() + 60 * SECOND))
    move = step(State.RUNNING, Succeeded(), Tally(), Retries())
    assert move is not None

    def take() -> None:
        _enqueue(ledger)
        held[:] = ledger.claim(claim)

    def finish() -> None:
        now = ledger.now()
        assert (
            ledger.finish(node, [Finish(one.id, one.token, move, "succeeded", now, now) for one in held])
            == []
        )

    return _timed(finish, take)


def _prune(ledger: Ledger, url: str) -> float:
    """A batch that deletes: 500 runs have come of age behind all that has not."""
    given = {"task": task_id(ledger), "now": ledger.now() - 400 * 86_400 * SECOND, "a": 1, "b": PRUNED}

    def age() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(BEGIN_AFTER.encode())
            connection.execute(HISTORY.format(**given).encode())

    def prune() -> None:
        assert ledger.prune(Instant(ledger.now() - 300 * 86_400 * SECOND), PRUNED) == PRUNED

    return _timed(prune, age)


if __name__ == "__main__":
    main(sys.argv[1:])
