"""The schema of a ledger on a server, and what there is to know about the server."""

from __future__ import annotations

from typing import Any

import psycopg

from rota.ledger.migrate import Migrations, newest
from rota.ledger.postgres.address import Address
from rota.ledger.sql.connection import Connection
from rota.ledger.sqlfile import migrations

__all__ = ["PACKAGE", "facts", "known", "make_schema", "schema_version"]

PACKAGE = "rota.ledger.postgres"


def known() -> Migrations:
    """The migrations of a PostgreSQL ledger, by version."""
    return migrations(PACKAGE)


def schema_version(connection: Connection, schema: str) -> int:
    """The version of a schema; 0 where there is none of ours."""
    if connection.rows("SELECT to_regclass(:table)", {"table": f"{schema}.rota_meta"})[0][0] is None:
        return 0
    rows = connection.rows("SELECT value FROM rota_meta WHERE key = 'schema'")
    return int(rows[0][0]) if rows else 0


def make_schema(connection: Connection, schema: str) -> None:
    """Make the schema where it is missing, and have this transaction's scripts work in it. Where it is there, the right
    to make schemas is not needed."""
    if not connection.rows("SELECT 1 FROM pg_namespace WHERE nspname = :schema", {"schema": schema}):
        connection.script(f"CREATE SCHEMA {schema}")
    connection.script(f"SET LOCAL search_path = {schema}")


def facts(address: Address, connection: Connection, *, pooled: bool) -> dict[str, Any]:
    def one(sql: str, **params: Any) -> Any:
        rows = connection.rows(sql, params)
        return rows[0][0] if rows else None

    found = schema_version(connection, address.schema)
    return {
        "kind": "postgresql",
        "driver": f"psycopg {psycopg.__version__}",
        "url": str(address),
        "schema_name": address.schema,
        "postgresql": one("SELECT current_setting('server_version')"),
        "fsync": one("SELECT current_setting('fsync')"),
        "synchronous": one("SELECT current_setting('synchronous_commit')"),
        "pooled": pooled,
        "wakes": "by polling" if pooled else "LISTEN",
        "size": one(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relkind = 'r'",
            schema=address.schema,
        ),
        "schema": found,
        "serves": newest(known()),
        "id": one("SELECT value FROM rota_meta WHERE key = 'ledger'") if found else None,
    }
