"""The boundary at which a caller's own connection is accepted: what is recorded on it is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from rota.errors import Retriable, UsageError
from rota.ledger.postgres.address import Address
from rota.ledger.postgres.connect import Server
from rota.ledger.postgres.dialect import numbered, storable, translated
from rota.ledger.sql.callers import Asked, Caller, OnLoop, alchemy_of
from rota.ledger.sql.connection import Connection

__all__ = ["accept"]

KINDS = "a connection of psycopg, asyncpg or SQLAlchemy, or a SQLAlchemy session, to the ledger's database"


def accept(theirs: Any, address: Address) -> Connection:
    """The caller's connection, if it is one to a PostgreSQL database. Nothing is begun or committed on it.

    Raises `UsageError` where it is no such connection, or in no transaction that the caller could commit.
    """
    if isinstance(theirs, psycopg.Connection):
        _must_be_in_transaction(theirs)
        return Server(theirs, address.schema)
    inner = theirs.theirs if isinstance(theirs, OnLoop) else theirs
    alchemy = alchemy_of(theirs)
    if alchemy is not None:
        return Caller(_alchemy(alchemy, theirs, address.schema))
    if isinstance(inner, psycopg.AsyncConnection) and isinstance(theirs, OnLoop):
        _must_be_in_transaction(inner)
        return Caller(_psycopg(inner, theirs, address.schema))
    if type(inner).__module__.startswith("asyncpg.") and isinstance(theirs, OnLoop):
        if not inner.is_in_transaction():
            raise _no_transaction("async with connection.transaction():")
        return Caller(_asyncpg(inner, theirs, address.schema))
    raise UsageError(
        "the connection is not one that a PostgreSQL ledger can record on", expected=KINDS,
        found=f"{type(inner).__module__}.{type(inner).__qualname__}", where="connection",
    )  # fmt: skip


def _must_be_in_transaction(theirs: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """One in autocommit, outside a transaction, would commit each statement by itself."""
    status = theirs.info.transaction_status
    if status is TransactionStatus.INERROR:
        raise UsageError(
            "the caller's transaction has failed already", expected="a transaction that can be committed",
            found="one that can only be rolled back", where="connection",
            retry=Retriable(True, "after a rollback, in a new transaction"),
        )  # fmt: skip
    if theirs.autocommit and status is not TransactionStatus.INTRANS:
        raise _no_transaction("with connection.transaction():")


def _no_transaction(begin: str) -> UsageError:
    return UsageError(
        "the caller's connection is in no transaction", expected="a transaction that what is recorded becomes part of",
        found="autocommit", where="connection", next=[begin],
    )  # fmt: skip


def _psycopg(theirs: psycopg.AsyncConnection[Any], lent: OnLoop, schema: str) -> Callable[..., Asked]:
    async def ask(sql: str, params: Mapping[str, Any]) -> Asked:
        async with psycopg.AsyncCursor(theirs, row_factory=psycopg.rows.tuple_row) as cursor:
            await cursor.execute(translated(sql, schema).encode(), storable(params))
            return (await cursor.fetchall() if cursor.description else []), cursor.rowcount

    return lambda sql, params: lent.wait(ask(sql, params))


def _asyncpg(theirs: Any, lent: OnLoop, schema: str) -> Callable[..., Asked]:
    async def ask(sql: str, params: Mapping[str, Any]) -> Asked:
        text, values = numbered(sql, schema, storable(params))
        statement = await theirs.prepare(text)
        found = [tuple(row) for row in await statement.fetch(*values)]
        count = statement.get_statusmsg().rpartition(" ")[2]
        return found, int(count) if count.isdigit() else len(found)

    return lambda sql, params: lent.wait(ask(sql, params))


def _alchemy(connection: Any, theirs: Any, schema: str) -> Callable[..., Asked]:
    """By SQLAlchemy's own way to a driver, so that its transaction is begun as it would begin it."""
    by_number = connection.dialect.driver == "asyncpg"

    def text_of(sql: str, params: Mapping[str, Any]) -> tuple[str, Any]:
        if by_number:
            return numbered(sql, schema, storable(params))
        return translated(sql, schema), storable(params)

    def answer(result: Any) -> Asked:
        return ([tuple(row) for row in result.fetchall()] if result.returns_rows else []), result.rowcount

    _must_not_autocommit(getattr(connection, "sync_connection", connection))
    if not isinstance(theirs, OnLoop):
        return lambda sql, params: answer(connection.exec_driver_sql(*text_of(sql, params)))
    return lambda sql, params: answer(theirs.wait(connection.exec_driver_sql(*text_of(sql, params))))


def _must_not_autocommit(connection: Any) -> None:
    """SQLAlchemy's autocommit is an isolation level: of this connection, or of its engine."""
    engine_has = getattr(connection.dialect, "_on_connect_isolation_level", None)
    if connection.get_execution_options().get("isolation_level", engine_has) == "AUTOCOMMIT":
        raise _no_transaction("an engine without isolation_level='AUTOCOMMIT'")
