"""A node's slots, by what bounds them, and the queues that it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew
from rota.model.task import Task
from rota.settings import Settings

__all__ = ["CREWS", "hire", "slots_of", "weights_of"]

CREWS: Mapping[str, str] = {
    "loop": "async", "command": "async", "request": "async", "process": "process", "thread": "thread",
}  # fmt: skip
"""Which kind of slot an executor's runs take: what is bounded by processes must not be claimed beyond them."""


def slots_of(settings: Settings) -> dict[str, int]:
    """Runs that a node carries out at once, by the executor that they need."""
    slots = _slots(settings)
    return {executor: slots[crew] for executor, crew in CREWS.items()}


def _slots(settings: Settings) -> dict[str, int]:
    return {"async": settings.slots, "process": settings.workers, "thread": settings.threads}


def hire(tasks: Iterable[Task], settings: Settings) -> dict[str, Crew]:
    """A crew for each kind of slot that the tasks need."""
    slots = _slots(settings)
    members: dict[str, dict[str, list[str]]] = {}
    for task in tasks:
        members.setdefault(CREWS[task.executor], {}).setdefault(task.service, []).append(task.name)
    return {name: Crew(name, slots[name], of) for name, of in members.items()}


def weights_of(loaded: LoadedRota, settings: Settings) -> dict[str, int]:
    """The queues that a node serves, by name, with their weights: those named in the settings, else all that its tasks
    use."""
    used = {task.queue for task in loaded.tasks.values()} | set(loaded.queues) | {"default"}
    served = used & set(settings.queues) if settings.queues else used
    queues = loaded.queues
    return {name: queues[name].weight if name in queues else 1 for name in sorted(served)}
