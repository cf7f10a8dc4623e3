"""A few connections of one process, each in the hands of one thread at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

__all__ = ["Lender"]


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class Lender(Generic[C]):
    """Lends connections, the one used last first, and opens one where none is idle. Whoever comes while all are lent
    waits for one. A connection that comes back from a fault is closed: the next one is a new one."""

    def __init__(
        self, open_: Callable[[], C], most: int, *, is_alive: Callable[[C], bool] = lambda _: True
    ) -> None:
        self._open = open_
        self._is_alive = is_alive  # asked, cheaply, of one that lay idle
        self._most = most
        self._changed = threading.Condition()
        self._idle: list[C] = []
        self._lent = 0
        self._closed = 0  # how often all were closed: what is lent meanwhile is not kept when it comes back

    @contextlib.contextmanager
    def lend(self) -> Iterator[C]:
        connection, since = self._take()
        try:
            yield connection
        except BaseException:
            self._give_back(None)
            with contextlib.suppress(Exception):
                connection.close()
            raise
        if since == self._closed:
            self._give_back(connection)
        else:
            self._give_back(None)
            connection.close()

    @property
    def holds_any(self) -> bool:
        """Whether any connection is open."""
        return bool(self._idle) or self._lent > 0

    def close_idle(self) -> None:
        """Close what nobody uses; what is lent is closed when it comes back."""
        with self._changed:
            self._closed += 1
            idle, self._idle = self._idle, []
        for connection in idle:
            with contextlib.suppress(Exception):
                connection.close()

    def _take(self) -> tuple[C, int]:
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._lent < self._most)
            self._lent += 1
            since = self._closed
            idle = self._last_alive()
        if idle is not None:
            return idle, since
        try:
            return self._open(), since
        except BaseException:
            self._give_back(None)
            raise

    def _last_alive(self) -> C | None:
        while self._idle:
            last = self._idle.pop()
            if self._is_alive(last):
                return last
            with contextlib.suppress(Exception):
                last.close()
        return None

    def _give_back(self, connection: C | None) -> None:
        with self._changed:
            self._lent -= 1
            if connection is not None:
                self._idle.append(connection)
            self._changed.notify()
