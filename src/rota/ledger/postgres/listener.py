"""Hears of what other nodes and programs have committed: LISTEN, on a connection and a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

import psycopg

from rota.errors import LedgerError
from rota.ledger.postgres.address import Address
from rota.ledger.postgres.connect import Server, connect
from rota.ledger.postgres.faults import faults

__all__ = ["Listener", "channel_of"]

_log = logging.getLogger("rota.ledger")

LOOK_UP = 0.5  # seconds between two looks at whether to stop
GATHER = (
    0.01  # seconds to let words come together after one was heard: a storm of them is a breeze to the node
)
FIRST, LONGEST = 0.5, 10.0  # seconds between two tries to connect again


def channel_of(schema: str) -> str:
    """The channel of the ledger in a schema: two ledgers in one database do not wake each other.

    >>> channel_of("rota")
    'rota_told'
    """
    return f"{schema}_told"


class Listener:
    """Calls back with each word that was told, once for however often it was told in one go.

    It only ever makes things quicker: whoever hears nothing polls. Where something that hands sessions around stands
    before the server (PgBouncer in transaction pooling), there is nothing to be heard, and it ends.
    """

    def __init__(self, address: Address, heard: Callable[[str], None]) -> None:
        self._address = address
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rota-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more; returns within a second."""
        self._stop.set()
        self._thread.join(timeout=2 * LOOK_UP)

    def _run(self) -> None:
        delay = FIRST
        while not self._stop.is_set():
            try:
                with faults(self._address):
                    delay = FIRST
                    if not self._listen():
                        return
            except LedgerError as error:
                _log.debug("listening: %s; trying again in %.1f s", error.what, delay)
            self._stop.wait(delay)
            delay = min(2 * delay, LONGEST)

    def _listen(self) -> bool:
        """Listen until told to stop; False where there is nothing to be heard."""
        with contextlib.closing(connect(self._address, None)) as server:
            if server.pooled:
                return False
            server.script(f"LISTEN {channel_of(self._address.schema)}")
            self._heard("waiting")  # what was told before is not heard any more
            while not self._stop.is_set():
                for word in sorted(self._next(server)):
                    self._heard(word)
                self._stop.wait(GATHER)
        return True

    @staticmethod
    def _next(server: Server) -> set[str]:
        """The words told within the next moment; empty where nothing was."""
        raw: psycopg.Connection[tuple[object, ...]] = server.raw
        told = {notify.payload for notify in raw.notifies(timeout=LOOK_UP, stop_after=1)}
        return told | {notify.payload for notify in raw.notifies(timeout=0)} if told else told
