"""What the checks of the expected results say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Cell
    from rota.clock import Instant
    from rota.ledger.judging import VerdictRecord

__all__ = ["verdicts_"]


def verdicts_(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK", help="Only this task's.", autocompletion=task_names, show_default=False
        ),
    ] = None,
    unmet: Annotated[bool, typer.Option("--unmet", help="Only what is not met.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the latest verdict of each check of the expected results."""
    from rota.read.find import find_task
    from rota.read.shape import as_json
    from rota.read.verdicts import verdict_list

    session = session_of(context)
    with session.ledger() as ledger:
        chosen = None if task is None else find_task(ledger, task).id
        found = verdict_list(ledger, chosen, unmet=unmet)
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"verdicts": as_json(found)})
        return
    out.table(
        ("TASK", "CHECK", "VERDICT", "SINCE", "EXPECTED", "FOUND", "RUN"),
        [_row(one, now) for one in found],
        empty="nothing is unmet"
        if unmet
        else "nothing is judged yet: no run of a task with an expectation has ended",
        spare=("RUN", "SINCE"),
    )


def _row(one: VerdictRecord, now: Instant) -> tuple[str | Cell, ...]:
    from rota.cli.output import Cell
    from rota.read.words import relative

    styles = {"met": "green", "unmet": "red", "unknown": "yellow"}
    return (
        one.task,
        one.check.value,
        Cell(one.standing.value, styles[one.standing.value]),
        relative(one.since_at, now),
        one.expected,
        one.found,
        "-" if one.run_id is None else str(one.run_id),
    )
