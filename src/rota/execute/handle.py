"""The run as its task's code sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rota.clock import Instant, from_instant

if TYPE_CHECKING:
    from rota.execute.protocol import Sink

__all__ = ["Covers", "Run"]


@dataclass(frozen=True, slots=True)
class Covers:
    """The occurrences that one run stands for: ``count`` of them, from ``first`` to ``last`` (UTC)."""

    first: datetime
    last: datetime
    count: int


@dataclass(slots=True)
class Run:
    """The run that is being carried out. A task asks for it by annotating a parameter with this type.

    ``token`` rises with every attempt of every run: hand it to whatever the task writes to, and let
    that refuse a lower one, and a late attempt can do no harm (a fencing token).
    """

    id: int
    service: str
    task: str
    attempt: int
    token: int
    kind: str
    scheduled: Instant
    key: str | None = None
    schedule_key: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    covers_from: Instant | None = None
    covers_count: int = 1
    is_rehearsal: bool = False
    is_canary: bool = False
    cancelled: bool = False  # the attempt was asked to stop; code in a thread has to look for itself
    _sink: Sink | None = None

    @property
    def scheduled_at(self) -> datetime:
        """The instant at which it was due (aware, UTC)."""
        return from_instant(self.scheduled)

    @property
    def covers(self) -> Covers:
        """The occurrences it stands for: more than one after downtime or a pause, with ``catch_up = "latest"``."""
        first = self.scheduled if self.covers_from is None else self.covers_from
        return Covers(from_instant(first), self.scheduled_at, self.covers_count)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the run is; shown while it runs."""
        if self._sink is not None:
            self._sink.progress(done, total, note)

    def log(self, text: str) -> None:
        """Add a line to the run's log."""
        if self._sink is not None:
            self._sink.line("INFO", text)
