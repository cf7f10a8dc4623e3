"""The boundary at which a caller's own connection is accepted: what is recorded on it is part of the caller's transaction."""

from __future__ import annotations

from typing import Any

import psycopg

from rota.errors import UsageError
from rota.ledger.postgres.address import Address
from rota.ledger.postgres.connect import Server

__all__ = ["accept"]


def accept(theirs: Any, address: Address) -> Server:
    """The caller's connection, if it is one to the ledger's database. Nothing is begun or committed on it.

    Raises `UsageError`.
    """
    if not isinstance(theirs, psycopg.Connection):
        raise UsageError(
            "the connection is not one that a PostgreSQL ledger can record on",
            expected="a psycopg.Connection",
            found=f"{type(theirs).__module__}.{type(theirs).__qualname__}", where="connection",
        )  # fmt: skip
    return Server(theirs, address.schema)
