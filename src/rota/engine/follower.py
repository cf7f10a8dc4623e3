"""Follows the service's current revision: a node serves what is applied, also where that moves while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from rota.define.loaded import LoadedRota
from rota.define.served import served
from rota.engine.calls import LedgerThread
from rota.ledger.protocol import Ledger

__all__ = ["Follower"]

_log = logging.getLogger("rota.engine")

EVERY = 1.0
"""Seconds between two looks at which revision is current."""


class Follower:
    """The loop that has a node adopt what was applied, or rolled back. ``code`` is the rota that the node was started with:
    its functions serve the definitions of any revision."""

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        code: LoadedRota,
        number: int,
        adopt: Callable[[LoadedRota, int], None],
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._code = code
        self._number = number
        self._adopt = adopt

    async def step(self) -> float:
        number = await self._thread(self._ledger.current, self._code.service)
        if number != self._number:
            await self._follow(number)
        return EVERY

    async def _follow(self, number: int) -> None:
        found = await self._thread(self._ledger.revisions, self._code.service, 1)
        if not found:
            return
        rota, missing = await asyncio.to_thread(served, found[0], self._code)  # it may import code
        self._number = found[0].number
        self._adopt(rota, self._number)
        _log.info("serving revision %d of %s, %d tasks", self._number, self._code.service, len(rota.tasks))
        for name, said in sorted(missing.items()):
            _log.warning("task %s of revision %d is not served by this build: %s", name, number, said)
