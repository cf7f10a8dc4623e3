"""Changing the state of tasks and runs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rota.cli.complete import run_ids, task_names
from rota.cli.session import session_of

__all__ = ["cancel_", "pause_", "resume_", "retry_"]

Name = Annotated[
    str, typer.Argument(metavar="TASK", help="Its name, or service/name.", autocompletion=task_names)
]
Number = Annotated[
    int, typer.Argument(metavar="RUN", min=1, help="The run's number.", autocompletion=run_ids)
]
Why = Annotated[
    str | None,
    typer.Option("--reason", "-m", metavar="WHY", help="Why, for the audit line.", show_default=False),
]


def pause_(
    context: typer.Context,
    task: Name,
    reason: Annotated[
        str, typer.Option("--reason", "-m", metavar="WHY", help="Why: colleagues will read it.")
    ],
    span: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="How long, such as 2h. Default: until it is resumed.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Or its end: ISO 8601.", show_default=False)
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="The time zone of an end that names none.", show_default=False),
    ] = None,
) -> None:
    """Pause a task, with a reason.

    What falls due meanwhile is recorded as skipped, and made up for as its catch_up says. A run under way is
    left alone; rota trigger still works.
    """
    from rota.change.actions import pause
    from rota.cli.times import end_of
    from rota.read.find import find_task
    from rota.read.shape import iso

    session = session_of(context)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        end = end_of("the pause", span, until, ledger.now(), timezone)
        pause(ledger, record, actor=session.actor, reason=reason, until=end)
    ends = f"until rota resume {record.name}" if end is None else f"until {iso(end // 1_000_000 * 1_000_000)}"
    session.output().line(f"{record.name} is paused {ends}")


def resume_(
    context: typer.Context,
    task: Name,
    catch_up: Annotated[
        Literal["latest", "all", "none"] | None,
        typer.Option(
            help="What becomes of the occurrences that were skipped. latest: one run covers them. Default: the task's catch_up.",
            show_default=False,
        ),
    ] = None,
    reason: Why = None,
) -> None:
    """End a pause, and make up for what it left out."""
    from rota.change.actions import resume
    from rota.read.find import find_task
    from rota.read.words import count

    session = session_of(context)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        runs = resume(ledger, record, actor=session.actor, reason=reason, catch_up=catch_up)
    made_up = f"; {count(runs, 'run')} for what was skipped" if runs else ""
    session.output().line(f"{record.name} is resumed{made_up}")


def cancel_(context: typer.Context, run: Number, reason: Why = None) -> None:
    """Withdraw a waiting run, or ask a running one to stop."""
    from rota.change.actions import cancel
    from rota.model.run import State

    session = session_of(context)
    with session.ledger() as ledger:
        found = cancel(ledger, run, actor=session.actor, reason=reason)
    if found is State.RUNNING:
        session.output().line(f"run {run} is asked to stop; see: rota log {run} --follow")
    else:
        session.output().line(f"run {run} is withdrawn before it started")


def retry_(context: typer.Context, run: Number, reason: Why = None) -> None:
    """Try a run once more that has ended.

    It keeps its number, its instant and its arguments; earlier attempts stay on record.
    """
    from rota.change.actions import retry

    session = session_of(context)
    with session.ledger() as ledger:
        retry(ledger, run, actor=session.actor, reason=reason)
    session.output().line(f"run {run} will be tried again; see: rota log {run} --follow")
