"""The one interface of all executors: an attempt goes in, an outcome comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from rota.execute.handle import Run
from rota.model.task import Task

__all__ = ["Attempt", "Ended", "Executor", "Outcome", "Sink"]

Ended = Literal["succeeded", "error", "retry", "gave-up", "crashed", "rejected", "cancelled", "unmet"]


class Sink(Protocol):
    """Where an attempt's log lines and progress go. May be called from any thread."""

    def line(self, source: str, text: str) -> None:
        """One line of log. ``source`` is a logging level's name, ``stdout`` or ``stderr``."""
        ...

    def progress(self, done: float, total: float | None, note: str) -> None: ...


@dataclass(slots=True)
class Attempt:
    """One try at a run, on this node, under one lease and fencing token."""

    task: Task
    run: Run
    sink: Sink


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt ended as. ``result`` and ``error`` are JSON text.

    ``error`` is an object with ``type``, ``message``, and where there is one ``traceback``; for commands
    ``status``, for requests ``status`` and ``body``. ``after`` is how long a retry was asked to wait.
    """

    ended: Ended
    result: str | None = None
    error: str | None = None
    after: timedelta | None = None
    note: str | None = None


class Executor(Protocol):
    """Carries out attempts. It is started and closed with its node."""

    async def start(self) -> None: ...

    async def execute(self, attempt: Attempt) -> Outcome:
        """Carry out an attempt. Never raises for what user code does: that becomes an outcome.

        Cancelling this coroutine stops the attempt: asked first, forced after the task's grace. When it
        ends by that, `asyncio.CancelledError` leaves it, and nothing of the attempt runs any more. Cancelling
        it once more while it is stopping forces at once. An attempt that was asked to stop but ended by
        itself all the same (it was just done, or did not mind) gives its outcome, and the note says so.
        """
        ...

    async def close(self) -> None: ...
