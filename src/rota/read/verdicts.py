"""The latest verdict of each check of each task, with its evidence."""

from __future__ import annotations

from rota.ledger.judging import VerdictRecord
from rota.ledger.protocol import Ledger
from rota.model.verdict import Standing

__all__ = ["verdict_list"]


def verdict_list(ledger: Ledger, task_id: int | None = None, *, unmet: bool = False) -> list[VerdictRecord]:
    """By task and check; of one task, or only those not met, if so asked."""
    return [
        one
        for one in ledger.verdicts()
        if task_id in (None, one.task_id) and not (unmet and one.standing is not Standing.UNMET)
    ]
