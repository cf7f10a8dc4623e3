"""The rota that a node serves: the definitions of the service's current revision, with the code that this build has."""

from __future__ import annotations

import json
from typing import NamedTuple

from rota.define.canonical import canonical_text, rota_from_json, task_as_json
from rota.define.loaded import LoadedRota
from rota.errors import RotaError
from rota.model.revision import Revision
from rota.model.task import Function, Task

__all__ = ["Served", "served"]


class Served(NamedTuple):
    """``missing`` are the tasks that this build has no code for, with what is wrong: others may have it."""

    rota: LoadedRota
    missing: dict[str, str]


def served(revision: Revision, code: LoadedRota) -> Served:
    """A revision's rota, with the functions of ``code``; what those lack is imported. A task whose function is not there is
    left out, so that its runs wait for a node that has it. Nothing is raised for that."""
    rota = rota_from_json(json.loads(revision.definition))
    tasks = {name: _own(task, code) for name, task in rota.tasks.items()}
    whole = LoadedRota(rota.service, tasks, rota.queues, code.functions, code.looks, alerts=rota.alerts)
    missing = {name: said for name in tasks if (said := _lacks(whole, name)) is not None}
    kept = {name: task for name, task in tasks.items() if name not in missing}
    return Served(
        LoadedRota(rota.service, kept, rota.queues, code.functions, code.looks, alerts=rota.alerts), missing
    )


def _own(task: Task, code: LoadedRota) -> Task:
    """The task as the code at hand defines it, where that is the same: it knows where it was written."""
    own = code.tasks.get(task.name)
    if own is None:
        return task
    return own if canonical_text(task_as_json(own)) == canonical_text(task_as_json(task)) else task


def _lacks(rota: LoadedRota, name: str) -> str | None:
    if not isinstance(rota.tasks[name].target, Function):
        return None
    try:
        rota.prepared(name)
    except RotaError as error:
        return error.what
    return None
