"""What an attempt carries out: its task, or in its place the command that undoes what the task did."""

from __future__ import annotations

import json
from dataclasses import replace

from rota.execute.protocol import Outcome
from rota.ledger.work import Claimed
from rota.model.run import Kind
from rota.model.task import Command, Expectation, Retries, Task
from rota.model.undo import Undo, command_line

__all__ = ["to_carry_out"]


def to_carry_out(task: Task | None, claimed: Claimed) -> Task | Outcome:
    """The task that the attempt carries out, or why it is rejected. ``task`` is what this node knows by that name."""
    if task is None:  # a defect of whoever claimed it, but never a silent one
        return _rejected("UnknownTask", f"this node has no task {claimed.service}/{claimed.task}")
    if claimed.kind != Kind.UNDO:
        return task
    asked = Undo.from_json(claimed.args or "{}")
    if asked.argv != task.rollback_command:
        return _rejected("AnotherCommand", _differs(task, asked))
    return _undoing(task, asked)


def _undoing(task: Task, asked: Undo) -> Task:
    """The task with its rollback command to be run. Its timeout and grace hold; what is expected of it, and its retries,
    are for what it does, not for what undoes it."""
    environment = {"ROTA_UNDO_RUN": "" if asked.run is None else str(asked.run)}
    return replace(
        task,
        target=Command(task.rollback_command, env=environment),
        args=asked.args,
        retry=Retries(),
        expectation=Expectation(),
    )


def _differs(task: Task, asked: Undo) -> str:
    """Nothing is run that nobody has confirmed, and nothing that the revision which this node serves does not hold."""
    here = command_line(task.rollback_command) if task.rollback_command else "none"
    return f"the command that was confirmed is not this node's: expected {command_line(asked.argv)}, found {here}"


def _rejected(kind: str, message: str) -> Outcome:
    return Outcome("rejected", error=json.dumps({"type": kind, "message": message}))
