"""Starting runs by hand."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

__all__ = ["backfill_", "enqueue_", "trigger_"]

Name = Annotated[
    str, typer.Argument(metavar="TASK", help="Its name, or service/name.", autocompletion=task_names)
]
Arg = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        "-a",
        metavar="NAME=VALUE",
        help="An argument; may be repeated. JSON where it is JSON, else text.",
        show_default=False,
    ),
]
Args = Annotated[
    str | None, typer.Option(metavar="JSON", help="All arguments, as a JSON object.", show_default=False)
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help='When: ISO 8601, or such as "in 10m". Default: now.', show_default=False
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="The time zone of times that name none.", show_default=False),
]
Why = Annotated[
    str | None,
    typer.Option("--reason", "-m", metavar="WHY", help="Why, for the audit line.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def trigger_(
    context: typer.Context,
    task: Name,
    arg: Arg = None,
    args: Args = None,
    at: At = None,
    timezone: Zone = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            "-w",
            help="Wait for its end: print its result, and exit with 0 if it succeeded, else 1.",
        ),
    ] = False,
    reason: Why = None,
    json: Json = False,
) -> None:
    """Run a task now, or at a time.

    Without arguments of its own the run takes the task's. It works on a paused task. It waits for a run of the
    task's schedule that is under way, unless the task's overlap is allow.
    """
    from rota.change.actions import trigger
    from rota.cli.answer import goes_on, recorded, result
    from rota.cli.args import checked, typed
    from rota.cli.follow import wait_for
    from rota.cli.times import moment
    from rota.read.find import find_task

    session = session_of(context)
    given = typed(arg, args)
    out = session.output(json)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        run_at = None if at is None else moment(at, ledger.now(), where="--at", timezone=timezone)
        text = checked(session, record, given)
        run_id = trigger(ledger, record, args=text, actor=session.actor, reason=reason, run_at=run_at)
        if not wait:
            recorded(out, ledger, run_id, created=True)
            return
        try:
            run = wait_for(ledger, run_id)
        except KeyboardInterrupt:
            goes_on(run_id)
            raise
    raise typer.Exit(result(out, run))


def enqueue_(
    context: typer.Context,
    task: Name,
    arg: Arg = None,
    args: Args = None,
    at: At = None,
    timezone: Zone = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Names at most one run that has not started: the same key again moves it.",
            show_default=False,
        ),
    ] = None,
    if_exists: Annotated[
        Literal["replace", "keep"],
        typer.Option(help="With a key that is taken: move that run, or leave it as it is."),
    ] = "replace",
    json: Json = False,
) -> None:
    """Hand in a run, as a program would.

    Unlike a triggered run, it waits while the task is paused.
    """
    from rota.change.actions import enqueue
    from rota.cli.answer import recorded
    from rota.cli.args import checked, typed
    from rota.cli.times import moment
    from rota.read.find import find_task

    session = session_of(context)
    given = typed(arg, args)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        run_at = None if at is None else moment(at, ledger.now(), where="--at", timezone=timezone)
        text = checked(session, record, given)
        done = enqueue(
            ledger, record, args=text, actor=session.actor, run_at=run_at, key=key, if_exists=if_exists
        )
        recorded(session.output(json), ledger, done.id, created=done.created)


def backfill_(
    context: typer.Context,
    task: Name,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help='Later than this: ISO 8601, or such as "2d ago".')
    ],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Up to this.")] = "now",
    timezone: Zone = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be run.")] = False,
    reason: Why = None,
    json: Json = False,
) -> None:
    """Run past occurrences that have not succeeded.

    An instant is backfilled once, however often it is asked for; 1,000 at a time at most.
    """
    from rota.change.actions import backfill
    from rota.cli.ask import ask
    from rota.cli.output import talk
    from rota.cli.times import moment
    from rota.read.find import find_task
    from rota.read.shape import iso
    from rota.read.words import count

    session = session_of(context)
    out = session.output(json)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        now = ledger.now()
        first = moment(since, now, where="--from", timezone=timezone)
        last = moment(until, now, where="--to", timezone=timezone)

        due = backfill(
            ledger, record, since=first, until=last, actor=session.actor, reason=reason, dry_run=True
        )
        started = bool(due) and not dry_run
        if started:
            ask(f"Start {count(len(due), 'run')} of {record.name}, for {iso(due[0])} to {iso(due[-1])}?", yes)
            due = backfill(ledger, record, since=first, until=last, actor=session.actor, reason=reason)
    if json:
        out.document({"task": record.name, "started": started, "instants": [iso(instant) for instant in due]})
        return
    if dry_run:
        for instant in due:
            out.line(iso(instant))
    talk(f"{count(len(due), 'run')} of {record.name} {'recorded' if started else 'to backfill'}")
