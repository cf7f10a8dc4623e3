"""What attempts write and how far they are, gathered in memory and brought to the ledger in batches."""

from __future__ import annotations

import json
from dataclasses import replace

from rota.clock import Clock
from rota.engine.calls import LedgerThread
from rota.errors import LedgerError, LedgerUnreachable
from rota.ledger.protocol import Ledger
from rota.ledger.work import LogLine

__all__ = ["LogBook", "Page"]

FLUSH_EVERY = 0.25
"""Seconds: how far a page that follows a log is behind, at most."""


class LogBook:
    """Log lines and progress that the ledger does not have yet. Any thread may add to it."""

    def __init__(self, ledger: Ledger, thread: LedgerThread, clock: Clock) -> None:
        self._ledger = ledger
        self._thread = thread
        self._clock = clock
        self._lines: list[LogLine] = []
        self._progress: dict[tuple[int, int], str] = {}

    def page(self, run_id: int, attempt: int, token: int) -> Page:
        """The sink of one attempt."""
        return Page(self, run_id, attempt, token)

    def line(self, run_id: int, attempt: int, source: str, text: str) -> None:
        self._lines.append(LogLine(run_id, attempt, self._clock.now(), source, text))

    def progress(self, run_id: int, token: int, progress: str) -> None:
        self._progress[run_id, token] = progress

    async def step(self) -> float:
        """Bring to the ledger what has come together."""
        await self.flush()
        return FLUSH_EVERY

    async def flush(self) -> None:
        """Write what is there; what cannot be written now is kept, in order."""
        if not self._lines and not self._progress:
            return
        lines, self._lines = self._lines, []
        progress, self._progress = self._progress, {}
        try:
            await self._thread(self._ledger.write_log, lines, progress)
        except LedgerUnreachable:
            self._lines[:0] = lines
            self._progress = {**progress, **self._progress}
            raise
        except LedgerError as error:
            await self._thread(self._write_singly, lines, error)

    def _write_singly(self, lines: list[LogLine], error: LedgerError) -> None:
        """A line that the ledger refuses must not cost the others; in its place stands that it was refused."""
        for line in lines:
            try:
                self._ledger.write_log([line])
            except LedgerUnreachable:
                raise
            except LedgerError:
                said = replace(
                    line, text=f"[a line of {len(line.text)} characters was refused: {error.what}]"
                )
                self._ledger.write_log([said])


class Page:
    """Where one attempt writes."""

    __slots__ = ("_attempt", "_book", "_run_id", "_token")

    def __init__(self, book: LogBook, run_id: int, attempt: int, token: int) -> None:
        self._book, self._run_id, self._attempt, self._token = book, run_id, attempt, token

    def line(self, source: str, text: str) -> None:
        self._book.line(self._run_id, self._attempt, source, text)

    def progress(self, done: float, total: float | None, note: str) -> None:
        self._book.progress(
            self._run_id, self._token, json.dumps({"done": done, "total": total, "note": note})
        )
