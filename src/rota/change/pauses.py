"""Pauses end by themselves when their time is over, in the same way as by hand."""

from __future__ import annotations

from rota.change.actions import resume
from rota.errors import Conflict
from rota.ledger.protocol import Ledger

__all__ = ["end_pauses"]


def end_pauses(ledger: Ledger) -> int:
    """Resume every task whose pause is over, and make up for it by the task's own policy; returns how many."""
    now = ledger.now()
    ended = 0
    for task in ledger.tasks():
        if task.paused_until is None or task.paused_until > now:
            continue
        try:
            resume(ledger, task, actor="rota", reason="the time of the pause was over")
        except Conflict:
            continue  # somebody was quicker; their runs make up for it
        ended += 1
    return ended
