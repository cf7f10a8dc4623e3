"""Incidents: the list, one of them, and what people say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Cell, Output
    from rota.clock import Instant
    from rota.ledger.judging import Incident
    from rota.read.incidents import IncidentDetail

__all__ = ["acknowledge_", "incident_", "incidents_", "mute_", "unmute_"]

Number = Annotated[int, typer.Argument(metavar="INCIDENT", min=1, help="The incident's number.")]
Name = Annotated[
    str, typer.Argument(metavar="TASK", help="Its name, or service/name.", autocompletion=task_names)
]
Why = Annotated[str, typer.Option("--reason", "-m", metavar="WHY", help="Why: colleagues will read it.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Or its end: ISO 8601.", show_default=False)
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone", metavar="ZONE", help="The time zone of an end that names none.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def incidents_(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK", help="Only this task's.", autocompletion=task_names, show_default=False
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="OWNER", help="Only this owner's, as tasks name it.", show_default=False),
    ] = None,
    closed: Annotated[bool, typer.Option("--all", help="Those that are resolved as well.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """List the open incidents: tasks that do not do what is expected."""
    from rota.read.find import find_task
    from rota.read.incidents import incident_list
    from rota.read.shape import as_json

    session = session_of(context)
    with session.ledger() as ledger:
        record = None if task is None else find_task(ledger, task)
        found = incident_list(
            ledger, task=None if record is None else record.name, service=None if record is None else record.service, owner=owner, closed=closed, limit=limit
        )  # fmt: skip
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"incidents": as_json(found)})
        return
    out.table(
        ("INCIDENT", "TASK", "CHECK", "STATUS", "SINCE", "TIMES", "OWNER", "FOUND"),
        [_row(one, now) for one in found],
        empty="no incident is open" if not closed else "there was no incident yet",
        spare=("TIMES", "OWNER"),
    )


def incident_(context: typer.Context, incident: Number, json: Json = False) -> None:
    """Show one incident: what was expected and found, who was told, and its task's card."""
    from rota.read.incidents import incident_detail
    from rota.read.shape import as_json

    session = session_of(context)
    with session.ledger() as ledger:
        detail = incident_detail(ledger, incident)
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"incident": as_json(detail)})
    else:
        _print(out, detail, now)


def acknowledge_(
    context: typer.Context,
    incident: Number,
    reason: Why,
    span: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="How long, such as 2h. Default: until it is resolved.", show_default=False
        ),
    ] = None,
    until: Until = None,
    timezone: Zone = None,
) -> None:  # fmt: skip
    """Say that you are at an incident: no reminders and no escalation, for a time or until it is resolved."""
    from rota.change.incidents import acknowledge
    from rota.cli.times import end_of
    from rota.read.incidents import the_incident
    from rota.read.shape import iso

    session = session_of(context)
    with session.ledger() as ledger:
        end = end_of("the acknowledgement", span, until, ledger.now(), timezone)
        acknowledge(ledger, the_incident(ledger, incident), actor=session.actor, reason=reason, until=end)
    ends = "until it is resolved" if end is None else f"until {iso(end // 1_000_000 * 1_000_000)}"
    session.output().line(f"incident {incident} is acknowledged {ends}")


def mute_(
    context: typer.Context,
    task: Name,
    reason: Why,
    span: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="How long, such as 2h.", show_default=False),
    ] = None,
    until: Until = None,
    timezone: Zone = None,
) -> None:
    """Have nobody told about a task for a time.

    Incidents are opened and shown all the same; what is well again by the end is not told at all.
    """
    from rota.change.incidents import mute
    from rota.cli.times import end_of
    from rota.errors import UsageError
    from rota.read.find import find_task
    from rota.read.shape import iso

    session = session_of(context)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        end = end_of("the mute", span, until, ledger.now(), timezone)
        if end is None:
            raise UsageError(
                "a mute needs its end, so that it is not forgotten",
                expected="--for or --until",
                found="neither",
            )
        mute(ledger, record, actor=session.actor, reason=reason, until=end)
    session.output().line(f"{record.name} is muted until {iso(end // 1_000_000 * 1_000_000)}")


def unmute_(
    context: typer.Context,
    task: Name,
    reason: Annotated[
        str | None,
        typer.Option("--reason", "-m", metavar="WHY", help="Why, for the audit line.", show_default=False),
    ] = None,
) -> None:
    """End a mute."""
    from rota.change.incidents import unmute
    from rota.read.find import find_task

    session = session_of(context)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        unmute(ledger, record, actor=session.actor, reason=reason)
    session.output().line(f"{record.name} is muted no longer")


def _row(one: Incident, now: Instant) -> tuple[str | Cell, ...]:
    from rota.cli.marks import incident_cell
    from rota.read.words import relative

    return (
        str(one.id),
        f"{one.service}/{one.task}",
        one.check.value,
        incident_cell(one.status),
        relative(one.since_at, now),
        str(one.times),
        one.owner,
        one.found,
    )


def _print(out: Output, detail: IncidentDetail, now: Instant) -> None:
    from rota.read.card import card_lines
    from rota.read.incidents import incident_lines, notice_words

    one = detail.incident
    out.line(f"incident {one.id}: {one.service}/{one.task}", "bold")
    out.pairs(incident_lines(one, now))
    out.line()
    out.table(
        ("MESSAGE", "TO", "BY", "STATE"),
        [
            (notice.kind.value, notice.owner, notice.channel, notice_words(notice, now))
            for notice in detail.notices
        ],
        empty="nobody was told: the rota has no [alerts] for its owner",
    )
    if detail.card is not None:
        out.line()
        out.line(f"{detail.card.service}/{detail.card.task}", "bold")
        out.pairs(card_lines(detail.card, now))
    if one.is_open:
        out.line(
            f"next: rota acknowledge {one.id} --reason WHY; rota log {one.run_id or 'RUN'}; rota task {one.task}"
        )
