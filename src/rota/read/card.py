"""The card of a task: who owns it, what is expected and what the checks say of that, and how to undo what it did.

The command line, the page and the message to its owner show the same card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rota.clock import Instant
from rota.execute.expected import expected
from rota.ledger.judging import Incident, IncidentFilter, VerdictRecord
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord
from rota.model.irreversible import in_words
from rota.model.run import State
from rota.model.undo import command_line
from rota.model.verdict import Check, Standing
from rota.read.condition import latest
from rota.read.find import full_name
from rota.read.rules import defined
from rota.read.words import relative

__all__ = ["Card", "CheckLine", "card_lines", "card_of", "cards"]

FEW = 20
"""Tasks whose open incidents are asked for one by one; those of more are read together."""

ALL = 1_000_000
"""A task has one open incident of a check at most, so that all of them can be read."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check of the expected result: its latest verdict, and the latest that was not met, with their evidence."""

    check: Check
    expected: str
    standing: Standing
    found: str
    since_at: Instant | None
    run_id: int | None
    unmet_at: Instant | None
    unmet_found: str | None
    unmet_run: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """One task, as far as its owner has to know it when something is wrong."""

    task_id: int
    service: str
    task: str
    owner: str
    expects: str
    checks: tuple[CheckLine, ...]
    rollback: str
    rollback_command: tuple[str, ...]
    irreversible: str  # why its effects cannot be undone, and the most that a run affects; empty: they can
    undo: str | None  # the command that runs it
    failing_since: Instant | None
    last_success: Instant | None
    incidents: tuple[Incident, ...]  # the open ones
    muted_until: Instant | None
    muted_reason: str | None
    muted_by: str | None


def card_of(ledger: Ledger, record: TaskRecord) -> Card:
    """The card of one task."""
    [found] = cards(ledger, [record])
    return found


def cards(ledger: Ledger, records: Sequence[TaskRecord]) -> list[Card]:
    """The cards of some tasks, in their order."""
    verdicts: dict[int, dict[Check, VerdictRecord]] = {}
    for one in ledger.verdicts():
        verdicts.setdefault(one.task_id, {})[one.check] = one
    incidents: dict[int, list[Incident]] = {}
    for incident in _open(ledger, records):
        incidents.setdefault(incident.task_id, []).append(incident)
    mutes, named = ledger.mutes(), len(ledger.services()) > 1
    return [
        _card(
            record,
            verdicts.get(record.id, {}),
            incidents.get(record.id, []),
            mutes.get(record.id),
            _last_success(ledger, record),
            full_name(record) if named else record.name,
        )
        for record in records
    ]


def _open(ledger: Ledger, records: Sequence[TaskRecord]) -> Iterator[Incident]:
    """The open incidents of some tasks, however many there are of others."""
    if len(records) > FEW:
        yield from ledger.incidents(IncidentFilter(is_open=True, limit=ALL))
        return
    for record in records:
        yield from ledger.incidents(IncidentFilter(record.service, record.name, is_open=True, limit=ALL))


def _card(
    record: TaskRecord,
    verdicts: dict[Check, VerdictRecord],
    incidents: Sequence[Incident],
    mute: tuple[Instant, str, str] | None,
    last_success: Instant | None,
    called: str,
) -> Card:
    task = defined(record)
    until, reason, by = mute or (None, None, None)
    words = expected(task.expectation)
    return Card(
        task_id=record.id,
        service=record.service,
        task=record.name,
        owner=task.owner,
        expects=task.expects,
        checks=tuple(_line(check, words[check], verdicts.get(check)) for check in words),
        rollback=task.rollback,
        rollback_command=task.rollback_command,
        irreversible=in_words(task),
        undo=f"rota undo {called}" if task.rollback_command else None,
        failing_since=min((one.since_at for one in incidents), default=None),
        last_success=last_success,
        incidents=tuple(incidents),
        muted_until=until,
        muted_reason=reason,
        muted_by=by,
    )


def _line(check: Check, words: str, one: VerdictRecord | None) -> CheckLine:
    if one is None:
        return CheckLine(check, words, Standing.UNKNOWN, "not judged yet", None, None, None, None, None)
    return CheckLine(
        check, words, one.standing, one.found, one.since_at, one.run_id, one.unmet_at, one.unmet_found, one.unmet_run
    )  # fmt: skip


def _last_success(ledger: Ledger, record: TaskRecord) -> Instant | None:
    found = latest(ledger, record, State.SUCCEEDED)
    return None if found is None else found.finished_at


def card_lines(card: Card, now: Instant) -> list[tuple[str, str]]:
    """The card in words: label and text. What there is nothing to say of is left out."""
    lines = [
        ("owner", card.owner),
        ("expects", card.expects),
        ("failing", "" if card.failing_since is None else f"since {relative(card.failing_since, now)}"),
        (
            "last success",
            "it has never succeeded" if card.last_success is None else relative(card.last_success, now),
        ),
        ("checks", "\n".join(_check_words(one, now) for one in card.checks)),
        ("rollback", card.rollback),
        ("cannot be undone", card.irreversible),
        ("undo", "" if card.undo is None else f"{card.undo} (runs: {command_line(card.rollback_command)})"),
        ("muted", _mute_words(card, now)),
    ]
    return [(label, text) for label, text in lines if text]


def _check_words(one: CheckLine, now: Instant) -> str:
    run = "" if one.run_id is None else f", run {one.run_id}"
    since = "" if one.since_at is None else f", since {relative(one.since_at, now)}"
    text = f"{one.check} {one.standing}: {one.expected}; {one.found}{since}{run}"
    if one.standing is Standing.UNMET or one.unmet_at is None:
        return text
    return f"{text}; last unmet {relative(one.unmet_at, now)}: {one.unmet_found}"


def _mute_words(card: Card, now: Instant) -> str:
    if card.muted_until is None:
        return ""
    return f"by {card.muted_by}, ends {relative(card.muted_until, now)}: {card.muted_reason}"
