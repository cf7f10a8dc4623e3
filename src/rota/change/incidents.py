"""What people say of incidents: that they are at it, and that nobody is to be told for a while. Each leaves an audit line."""

from __future__ import annotations

from rota.change.records import change, iso, must_be_live, subject
from rota.clock import Instant
from rota.errors import Conflict, Retriable, UsageError
from rota.ledger.judging import Incident
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord

__all__ = ["acknowledge", "mute", "unmute"]


def acknowledge(
    ledger: Ledger, incident: Incident, *, actor: str, reason: str, until: Instant | None = None
) -> None:
    """Say that somebody is at it: no reminders and no escalation, ``until`` an instant or its end.

    Raises `UsageError` without a reason or with an end that is over; `Conflict` where it is resolved, or recovers.
    """
    now = ledger.now()
    _must_have_a_reason("an acknowledgement", reason)
    _must_lie_ahead("the acknowledgement", until, now)
    end = None if until is None else iso(until)
    of = f"{incident.service}/{incident.task}"
    line = change(now, actor, "acknowledge", of, reason, incident=incident.id, until=end)
    if not ledger.acknowledge(incident.id, line, until):
        raise Conflict(
            f"incident {incident.id} cannot be acknowledged",
            expected="an incident that is open",
            found="resolved" if incident.resolved_at is not None else incident.status.value,
            retry=Retriable(False, "there is nothing to be at"),
            next=(f"rota incident {incident.id}",),
        )


def mute(ledger: Ledger, task: TaskRecord, *, actor: str, reason: str, until: Instant) -> None:
    """Have nobody told about a task until an instant; what is well again by then is not told at all.

    Incidents are opened and shown all the same. Raises `UsageError` without a reason or with an end that is over,
    `Conflict` for a task that is no longer in the rota.
    """
    now = ledger.now()
    must_be_live(task, "muted")
    _must_have_a_reason("a mute", reason)
    _must_lie_ahead("the mute", until, now)
    ledger.mute(task.id, change(now, actor, "mute", subject(task), reason, until=iso(until)), until)


def unmute(ledger: Ledger, task: TaskRecord, *, actor: str, reason: str | None = None) -> None:
    """Have its owner told again. Raises `Conflict` where it is not muted."""
    if task.id not in ledger.mutes():
        raise Conflict(
            f"{task.name} is not muted",
            expected="a task that is muted",
            found="one that is not",
            retry=Retriable(True, "it is as asked; nothing was changed"),
        )
    ledger.mute(task.id, change(ledger.now(), actor, "unmute", subject(task), reason), None)


def _must_have_a_reason(what: str, reason: str) -> None:
    if not reason.strip():
        raise UsageError(
            f"{what} needs a reason", expected="why, in a few words", found="nothing", where="--reason"
        )


def _must_lie_ahead(what: str, until: Instant | None, now: Instant) -> None:
    if until is not None and until <= now:
        raise UsageError(
            f"{what} would be over already",
            expected="an end that lies ahead",
            found=iso(until),
            where="--for or --until",
        )
