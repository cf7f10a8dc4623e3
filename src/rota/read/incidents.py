"""Incidents: the list, and one with all that a person wants to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from rota.clock import Instant
from rota.errors import UnknownName
from rota.ledger.judging import Incident, IncidentFilter, NoticeRecord
from rota.ledger.protocol import Ledger
from rota.model.incident import Status
from rota.read.card import Card, card_of
from rota.read.words import count, relative

__all__ = [
    "IncidentDetail",
    "incident_detail",
    "incident_lines",
    "incident_list",
    "notice_words",
    "the_incident",
]


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """One incident, what was told of it, and the card of its task."""

    incident: Incident
    notices: tuple[NoticeRecord, ...]
    card: Card | None  # None: the task is not in the ledger any more


def incident_list(
    ledger: Ledger,
    *,
    task: str | None = None,
    service: str | None = None,
    owner: str | None = None,
    closed: bool = False,
    limit: int = 50,
) -> list[Incident]:
    """The open incidents, newest first; with ``closed`` those that are resolved after them, so that none hides an open one."""
    found = ledger.incidents(IncidentFilter(service, task, owner, is_open=True, limit=limit))
    if not closed or len(found) >= limit:
        return found
    resolved = IncidentFilter(service, task, owner, is_open=False, limit=limit - len(found))
    return [*found, *ledger.incidents(resolved)]


def the_incident(ledger: Ledger, incident_id: int) -> Incident:
    """The incident of that number. Raises `UnknownName`."""
    found = ledger.incidents(IncidentFilter(ids=(incident_id,))) if 0 < incident_id < 2**63 else []
    if not found:
        raise UnknownName("incident", str(incident_id), next=("rota incidents --all",))
    return found[0]


def incident_detail(ledger: Ledger, incident_id: int) -> IncidentDetail:
    """One incident. Raises `UnknownName`."""
    incident = the_incident(ledger, incident_id)
    records = [one for one in ledger.tasks(incident.service, retired=True) if one.id == incident.task_id]
    card = card_of(ledger, records[0]) if records else None
    return IncidentDetail(incident, tuple(ledger.notices(incident_id)), card)


def incident_lines(one: Incident, now: Instant) -> list[tuple[str, str]]:
    """An incident in words: label and text. What there is nothing to say of is left out."""
    until = "" if one.acknowledged_until is None else f", until {relative(one.acknowledged_until, now)}"
    lines = [
        ("status", "resolved" if one.status is Status.CLEAR else one.status.value),
        ("check", one.check.value),
        ("expected", one.expected),
        ("found", one.found),
        ("since", relative(one.since_at, now)),
        ("opened", relative(one.opened_at, now)),
        ("times", count(one.times, "time")),
        ("owner", one.owner),
        ("run", "" if one.run_id is None else str(one.run_id)),
        (
            "acknowledged",
            ""
            if one.acknowledged_by is None
            else f"by {one.acknowledged_by}{until}: {one.acknowledged_reason}",
        ),
        ("escalated", "" if one.escalated_at is None else relative(one.escalated_at, now)),
        ("met again", "" if one.met_at is None else f"since {relative(one.met_at, now)}"),
        ("resolved", "" if one.resolved_at is None else relative(one.resolved_at, now)),
    ]
    return [(label, text) for label, text in lines if text]


def notice_words(one: NoticeRecord, now: Instant) -> str:
    """What became of a message."""
    if one.sent_at is not None:
        return f"sent {relative(one.sent_at, now)}"
    if one.lapsed_at is not None:
        return "not sent: all was well again before it was to be"
    if one.error is not None:
        return f"refused, {count(one.tries, 'try')}: {one.error}"
    return "waits" + (f", due {relative(one.due_at, now)}" if one.due_at > now else "")
