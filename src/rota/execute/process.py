"""Runs functions in warm worker processes, where a hang can be killed and a crash is contained."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import replace

from rota.execute.child import Ending
from rota.execute.limits import Limits
from rota.execute.outcomes import error_json, failed, late, redacted
from rota.execute.output import LimitedSink, size_in_words
from rota.execute.pool import Pool, StartFailed, Worker, WorkerEnded
from rota.execute.protocol import Attempt, Outcome
from rota.model.task import Function

__all__ = ["ProcessExecutor"]

_DEATH = 5.0  # seconds that a killed process may take to be gone; the kernel needs far less


class ProcessExecutor:
    """Carries out attempts in a `Pool` of worker processes, each one attempt at a time.

    To stop one, `StopAsked` is raised in the function's main thread (in an ``async def``:
    `asyncio.CancelledError`); after the task's grace the worker's process group is killed. A worker that was
    asked to stop is not used again.
    """

    def __init__(
        self, pool: Pool, limits: Limits, redact: Callable[[str], str] = str, *, is_warm: bool = False
    ) -> None:
        self.pool = pool
        self._limits = limits
        self._redact = redact
        self._is_warm = is_warm

    async def start(self) -> None:
        if self._is_warm:
            self.pool.warm()

    async def close(self) -> None:
        await self.pool.close()

    async def execute(self, attempt: Attempt) -> Outcome:
        sink = LimitedSink(attempt.sink, self._limits.log, self._redact)
        attempt.run._sink = sink
        try:
            worker = await self.pool.acquire()
        except StartFailed as error:
            return failed(
                "WorkerStartFailed", self._redact(str(error)), note="the task's code was not started"
            )
        try:
            outcome = await self._carry_out(worker, attempt, sink)
        finally:
            sink.finish()
        return replace(outcome, error=redacted(outcome.error, self._redact))

    async def _carry_out(self, worker: Worker, attempt: Attempt, sink: LimitedSink) -> Outcome:
        target = attempt.task.target
        assert isinstance(target, Function)
        work = asyncio.ensure_future(worker.run(target.path, attempt.run, self._limits, sink))
        is_spent = True
        try:
            outcome = await asyncio.shield(work)
            is_spent = _ran_out_of_memory(outcome)
            return outcome
        except asyncio.CancelledError:
            attempt.run.cancelled = True
            return await self._stopped(worker, work, attempt)
        except WorkerEnded as crash:
            return _crashed(crash)
        finally:
            self.pool.release(worker, is_spent=is_spent)

    async def _stopped(self, worker: Worker, work: asyncio.Task[Outcome], attempt: Attempt) -> Outcome:
        """Ask, wait for the grace, kill. Raises CancelledError, unless the attempt had ended by itself."""
        worker.ask_to_stop(attempt.run.token)
        with contextlib.suppress(asyncio.CancelledError):  # asked once more: at once
            await asyncio.wait({work}, timeout=attempt.task.grace.total_seconds())
        if not work.done():
            worker.kill()
            await _wait_out(work, _DEATH)
        if work.done() and not work.cancelled():
            error = work.exception()
            if error is None and work.result().ended != "cancelled":
                return late(work.result())
            if isinstance(error, WorkerEnded) and not worker.was_killed:
                return late(_crashed(error))
        work.cancel()
        raise asyncio.CancelledError


async def _wait_out(work: asyncio.Task[Outcome], seconds: float) -> None:
    """Wait for what is certain to end, whoever else asks to stop meanwhile."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not work.done() and loop.time() < deadline:
        try:
            await asyncio.wait({work}, timeout=deadline - loop.time())
        except asyncio.CancelledError:
            continue


def _ran_out_of_memory(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.startswith('{"type":"MemoryError"')


def _crashed(crash: WorkerEnded) -> Outcome:
    ending = crash.ending
    peak = None if ending.peak is None else f"its peak memory was {size_in_words(ending.peak)}"
    notes = filter(None, (crash.note or _likely(ending), peak))
    if ending.status < 0:
        message = f"the worker process was ended by {ending}"
    else:
        message = f"the worker process ended itself with {ending}"
    error = error_json(
        "WorkerCrashed",
        "; ".join([message, *notes]),
        status=ending.status if ending.status >= 0 else None,
        signal=-ending.status if ending.status < 0 else None,
        peak_memory=ending.peak,
    )
    return Outcome("crashed", error=error)


def _likely(ending: Ending) -> str | None:
    if ending.status == -signal.SIGKILL:
        return "Rota did not send it: out of memory is likely (see the kernel's log)"
    if ending.status >= 0:
        return "the task's code, or a library in it, left without returning (os._exit)"
    return None
