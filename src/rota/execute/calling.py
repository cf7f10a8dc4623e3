"""Calls a prepared function to its end in a thread of its own, ``async`` or not, where it can be asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

from rota.execute.arguments import Prepared
from rota.execute.handle import Run

__all__ = ["Call"]


class Call:
    """One call of a function. `stop` may come from another thread or from a signal handler."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def __call__(self, prepared: Prepared) -> Any:
        value = prepared.run(self._run)
        return asyncio.run(self._await(value)) if isinstance(value, Awaitable) else value

    def stop(self) -> bool:
        """Ask it to stop; whether that could be done here, by cancelling, since it is a coroutine."""
        self._run.cancelled = True
        if self._loop is None or self._task is None:
            return False
        with contextlib.suppress(RuntimeError):  # its loop is closed: it has just ended
            self._loop.call_soon_threadsafe(self._task.cancel)
        return True

    async def _await(self, value: Awaitable[Any]) -> Any:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._run.cancelled:
            raise asyncio.CancelledError
        return await value
