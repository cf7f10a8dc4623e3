"""Brings what is in the outbox to the owners: at least once, and visibly where it cannot be done."""

from __future__ import annotations

import asyncio
import logging
from random import Random

from rota.alert.channel import Refused, Sender
from rota.alert.text import Message, message
from rota.clock import MICROSECOND, SECOND, Instant
from rota.engine.calls import LedgerThread
from rota.engine.judge import Routes
from rota.execute.redact import Redactor
from rota.ledger.judging import DueLetter, IncidentFilter, Letter
from rota.ledger.protocol import Ledger
from rota.model.alerts import Alerts
from rota.read.card import cards

__all__ = ["Deliverer", "due_now", "pause_after", "written"]

_log = logging.getLogger("rota.alert")

EVERY = 1.0
"""Seconds between two looks at the outbox."""

LEASE = 120 * SECOND
"""How long a letter is one deliverer's. Whoever has not said by then what became of it is taken to be gone."""

PATIENCE = 90.0
"""Seconds that a channel may take; less than the lease, so that nobody else sends it meanwhile."""

AT_ONCE = 4
"""Letters that are under way at once: a channel that does not answer holds up no other."""

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 15 * 60.0
"""Seconds until a letter that was refused is tried again: doubled each time."""


class Deliverer:
    """The delivering loop of a node of ``service``. It serves that service, and any other whose channel's address it has."""

    def __init__(
        self,
        ledger: Ledger,
        thread: LedgerThread,
        sender: Sender,
        routes: Routes,
        *,
        service: str,
        redact: Redactor,
        patience: float = PATIENCE,
        random: Random | None = None,
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._sender = sender
        self._routes = routes
        self._service = service
        self._redact = redact
        self._patience = patience
        self._random = random or Random()

    async def step(self) -> float:
        due = await self._thread(self._due)
        for first in range(0, len(due), AT_ONCE):
            some = [self._deliver(one, alerts) for one, alerts in due[first : first + AT_ONCE]]
            for answer in await asyncio.gather(*some, return_exceptions=True):
                if isinstance(answer, BaseException):
                    raise answer
        return EVERY

    def _due(self) -> list[tuple[DueLetter, Alerts]]:
        """The letters that this node is to bring now."""
        now = self._ledger.now()
        found = ((one, self._routes.of(one.service)) for one in self._ledger.letters())
        return [(one, alerts) for one, alerts in found if due_now(one, alerts, now) and self._is_mine(one, alerts)]  # fmt: skip

    def _is_mine(self, one: DueLetter, alerts: Alerts) -> bool:
        variable = alerts.channels.get(one.channel)
        return one.service == self._service or (variable is not None and self._sender.can(variable))

    async def _deliver(self, one: DueLetter, alerts: Alerts) -> None:
        letter = await self._thread(self._ledger.take_letter, one.owner, one.channel, one.service, LEASE)
        if letter is None:
            return  # another was quicker
        said = await self._thread(written, self._ledger, letter, alerts, self._redact)
        error = await self._sent(letter, alerts, said)
        if error is None:
            await self._thread(self._ledger.letter_sent, letter.claim)
            return
        pause = pause_after(max(notice.tries for notice in letter.notices), self._random.random())
        _log.warning("a message to %s by %s did not go out: %s; trying again in %.0f s", one.owner, one.channel, error, pause)  # fmt: skip
        again = Instant(self._ledger.now() + int(pause * SECOND))
        await self._thread(self._ledger.letter_failed, letter.claim, again, error)

    async def _sent(self, letter: Letter, alerts: Alerts, said: Message) -> str | None:
        """What was wrong; None where it went out."""
        variable = alerts.channels.get(letter.channel)
        if variable is None:
            return f"the rota has no channel {letter.channel} any more; expected: [alerts.channel.{letter.channel}]"
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.to_thread(self._sender.send, variable, said)
        except Refused as refused:
            return str(refused)
        except TimeoutError:
            return f"the channel did not answer within {self._patience:g} s"
        except Exception as error:
            # A channel's own defect must neither end the loop nor lose the message.
            return self._redact(f"{type(error).__name__}: {error}")
        return None


def due_now(one: DueLetter, alerts: Alerts, now: Instant) -> bool:
    """Whether the owner had no message by that channel just now."""
    return one.last_sent_at is None or now - one.last_sent_at >= alerts.every // MICROSECOND


def pause_after(tries: int, spread: float) -> float:
    """Seconds until the next try; ``spread``, from 0 to 1, takes up to a fifth of it away, so that not all come at once.

    >>> [pause_after(tries, 0.0) for tries in (1, 2, 3, 6, 400)]
    [30.0, 60.0, 120.0, 900.0, 900.0]
    """
    return min(FIRST_PAUSE * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE) * (1 - spread / 5)


def written(ledger: Ledger, letter: Letter, alerts: Alerts, redact: Redactor) -> Message:
    """The message of a letter."""
    ids = [one.incident_id for one in letter.notices if one.incident_id is not None]
    incidents = {one.id: one for one in ledger.incidents(IncidentFilter(ids=ids, limit=len(ids)))} if ids else {}  # fmt: skip
    tasks = {one.task_id for one in incidents.values()}
    records = [one for one in ledger.tasks(letter.service, retired=True) if one.id in tasks] if tasks else []
    known = {card.task_id: card for card in cards(ledger, records)}
    return message(letter, incidents, known, alerts.link, ledger.now(), redact)
