"""Builders for attempts, and a sink that remembers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from rota.clock import Instant
from rota.execute.handle import Run
from rota.execute.protocol import Attempt
from rota.model.task import Command, Function, Isolation, Request, Task

_ids = itertools.count(1)


@dataclass
class Lines:
    """A sink that keeps what it is told."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    reports: list[tuple[float, float | None, str]] = field(default_factory=list)

    def line(self, source: str, text: str) -> None:
        self.lines.append((source, text))

    def progress(self, done: float, total: float | None, note: str) -> None:
        self.reports.append((done, total, note))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.lines]


def make_attempt(
    target: Function | Command | Request,
    args: Mapping[str, Any] | None = None,
    grace: float = 5.0,
    **run: Any,
) -> Attempt:
    number = next(_ids)
    task = Task(
        service="web",
        name="duty",
        target=target,
        owner="Web <web@example.org>",
        expects="it is done",
        rollback="undo it",
        grace=timedelta(seconds=grace),
    )
    handle = Run(
        number, "web", "duty", 1, number, "scheduled", Instant(1795435200000000), args=args or {}, **run
    )
    return Attempt(task, handle, Lines())


def on_loop(name: str, args: Mapping[str, Any] | None = None, **more: Any) -> Attempt:
    return make_attempt(Function(f"tests.execute.duties:{name}", Isolation.LOOP), args, **more)


def in_process(name: str, args: Mapping[str, Any] | None = None, **more: Any) -> Attempt:
    return make_attempt(Function(f"tests.execute.duties:{name}", Isolation.PROCESS), args, **more)


def in_thread(name: str, args: Mapping[str, Any] | None = None, **more: Any) -> Attempt:
    return make_attempt(Function(f"tests.execute.duties:{name}", Isolation.THREAD), args, **more)


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {condition}")
        await asyncio.sleep(0.005)


async def cancelled(task: asyncio.Task[Any], seconds: float = 15.0) -> None:
    """Cancel a task and see it end by that."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), seconds)


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await work

    return asyncio.run(main())
