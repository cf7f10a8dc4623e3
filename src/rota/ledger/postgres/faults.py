"""The driver's faults as the ledger's: mapped in this one place, by the server's SQLSTATE."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from rota.errors import LedgerError, LedgerUnreachable, Retriable
from rota.ledger.postgres.address import Address

__all__ = ["faults", "is_race", "lost_answer"]

_NOTHING = "nothing was written"


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is told of a SQLSTATE, or of a class of them."""

    what: str
    expected: str
    retry: Retriable
    next: str = "rota doctor"


_AWAY = _Fault(
    "the ledger cannot be reached", "a PostgreSQL server that answers",
    Retriable(True, f"once it answers; {_NOTHING}", 1.0),
)  # fmt: skip
_UNREACHABLE = {
    "08": _AWAY,
    "57P": _AWAY,  # it is shutting down, or starting up
    "58": _AWAY,
    "XX": _AWAY,
    "25006": _Fault(
        "the ledger takes no writes", "a primary server, not a standby", Retriable(True, f"once it is the primary; {_NOTHING}", 1.0)
    ),
    "25P03": _Fault(
        "the transaction stood still for too long and was ended by the server", "a process that goes on",
        Retriable(True, _NOTHING),
    ),
    "40": _Fault("others changed the same records at once", "a quiet moment", Retriable(True, _NOTHING, 0.1)),
    "55P03": _Fault(
        "the ledger is locked", "a lock within ten seconds", Retriable(True, _NOTHING, 1.0),
        "SELECT * FROM pg_stat_activity WHERE application_name = 'rota'",
    ),
    "57014": _Fault("a statement took too long", "an answer within twenty seconds", Retriable(True, _NOTHING, 5.0)),
    "53100": _Fault("there is no room for the ledger", "free space on the server's disk", Retriable(True, _NOTHING, 5.0)),
    "53": _Fault("the server has no resources left", "free connections and memory", Retriable(True, _NOTHING, 5.0)),
}  # fmt: skip
_BROKEN = {
    "28": _Fault(
        "the server refuses this user", "a user and a password that the server knows",
        Retriable(False, "it would be refused again; mend ROTA_DATABASE_URL, or the server's pg_hba.conf"),
    ),
    "3D": _Fault(
        "there is no such database", "a database that is there",
        Retriable(False, "create it, or name another in ROTA_DATABASE_URL"), "createdb",
    ),
    "42501": _Fault(
        "this user may not do that", "the privileges that docs/how-to/postgresql.md names",
        Retriable(False, "grant them, then it can be tried again"),
    ),
    "22": _Fault(
        "the ledger refused an illegal value", "a value that its columns allow",
        Retriable(False, f"{_NOTHING}; this is a defect of Rota, or of what it was handed"),
    ),
    "23": _Fault(
        "the ledger refused an illegal record", "a record that its constraints allow",
        Retriable(False, f"{_NOTHING}; this is a defect of Rota, or of what it was handed"),
    ),
}  # fmt: skip


@contextlib.contextmanager
def faults(address: Address) -> Iterator[None]:
    """Raises the driver's errors as `LedgerUnreachable`, where trying again may help, or as `LedgerError`."""
    try:
        yield
    except psycopg.Error as error:
        raise _mapped(error, address) from error


def is_race(error: BaseException) -> bool:
    """Whether the transaction only lost against another, and may be done once more: a serialization failure, a
    deadlock, or a number or key that the other took first."""
    return isinstance(error, psycopg.Error) and error.sqlstate in ("40001", "40P01", "23505")


def lost_answer(address: Address, error: psycopg.Error) -> LedgerUnreachable:
    """The connection broke between COMMIT and its answer: the work may be done, or not."""
    return LedgerUnreachable(
        "the ledger's answer to a commit was lost", expected="an answer", found=_said(error), where=str(address),
        retry=Retriable("after-check", "it may have been written"),
    )  # fmt: skip


def _mapped(error: psycopg.Error, address: Address) -> LedgerError:
    for known, family in ((_UNREACHABLE, LedgerUnreachable), (_BROKEN, LedgerError)):
        fault = _find(known, error)
        if fault is not None:
            return family(
                fault.what, expected=fault.expected, found=_said(error), where=str(address), retry=fault.retry,
                next=[fault.next],
            )  # fmt: skip
    return LedgerError(
        f"the ledger failed: {_said(error)}", where=str(address),
        retry=Retriable("after-check", "the transaction was rolled back"), next=["rota doctor"],
    )  # fmt: skip


def _find(known: dict[str, _Fault], error: psycopg.Error) -> _Fault | None:
    """By the whole SQLSTATE, or its beginning. Without one, an operational error is the connection's."""
    state = error.sqlstate
    if state is None:
        refused = any(
            word in str(error) for word in ("authentication failed", "no password supplied", "pg_hba.conf")
        )
        if "does not exist" in str(error) and "database" in str(error):
            state = "3D000"
        elif refused:
            state = "28000"
        elif isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return known.get("08")
        else:
            return None
    return next((known[state[:length]] for length in (5, 3, 2) if state[:length] in known), None)


def _said(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error) or type(error).__name__).strip().splitlines()[0]
