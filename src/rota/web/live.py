"""Live pages: a stream says that something changed, and the page fetches itself again.

One reader looks at the ledger for all open tabs together, and only while there are any; what this node
itself does wakes it at once. A tab that is slow misses nothing: it holds one flag, not a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from rota.errors import Retriable, RotaError
from rota.events import Event
from rota.ledger.judging import IncidentFilter
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import State
from rota.web.context import WebContext, context_of
from rota.web.problems import Problem

__all__ = ["Watch", "live_router"]

TABS = 100
"""Open streams at once; one more is refused, and its page still works by reload."""

POLL = 1.0
"""Seconds between two looks at the ledger: other nodes' work shows within this."""

REST = 0.5
"""Seconds between two looks at the least, however much happens."""

HEARTBEAT = 15
"""Seconds between two comments that keep the connection open."""

Seen = Mapping[int | None, tuple[Hashable, ...]]
"""What a look saw, short: of each run that a tab follows, and of everything under None."""

_log = logging.getLogger("rota.web")


@dataclass(eq=False, slots=True)
class _Tab:
    """One open stream; ``run_id`` where it follows one run only.

    A new one is told once in any case: its page was made before the reader looked at what it follows.
    """

    run_id: int | None
    new: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """Tells open tabs that what they show has changed."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._tabs: set[_Tab] = set()
        self._reader: asyncio.Task[None] | None = None

    @property
    def tabs(self) -> int:
        return len(self._tabs)

    @property
    def reading(self) -> bool:
        """Whether the reader is at work: only while a tab is open."""
        return self._reader is not None and not self._reader.done()

    async def stream(self, run_id: int | None) -> AsyncIterator[ServerSentEvent]:
        """``changed`` events for one tab, until it goes or the server stops."""
        tab = _Tab(run_id)
        self._tabs.add(tab)
        if not self.reading:
            self._reader = asyncio.create_task(self._read(), name="rota-web-watch")
        try:
            yield ServerSentEvent(event="open", data="", retry=2000)
            while not self._context.stopping():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(tab.changed.wait(), REST)
                    tab.changed.clear()
                    yield ServerSentEvent(event="changed", data="")
        finally:
            self._tabs.discard(tab)
            if not self._tabs and self._reader is not None:
                self._reader.cancel()

    async def _read(self) -> None:
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()

        def woken(_: Event) -> None:
            loop.call_soon_threadsafe(wake.set)

        forget = self._context.events.subscribe(woken)
        seen: Seen = {}
        try:
            while not self._context.stopping():
                now_seen = await self._look(seen)
                self._tell(seen, now_seen)
                seen = {**seen, **now_seen}
                await asyncio.sleep(REST)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), POLL - REST)
                wake.clear()
        finally:
            forget()

    async def _look(self, before: Seen) -> Seen:
        """What the ledger shows of each thing that a tab follows; nothing where it cannot be read now."""
        wanted = {tab.run_id for tab in self._tabs}
        try:
            return await to_thread.run_sync(_seen, self._context.ledger, wanted, before)
        except RotaError as error:
            _log.warning("the pages cannot look at the ledger: %s", error.what)
        except Exception:  # a fault in one look must not leave every open page standing still
            _log.exception("the pages could not look at the ledger")
        return {}

    def _tell(self, before: Seen, now: Seen) -> None:
        for tab in self._tabs:
            if tab.run_id in now and (tab.new or before.get(tab.run_id) != now[tab.run_id]):
                tab.new = False
                tab.changed.set()


def _seen(ledger: Ledger, wanted: Iterable[int | None], before: Seen) -> Seen:
    return {
        run_id: _everything(ledger) if run_id is None else _one_run(ledger, run_id, before.get(run_id))
        for run_id in wanted
    }


def _one_run(ledger: Ledger, run_id: int, before: tuple[Hashable, ...] | None) -> tuple[Hashable, ...]:
    """A run's state, and the number of its latest log line: only lines that are new are read."""
    run = ledger.run(run_id)
    if run is None:
        return (0,)
    last = before[0] if before and isinstance(before[0], int) else 0
    while lines := ledger.log(run_id, after=last, limit=1000):
        last = lines[-1].seq
    return (last, run.state, run.attempt, run.progress, run.cancel_reason, run.started_at)


def _everything(ledger: Ledger) -> tuple[Hashable, ...]:
    """What the lists show, short: the newest runs, the ones under way, and what people did."""
    newest = ledger.runs(RunFilter(limit=40))
    under_way = ledger.runs(RunFilter(states=(State.RUNNING,), limit=200))
    runs = frozenset((run.id, run.state, run.attempt, run.progress) for run in (*newest, *under_way))
    tasks = frozenset((task.id, task.revision, task.paused_at, task.failures) for task in ledger.tasks())
    nodes = frozenset((node.id, node.state) for node in ledger.nodes())
    changes = tuple(change.id for change in ledger.changes(limit=1))
    incidents = frozenset(
        (one.id, one.status, one.times) for one in ledger.incidents(IncidentFilter(limit=50))
    )
    return (runs, tasks, nodes, changes, incidents)


def live_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/events")
    async def events(request: Request, run: int | None = Query(None, ge=1)) -> Response:
        watch: Watch = request.app.state.watch
        context = context_of(request)
        if watch.tabs >= TABS:
            raise Problem(
                503, "too many pages are open", expected=f"at most {TABS}", found=str(watch.tabs),
                retry=Retriable(True, "when one was closed", 30.0),
            )  # fmt: skip
        if context.stopping():
            raise Problem(503, "the server is stopping", retry=Retriable(True, "when it is back", 5.0))
        return EventSourceResponse(watch.stream(run), ping=HEARTBEAT, headers={"cache-control": "no-store"})

    return router
