"""Migrations, sweeping, pruning, backup, and what there is to know about the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rota.clock import Instant
from rota.errors import LedgerVersion, Retriable, UsageError
from rota.ledger.sqlfile import migrations
from rota.ledger.sqlite.connect import Connection, Store
from rota.model.lifecycle import Missed, Tally, step
from rota.model.run import State
from rota.model.task import Retries

__all__ = ["PACKAGE", "backup", "facts", "migrate", "newest", "prune", "schema_version", "sweep"]

PACKAGE = "rota.ledger.sqlite"

Sql = dict[str, str]


def newest() -> int:
    """The schema's version that this build serves."""
    return max(migrations(PACKAGE))


def schema_version(connection: Connection) -> int:
    """The schema's version of a file; 0 where there is none of ours."""
    if not connection.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'rota_meta'"):
        return 0
    rows = connection.rows("SELECT value FROM rota_meta WHERE key = 'schema'")
    return int(rows[0][0]) if rows else 0


def migrate(connection: Connection, to: int | None) -> tuple[int, int]:
    """Up or down to a version, inside the caller's transaction: all of it, or nothing."""
    known = migrations(PACKAGE)
    found, target = schema_version(connection), newest() if to is None else to
    if not 0 <= target <= newest():
        raise UsageError(
            f"there is no version {target} of the ledger's schema",
            expected=f"0 to {newest()}",
            found=str(target),
        )
    if found > newest():
        raise too_new(found)
    for version in range(found + 1, target + 1):
        connection.script(known[version][0])
    for version in range(found, target, -1):
        connection.script(known[version][1])
    if target > 0:
        connection.run("INSERT INTO rota_meta (key, value) VALUES ('schema', :v) ON CONFLICT (key) DO UPDATE SET value = :v", {"v": target})  # fmt: skip
    return found, target


def too_new(found: int) -> LedgerVersion:
    return LedgerVersion(
        "the ledger is newer than this build of Rota",
        expected=f"schema version {newest()} or older", found=f"version {found}",
        retry=Retriable(False, "install the newer Rota, or migrate the ledger down with it"), next=["rota version"],
    )  # fmt: skip


def too_old(found: int) -> LedgerVersion:
    return LedgerVersion(
        "the ledger is not migrated" if found == 0 else "the ledger is older than this build of Rota",
        expected=f"schema version {newest()}", found=f"version {found}",
        retry=Retriable(True, "once it is migrated"), next=["rota migrate"],
    )  # fmt: skip


def sweep(connection: Connection, sql: Sql, now: Instant, limit: int) -> int:
    ids = json.loads(connection.rows(sql["expired"], {"now": now, "limit": limit})[0][0])
    if ids:
        move = step(State.WAITING, Missed(), Tally(), Retries())
        assert move is not None  # a waiting run can always be missed
        ended = [[id_, move.state, move.reason, None] for id_ in ids]
        connection.run(sql["settle_unstarted"], {"ended": json.dumps(ended), "now": now})
    return len(ids)


def prune(connection: Connection, sql: Sql, before: Instant, limit: int) -> int:
    found = connection.rows(sql["old_runs"], {"before": before, "limit": limit, "window": limit * 20})
    ids: str = found[0][0]
    connection.run(sql["prune_ranges"], {"before": before})
    connection.run(sql["prune_nodes"], {"before": before})
    if ids == "[]":
        return 0
    for name in ("prune_logs", "prune_attempts"):
        connection.run(sql[name], {"ids": ids})
    return connection.run(sql["prune_runs"], {"ids": ids})


def backup(connection: Connection, path: Path) -> int:
    if path.exists():
        raise UsageError(
            f"{path} is there already", expected="a name that is free", found="a file", where=str(path)
        )
    connection.run("VACUUM INTO :path", {"path": str(path)})
    return path.stat().st_size


def facts(store: Store, connection: Connection) -> dict[str, Any]:
    def one(sql: str) -> Any:
        rows = connection.rows(sql)
        return rows[0][0] if rows else None

    version = str(one("SELECT sqlite_version()"))
    wal = store.path.with_name(store.path.name + "-wal")
    found = schema_version(connection)
    return {
        "kind": "sqlite",
        "path": str(store.path),
        "driver": store.driver,
        "sqlite": version,
        "wal_reset_bug": has_wal_reset_bug(version),
        "journal_mode": one("PRAGMA journal_mode"),
        "synchronous": store.synchronous,
        "size": store.path.stat().st_size if store.path.exists() else 0,
        "wal_size": wal.stat().st_size if wal.exists() else 0,
        "schema": found,
        "serves": newest(),
        "id": one("SELECT value FROM rota_meta WHERE key = 'ledger'") if found else None,
    }


def has_wal_reset_bug(version: str) -> bool:
    """Whether a SQLite can lose or corrupt commits at a WAL reset: 3.7.0 to 3.51.2, but for the backports
    3.44.6 and 3.50.7 (sqlite.org/wal.html, section "the WAL-reset bug").

    >>> has_wal_reset_bug("3.40.1"), has_wal_reset_bug("3.50.7"), has_wal_reset_bug("3.51.3")
    (True, False, False)
    """
    number = tuple(int(part) for part in version.split(".")[:3])
    if number[:2] == (3, 44):
        return number < (3, 44, 6)
    if number[:2] == (3, 50):
        return number < (3, 50, 7)
    return (3, 7, 0) <= number < (3, 51, 3)
