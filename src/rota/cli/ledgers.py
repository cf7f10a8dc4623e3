"""Opening the ledger for a command: what is not there, or is of another version, is said and left as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rota.errors import LedgerUnreachable, LedgerVersion, Retriable

if TYPE_CHECKING:
    from rota.cli.wiring import Wiring
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["must_be_served", "must_exist", "opened", "shown"]


@contextlib.contextmanager
def opened(wiring: Wiring, settings: Settings) -> Iterator[Ledger]:
    """The ledger for one command, closed at its end."""
    must_exist(settings)
    ledger = wiring.open_ledger(settings, migrate=False)
    try:
        must_be_served(ledger, settings)
        yield ledger
    finally:
        ledger.close()


def must_exist(settings: Settings) -> None:
    """Raises `LedgerUnreachable` where the file is missing: looking at a ledger must not make one."""
    url = urlsplit(settings.database_url)
    if url.scheme != "sqlite":
        return
    path = Path(unquote(url.path[1:]))
    if path.is_dir():
        raise LedgerUnreachable(
            "the ledger's address names a folder",
            expected="sqlite:///FILE, or sqlite:////ABSOLUTE/FILE",
            found=settings.database_url,
            where="ROTA_DATABASE_URL or --database-url",
            retry=Retriable(True, "once it names a file"),
        )
    if not path.exists():
        raise LedgerUnreachable(
            "there is no ledger yet",
            expected="the file of a ledger, which rota run makes at its first start",
            found="no such file",
            where=str(path),
            next=("rota run", "set ROTA_DATABASE_URL to where it is"),
        )


def shown(url: str) -> str:
    """An address for people: without its password, and without a query, in which there may be one.

    >>> shown("postgresql://web:secret@db/site?password=other")
    'postgresql://web:***@db/site'
    """
    user, at, rest = url.partition("?")[0].rpartition("@")
    scheme, separator, name = user.partition("://")
    return scheme + separator + name.partition(":")[0] + (":***" if ":" in name else "") + at + rest


def must_be_served(ledger: Ledger, settings: Settings) -> None:
    """Raises `LedgerVersion` where the schema is not the one that this build serves."""
    found, serves = ledger.version()
    if found == serves:
        return
    newer = found > serves
    raise LedgerVersion(
        "the ledger is newer than this build of Rota"
        if newer
        else "the ledger is older than this build of Rota"
        if found
        else "the ledger is not migrated",
        expected=f"schema version {serves}",
        found=f"version {found}",
        where=shown(settings.database_url),
        retry=Retriable(
            True,
            "with a newer Rota; nothing was changed" if newer else "once it is migrated; nothing was changed",
        ),
        next=("install a newer Rota",) if newer else ("rota migrate",),
    )
