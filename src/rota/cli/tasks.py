"""Tasks: the list, and one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Cell, Output
    from rota.clock import Instant
    from rota.ledger.protocol import Ledger
    from rota.read.tasks import TaskDetail, TaskRow

__all__ = ["all_tasks", "task_", "tasks_"]


def tasks_(
    context: typer.Context,
    search: Annotated[
        str,
        typer.Argument(
            metavar="WORDS", help="Only tasks with these words in name, owner or tags.", show_default=False
        ),
    ] = "",
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this service's.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the tasks."""
    from rota.read.shape import as_json

    session = session_of(context)
    with session.ledger() as ledger:
        rows = all_tasks(ledger, service, search)
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"tasks": as_json(rows)})
        return
    heads = ("TASK", "CONDITION", "NEXT", "LAST", "SCHEDULE", "OWNER")
    many = len({row.service for row in rows}) > 1
    empty = "no task matches" if search or service else "the ledger has no tasks yet; next: rota run"
    out.table(heads, [_row(row, now, many) for row in rows], empty=empty, spare=("SCHEDULE", "LAST", "NEXT"))


def task_(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="TASK", help="Its name, or service/name.", autocompletion=task_names)
    ],
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The service, where several have a task of that name.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one task: owner, expected result, rollback, latest runs."""
    from rota.read.find import find_task
    from rota.read.shape import as_json
    from rota.read.tasks import task_detail

    session = session_of(context)
    with session.ledger() as ledger:
        detail = task_detail(ledger, find_task(ledger, name, service))
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"task": as_json(detail)})
    else:
        _print(out, detail, now)


def all_tasks(ledger: Ledger, service: str | None = None, search: str = "") -> list[TaskRow]:
    """Every task that matches, page by page."""
    from rota.read.tasks import task_list

    found: list[TaskRow] = []
    while page := task_list(ledger, service, search=search, cells=1, start=len(found), limit=500):
        found += page
        if len(page) < 500:
            break
    return found


def _row(row: TaskRow, now: Instant, with_service: bool) -> tuple[str | Cell, ...]:
    from rota.cli.marks import condition_cell, state_cell
    from rota.read.words import relative

    last = row.last
    ended = None if last is None else last.finished_at or last.scheduled_at
    return (
        f"{row.service}/{row.name}" if with_service else row.name,
        condition_cell(row.condition.word),
        "-" if row.next_at is None else relative(row.next_at, now),
        "-"
        if last is None or ended is None
        else state_cell(last.state, f"{last.state.value} {relative(ended, now)}"),
        f"{row.rule} {row.timezone}" if row.rule else row.schedule,
        row.owner,
    )


def _print(out: Output, detail: TaskDetail, now: Instant) -> None:
    from rota.cli.marks import SPARE, condition_cell, run_rows
    from rota.cli.times import in_zone
    from rota.read.card import card_lines
    from rota.read.words import length, relative

    task = detail.task
    zone = task.timezone or "UTC"
    out.line(f"{task.service}/{task.name}", "bold")
    out.pairs(
        [
            (
                "condition",
                condition_cell(task.condition.word, f"{task.condition.word}: {task.condition.words}"),
            ),
            *card_lines(detail.card, now),
            ("description", detail.description),
            ("runs", detail.target),
            ("schedule", f"{task.schedule}" + (f" ({task.rule}, {zone})" if task.rule else "")),
            (
                "next",
                "\n".join(f"{in_zone(one.at, zone)}, {relative(one.at, now)}" for one in detail.next[:3]),
            ),
            ("takes", "" if task.typical is None else f"{length(task.typical)} as a rule"),
            ("policies", "\n".join(f"{one.name} = {one.value}: {one.meaning}" for one in detail.policies)),
            ("tags", ", ".join(task.tags)),
            ("revision", str(detail.revision)),
            (
                "changes",
                "\n".join(
                    _change(one.at, one.actor, one.action, one.reason, now) for one in detail.changes[:5]
                ),
            ),
        ]
    )
    out.line()
    heads, rows = run_rows(detail.runs, with_task=False)
    out.table(heads, rows, empty="it has not run yet", spare=SPARE)


def _change(at: Instant, actor: str, action: str, reason: str | None, now: Instant) -> str:
    from rota.read.words import relative

    return f"{action} by {actor}, {relative(at, now)}" + (f": {reason}" if reason else "")
