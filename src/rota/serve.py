"""``rota run``: one node and its pages in one process, from start to the last outcome written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from rota.app import build_node, load_rota, open_ledger
from rota.change.begin import Begun, begin
from rota.engine.pulse import stalled
from rota.errors import LedgerUnreachable, UsageError
from rota.events import Events
from rota.systemd import Systemd

if TYPE_CHECKING:
    from rota.define.loaded import LoadedRota
    from rota.engine.node import Node
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["serve"]

_log = logging.getLogger("rota")

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between two tries to reach a ledger that is away at the start."""

T = TypeVar("T")


def serve(settings: Settings, *, pages: bool = True) -> int:
    """Serve the rota until SIGINT or SIGTERM, then drain. Returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its own start and end are told here already
    systemd = Systemd(os.environ)
    loaded = load_rota(settings)
    ledger = _once_there(lambda: open_ledger(settings), systemd)
    try:
        begun = _once_there(lambda: _begin(settings, ledger, loaded), systemd)
        return asyncio.run(_serve(settings, ledger, loaded, begun, systemd, pages=pages))
    finally:
        ledger.close()


def _once_there(work: Callable[[], T], systemd: Systemd) -> T:
    """Wait for a ledger that is away, as a server that starts at the same time may be: ending would only have somebody
    start this process again. What would be refused again is raised."""
    delay = FIRST_WAIT
    while True:
        try:
            return work()
        except LedgerUnreachable as error:
            _log.warning("%s: %s; trying again in %.1f s", error.what, error.found, delay)
            systemd.waiting(error.what, 2 * LONGEST_WAIT)
            time.sleep(
                delay
            )  # nothing tells when a ledger is back; asking without a pause would keep it away
            delay = min(2 * delay, LONGEST_WAIT)


def _begin(settings: Settings, ledger: Ledger, code: LoadedRota) -> Begun:
    """Find out what is to be served, and say where that is not the rota at hand."""
    begun = begin(ledger, code, apply_on_start=settings.apply_on_start, author=f"process {os.getpid()}")
    if begun.zones_moved:
        _log.info("new time zone data: %d schedules have another next occurrence", begun.zones_moved)
    if begun.is_pending:
        _log.warning(
            "the rota at hand is not applied; serving revision %d of %s. Look: rota plan; apply: rota apply -m WHY; in development: rota run --apply",
            begun.number, code.service,
        )  # fmt: skip
    for name, said in sorted(begun.missing.items()):
        _log.warning("task %s is not served by this build: %s", name, said)
    return begun


async def _serve(
    settings: Settings, ledger: Ledger, code: LoadedRota, begun: Begun, systemd: Systemd, *, pages: bool
) -> int:
    events, loaded = Events(), begun.rota
    node = build_node(settings, ledger, loaded, code=code, revision=begun.number, events=events)
    listening = _listen(settings) if pages else None
    with _signals(node) as stopping:
        await node.start()
        tasks = f"{len(loaded.tasks)} task{'' if len(loaded.tasks) == 1 else 's'}"
        _log.info("node %s serves %s of %s", node.id[:8], tasks, loaded.service)
        web = (
            asyncio.create_task(_pages(settings, ledger, loaded, node, events, listening))
            if listening
            else None
        )
        systemd.ready(f"serves {tasks} of {loaded.service}, revision {begun.number}")
        watched = asyncio.create_task(_watched(systemd, node, settings))
        received = await stopping.wait()
        _log.info("draining: no new runs; up to %.0f s for %d under way", settings.drain, node.busy)
        systemd.stopping(f"draining: {node.busy} under way")
        await node.stop()
        watched.cancel()
        if web is not None:
            web.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await web
    if node.unrecorded:
        _log.error(
            "stopped; %d outcomes could not be recorded: their runs will be taken over", node.unrecorded
        )
        return 1
    _log.info("stopped; every outcome is recorded")
    return 130 if received == signal.SIGINT else 0


async def _watched(systemd: Systemd, node: Node, settings: Settings) -> None:
    """Answer the watchdog for as long as this event loop turns and the node's loops advance; else systemd restarts it."""
    while systemd.watchdog is not None:
        if not stalled(node.pulse(), settings):
            systemd.lives()
        await asyncio.sleep(
            systemd.watchdog / 3
        )  # it is to hear within its time, not to be told of something


class _Stopping:
    """The first signal asks to drain, the second not to wait."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._first: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def receive(self, number: int) -> None:
        if self._first.done():
            _log.warning("second signal: not waiting any longer")
            self._node.hurry()
        else:
            self._first.set_result(number)

    async def wait(self) -> int:
        return await self._first


@contextlib.contextmanager
def _signals(node: Node) -> Iterator[_Stopping]:
    loop = asyncio.get_running_loop()
    stopping = _Stopping(node)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.receive, number)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _listen(settings: Settings) -> socket.socket:
    """The socket of the pages; a port that is taken is told before anything runs."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise UsageError(
            f"the pages cannot be served on {settings.host} port {settings.port}",
            expected="an address and port that are free on this machine",
            found=os.strerror(error.errno or 0),
            where="the settings host and port",
            next=["rota run --port 0", "rota run --no-pages"],
        ) from None
    listening.listen()  # who is told that the node is ready may ask at once, and is answered when the pages are there
    return listening


async def _pages(
    settings: Settings,
    ledger: Ledger,
    loaded: LoadedRota,
    node: Node,
    events: Events,
    listening: socket.socket,
) -> None:
    import uvicorn

    from rota.web.app import create_app
    from rota.web.context import build_context

    context = build_context(
        ledger, loaded, settings, events=events, clock=ledger.clock,
        pulse=node.pulse, stopping=lambda: node.draining, wake=node.wake_soon, beat=node.beat_now,
    )  # fmt: skip
    host, port = listening.getsockname()[:2]
    print(f"Rota: http://{host}:{port}/?token={context.security.token}", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        create_app(context), log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # signals are the node's to handle
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
