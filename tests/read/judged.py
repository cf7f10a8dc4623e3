"""Incidents, verdicts and messages in a house to read, as the judge would have put them there."""

from __future__ import annotations

from tests.read.house import House

from rota.clock import SECOND, Instant
from rota.ledger.judging import Incident, IncidentFilter, Judgement, NewNotice, Opened
from rota.model.incident import Notice, Status
from rota.model.verdict import Check, Standing, Verdict

__all__ = ["an_incident", "refused"]


def an_incident(
    house: House,
    task: str = "publish-due",
    check: Check = Check.RUN,
    *,
    owner: str = "Web <web@example.org>",
    words: str = "it did not",
) -> Incident:
    """An incident that was just opened, its verdict, and the message that tells of it."""
    record = house.task(task)
    now = house.now
    found = Verdict(check, Standing.UNMET, "it does what it should", words, now, 7)
    told = NewNotice(Notice.OPENED, owner, "mail", now)
    opened = Opened(check, Status.OPEN, Instant(now - 60 * SECOND), owner, found.expected, found.found, 7, 3, notices=(told,))  # fmt: skip
    watch = next((one for one in house.ledger.to_judge() if one.task_id == record.id), None)
    version = 0 if watch is None else watch.version
    judgement = Judgement(record.id, version, record.revision, 0, 0, now, None, None, (found,), (opened,))
    [ids] = house.ledger.judged([judgement])
    assert ids, "one of that task and check is open already"
    [incident] = house.ledger.incidents(IncidentFilter(ids=ids))
    return incident


def refused(house: House, why: str = "connection refused") -> None:
    """Every message that is due was refused."""
    for owner, channel, service, _ in house.ledger.letters():
        letter = house.ledger.take_letter(owner, channel, service, SECOND)
        assert letter is not None
        house.ledger.letter_failed(letter.claim, Instant(house.now + 30 * SECOND), why)
