"""The heartbeat, on a thread of its own: a blocked event loop does not look like a dead node."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from rota.clock import SECOND, Clock
from rota.errors import RotaError
from rota.ledger.protocol import Ledger
from rota.ledger.work import Beat, BeatReply

__all__ = ["Heart"]

_log = logging.getLogger("rota.engine")


class Heart:
    """Renews the node's lease. Calls back, on its own thread, with each reply, and when the lease is lost.

    A node that could not renew for longer than two thirds of its lease, by its monotonic clock, counts its
    lease as lost: it stops its own attempts before others take them over.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        lease: float,
        every: float,
        beat: Callable[[int], Beat],
        replied: Callable[[BeatReply], None],
        lost: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lease = lease
        self._every = min(every, lease / 3)
        self._beat = beat
        self._replied = replied
        self._lost = lost
        self._stop = threading.Event()
        self._now = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed = clock.monotonic()

    def start(self) -> None:
        self._renewed = self._clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="rota-heart", daemon=True)
        self._thread.start()

    def beat_now(self) -> None:
        """Have the next heartbeat come at once."""
        self._now.set()

    def stop(self) -> None:
        self._stop.set()
        self._now.set()
        if self._thread is not None:
            self._thread.join(timeout=self._lease)

    @property
    def silent_for(self) -> float:
        """Seconds since the lease was last renewed."""
        return self._clock.monotonic() - self._renewed

    @property
    def is_overdue(self) -> bool:
        """Whether the lease counts as lost, although the ledger may not have said so: it is near its end, and the
        heartbeat that should have renewed it has no answer."""
        return self.silent_for > self._lease * 2 / 3

    def begin_anew(self) -> None:
        """The node has taken another identity: what was not answered no longer matters."""
        self._renewed = self._clock.monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._now.clear()
            self._renew()
            self._now.wait(self._every)

    def _renew(self) -> None:
        before, beat = self.ask()
        try:
            reply = self._ledger.heartbeat(beat)
        except RotaError as error:
            self.failed(beat, error)
        except Exception:  # a defect must not silence the heart
            _log.exception("heartbeat failed")
        else:
            self.answered(beat, reply, before)

    # -- one heartbeat: asked, and then answered or not

    def ask(self) -> tuple[float, Beat]:
        """What to ask, and since when the lease will hold if that is granted."""
        return self._clock.monotonic(), self._beat(int(self._lease * SECOND))

    def answered(self, beat: Beat, reply: BeatReply, before: float) -> None:
        if self._stop.is_set():
            return
        self._renewed = max(before, self._renewed)
        if reply.alive:
            self._replied(reply)
        else:
            self._lost(beat.node)

    def failed(self, beat: Beat, error: RotaError) -> None:
        _log.warning("heartbeat: %s", error.what)
        if self.is_overdue:
            self._lost(beat.node)
            self.begin_anew()
