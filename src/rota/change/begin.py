"""What a process does to the rota when it starts: as a rule nothing. Only `apply` moves the revision."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from rota.change.apply import apply
from rota.change.zones import keep_up_with_zones
from rota.define.canonical import digest
from rota.define.loaded import LoadedRota
from rota.define.served import served
from rota.errors import Conflict
from rota.ledger.protocol import Ledger

__all__ = ["Begun", "begin"]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a starting node serves: ``rota``, the definitions of revision ``number`` with the code at hand. ``is_pending``:
    the rota at hand is another one, and not applied; ``missing``: tasks that there is no code for here, and why."""

    rota: LoadedRota
    number: int
    is_pending: bool
    missing: Mapping[str, str]
    zones_moved: int  # schedules that new time zone data gave another next occurrence


def begin(ledger: Ledger, code: LoadedRota, *, apply_on_start: bool, author: str) -> Begun:
    """Serve what is applied. A service's first rota is applied, and any other one where ``apply_on_start`` says so: nodes
    with different files would else put back each other's. Raises `LedgerError`."""
    moved = keep_up_with_zones(ledger)
    if apply_on_start:
        apply(ledger, code, author=author, reason="applied at start-up")
    elif not ledger.current(code.service):
        with contextlib.suppress(Conflict):  # another node was quicker, perhaps with another file
            apply(ledger, code, author=author, reason="applied at start-up", base=0)
    revision = ledger.revisions(code.service, 1)[0]
    rota, missing = served(revision, code)
    return Begun(rota, revision.number, revision.digest != digest(code), missing, moved)
