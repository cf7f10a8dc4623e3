"""That a change was rehearsed, as a line of the ledger's audit: what `rota rehearse` leaves, and what an apply may ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rota.change.records import change
from rota.clock import MICROSECOND, Instant
from rota.errors import Refused, Retriable
from rota.ledger.protocol import Ledger

__all__ = ["Rehearsed", "check_rehearsed", "record_rehearsal", "rehearsal_of"]

LATEST = 200
"""Rehearsals of a service that are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A rehearsal of the change from revision ``base`` (0: none) to the rota with that digest, and how it went."""

    base: int
    digest: str
    holds: bool
    days: float
    seed: int
    executed: tuple[str, ...] = ()  # tasks that were really run, and did what is expected


def record_rehearsal(ledger: Ledger, service: str, rehearsed: Rehearsed, *, actor: str) -> None:
    """Leave the line. Raises `LedgerError`."""
    ledger.note(
        change(
            ledger.now(), actor, "rehearse", _subject(service), None,
            base=rehearsed.base, digest=rehearsed.digest, holds=rehearsed.holds, days=rehearsed.days, seed=rehearsed.seed, executed=list(rehearsed.executed),
        )
    )  # fmt: skip


def rehearsal_of(
    ledger: Ledger, service: str, base: int, digest: str, *, within: timedelta = timedelta(days=7)
) -> Rehearsed | None:
    """The latest rehearsal of this very change, if there was one within a time; whether it held, it says itself."""
    since = Instant(ledger.now() - within // MICROSECOND)
    for line in ledger.changes(subject=_subject(service), limit=LATEST):
        if line.action == "rehearse" and line.at >= since:
            found = _read(json.loads(line.detail or "{}"))
            if (found.base, found.digest) == (base, digest):
                return found
    return None


def check_rehearsed(ledger: Ledger, service: str, base: int, digest: str) -> None:
    """Raise `Refused` unless this very change was rehearsed within seven days, and held. A first revision has no history
    to rehearse with, and is let through."""
    if base == 0:
        return
    found = rehearsal_of(ledger, service, base, digest)
    if found is not None and found.holds:
        return
    raise Refused(
        "the change was not rehearsed" if found is None else "the rehearsal of the change did not hold",
        expected=f"a rehearsal of this very change of revision {base}, of the last seven days, that held",
        found="none" if found is None else "a budget that was broken, or a proof or a run that failed",
        where="the setting production",
        retry=Retriable("after-check", "nothing was changed"),
        next=("rota rehearse", "rota apply --without-rehearsal WHY"),
    )


def _read(detail: dict[str, Any]) -> Rehearsed:
    return Rehearsed(**{**detail, "executed": tuple(detail.get("executed", ()))})


def _subject(service: str) -> str:
    return f"{service} rehearsal"
