"""Runs light functions in threads of the node. A thread cannot be killed: heavier work belongs in a worker process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import Any

from rota.execute.arguments import Prepared, prepare
from rota.execute.calling import Call
from rota.execute.limits import Limits
from rota.execute.loading import load
from rota.execute.outcomes import from_exception, late, succeeded
from rota.execute.output import CURRENT, LimitedSink
from rota.execute.protocol import Attempt, Outcome
from rota.model.task import Function

__all__ = ["ThreadExecutor"]


class ThreadExecutor:
    """Carries out attempts in at most ``size`` threads at once; who comes first gets the next free place.

    To stop one, its ``run.cancelled`` becomes true (an ``async def`` is cancelled). If it has not ended after
    the task's grace, it is left behind: the log says so, what it still does and says is nobody's, and its
    place is given to the next. Each attempt has a fresh thread, so that one left behind holds up nothing, not
    even the end of the program.
    """

    def __init__(
        self,
        size: int,
        limits: Limits,
        redact: Callable[[str], str] = str,
        known: Mapping[str, Prepared] | None = None,
    ) -> None:
        self._places = asyncio.Semaphore(size)
        self._limits = limits
        self._redact = redact
        self._prepared: dict[str, Prepared] = dict(known or {})

    async def start(self) -> None:
        """Nothing to start: threads come with the attempts."""

    async def close(self) -> None:
        """Nothing to close: threads end with their attempts."""

    async def execute(self, attempt: Attempt) -> Outcome:
        sink = LimitedSink(attempt.sink, self._limits.log, self._redact)
        attempt.run._sink = sink
        try:
            async with self._places:
                return await self._carry_out(attempt, sink)
        finally:
            sink.finish()

    async def _carry_out(self, attempt: Attempt, sink: LimitedSink) -> Outcome:
        call = Call(attempt.run)
        work = self._in_thread(attempt, call)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            call.stop()
        with contextlib.suppress(asyncio.CancelledError):  # asked once more: at once
            await asyncio.wait({work}, timeout=attempt.task.grace.total_seconds())
        if work.done() and work.result().ended != "cancelled":
            return late(work.result())
        if not work.done():
            grace = attempt.task.grace.total_seconds()
            sink.line(
                "rota",
                f"asked to stop, the thread did not end in {grace:g} s; it was left behind, still running",
            )
        raise asyncio.CancelledError

    def _in_thread(self, attempt: Attempt, call: Call) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not ended.done():
                ended.set_result(outcome)

        def work() -> None:
            CURRENT.set(attempt.run)
            outcome = self._outcome(attempt, call)
            with contextlib.suppress(RuntimeError):  # left behind, and the loop has been closed since
                loop.call_soon_threadsafe(settle, outcome)

        context = contextvars.copy_context()
        name = f"rota-{attempt.run.task}-{attempt.run.id}"
        threading.Thread(target=context.run, args=(work,), name=name, daemon=True).start()
        return ended

    def _outcome(self, attempt: Attempt, call: Call) -> Outcome:
        target = attempt.task.target
        assert isinstance(target, Function)
        try:
            value: Any = call(self._prepare(target.path))
            return succeeded(value, self._limits.result)
        except asyncio.CancelledError as error:
            return Outcome("cancelled") if attempt.run.cancelled else from_exception(error, self._redact)
        except BaseException as error:
            return from_exception(error, self._redact)

    def _prepare(self, path: str) -> Prepared:
        prepared = self._prepared.get(path)
        if prepared is None:  # two threads may both do so; the one is as good as the other
            prepared = self._prepared[path] = prepare(load(path))
        return prepared
