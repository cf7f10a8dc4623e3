"""A worker process: ``python -m rota.execute.worker FD`` carries out one attempt at a time for its node.

The main thread runs the tasks' code. A second thread listens to the node, so that a request to stop gets through
while code runs, and so that the process ends when its node is gone.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import faulthandler
import os
import queue
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

from rota.execute.arguments import Prepared, prepare
from rota.execute.calling import Call
from rota.execute.handle import Run
from rota.execute.loading import load
from rota.execute.outcomes import from_exception, succeeded
from rota.execute.output import CURRENT, Capture, LimitedSink
from rota.execute.protocol import Outcome
from rota.execute.signals import StopAsked
from rota.execute.wire import pack, receive_sync

_STOP = signal.SIGUSR1  # raised by the listening thread in the main thread
_OWN_LINES = 1_024  # bytes of the log's limit left for the node's own lines


class _NodeSink:
    """Sends log lines and progress to the node."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker

    def line(self, source: str, text: str) -> None:
        self._worker.send({"is": "line", "source": source, "text": text})

    def progress(self, done: float, total: float | None, note: str) -> None:
        self._worker.send({"is": "progress", "done": done, "total": total, "note": note})


class _Worker:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._sending = threading.RLock()
        self._prepared: dict[str, Prepared] = {}
        self._call: Call | None = None
        self._token: int | None = None  # of the attempt under way
        self._may_stop = False  # whether the attempt's own code is running
        self._stop_token: int | None = None
        self._was_stopped = False  # a worker that was asked to stop an attempt gets no other

    def serve(self) -> None:
        """Carry out what the node orders until it closes the connection."""
        signal.signal(_STOP, self._on_stop)
        for number in (signal.SIGTERM, signal.SIGINT):  # meant for the node, which then says what to do
            signal.signal(number, lambda number, frame: None)
        Capture().start()
        threading.Thread(target=self._listen, name="rota-listen", daemon=True).start()
        self.send({"is": "ready"})
        while (order := self._orders.get()) is not None:
            self.send(self._done(self._carry_out(order)))

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame whole: a request to stop must not cut it in two, and is heeded right after."""
        packed = pack(frame)
        is_stoppable = self._may_stop and threading.current_thread() is threading.main_thread()
        if is_stoppable:
            self._may_stop = False
        with self._sending:
            self._connection.sendall(packed)
        if is_stoppable:
            self._may_stop = True
            if self._stop_token == self._token:
                self._on_stop(_STOP, None)

    def _carry_out(self, order: dict[str, Any]) -> Outcome:
        run = Run(**order["run"])
        sink = LimitedSink(_NodeSink(self), max(order["log_limit"] - _OWN_LINES, _OWN_LINES))
        run._sink = sink
        self._call, self._token = Call(run), run.token
        context = CURRENT.set(run)
        try:
            return succeeded(self._value(order["path"]), order["result_limit"])
        except (StopAsked, asyncio.CancelledError) as end:
            if self._stop_token == run.token:
                return Outcome("cancelled")
            return from_exception(end)
        except BaseException as error:
            return from_exception(error)
        finally:
            self._token = self._call = None
            CURRENT.reset(context)
            _flush()
            sink.finish()

    def _value(self, path: str) -> Any:
        """What the function returns. Only in here a request to stop is raised."""
        call = self._call
        assert call is not None
        try:
            self._may_stop = True
            if self._stop_token == self._token:
                raise StopAsked
            prepared = self._prepared.get(path)
            if prepared is None:
                prepared = self._prepared[path] = prepare(load(path))
            return call(prepared)
        finally:
            self._may_stop = False

    def _done(self, outcome: Outcome) -> dict[str, Any]:
        after = None if outcome.after is None else outcome.after.total_seconds()
        return {
            "is": "done",
            "ended": outcome.ended,
            "result": outcome.result,
            "error": outcome.error,
            "after": after,
            "note": outcome.note,
        }

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if not self._may_stop or self._was_stopped or self._call is None:
            return
        self._was_stopped = True  # once is enough: cleaning up is not to be interrupted
        if not self._call.stop():
            raise StopAsked("the attempt was asked to stop")

    def _listen(self) -> None:
        try:
            while (frame := receive_sync(self._connection)) is not None:
                if frame["do"] == "run":
                    self._orders.put(frame)
                elif frame["do"] == "stop":
                    self._stop_token = frame["token"]
                    if self._stop_token == self._token:
                        signal.pthread_kill(threading.main_thread().ident or 0, _STOP)
            is_node_gone = True
        except OSError as error:
            # EBADF: the task's own code closed our connection; the next `send` fails, and ends the process.
            is_node_gone = error.errno != errno.EBADF
        if is_node_gone and self._token is not None:  # nobody wants the outcome; another will start it again
            os.killpg(os.getpgrp(), signal.SIGKILL)
        self._orders.put(None)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # the task's code closed or replaced it
            continue


def _die_with_parent(parent: int) -> None:
    """On Linux the kernel kills this process with the thread that started it; elsewhere the connection's end tells."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)


def _limit_memory(limit: int | None) -> None:
    if limit is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> NoReturn:
    faulthandler.enable()  # a segmentation fault tells its stack in the log
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    hello = receive_sync(connection)
    if hello is None:
        sys.exit(0)
    _die_with_parent(hello["parent"])
    sys.path[:] = hello["path"]
    sys.argv = ["rota-worker"]
    _limit_memory(hello["memory_limit"])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # these are the process's own
    _Worker(connection).serve()
    sys.exit(0)


if __name__ == "__main__":
    main()
