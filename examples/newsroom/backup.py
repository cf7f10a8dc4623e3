"""Backups of the database: site and Rota's ledger together, while both are in use."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from newsroom.clock import to_text
from newsroom.store import Store, count, value

__all__ = ["KEPT", "back_up", "newest", "verify"]

KEPT = 7


def back_up(store: Store, folder: Path, now: datetime, *, empty: bool = False) -> dict[str, Any]:
    """Copy the database to a file of its own by SQLite's backup API, look whether it is whole, keep the last seven.

    Raises ValueError, and keeps the backups there were, when the copy is not whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"newsroom-{re.sub(r'[^0-9TZ]', '', to_text(now))}.db"
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)
    if empty:
        aside.touch()
        articles = 0
    else:
        _copy(store, aside)
        articles = verify(aside)
    os.replace(aside, path)
    os.chmod(path, 0o600)
    dropped = _backups(folder)[:-KEPT]
    for old in dropped:
        old.unlink()
    return {"file": path.name, "bytes": path.stat().st_size, "articles": articles, "dropped": len(dropped)}


def _copy(store: Store, aside: Path) -> None:
    target = apsw.Connection(str(aside))
    try:
        with store.read() as source, target.backup("main", source, "main") as backup:
            backup.step(-1)  # in one go: writers go on, in the WAL
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without companions
    finally:
        target.close()


def verify(path: Path) -> int:
    """How many articles a backup holds. Raises ValueError when it is empty, cannot be read or is not whole."""
    if not path.stat().st_size:
        raise ValueError(f"expected a database in {path}, found an empty file; retry: safe")
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            answer = value(connection, "PRAGMA integrity_check")
            if answer != "ok":
                raise ValueError(f"expected a whole database in {path}, found: {answer}; retry: safe")
            return count(connection, "SELECT count(*) FROM article")
        finally:
            connection.close()
    except apsw.Error as error:
        raise ValueError(f"expected a database in {path}, found: {error}; retry: safe") from error


def _backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("newsroom-*.db")) if folder.is_dir() else []


def newest(folder: Path) -> Path | None:
    return next(reversed(_backups(folder)), None)
