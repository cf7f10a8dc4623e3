"""A node's slots, by what bounds them, and the queues that it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew
from rota.settings import Settings

__all__ = ["CREWS", "Crews", "slots_of", "weights_of"]

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


class Crews:
    """A node's crews, one for each kind of slot, and the weights of the queues that they serve."""

    def __init__(self, loaded: LoadedRota, settings: Settings) -> None:
        self._settings = settings
        self._crews = {name: Crew(name, slots, {}) for name, slots in _slots(settings).items()}
        self.weights: dict[str, int] = {}  # the claimers hold it, and see what changes in it
        self.adopt(loaded)

    def __iter__(self) -> Iterator[Crew]:
        return iter(self._crews.values())

    def adopt(self, loaded: LoadedRota) -> None:
        """Be there for the tasks and queues of a rota, in place of those before."""
        members: dict[str, dict[str, list[str]]] = {}
        for task in loaded.tasks.values():
            members.setdefault(CREWS[task.executor], {}).setdefault(task.service, []).append(task.name)
        for name, crew in self._crews.items():
            crew.tasks = members.get(name, {})
        weights = weights_of(loaded, self._settings)
        self.weights.clear()
        self.weights.update(weights)

    @property
    def slots(self) -> int:
        """Slots of the crews that have something to do."""
        return sum(crew.slots for crew in self if crew.tasks)

    def give_back(self, executor: str) -> str:
        """A slot is free again; the name of its crew."""
        name = CREWS[executor]
        self._crews[name].in_use -= 1
        return name


def weights_of(loaded: LoadedRota, settings: Settings) -> dict[str, int]:
    """The queues that a node serves, by name, with their weights: those named in the settings, else all that its tasks
    use."""
    used = {task.queue for task in loaded.tasks.values()} | set(loaded.queues) | {"default"}
    served = used & set(settings.queues) if settings.queues else used
    queues = loaded.queues
    return {name: queues[name].weight if name in queues else 1 for name in sorted(served)}
