"""A driver's faults as the ledger's: mapped in this one place, by SQLite's result codes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from rota.errors import LedgerError, LedgerUnreachable, Retriable

__all__ = ["faults", "is_busy"]

_CANNOT_CREATE_FOLDER = -1
_DRIVERS = (apsw.Error, sqlite3.Error, OSError)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is told of a result code. ``{path}`` and ``{folder}`` stand for the ledger's file and its folder."""

    what: str
    expected: str
    retry: Retriable
    next: str


_NOTHING = "nothing was written"
_UNREACHABLE = {
    sqlite3.SQLITE_BUSY: _Fault(
        "the ledger is locked", "a lock within half a minute", Retriable(True, _NOTHING, 1.0), "fuser -v {path}"
    ),
    sqlite3.SQLITE_LOCKED: _Fault(
        "the ledger is locked by this very process", "no other use of the same connection",
        Retriable(True, _NOTHING, 1.0), "fuser -v {path}",
    ),
    sqlite3.SQLITE_CANTOPEN: _Fault(
        "the ledger cannot be opened", "a file in a folder that is there and that this user may write to",
        Retriable(True, f"once it can; {_NOTHING}"), "ls -ld {folder}",
    ),
    sqlite3.SQLITE_READONLY: _Fault(
        "the ledger cannot be written to", "a file, and a folder, that this user may write to",
        Retriable(True, f"once it can; {_NOTHING}"), "ls -ld {folder} {path}",
    ),
    sqlite3.SQLITE_PERM: _Fault(
        "the ledger may not be used by this user", "a file that this user may read and write",
        Retriable(True, f"once it may; {_NOTHING}"), "ls -l {path}",
    ),
    sqlite3.SQLITE_FULL: _Fault(
        "there is no room for the ledger", "free space on its disk",
        Retriable(True, f"once there is room; {_NOTHING}", 5.0), "df -h {folder}",
    ),
    sqlite3.SQLITE_IOERR: _Fault(
        "the ledger's disk does not answer as it should", "a disk with room, without errors",
        Retriable(True, f"the transaction was rolled back; {_NOTHING}", 5.0), "df -h {folder}",
    ),
    sqlite3.SQLITE_PROTOCOL: _Fault(
        "the ledger's locks do not work here", "a local disk: locks of network file systems are not to be trusted",
        Retriable(True, _NOTHING, 1.0), "df -T {folder}",
    ),
    _CANNOT_CREATE_FOLDER: _Fault(
        "the ledger's folder cannot be used", "a folder that is there, or that this user may create",
        Retriable(True, f"once it can; {_NOTHING}"), "ls -ld {folder}",
    ),
}  # fmt: skip
_BROKEN = {
    sqlite3.SQLITE_NOTADB: _Fault(
        "the ledger's file is not a SQLite database", "a SQLite file, or none yet",
        Retriable(False, "it would fail again; name another file, or move this one away"), "file {path}",
    ),
    sqlite3.SQLITE_CORRUPT: _Fault(
        "the ledger's file is damaged", "an intact SQLite file",
        Retriable(False, "stop all nodes, keep the file and its -wal, and restore the latest backup"),
        "sqlite3 {path} 'PRAGMA integrity_check'",
    ),
    sqlite3.SQLITE_CONSTRAINT: _Fault(
        "the ledger refused an illegal record", "a record that its constraints allow",
        Retriable(False, f"{_NOTHING}; this is a defect of Rota, or of what it was handed"), "rota doctor",
    ),
}  # fmt: skip


@contextlib.contextmanager
def faults(path: Path) -> Iterator[None]:
    """Raises a driver's errors as `LedgerUnreachable`, where trying again may help, or as `LedgerError`."""
    try:
        yield
    except _DRIVERS as error:
        raise _mapped(error, path) from error


def is_busy(error: BaseException) -> bool:
    """Whether another connection holds the lock that is wanted."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: BaseException) -> int | None:
    """SQLite's primary result code, of whichever driver."""
    if isinstance(error, apsw.Error):
        result = getattr(error, "result", None)
        return None if result is None else result & 0xFF
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # not there where the driver itself complains
        return None if code is None else code & 0xFF
    return _CANNOT_CREATE_FOLDER if isinstance(error, OSError) else None


def _mapped(error: Exception, path: Path) -> LedgerError:
    code = _code(error)
    family = LedgerUnreachable if code in _UNREACHABLE else LedgerError
    fault = _UNREACHABLE.get(code, _BROKEN.get(code)) if code is not None else None
    if fault is None:
        return LedgerError(
            f"the ledger failed: {error}", where=str(path),
            retry=Retriable("after-check", "the transaction was rolled back"), next=["rota doctor"],
        )  # fmt: skip
    return family(
        fault.what, expected=fault.expected, found=str(error), where=str(path), retry=fault.retry,
        next=[fault.next.format(path=path, folder=path.parent)],
    )  # fmt: skip
