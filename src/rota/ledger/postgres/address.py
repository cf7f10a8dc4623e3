"""The address of a ledger on a server: what of it is for the driver, and what for us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from rota.errors import UsageError

__all__ = ["SCHEME", "Address"]

SCHEME = re.compile(r"^postgres(ql)?://")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the ledger's tables are: a server, and a schema of its database.

    >>> Address.of("postgresql://web:secret@db/site?schema=duties&sslmode=require")
    Address(url='postgresql://web:secret@db/site?sslmode=require', schema='duties')
    >>> str(Address.of("postgresql://web:secret@db/site"))
    'postgresql://web:***@db/site?schema=rota'
    """

    url: str  # as the driver takes it
    schema: str = "rota"

    @classmethod
    def of(cls, text: str) -> Address:
        """Read an address. Raises `UsageError` where the schema's name would need quoting."""
        parts = urlsplit(text)
        values = parse_qsl(parts.query, keep_blank_values=True)
        schema = next((value for name, value in values if name == "schema"), "rota")
        if not _SCHEMA.fullmatch(schema):
            raise UsageError(
                "the ledger's schema has a name that would need quoting",
                expected="small letters, digits and underscores", found=schema, where="schema= in ROTA_DATABASE_URL",
            )  # fmt: skip
        rest = [(name, value) for name, value in values if name != "schema"]
        if "," in parts.netloc and all(name != "target_session_attrs" for name, _ in rest):
            rest.append(
                ("target_session_attrs", "read-write")
            )  # of several servers the one that takes writes
        return cls(urlunsplit(parts._replace(query=urlencode(rest, quote_via=quote))), schema)

    def __str__(self) -> str:
        """For people: without the password."""
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        hidden = user.split(":")[0] + ":***" if ":" in user else user
        return urlunsplit(parts._replace(netloc=hidden + at + host, query=f"schema={self.schema}"))
