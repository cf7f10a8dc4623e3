"""The one boundary at which a caller's own connection is accepted: what is recorded on it is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, cast

import apsw

from rota.errors import UsageError
from rota.ledger.sql.callers import Asked, Caller, OnLoop, alchemy_of
from rota.ledger.sqlite.connect import Apsw, Connection, Driver, Stdlib, many

__all__ = ["accept"]


def accept(theirs: Any, path: Path, driver: Driver, is_open: bool) -> Connection:
    """The caller's connection, if it is one to the ledger's file, of the same SQLite library as the ledger's own.

    Nothing is begun or committed on it. Raises `UsageError`.
    """
    connection: Connection
    alchemy = alchemy_of(theirs)
    if alchemy is not None:
        connection, library = _alchemy(alchemy, theirs), "sqlite3"
    elif isinstance(theirs, apsw.Connection):
        connection, library = Apsw(theirs, theirs=True), "apsw"
    elif isinstance(theirs, sqlite3.Connection):
        connection, library = Stdlib(theirs), "sqlite3"
    else:
        raise UsageError(
            "the connection is not one that a SQLite ledger can record on",
            expected="an apsw.Connection, a sqlite3.Connection, or one of SQLAlchemy's",
            found=f"{type(_inner(theirs)).__module__}.{type(_inner(theirs)).__qualname__}", where="connection",
        )  # fmt: skip
    _must_share_library(library, path, driver, is_open)
    _must_share_file(connection, path)
    return connection


def _inner(theirs: Any) -> Any:
    return theirs.theirs if isinstance(theirs, OnLoop) else theirs


def _alchemy(connection: Any, theirs: Any) -> Connection:
    """By SQLAlchemy's own way to its driver, which is Python's sqlite3."""

    def answer(result: Any) -> Asked:
        return ([tuple(row) for row in result.fetchall()] if result.returns_rows else []), result.rowcount

    def ask(sql: str, params: Any) -> Asked:
        asked = connection.exec_driver_sql(sql, dict(params))
        return answer(theirs.wait(asked) if isinstance(theirs, OnLoop) else asked)

    return cast("Connection", Caller(ask, many))


def _must_share_library(library: str, path: Path, driver: Driver, is_open: bool) -> None:
    """Closing a file in one library drops the locks of the other: sqlite.org/howtocorrupt.html, section 2.2.1."""
    if library != driver and is_open:
        raise UsageError(
            "two SQLite libraries in one process would undo each other's locks on this file",
            expected=f"a connection of {driver}, as the ledger's own", found=f"one of {library}",
            where=str(path), next=[f"ROTA_SQLITE_DRIVER={library}"],
        )  # fmt: skip


def _must_share_file(connection: Connection, path: Path) -> None:
    files = [row[2] for row in connection.rows("PRAGMA database_list") if row[1] == "main"]
    found = Path(files[0]) if files and files[0] else None
    if found is None or not path.exists() or not found.samefile(path):
        raise UsageError(
            "the connection is to another file than the ledger's, so it cannot be one transaction",
            expected=str(path), found=str(found or "a database in memory"), where="connection",
            next=[f"ROTA_DATABASE_URL=sqlite:///{found}"] if found else [],
        )  # fmt: skip
