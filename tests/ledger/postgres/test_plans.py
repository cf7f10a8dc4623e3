"""The statements that run all the time read no more than what they are about, with a million runs of history."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.ledger.house import House

from rota.clock import SECOND
from rota.ledger.postgres.dialect import translated
from rota.ledger.postgres.ledger import PostgresLedger
from rota.ledger.records import RunFilter
from rota.ledger.sql import reads
from rota.model.run import State
from rota.testing import ManualClock

pytestmark = pytest.mark.slow

HISTORY = 1_000_000
BIG = ("rota_run", "rota_attempt", "rota_log", "rota_range", "rota_schedule")
BOUND = 3_000
"""Pages of 8 kB that a statement may touch at most: what is open here, several times over; a scan would touch 15,000."""

FULL = """
INSERT INTO {schema}.rota_run (task_id, kind, scheduled_at, run_at, state, queue, priority, attempt, spent, token, created_at,
  started_at, finished_at, schedule_id)
SELECT {task}, CASE WHEN i % 2 = 0 THEN 'enqueued' ELSE 'scheduled' END, {now} - i * 1000000::bigint, {now} - i * 1000000::bigint,
  CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'succeeded' END, 'default', 5, 1, 1, i, {now}, {now}, {now} - i * 1000000::bigint,
  CASE WHEN i % 2 = 0 THEN NULL ELSE {schedule} END
FROM generate_series(1, {rows}) AS i;
INSERT INTO {schema}.rota_attempt (run_id, attempt, token, node, state)
SELECT id, 1, token, 'n0', 'error' FROM {schema}.rota_run WHERE state = 'failed';
ANALYZE {schema}.rota_run; ANALYZE {schema}.rota_attempt; ANALYZE {schema}.rota_schedule; ANALYZE {schema}.rota_task;
"""


class Full:
    """A ledger with a history, and a little that is open."""

    def __init__(self, ledger: PostgresLedger, house: House) -> None:
        self.ledger, self.house = ledger, house
        self.connection = psycopg.connect(ledger.address.url, autocommit=True)
        house.rota(house.task("tidy", every=60), house.task("mail", overlap="allow"))
        house.node()
        given = {
            "schema": ledger.address.schema, "task": house.ids["tidy"], "now": ledger.now(), "rows": HISTORY,
            "schedule": ledger.schedules("web", "tidy")[0].id,
        }  # fmt: skip
        self.connection.execute(FULL.format(**given).encode())
        house.clock.move(seconds=61)
        house.beat()
        for _ in range(200):
            house.enqueue("mail")
        self.held = house.claim(want=50)

    def pages(self, name: str, **params: Any) -> tuple[int, list[str]]:
        """The pages that a statement touches, and its scans of whole large tables; it is rolled back."""
        return self.explained(self.ledger._sql[name], params)

    def explained(self, sql: str, params: Any) -> tuple[int, list[str]]:
        text = translated(sql, self.ledger.address.schema)
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("SET LOCAL enable_seqscan = off")
            rows = self.connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}".encode(), params
            ).fetchone()
        assert rows is not None
        plan = rows[0][0]["Plan"]
        scans = [
            node["Relation Name"] for node in _nodes(plan)
            if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in BIG
        ]  # fmt: skip
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], scans


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@pytest.fixture(scope="module")
def full(postgres_server: str) -> Iterator[Full]:
    clock = ManualClock()
    ledger = PostgresLedger(f"{postgres_server}?schema=plans_test", clock=clock)
    ledger.migrate(0) if ledger.version()[0] else None
    ledger.migrate()
    made = Full(ledger, House(ledger, clock, lambda: ledger))
    yield made
    made.connection.execute("DROP SCHEMA plans_test CASCADE")
    made.connection.close()
    ledger.close()


def hot(full: Full) -> dict[str, dict[str, Any]]:
    """Every statement that a node runs all the time, with values as it has them."""
    now = full.ledger.now()
    held, task = full.held, full.house.ids["mail"]
    keys = json.dumps([[one.id, one.token] for one in held])
    done = [[one.id, one.token, "succeeded", None, None, 1, 0, now, now, None, None, None] for one in held]
    waiting = [[run.id, run.token, run.attempt, run.run_at] for run in full.house.runs(limit=1)]
    return {
        "next_due": {},
        "due_schedules": {"until": now, "limit": 1000},
        "next_waiting": {},
        "claim_head": {"node": "n1"},
        "claim_candidates": {"queue": "default", "priority": 5, "until": now, "now": now, "limit": 64, "blocked": "[]", "held": "[]"},
        "running_of": {"tasks": json.dumps([task])},
        "holdings": {"node": "n1"},
        "asked_to_stop": {"keys": keys, "node": "n1"},
        "finish_runs": {"done": json.dumps(done), "node": "n1"},
        "clear_failures": {"tasks": json.dumps([task])},
        "beat": {"now": now, "lease": 15 * SECOND, "slots": 1, "busy": 1, "lag": None, "clock_offset": None, "id": "n1"},
        "stops": {"node": "n1"},
        "orphans": {"node": "n1"},
        "strays": {},
        "expired": {"now": now, "limit": 500},
        "old_runs": {"after": 500_000, "window": 10_000, "before": now, "limit": 500},
        "attempts": {"id": 500_000},
        "attempts_between": {"first": 500_000, "last": 500_100},
        "live_nodes": {"all": False},
    } | ({"nothing": {}} if not waiting else {})  # fmt: skip


NAMES = (
    "next_due", "due_schedules", "next_waiting", "claim_head", "claim_candidates", "running_of", "holdings", "asked_to_stop",
    "finish_runs", "clear_failures", "beat", "stops", "orphans", "strays", "expired", "old_runs", "attempts",
    "attempts_between", "live_nodes",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_hot_statement_reads_what_it_is_about(full: Full, name: str) -> None:
    pages, scans = full.pages(name, **hot(full)[name])
    assert scans == [], f"{name} reads whole tables"
    assert pages < BOUND, f"{name} touches {pages} pages"


@pytest.mark.parametrize(
    "where",
    [{"task": "tidy"}, {"states": ("waiting", "running")}, {"task": "tidy", "states": ("failed",)}, {}],
    ids=str,
)
def test_a_listing_of_the_newest_reads_a_page_of_them(full: Full, where: dict[str, Any]) -> None:
    states = tuple(State(state) for state in where.get("states", ()))
    asked = RunFilter(task=where.get("task"), states=states, limit=50)
    with pytest.raises(_Captured) as captured:
        reads.runs(_Capture(), full.ledger._sql, asked, full.ledger.now())  # type: ignore[arg-type]  # as far as it is used
    sql, params = captured.value.args
    pages, scans = full.explained(sql, params)
    assert scans == []
    assert pages < BOUND


class _Captured(Exception):
    """A statement, and its parameters."""


class _Capture:
    """In the place of a connection: says what it was asked."""

    def rows(self, sql: str, params: Any = ()) -> None:
        raise _Captured(sql, params)

    many = rows


def test_both_dialects_have_the_same_statements_with_the_same_parameters() -> None:
    from rota.ledger.sqlfile import statements

    sqlite, postgres = statements("rota.ledger.sqlite"), statements("rota.ledger.postgres")
    assert sqlite.keys() == postgres.keys()
    for name in sqlite:
        assert _parameters(sqlite[name]) == _parameters(postgres[name]), name


def _parameters(text: str) -> set[str]:
    return set(re.findall(r"(?<![:\w]):([a-z_]+)", re.sub(r"--[^\n]*", "", text)))
