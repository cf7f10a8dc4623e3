"""The latest verdict of each check of each task, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.model.verdict import Check, Standing

__all__ = ["VerdictView", "verdict_list"]


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict as people see it. ``unmet_*`` tell of the latest one that was not met, also where it is met again."""

    service: str
    task: str
    check: Check
    standing: Standing
    since_at: Instant
    at: Instant
    expected: str
    found: str
    run_id: int | None
    unmet_at: Instant | None
    unmet_found: str | None
    unmet_run: int | None


def verdict_list(ledger: Ledger, task: str | None = None, *, unmet: bool = False) -> list[VerdictView]:
    """By task and check; of one task, or only those not met, if so asked."""
    return [
        VerdictView(
            one.service, one.task, one.check, one.standing, one.since_at, one.at, one.expected, one.found, one.run_id,
            one.unmet_at, one.unmet_found, one.unmet_run,
        )
        for one in ledger.verdicts()
        if (task is None or one.task == task) and not (unmet and one.standing is not Standing.UNMET)
    ]  # fmt: skip
