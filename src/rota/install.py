"""Rota inside a FastAPI service: its lifespan composed with the service's own, its pages under a prefix."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from rota.clock import SystemClock
from rota.errors import RotaError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rota.embed import Rota
    from rota.engine.node import Node

__all__ = ["install"]

_log = logging.getLogger("rota")


def install(rota: Rota, app: FastAPI, *, prefix: str) -> None:
    """Have ``app``'s lifespan start and drain a node of ``rota``, and serve pages and API under ``prefix``.

    Starlette runs the lifespan of the outermost application only. Where ``app`` is mounted below another one
    its lifespan never runs, so no task would: every request then fails and says why.
    """
    own = app.router.lifespan_context
    pages = _Pages(rota)

    @contextlib.asynccontextmanager
    async def lifespan(host: FastAPI) -> AsyncIterator[Any]:
        node = await rota.start()
        with _draining_from_the_signal(node):
            try:
                async with own(host) as state:
                    yield state
            finally:
                await rota.stop()

    app.router.lifespan_context = lifespan
    app.add_middleware(_Started, rota=rota)
    app.mount(prefix, pages)


class _Started:
    """Refuses to serve a site whose tasks are not running, instead of leaving them silently undone."""

    def __init__(self, app: ASGIApp, rota: Rota) -> None:
        self._app = app
        self._rota = rota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._rota.node is None:
            raise RotaError(
                f"the tasks of {self._rota.service} are not running: the lifespan of the application was never run",
                expected="rota.install(app) on the outermost application, which the server runs",
                found="an application that is mounted below another one, or a server with its lifespan off",
                where="rota.install",
            )
        await self._app(scope, receive, send)


class _Pages:
    """The pages' own application, made once the node is there."""

    def __init__(self, rota: Rota) -> None:
        self._rota = rota
        self._app: ASGIApp | None = None
        self._node: Node | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        node = self._rota.node
        if node is not None and (self._app is None or self._node is not node):
            self._app, self._node = self._build(node), node
        if self._app is not None:
            await self._app(scope, receive, send)

    def _build(self, node: Node) -> ASGIApp:
        from rota.web.app import create_app
        from rota.web.context import build_context

        rota = self._rota
        context = build_context(
            rota.ledger, rota.loaded, rota.settings, events=node.events, clock=SystemClock(),
            pulse=node.pulse, stopping=lambda: node.draining, wake=node.wake_soon, beat=node.beat_now,
        )  # fmt: skip
        return create_app(context)


@contextlib.contextmanager
def _draining_from_the_signal(node: Node) -> Iterator[None]:
    """Begin to drain when the signal comes, not when the server has closed its last connection.

    The server's own handlers, which were there first, are called as well and stand again afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only; here the end of the lifespan has to do
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def receive(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(_begin_to_drain, node)
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)

    for number in before:
        signal.signal(number, receive)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _begin_to_drain(node: Node) -> None:
    draining = asyncio.get_running_loop().create_task(node.stop())
    draining.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)
