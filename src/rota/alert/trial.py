"""A test message to an owner, by the way that real ones take."""

from __future__ import annotations

from dataclasses import dataclass

from rota.engine.judge import Routes
from rota.errors import Conflict, Retriable, UnknownName, UsageError
from rota.ledger.judging import NewNotice, NoticeRecord
from rota.ledger.protocol import Ledger
from rota.model.alerts import address_of
from rota.model.incident import Notice
from rota.read.rules import defined

__all__ = ["Trial", "begin", "outcomes"]


@dataclass(frozen=True, slots=True)
class Trial:
    """The test messages to one owner: a notice for each channel."""

    service: str
    owner: str
    notices: tuple[int, ...]


def begin(ledger: Ledger, owner: str, *, service: str | None = None, channel: str | None = None) -> Trial:
    """Put a test message for each of an owner's channels, or for one, into the outbox.

    ``owner`` is as tasks name it, or its address, or its name. Raises `UnknownName` where no task or escalation has it
    or it has no such channel, `Conflict` where several services have it, `UsageError` where nobody said how it is told.
    """
    service, owner = _found(ledger, owner, service)
    channels = Routes(ledger).of(service).channels_of(owner)
    if not channels:
        raise UsageError(
            f"nobody said how {owner} is told",
            expected="channels in [alerts], or in the owner's own [alerts.owner] table, applied to the ledger",
            found="none",
            where=f"the rota of {service}",
        )
    if channel is not None and channel not in channels:
        raise UnknownName("channel", channel, channels)
    chosen = channels if channel is None else (channel,)
    now = ledger.now()
    return Trial(
        service,
        owner,
        tuple(ledger.add_notice(service, NewNotice(Notice.TEST, owner, one, now)) for one in chosen),
    )


def _found(ledger: Ledger, name: str, service: str | None) -> tuple[str, str]:
    """Service and owner of a name."""
    owners = {(record.service, defined(record).owner) for record in ledger.tasks(service)}
    routes = Routes(ledger)
    for served in {one for one, _ in owners}:
        owners |= {(served, one.escalate.to) for one in routes.of(served).owners if one.escalate is not None}
    found = sorted((one, owner) for one, owner in owners if name in (owner, *address_of(owner)))
    if len(found) == 1:
        return found[0]
    if not found:
        known = sorted({part for _, owner in owners for part in (owner, *address_of(owner))})
        raise UnknownName("owner", name, known, next=("rota tasks",))
    raise Conflict(
        f"{name!r} names {len(found)} owners",
        expected="one, by --service or by its full name",
        found=", ".join(f"{owner} of {one}" for one, owner in found),
        retry=Retriable(True, "once it is named; nothing was sent"),
    )


def outcomes(ledger: Ledger, trial: Trial) -> list[NoticeRecord]:
    """What became of them so far."""
    found = (ledger.notice(one) for one in trial.notices)
    return [one for one in found if one is not None]
