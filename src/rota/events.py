"""What happens in the domain, as frozen values; who is interested subscribes.

Domain code emits and does not know who listens: one subscriber logs, one counts, one wakes a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from rota.clock import Instant

__all__ = [
    "Event",
    "Events",
    "IncidentsChanged",
    "LoopFailed",
    "NodeLost",
    "NodeStarted",
    "NodeStopped",
    "RunEnded",
    "RunStarted",
    "RunsChanged",
]


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node registered with the ledger."""

    node: str
    label: str


@dataclass(frozen=True, slots=True)
class NodeStopped:
    """A node left in order; ``handed_back`` runs were given to whoever is next."""

    node: str
    handed_back: int


@dataclass(frozen=True, slots=True)
class NodeLost:
    """This node lost its lease; its attempts were stopped."""

    node: str
    attempts: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    """An attempt began. ``late`` is in microseconds after its instant."""

    run_id: int
    task: str
    attempt: int
    late: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    """An attempt ended and its outcome is durable."""

    run_id: int
    task: str
    attempt: int
    state: str
    reason: str | None
    took: int
    at: Instant


@dataclass(frozen=True, slots=True)
class RunsChanged:
    """Something about some runs changed; pages that show them look again."""

    count: int


@dataclass(frozen=True, slots=True)
class IncidentsChanged:
    """Incidents of a task were opened, or moved."""

    service: str
    task: str


@dataclass(frozen=True, slots=True)
class LoopFailed:
    """A loop's step failed and will be tried again after ``delay`` seconds."""

    loop: str
    error: str
    delay: float


Event = (
    NodeStarted | NodeStopped | NodeLost | RunStarted | RunEnded | RunsChanged | IncidentsChanged | LoopFailed
)


@dataclass(slots=True)
class Events:
    """One node's events. A subscriber that raises is logged and does not disturb the others."""

    _subscribers: list[Callable[[Event], None]] = field(default_factory=list)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have ``listener`` called with every event, on the thread that emits it; returns how to end that."""
        self._subscribers.append(listener)
        return lambda: self._subscribers.remove(listener) if listener in self._subscribers else None

    def emit(self, event: Event) -> None:
        for listener in tuple(self._subscribers):
            try:
                listener(event)
            except Exception:
                logging.getLogger("rota.events").exception("a subscriber failed on %r", event)

    @property
    def watched(self) -> bool:
        """Whether anybody listens: what is costly to tell need not be told to nobody."""
        return bool(self._subscribers)
