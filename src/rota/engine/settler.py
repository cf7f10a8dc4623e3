"""Records outcomes: in batches, each under its token, none given up while it may still be written."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence

from rota.clock import Instant
from rota.engine.calls import LedgerThread
from rota.engine.logbook import LogBook
from rota.errors import LedgerError, LedgerUnreachable
from rota.events import Events, RunEnded, RunsChanged
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claimed, Finish

__all__ = ["Settled", "Settler"]

_log = logging.getLogger("rota.engine")

BATCH = 2000
IDLE = 60.0  # seconds; it is woken when there is something to settle

Settled = tuple[Claimed, Finish]


class Settler:
    """Takes the outcomes of a node's attempts and makes them durable.

    While one batch is written the next comes together, so batches are as large as the load makes them. A
    batch that the ledger cannot take now is kept and written later, if its tokens still hold then.
    """

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        logbook: LogBook,
        events: Events,
        *,
        node: Callable[[], str],
        settled: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._logbook = logbook
        self._events = events
        self._node = node
        self._settled = settled
        self._pending: list[tuple[str, Settled]] = []
        self._size = BATCH
        self.wake: Callable[[], None] = lambda: None

    def add(self, claimed: Claimed, finish: Finish) -> None:
        """An attempt has ended. Its outcome belongs to the identity that the node has now."""
        self._pending.append((self._node(), (claimed, finish)))
        if len(self._pending) == 1:
            self.wake()

    @property
    def pending(self) -> int:
        return len(self._pending)

    def keys(self) -> list[tuple[int, int]]:
        """Run and token of all that is not recorded yet."""
        return [(claimed.id, claimed.token) for _, (claimed, _) in self._pending]

    async def step(self) -> float:
        """Settle one batch; returns 0 while there is more."""
        if not self._pending:
            return IDLE
        batch = self._take()
        node = batch[0][0]
        await self._logbook.flush()  # a run that has ended has its whole log
        try:
            refused = await self._thread(self._ledger.finish, node, [finish for _, (_, finish) in batch])
        except LedgerUnreachable:
            raise  # nothing is given up: the very same batch is written when the ledger is back
        except LedgerError as error:
            self._narrow(error)
            return 0.0
        self._size = BATCH
        del self._pending[: len(batch)]
        self._tell([settled for _, settled in batch], set(refused))
        self._settled()
        return 0.0 if self._pending else IDLE

    def _take(self) -> list[tuple[str, Settled]]:
        """The oldest outcomes of one identity; they leave the list only once they are written."""
        first = self._pending[0][0]
        batch = self._pending[: self._size]
        return batch[: _same(batch, first)]

    def _narrow(self, error: LedgerError) -> None:
        """One outcome that the ledger refuses must not hold up the others: look for it by halves, and record of it
        only that it could not be recorded."""
        if self._size > 1:
            self._size = max(1, min(self._size, len(self._pending)) // 2)
            return
        node, (claimed, finish) = self._pending[0]
        if finish.ended == "unrecordable":
            raise error  # not even that: it stays, and is told with every try
        _log.error(
            "run %d of %s: its outcome is refused by the ledger: %s", claimed.id, claimed.task, error.what
        )
        said = json.dumps(
            {"type": "OutcomeRefused", "message": f"the outcome could not be recorded: {error.what}"}
        )
        plain = finish._replace(ended="unrecordable", result=None, error=said, note=None)
        self._pending[0] = node, (claimed, plain)

    def _tell(self, batch: Sequence[Settled], refused: set[int]) -> None:
        for claimed, _ in batch if refused else ():
            if claimed.id in refused:
                _log.warning(
                    "run %d of %s: the outcome of attempt %d came too late and is kept as a note; its lease had been lost",
                    claimed.id, claimed.task, claimed.attempt,
                )  # fmt: skip
        if not self._events.watched:
            return
        for claimed, finish in batch:
            if claimed.id not in refused:
                self._events.emit(_ended(claimed, finish))
        self._events.emit(RunsChanged(len(batch)))


def _same(batch: Sequence[tuple[str, Settled]], node: str) -> int:
    """How many entries from the front belong to one identity."""
    return next((index for index, entry in enumerate(batch) if entry[0] != node), len(batch))


def _ended(claimed: Claimed, finish: Finish) -> RunEnded:
    took = finish.finished_at - finish.started_at if finish.started_at is not None else 0
    return RunEnded(
        claimed.id, f"{claimed.service}/{claimed.task}", claimed.attempt,
        finish.move.state.value, finish.move.reason.value if finish.move.reason else None, took, Instant(finish.finished_at),
    )  # fmt: skip
