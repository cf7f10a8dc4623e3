"""What a task says while it runs: captured, kept to one line each, redacted, and cut at a limit."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar

from rota.execute.handle import Run
from rota.execute.protocol import Sink
from rota.execute.redact import escaped

__all__ = ["CURRENT", "LINE_LIMIT", "LINE_SLACK", "Capture", "LimitedSink", "size_in_words"]

LINE_LIMIT = 8_192  # characters of one line
LINE_SLACK = 1_024  # read beyond the limit, so that a secret across the cut is still known as one

CURRENT: ContextVar[Run | None] = ContextVar("rota_run", default=None)
"""The run whose code is running here; follows ``await`` and tasks, and is set in a run's thread or process."""


class LimitedSink:
    """Passes lines on to another sink: escaped, redacted, and no more than ``limit`` bytes of them.

    The first three quarters are passed on at once. Beyond that, one line says so, and the last quarter is
    held back and passed on by `finish`, after a line that says how much between them was cut: an error is
    most often told at the end. May be called from any thread.
    """

    __slots__ = (
        "_cut",
        "_head",
        "_is_finished",
        "_limit",
        "_lock",
        "_redact",
        "_sink",
        "_tail",
        "_tail_limit",
        "_tail_size",
    )

    def __init__(self, sink: Sink, limit: int, redact: Callable[[str], str] = str) -> None:
        self._sink = sink
        self._redact = redact
        self._head = limit - limit // 4  # bytes left to pass on at once
        self._tail_limit = limit // 4
        self._tail: deque[tuple[str, str, int]] | None = None  # held back, once the head is full
        self._tail_size = 0
        self._cut = 0
        self._limit = limit
        self._lock = threading.Lock()
        self._is_finished = False

    def line(self, source: str, text: str, more: int = 0) -> None:
        """``more`` is how much of the line was cut before it got here."""
        with self._lock:
            if self._is_finished:  # from a thread or child that outlived its attempt
                return
            if self._tail is None:
                kept = self._kept(text, more)
                size = _size(kept)
                if size <= self._head:
                    self._head -= size
                    self._sink.line(source, kept)
                    return
            self._hold(source, text, more)

    def progress(self, done: float, total: float | None, note: str) -> None:
        if not self._is_finished:
            self._sink.progress(done, total, self._kept(note) if note else note)

    def finish(self) -> None:
        """Pass on what was held back, after the line that says how much was cut. Later lines are dropped."""
        with self._lock:
            if self._is_finished:
                return
            self._is_finished = True
            held, self._tail = self._tail or deque(), None
            shown = self._shown_at_end(held)
            if self._cut:
                self._sink.line("rota", f"{size_in_words(self._cut)} of log cut here")
            for source, text in shown:
                self._sink.line(source, text)

    def _shown_at_end(self, held: deque[tuple[str, str, int]]) -> list[tuple[str, str]]:
        """The last lines that fit, now that their size is known: escapes and redaction change it."""
        room = self._tail_limit
        shown: deque[tuple[str, str]] = deque()
        for source, text, more in reversed(held):
            kept = self._kept(text, more)
            size = _size(kept)
            if size > room and shown:
                room = 0
                self._cut += len(text) + 1 + more
                continue
            room -= size
            shown.appendleft((source, kept))
        return list(shown)

    def _kept(self, text: str, more: int = 0) -> str:
        more += max(0, len(text) - LINE_LIMIT)
        text = self._redact(escaped(text[: LINE_LIMIT + LINE_SLACK]))
        if not more and len(text) <= LINE_LIMIT * 2:  # escapes make it longer; that is no reason to cut
            return text
        return f"{text[:LINE_LIMIT]}... {max(1, more)} more cut"

    def _hold(self, source: str, text: str, more: int) -> None:
        """Keep a line for the end as it came, and drop the oldest ones for which there is no room."""
        if self._tail is None:
            self._tail = deque()
            limit = size_in_words(self._limit)
            self._sink.line(
                "rota", f"the log nears its limit of {limit}: what follows is shown in part, at the end"
            )
        text = text[: LINE_LIMIT + LINE_SLACK]
        self._tail.append((source, text, more))
        self._tail_size += len(text) + 1
        while self._tail_size > self._tail_limit and len(self._tail) > 1:
            _, dropped, uncounted = self._tail.popleft()
            self._tail_size -= len(dropped) + 1
            self._cut += len(dropped) + 1 + uncounted


def _size(text: str) -> int:
    return len(text) + 1 if text.isascii() else len(text.encode("utf-8", "replace")) + 1


class Capture(logging.Handler):
    """Brings what a task logs through `logging` into its run's log; installed between `start` and `stop`.

    A record belongs to the run in whose context it is made. Rota's own records are not the task's. Where the
    program has set up no logging of its own, the root logger is opened down to ``level`` meanwhile; where it has,
    its levels stand. Of several, for several nodes in one program, only one writes.
    """

    def __init__(self, level: int = logging.INFO) -> None:
        super().__init__()
        self._root_level = level
        self._level_before: int | None = None

    def start(self) -> None:
        root = logging.getLogger()
        is_set_up = any(not isinstance(handler, Capture) for handler in root.handlers)
        root.addHandler(self)
        if not is_set_up and root.level > self._root_level:
            self._level_before = root.level
            root.setLevel(self._root_level)

    def stop(self) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        if self._level_before is not None:
            root.setLevel(self._level_before)
            self._level_before = None

    def emit(self, record: logging.LogRecord) -> None:
        handlers = logging.getLogger().handlers
        if next((handler for handler in handlers if isinstance(handler, Capture)), self) is not self:
            return
        run = CURRENT.get()
        if run is None or run._sink is None or record.name == "rota" or record.name.startswith("rota."):
            self._pass_on(record)
            return
        try:
            source = record.levelname
            name = "" if record.name == "root" else f"{record.name}: "
            run._sink.line(source, name + record.getMessage())
            for block in (_trace(record), record.stack_info):
                for line in (block or "").splitlines():
                    run._sink.line(source, "| " + line)
        except Exception:
            self.handleError(record)

    def _pass_on(self, record: logging.LogRecord) -> None:
        """Without other handlers, Python prints warnings to stderr; that this one is there must not end it."""
        last = logging.lastResort
        is_set_up = any(not isinstance(handler, Capture) for handler in logging.getLogger().handlers)
        if last is not None and not is_set_up and record.levelno >= last.level:
            last.handle(record)


def size_in_words(size: int) -> str:
    """A number of bytes for people.

    >>> size_in_words(512), size_in_words(262_144), size_in_words(104_857_600)
    ('512 bytes', '256 KiB', '100 MiB')
    """
    if size < 1024:
        return f"{size} bytes"
    amount, unit = (size / 1024, "KiB") if size < 1024 * 1024 else (size / 1048576, "MiB")
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def _trace(record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[0] is not None:
        return "".join(traceback.format_exception(*record.exc_info))
    return None
