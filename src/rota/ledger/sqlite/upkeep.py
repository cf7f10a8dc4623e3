"""Backup, and what there is to know about the file."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from rota.errors import UsageError
from rota.ledger.migrate import Migrations, newest
from rota.ledger.sql.connection import Connection
from rota.ledger.sqlfile import migrations
from rota.ledger.sqlite.store import FileStore

__all__ = ["PACKAGE", "backup", "facts", "known", "schema_version"]

PACKAGE = "rota.ledger.sqlite"


def known() -> Migrations:
    """The migrations of a SQLite ledger, by version."""
    return migrations(PACKAGE)


def schema_version(connection: Connection) -> int:
    """The schema's version of a file; 0 where there is none of ours."""
    if not connection.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'rota_meta'"):
        return 0
    rows = connection.rows("SELECT value FROM rota_meta WHERE key = 'schema'")
    return int(rows[0][0]) if rows else 0


def backup(connection: Connection, target: Path) -> int:
    """A consistent copy into a new file, on the disk when this returns. It takes its name only once it is whole."""
    if target.exists():
        raise _taken(target)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        connection.run("VACUUM INTO :path", {"path": str(part)})
        _sync(part)  # SQLite leaves that to others here
        try:
            os.link(part, target)  # unlike a rename, this does not replace what has come there meanwhile
        except FileExistsError:
            raise _taken(target) from None
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _taken(file: Path) -> UsageError:
    return UsageError(
        f"{file} is there already", expected="a name that is free", found="a file", where=str(file)
    )


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def facts(store: FileStore, connection: Connection) -> dict[str, Any]:
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
        "serves": newest(known()),
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
