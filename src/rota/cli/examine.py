"""What `rota doctor` looks at."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rota.cli.ledgers import must_be_served, must_exist
from rota.errors import RotaError

if TYPE_CHECKING:
    from rota.cli.session import Session
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["Finding", "examine"]

_LITTLE_SPACE = 500_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and what to do where that is not good."""

    check: str
    verdict: Literal["good", "note", "bad"]
    found: str
    advice: str = ""


def examine(session: Session) -> list[Finding]:
    """Everything, in order; what cannot be looked at is a finding too."""
    settings = session.settings()
    return [*_rota(session), *_settings(settings), *_ledger(session, settings)]


def _rota(session: Session) -> Iterator[Finding]:
    try:
        loaded = session.load_if_there()
    except RotaError as error:
        yield Finding("rota", "bad", error.what, "rota check")
        return
    if loaded is None:
        yield Finding("rota", "note", "no file here", "rota init, or --config FILE")
    else:
        yield Finding("rota", "good", f"{len(loaded.tasks)} tasks of {loaded.service}")


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.heartbeat * 3 > settings.lease:
        found = f"a heartbeat each {settings.heartbeat:g} s, a lease of {settings.lease:g} s"
        yield Finding("lease", "bad", found, "set ROTA_LEASE to at least three times ROTA_HEARTBEAT")
    else:
        yield Finding("lease", "good", f"{settings.lease:g} s, renewed each {settings.heartbeat:g} s")
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        yield Finding("pages", "good", f"on {settings.host}: seen from this machine only")
    else:
        yield Finding("pages", "note", f"on {settings.host}: seen from other machines", "put TLS in front")


def _ledger(session: Session, settings: Settings) -> Iterator[Finding]:
    try:
        must_exist(settings)
        ledger = session.wiring.open_ledger(settings, migrate=False)
    except RotaError as error:
        yield Finding("ledger", "bad", error.what, " or ".join(error.next))
        return
    try:
        yield from _of_ledger(ledger, settings)
    except RotaError as error:
        yield Finding("ledger", "bad", error.what, " or ".join(error.next))
    finally:
        ledger.close()


def _of_ledger(ledger: Ledger, settings: Settings) -> Iterator[Finding]:
    facts = ledger.facts()
    yield Finding(
        "ledger", "good", ", ".join(f"{name} {value}" for name, value in facts.items() if _is_plain(value))
    )
    try:
        must_be_served(ledger, settings)
    except RotaError as error:
        yield Finding("schema", "bad", f"{error.what}: {error.found}", " or ".join(error.next))
        return
    yield Finding("schema", "good", f"version {ledger.version()[0]}")
    yield from _of_sqlite(facts)
    yield _nodes(ledger)


def _of_sqlite(facts: dict[str, Any]) -> Iterator[Finding]:
    if facts.get("kind") != "sqlite":
        return
    if facts.get("wal_reset_bug"):
        yield Finding(
            "sqlite",
            "bad",
            f"{facts.get('sqlite')} has the WAL-reset bug, which can corrupt a file that several processes write to",
            "use the driver apsw, which carries a newer one (ROTA_SQLITE_DRIVER=apsw)",
        )
    else:
        yield Finding("sqlite", "good", f"{facts.get('sqlite')}, without the WAL-reset bug")
    path = Path(str(facts.get("path", "")))
    if path.exists():
        yield _permissions("ledger's file", path)
        yield _space(path)
    token = path.parent / "rota.token"
    if token.exists():
        yield _permissions("token's file", token)


def _permissions(name: str, path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o007:
        return Finding(
            name, "note", f"{path}: mode {mode:04o}, open to every user of this machine", f"chmod o= {path}"
        )
    return Finding(name, "good", f"{path}: mode {mode:04o}")


def _space(path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free
    verdict: Literal["good", "bad"] = "good" if free > _LITTLE_SPACE else "bad"
    return Finding(
        "disk", verdict, f"{free / 1e9:.1f} GB free", "" if verdict == "good" else "make room for the ledger"
    )


def _nodes(ledger: Ledger) -> Finding:
    now = ledger.now()
    live = [node for node in ledger.nodes() if node.state == "live" and node.lease_until >= now]
    if live:
        return Finding("nodes", "good", f"{len(live)} live: {', '.join(node.label for node in live)}")
    return Finding("nodes", "note", "none is running: nothing starts", "rota run")


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
