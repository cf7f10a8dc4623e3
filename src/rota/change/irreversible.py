"""Changes of tasks whose effects cannot be undone: a plan asks for the blast radius and a dry run first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rota.change.hazards import Hazard
from rota.change.plan import Plan
from rota.change.rehearsals import rehearsal_of
from rota.define.canonical import rota_from_json
from rota.errors import Refused, Retriable
from rota.ledger.protocol import Ledger
from rota.model.irreversible import reason_of
from rota.model.task import Task

__all__ = ["check_irreversible", "irreversible"]


def irreversible(ledger: Ledger, plan: Plan) -> list[Hazard]:
    """What is said of each task that a plan adds or changes and whose effects cannot be undone, and what is missing."""
    executed = _executed(ledger, plan)
    return [
        Hazard("irreversible", task.name, "; ".join([_undoable(task), *_missing(task, executed)]))
        for task in _touched(plan)
    ]


def check_irreversible(ledger: Ledger, plan: Plan) -> None:
    """Raise `Refused` where such a task states no blast radius, or was not run dry with this very change. A first revision
    has no rehearsal to show, and is let through."""
    if plan.base == 0:
        return
    executed = _executed(ledger, plan)
    for task in _touched(plan):
        for missing in _missing(task, executed):
            raise Refused(
                f"the effects of {task.name} cannot be undone, and it is not ready to be applied",
                expected="its blast_radius in the rota, and a dry run of this very change within seven days",
                found=missing,
                where=f"task {task.name}",
                retry=Retriable("after-check", "nothing was changed"),
                next=(f"rota rehearse --execute {task.name}", "rota apply --without-rehearsal WHY"),
            )


def _touched(plan: Plan) -> Iterator[Task]:
    tasks = rota_from_json(json.loads(plan.definition)).tasks
    for effect in plan.effects:
        task = tasks.get(effect.change.name)
        if task is not None and task.undo is not None:
            yield task


def _executed(ledger: Ledger, plan: Plan) -> Sequence[str]:
    found = rehearsal_of(ledger, plan.service, plan.base, plan.digest)
    return () if found is None else found.executed


def _undoable(task: Task) -> str:
    radius = (
        f"one run affects {task.blast_radius}"
        if task.blast_radius
        else "how much one run affects is not stated"
    )
    return f"its effects cannot be undone ({reason_of(task.undo)}); {radius}"


def _missing(task: Task, executed: Sequence[str]) -> Iterator[str]:
    if task.blast_radius is None:
        yield "no blast_radius: state the most that one run can affect"
    if task.name not in executed:
        yield f"no dry run of this change: rota rehearse --execute {task.name}"
