"""The statements that run all the time use their index, whatever the history holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.ledger.house import House

from rota.ledger.sqlfile import statements
from rota.ledger.sqlite.connect import steady

HOT = (
    "next_due",
    "next_waiting",
    "claim_head",
    "claim_candidates",
    "claim_runs",
    "running_of",
    "newer_waits",
    "supersede",
    "beat",
    "stops",
    "orphans",
)
BIG = ("rota_run", "rota_schedule", "rota_range", "rota_log", "rota_attempt")
HISTORY = 100_000


@pytest.fixture
def full(house: House, tmp_path: Path) -> apsw.Connection:
    """A ledger with a history."""
    house.ledger.close()
    connection = steady(apsw.Connection(str(tmp_path / "rota.db")))
    connection.execute(
        """INSERT INTO rota_run (task_id, kind, scheduled_at, run_at, state, queue, priority, attempt, token,
             created_at, started_at, finished_at)
           WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           SELECT 1, 'enqueued', i, i, CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'succeeded' END, 'default', 5, 1, i,
             i, i, i FROM n""",
        (HISTORY,),
    )
    connection.execute("ANALYZE")
    return connection


def scans(connection: apsw.Connection, sql: str) -> list[str]:
    """The steps of a plan that read a whole large table."""
    names = set(re.findall(r"(?<!:):([a-z_]+)", sql))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names, 1))]
    aliases = dict(re.findall(r"(?:FROM|JOIN)\s+(rota_[a-z]+)\s+AS\s+([a-z]+)", sql))
    large = {*BIG, *(alias for table, alias in aliases.items() if table in BIG)}
    found = [step for step in plan if step.startswith("SCAN") and step.split()[1] in large]
    return [step for step in found if "USING" not in step or _whole(step)]


def _whole(step: str) -> bool:
    """Whether an index that is walked from end to end is one of all rows; a partial one holds only what is open."""
    partial = ("waiting", "running", "lane", "key", "expiry", "due", "held")
    return not any(f"rota_{table}_{name}" in step for table in ("run", "schedule") for name in partial)


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_reads_no_history(full: apsw.Connection, name: str) -> None:
    assert scans(full, statements("rota.ledger.sqlite")[name]) == []


def test_without_its_index_a_statement_would_be_caught(full: apsw.Connection) -> None:
    sql = statements("rota.ledger.sqlite")["next_due"]
    full.execute("DROP INDEX rota_schedule_due")
    assert scans(full, sql)


def test_every_hot_statement_is_there() -> None:
    assert set(HOT) <= statements("rota.ledger.sqlite").keys()


def test_no_statement_is_compiled_anew_for_other_values(house: House) -> None:
    """A claim or a finish cost many times its work, as long as SQLite looked for another plan with each."""
    store = house.ledger._store  # type: ignore[attr-defined]  # looked at from within
    anew: dict[str, int] = {}

    def ran(event: dict[str, Any]) -> None:
        anew[event["sql"]] = anew.get(event["sql"], 0) + event["stmt_status"]["SQLITE_STMTSTATUS_REPREPARE"]

    with store._writing() as connection:
        connection.raw.trace_v2(apsw.SQLITE_TRACE_PROFILE, ran)
    for _ in range(3):
        house.enqueue()
        house.succeed(house.claim_one())
    with store._writing() as connection:
        connection.raw.trace_v2(0)
    assert len(anew) > 5
    assert {sql for sql, times in anew.items() if times} == set()


@pytest.mark.parametrize("name", ["claim_head", "next_waiting"])
def test_what_waits_is_not_read_to_find_its_levels(full: apsw.Connection, name: str) -> None:
    """A node asks with every claim, however long the backlog is."""
    full.execute(
        """INSERT INTO rota_run (task_id, kind, scheduled_at, run_at, state, queue, priority, created_at)
           SELECT 1, 'enqueued', i, i, 'waiting', CASE WHEN i % 2 = 0 THEN 'default' ELSE 'mail' END, i % 3, i
           FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)"""
    )
    steps = []
    full.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda told: steps.append(told["stmt_status"]))
    sql = statements("rota.ledger.sqlite")[name]
    full.execute(sql, {"node": "n1"} if ":node" in sql else {}).fetchall()
    assert steps[-1]["SQLITE_STMTSTATUS_VM_STEP"] < 2000
