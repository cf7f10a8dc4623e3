"""How often a process knocks at a server that is away."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

__all__ = ["Gate"]

T = TypeVar("T")

FIRST, LONGEST = 0.2, 5.0
"""Seconds between two tries of one process: they double, and are spread, so that many nodes do not come at once."""


class Gate:
    """Lets one try at a time through. While it is not yet time for another, the last one's error is the answer: all
    loops of a node share one way to the server, and wait for it together.

    >>> Gate().through(lambda: "a connection")
    'a connection'
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._delay = FIRST
        self._open_at = 0.0
        self._error: str | None = None

    def through(self, connect: Callable[[], T]) -> T:
        """Raises `psycopg.OperationalError`, also without a try."""
        with self._lock:
            if self._error is not None and self._monotonic() < self._open_at:
                raise psycopg.OperationalError(self._error)
            before = self._error
            if before is not None:  # one tries; others hear what it will be until it has
                self._open_at = self._monotonic() + self._delay
        try:
            made = connect()
        except psycopg.OperationalError as error:
            self._failed(str(error))
            raise
        with self._lock:
            self._error, self._delay = None, FIRST
        return made

    def _failed(self, error: str) -> None:
        with self._lock:
            self._error = error
            self._open_at = self._monotonic() + self._delay * random.uniform(0.7, 1.3)
            self._delay = min(2 * self._delay, LONGEST)
