"""What a message says: pure texts over what the ledger holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from rota.clock import Instant
from rota.execute.redact import Redactor
from rota.ledger.judging import Incident, Letter, NoticeRecord
from rota.model.incident import Notice, Status
from rota.read.card import Card, card_lines
from rota.read.words import clock_time, relative

__all__ = ["Message", "message"]

IN_FULL = 10
"""Incidents of one message that are told in full; the others have a line each."""

IN_LINES = 40
"""Incidents that have a line; of more, the number."""

LONGEST = 20_000
"""Characters of a message."""

SAID: Mapping[Notice, str] = {
    Notice.OPENED: "not as expected",
    Notice.REMINDED: "still not as expected",
    Notice.ESCALATED: "not as expected, and nobody has acknowledged it",
    Notice.HANDED_OVER: "not as expected, and it has another owner now",
    Notice.RESOLVED: "as expected again",
    Notice.TEST: "a test",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What goes out by a channel. ``is_good``: all that it tells is that something is well again."""

    title: str
    body: str
    is_good: bool


def message(
    letter: Letter,
    incidents: Mapping[int, Incident],
    cards: Mapping[int, Card],
    link: str | None,
    now: Instant,
    redact: Redactor,
) -> Message:
    """One message of all that a letter holds: of each incident the latest that there is to tell.

    ``incidents`` are by their id, ``cards`` by the task's.
    """
    latest = {one.incident_id: one for one in letter.notices}  # in the order in which they were written
    told = sorted(latest.values(), key=lambda one: (one.kind is Notice.RESOLVED, one.id))
    pairs = [(one, incidents.get(one.incident_id or 0)) for one in told]
    known = [(notice, incident) for notice, incident in pairs if incident is not None]
    parts = [_in_full(one, was, cards.get(was.task_id), link, now) for one, was in known[:IN_FULL]]
    lines = [_in_a_line(one, was) for one, was in known[IN_FULL:IN_LINES]]
    rest = len(known) - IN_LINES
    lines += [f"and {rest:,} more"] if rest > 0 else []
    if lines:
        parts.append("\n".join(lines))
    if any(one.kind is Notice.TEST for one in letter.notices):
        parts.append(_test_words(letter))
    body = redact("\n\n".join(parts))
    cut = body if len(body) <= LONGEST else body[: LONGEST - 1] + "…"
    is_good = bool(known) and all(one.kind is Notice.RESOLVED for one, _ in known)
    return Message(redact(_title(letter, known)), cut, is_good)


def _title(letter: Letter, known: Sequence[tuple[NoticeRecord, Incident]]) -> str:
    if not known:
        return f"[{letter.service}] a test of Rota's alerts"
    if len(known) == 1:
        [(notice, incident)] = known
        return f"[{incident.service}] {incident.task}: {SAID[notice.kind]}"
    bad = sum(one.kind is not Notice.RESOLVED for one, _ in known)
    counts = [f"{bad} not as expected" if bad else "", f"{len(known) - bad} as expected again" if len(known) > bad else ""]  # fmt: skip
    tasks = list(dict.fromkeys(was.task for _, was in known))
    named = ", ".join(tasks[:3]) + (f" and {len(tasks) - 3} more" if len(tasks) > 3 else "")
    return f"[{letter.service}] {', '.join(one for one in counts if one)}: {named}"


def _in_full(
    notice: NoticeRecord, incident: Incident, card: Card | None, link: str | None, now: Instant
) -> str:
    lines = [f"{incident.service}/{incident.task} is {SAID[notice.kind]} ({incident.check})"]
    lines.append(f"expected: {incident.expected}")
    lines.append(f"{'found' if incident.is_open else 'it was'}: {incident.found}")
    lines.append(f"since: {_moment(incident.since_at, now)}" + _times(incident))
    if incident.resolved_at is not None:
        lines.append(f"until: {_moment(incident.resolved_at, now)}")
    if notice.kind is Notice.HANDED_OVER:
        lines.append(f"now with: {incident.owner}")
    if incident.status is Status.ACKNOWLEDGED:
        lines.append(f"acknowledged by: {incident.acknowledged_by}: {incident.acknowledged_reason}")
    if card is not None:
        lines += [f"{label}: {_indented(text)}" for label, text in card_lines(card, now)]
    if incident.is_open:
        lines.append(f"next: rota incident {incident.id}; rota acknowledge {incident.id} --reason WHY")
    if link is not None:
        lines.append(f"{link}/incidents/{incident.id}")
    return "\n".join(lines)


def _in_a_line(notice: NoticeRecord, incident: Incident) -> str:
    return f"{incident.service}/{incident.task} is {SAID[notice.kind]} ({incident.check}): {incident.found}"


def _test_words(letter: Letter) -> str:
    return (
        f"This is a test: messages to {letter.owner} by the channel {letter.channel} arrive.\n"
        "Nothing is wrong, and there is nothing to do."
    )


def _moment(at: Instant, now: Instant) -> str:
    return f"{clock_time(at, UTC)} UTC ({relative(at, now)})"


def _times(incident: Incident) -> str:
    return "" if incident.times == 1 else f", {incident.times:,} times"


def _indented(text: str) -> str:
    """A text of several lines stands below its label."""
    lines = text.splitlines()
    return text if len(lines) < 2 else "".join(f"\n  {line}" for line in lines)
