"""Whether owners can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.alert.trial import Trial
    from rota.cli.output import Cell
    from rota.cli.session import Session
    from rota.ledger.judging import NoticeRecord
    from rota.ledger.protocol import Ledger

__all__ = ["alert_"]

FAILED = 1
STEP = 0.25


def alert_(
    context: typer.Context,
    action: Annotated[Literal["test"], typer.Argument(metavar="test", help="What to do: test.")],
    owner: Annotated[
        str, typer.Argument(metavar="OWNER", help="An owner as tasks name it, or its address, or its name.")
    ],
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only by this channel. Default: all of the owner's.", show_default=False
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The owner of this service's tasks.", show_default=False),
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="How long to wait for the answer.")
    ] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a test message to an owner, by each channel: rota alert test OWNER.

    It goes the way of real ones, through the ledger, and a node sends it; where none of the service is there, this command
    does, with the addresses of its own environment. Exits with 1 if one did not go out.
    """
    from rota.alert.trial import begin
    from rota.read.shape import as_json

    session = session_of(context)
    with session.ledger() as ledger:
        trial = begin(ledger, owner, service=service, channel=channel)
        found = _waited(session, ledger, trial, within)
    out = session.output(json)
    if json:
        out.document({"owner": trial.owner, "service": trial.service, "messages": as_json(found)})
    else:
        out.table(("CHANNEL", "MESSAGE", "WHY"), [_row(one) for one in found], empty="nothing was sent")
    if any(one.sent_at is None for one in found):
        raise typer.Exit(FAILED)


def _waited(session: Session, ledger: Ledger, trial: Trial, within: float) -> list[NoticeRecord]:
    """What became of the messages: as soon as each went out or was refused, or when the time is over."""
    import time

    from rota.alert.trial import outcomes

    has_node = any(trial.service in node.services.split(",") for node in ledger.nodes())
    deadline = time.monotonic() + within
    while True:
        if not has_node:
            session.wiring.deliver(ledger, trial.service)
        found = outcomes(ledger, trial)
        if all(one.sent_at is not None or one.error is not None for one in found):
            return found
        if time.monotonic() > deadline:
            return found
        time.sleep(STEP)  # a node looks at the outbox each second


def _row(one: NoticeRecord) -> tuple[str | Cell, ...]:
    from rota.cli.output import Cell

    if one.sent_at is not None:
        return one.channel, Cell("sent", "green"), ""
    return (
        one.channel,
        Cell("not sent", "red"),
        one.error or "nobody has taken it yet; it stays in the outbox",
    )
