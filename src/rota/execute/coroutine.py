"""Runs ``async def`` functions on the node's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from types import CoroutineType, coroutine
from typing import Any

from rota.execute.arguments import Prepared, prepare
from rota.execute.limits import Limits
from rota.execute.loading import load
from rota.execute.outcomes import from_exception, late, succeeded
from rota.execute.output import CURRENT, Capture, LimitedSink
from rota.execute.protocol import Attempt, Outcome
from rota.model.task import Function

__all__ = ["CoroutineExecutor"]


class CoroutineExecutor:
    """Carries out attempts of ``async def`` functions, many at once on one loop.

    To stop one, `asyncio.CancelledError` is raised in it; if it has not ended after the task's grace, its
    coroutine is closed where it waits (`GeneratorExit`), which it cannot refuse. A function that blocks
    the loop cannot be stopped from here: such work belongs in a worker process.
    """

    def __init__(
        self,
        limits: Limits,
        redact: Callable[[str], str] = str,
        known: Mapping[str, Prepared] | None = None,
    ) -> None:
        self._limits = limits
        self._redact = redact
        self._prepared: dict[str, Prepared] = dict(known or {})
        self._capture = Capture()

    async def start(self) -> None:
        """From here on, what runs on the loop and in threads logs goes to its run."""
        self._capture.start()

    async def close(self) -> None:
        self._capture.stop()

    async def execute(self, attempt: Attempt) -> Outcome:
        run = attempt.run
        sink = LimitedSink(attempt.sink, self._limits.log, self._redact)
        run._sink = sink
        token = CURRENT.set(run)
        stop = _Stop(attempt.task.grace.total_seconds())
        try:
            target = attempt.task.target
            assert isinstance(target, Function)
            prepared = self._prepared.get(target.path) or await self._prepare(target.path)
            value = prepared.run(run)
            if isinstance(value, CoroutineType):
                value = await _drive(value, stop)
            elif isinstance(value, Awaitable):
                value = await value
            outcome = succeeded(value, self._limits.result)
        except asyncio.CancelledError as error:
            if stop.is_asked():
                raise
            outcome = from_exception(error, self._redact)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of a task must not end the node
            outcome = from_exception(error, self._redact)
        finally:
            CURRENT.reset(token)
            sink.finish()
        return late(outcome) if stop.is_asked() else outcome

    async def _prepare(self, path: str) -> Prepared:
        """Import in a thread: a module may take its time, and the loop's other tasks do not wait for it."""
        function = await asyncio.to_thread(load, path)
        prepared = self._prepared[path] = prepare(function)
        return prepared


class _Stop:
    """Whether an attempt was asked to stop, and the force that follows after the grace.

    A task's own ``asyncio.timeout`` or ``TaskGroup`` cancels the very same asyncio task. Such a request is taken
    back when it has done its work, so what counts is whether requests are open, not that one passed by.
    """

    __slots__ = ("_before", "_force_at", "_grace", "_task", "is_forced")

    def __init__(self, grace: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._grace = grace
        self._before = task.cancelling()
        self._force_at: asyncio.TimerHandle | None = None
        self.is_forced = False

    def is_asked(self) -> bool:
        return self._task.cancelling() > self._before

    def requested(self) -> None:
        """A request passes by: be ready to force it, at once if it is not the first one open."""
        if self._task.cancelling() > self._before + 1:
            self.is_forced = True
        elif self._force_at is None:
            self._force_at = self._task.get_loop().call_later(self._grace, self._force)

    def _force(self) -> None:
        self._force_at = None
        if self.is_asked():
            self.is_forced = True
            self._task.cancel()
            self._task.uncancel()  # whoever asked counts their own requests, as asyncio.timeout does

    def done(self) -> None:
        if self._force_at is not None:
            self._force_at.cancel()


@coroutine
def _drive(work: Coroutine[Any, Any, Any], stop: _Stop) -> Generator[Any, Any, Any]:
    """``await work``, but see a request to stop pass by; costs next to nothing for work that does not wait."""
    try:
        waited_for = work.send(None)
        while True:
            try:
                yield waited_for
            except asyncio.CancelledError as request:
                stop.requested()
                if stop.is_forced:
                    _close(work)
                    raise
                waited_for = work.throw(request)
            else:
                waited_for = work.send(None)
    except StopIteration as end:
        return end.value
    finally:
        stop.done()


def _close(work: Coroutine[Any, Any, Any]) -> None:
    with suppress(RuntimeError):  # it awaits even while it is closed; there is no more that it could do
        work.close()
