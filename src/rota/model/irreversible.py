"""Tasks whose effects cannot be undone, in words."""

from __future__ import annotations

from rota.model.task import Task

__all__ = ["in_words", "reason_of"]


def reason_of(undo: str | None) -> str | None:
    """Why effects cannot be undone, out of ``none: WHY``; None where they can.

    >>> reason_of("none: mail already sent"), reason_of(None)
    ('mail already sent', None)
    """
    return None if undo is None else undo.partition(":")[2].strip()


def in_words(task: Task) -> str:
    """Why the effects of a task cannot be undone, and the most that one run affects; empty where they can be."""
    reason = reason_of(task.undo)
    if reason is None:
        return ""
    return f"{reason}; one run affects {task.blast_radius}" if task.blast_radius else reason
