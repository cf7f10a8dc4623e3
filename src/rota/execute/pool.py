"""Warm worker processes: started when needed, lent out in order of asking, replaced when they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from rota.execute.child import Child, Ending, Warden
from rota.execute.handle import Run
from rota.execute.limits import Limits
from rota.execute.lines import Relay
from rota.execute.output import LimitedSink
from rota.execute.protocol import Outcome
from rota.execute.wire import FrameError, pack, receive

__all__ = ["Pool", "StartFailed", "Worker", "WorkerEnded"]

_START_LIMIT = 60.0  # seconds that a worker has to be ready
_BACKOFF_FIRST, _BACKOFF_MOST = 0.25, 30.0  # seconds between starts that fail
_LEAVE = 2.0  # seconds that an idle worker has to end by itself
_LINGER = 0.5  # seconds that what an ended worker had sent may take to be read
_RUN_FIELDS = tuple(f.name for f in fields(Run) if f.name not in ("cancelled", "_sink"))


class StartFailed(Exception):
    """A worker process could not be started."""


class WorkerEnded(Exception):
    """A worker process ended while it carried out an attempt."""

    def __init__(self, ending: Ending, note: str | None = None) -> None:
        super().__init__(str(ending))
        self.ending = ending
        self.note = note


class Worker:
    """One worker process, seen from the node."""

    def __init__(self, child: Child, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.child = child
        self.runs = 0
        self.was_killed = False
        self._closing: asyncio.TimerHandle | None = None
        self._reader = reader
        self._writer = writer
        self._relays = (Relay(child.stdout, "stdout"), Relay(child.stderr, "stderr"))
        child.ended.add_done_callback(self._on_end)

    @classmethod
    async def start(cls, warden: Warden, memory_limit: int | None) -> Worker:
        """Start one and wait until it is ready. Raises `StartFailed`; leaves nothing behind when cancelled."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                reader, writer = await asyncio.open_connection(sock=ours)
            except BaseException:
                ours.close()
                raise
            try:  # from here on nothing is awaited until there is a worker to be ended
                argv = [sys.executable, "-P", "-m", "rota.execute.worker", str(theirs.fileno())]
                worker = cls(Child(argv, warden, keep=[theirs.fileno()]), reader, writer)
            except OSError as error:
                writer.transport.abort()
                raise StartFailed(f"no process can be started: {error}") from error
        try:
            await worker._greet(memory_limit)
        except BaseException:
            worker.kill()
            await worker.leave()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        return not self.child.ended.done()

    async def run(self, path: str, run: Run, limits: Limits, sink: LimitedSink) -> Outcome:
        """Carry out an attempt; its log and progress go to ``sink`` meanwhile. Raises `WorkerEnded`."""
        self.runs += 1
        for relay in self._relays:
            relay.attach(sink)
        order = {name: getattr(run, name) for name in _RUN_FIELDS}
        try:
            await self._send(
                {
                    "do": "run",
                    "path": path,
                    "run": order,
                    "log_limit": limits.log,
                    "result_limit": limits.result,
                }
            )
            return await self._follow(sink)
        except (OSError, EOFError):
            raise await self._gone("its connection to the node was closed") from None
        except FrameError as error:
            raise await self._gone(f"it sent no frame: {error}") from error
        finally:
            for relay in self._relays:
                relay.detach()

    def ask_to_stop(self, token: int) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(pack({"do": "stop", "token": token}))

    def kill(self) -> None:
        """End it and its whole process group, now."""
        self.was_killed = True
        self.child.signal_group(signal.SIGKILL)

    async def leave(self) -> None:
        """Let an idle worker end by itself, and see that it does."""
        self._writer.close()
        await asyncio.wait({self.child.ended}, timeout=_LEAVE)
        if self.is_alive:
            self.kill()
            await asyncio.wait({self.child.ended}, timeout=_LEAVE)
        self._close()
        await asyncio.sleep(0)  # the transport's own closing is one step of the loop away

    async def _greet(self, memory_limit: int | None) -> None:
        hello = {"parent": os.getpid(), "path": sys.path, "memory_limit": memory_limit}
        told = _Told()
        sink = LimitedSink(told, 8_192)
        for relay in self._relays:
            relay.attach(sink)
        try:
            async with asyncio.timeout(_START_LIMIT):
                await self._send(hello)
                await receive(self._reader)
        except TimeoutError:
            raise StartFailed(f"a worker process was not ready after {_START_LIMIT:g} s") from None
        except (OSError, EOFError, FrameError):
            self.kill()
            ending = await asyncio.shield(self.child.ended)
            for relay in self._relays:
                relay.detach()
            last = f": {told.last}" if told.last else ""
            raise StartFailed(f"a worker process ended while it started, by {ending}{last}") from None
        for relay in self._relays:
            relay.detach()

    async def _gone(self, why: str) -> WorkerEnded:
        """How a worker ended that no longer answers. One that lives on without an answer is killed for it."""
        await asyncio.wait({self.child.ended}, timeout=_LINGER)
        if not self.is_alive:
            return WorkerEnded(self.child.ended.result())
        self.kill()
        return WorkerEnded(await asyncio.shield(self.child.ended), f"Rota ended it: {why}")

    async def _send(self, frame: dict[str, Any]) -> None:
        self._writer.write(pack(frame))
        await self._writer.drain()

    async def _follow(self, sink: LimitedSink) -> Outcome:
        while True:
            frame = await receive(self._reader)
            match frame:
                case {"is": "line", "source": str(source), "text": str(text)}:
                    sink.line(source, text)
                case {"is": "progress", "done": done, "total": total, "note": note}:
                    sink.progress(done, total, note)
                case {"is": "done", "after": after, **outcome}:
                    try:
                        return Outcome(after=None if after is None else timedelta(seconds=after), **outcome)
                    except TypeError as error:
                        raise FrameError(f"expected an outcome, found {sorted(outcome)}") from error
                case _:
                    raise FrameError(f"expected line, progress or done, found {sorted(frame)}")

    def _on_end(self, ended: asyncio.Future[Ending]) -> None:
        """The process is gone. What it had sent is still read; a child that holds the connection is not waited for."""
        self._closing = asyncio.get_running_loop().call_later(_LINGER, self._close)

    def _close(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._writer.transport.abort()
        for relay in self._relays:
            relay.close()
        self.child.close_output()


class Pool:
    """At most ``size`` workers. Who asks first gets the next free one."""

    def __init__(
        self, size: int, recycle_after: int, warden: Warden, memory_limit: int | None = None
    ) -> None:
        self._size = size
        self._recycle_after = recycle_after
        self._warden = warden
        self._memory_limit = memory_limit
        self._workers: set[Worker] = set()
        self._idle: deque[Worker] = deque()
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._failures = 0  # starts that failed in a row
        self._is_open = True

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers there are, busy and idle."""
        return tuple(worker for worker in self._workers if worker.is_alive)

    def warm(self) -> None:
        """Start all workers now rather than when they are needed."""
        for _ in range(self._size - len(self._workers) - len(self._starting)):
            self._start_one()

    async def acquire(self) -> Worker:
        """A worker of one's own until `release`. Raises `StartFailed` when there is none and none can be started."""
        while self._idle:
            worker = self._idle.popleft()
            if worker.is_alive:
                return worker
            self._forget(worker)
        waiting: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._fill()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self.release(waiting.result())  # it was given in the very moment of the cancellation
            raise

    def release(self, worker: Worker, *, is_spent: bool = False) -> None:
        """Give a worker back. One that is ``is_spent``, dead, or has done its share of runs is replaced at once."""
        if is_spent or not worker.is_alive or worker.runs >= self._recycle_after or not self._is_open:
            self._retire(worker)
        else:
            self._hand_on(worker)

    async def close(self) -> None:
        """End all workers. Who still waits for one is told that there will be none."""
        self._is_open = False
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(StartFailed("the node is stopping"))
        self._waiting.clear()
        for task in tuple(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in tuple(self._workers):
            self._retire(worker)
        await asyncio.gather(*self._leaving, return_exceptions=True)
        self._idle.clear()
        self._warden.close()

    def _hand_on(self, worker: Worker) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(worker)
                return
        self._idle.append(worker)

    def _retire(self, worker: Worker) -> None:
        self._forget(worker)
        _keep(self._leaving, asyncio.ensure_future(worker.leave()))
        if self._is_open:
            self._start_one()

    def _forget(self, worker: Worker) -> None:
        self._workers.discard(worker)
        with contextlib.suppress(ValueError):
            self._idle.remove(worker)

    def _fill(self) -> None:
        """As many starts under way as there are waiting, within the size."""
        room = self._size - len(self._workers) - len(self._starting)
        wanted = sum(not waiting.done() for waiting in self._waiting) - len(self._starting)
        for _ in range(min(room, wanted)):
            self._start_one()

    def _start_one(self) -> None:
        if self._is_open and len(self._workers) + len(self._starting) < self._size:
            _keep(self._starting, asyncio.ensure_future(self._start()))

    async def _start(self) -> None:
        """Start a worker for whoever waits; one failure fails one of them, and the next start comes later."""
        if self._failures:
            await asyncio.sleep(min(_BACKOFF_FIRST * 2.0 ** (self._failures - 1), _BACKOFF_MOST))
        try:
            worker = await Worker.start(self._warden, self._memory_limit)
        except StartFailed as error:
            self._failures += 1
            self._started()
            self._fail_one(error)
            self._fill()
        else:
            self._failures = 0
            self._started()
            self._workers.add(worker)
            self._hand_on(worker)

    def _started(self) -> None:
        """This start no longer counts as under way, before anybody is woken who might look."""
        task = asyncio.current_task()
        assert task is not None
        self._starting.discard(task)

    def _fail_one(self, error: StartFailed) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(error)
                return


@dataclass(slots=True)
class _Told:
    """Keeps the last line that a starting worker said."""

    last: str = ""

    def line(self, source: str, text: str) -> None:
        self.last = text if source == "stderr" else self.last

    def progress(self, done: float, total: float | None, note: str) -> None:
        """A worker that starts reports none."""


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)
