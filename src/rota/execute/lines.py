"""The output of a process, line by line, in bounded memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator

from rota.execute.output import LINE_LIMIT, LINE_SLACK, LimitedSink

__all__ = ["LineCutter", "Relay"]

_CHUNK = 65_536  # what a pipe holds


class LineCutter:
    """Cuts a stream of bytes into lines; of a longer line than ``limit`` bytes only the beginning is kept.

    >>> cutter = LineCutter(limit=4)
    >>> list(cutter.feed(b"one" + bytes([10]) + b"seventeen")), list(cutter.end())
    ([('one', 0)], [('seve', 5)])
    """

    def __init__(self, limit: int = LINE_LIMIT + LINE_SLACK) -> None:
        self._limit = limit
        self._open = b""  # the line that has not ended yet, as far as it is kept
        self._more = 0  # bytes of it that are not kept

    def feed(self, chunk: bytes) -> Iterator[tuple[str, int]]:
        """The lines that ``chunk`` completes, each with the number of bytes cut from it."""
        first, *rest = chunk.split(b"\n")
        self._extend(first)
        if not rest:
            return
        yield self._take()
        for line in rest[:-1]:
            yield _text(line[: self._limit]), max(0, len(line) - self._limit)
        self._extend(rest[-1])

    def end(self) -> Iterator[tuple[str, int]]:
        """The last line, where it was not ended."""
        if self._open:
            yield self._take()

    def _extend(self, part: bytes) -> None:
        room = self._limit - len(self._open)
        self._open += part[:room]
        self._more += max(0, len(part) - room)

    def _take(self) -> tuple[str, int]:
        taken = _text(self._open), self._more
        self._open, self._more = b"", 0
        return taken


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "backslashreplace")


class Relay:
    """Passes what comes out of a pipe on to the log of whichever attempt it is attached to."""

    def __init__(
        self,
        pipe: int,
        source: str,
        *,
        limit: int = LINE_LIMIT + LINE_SLACK,
        on_line: Callable[[str, int], None] | None = None,
    ) -> None:
        self._pipe = pipe
        self._source = source
        self._limit = limit
        self._on_line = on_line
        self._cutter = LineCutter(limit)
        self._sink: LimitedSink | None = None
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe, False)
        self._loop.add_reader(pipe, self._read)

    def attach(self, sink: LimitedSink) -> None:
        self._sink = sink

    def detach(self) -> None:
        """Pass on what is in the pipe by now, also a line without an end; later output belongs to nobody.

        Bounded: a child that escaped from its group may write into the pipe for ever.
        """
        for _ in range(64):
            if not self._read():
                break
        self._pass_on(self._cutter.end())
        self._sink = None

    def close(self) -> None:
        """Stop reading; whoever owns the pipe closes it."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._pipe)

    def _read(self) -> bool:
        """Read one chunk; False when there is none by now."""
        if not self._is_open:
            return False
        try:
            chunk = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return False
        self._pass_on(self._cutter.feed(chunk))
        return True

    def _pass_on(self, lines: Iterator[tuple[str, int]]) -> None:
        sink = self._sink
        for text, more in lines:
            if self._on_line is not None:
                self._on_line(text, more)
            if sink is not None:
                sink.line(self._source, text, more)
