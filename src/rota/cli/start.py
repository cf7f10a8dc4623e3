"""Starting runs by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.ledger.protocol import Ledger
    from rota.model.run import RunRecord

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
            _recorded(out, ledger, run_id, created=True)
            return
        try:
            run = wait_for(ledger, run_id)
        except KeyboardInterrupt:
            _goes_on(run_id)
            raise
    raise typer.Exit(_result(out, run))


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
        _recorded(session.output(json), ledger, done.id, created=done.created)


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


def _recorded(out: Output, ledger: Ledger, run_id: int, *, created: bool) -> None:
    from rota.read.runs import run_row, the_run
    from rota.read.shape import as_json
    from rota.read.words import relative

    now = ledger.now()
    run = the_run(ledger, run_id)
    if out.json:
        out.document({"run": as_json(run_row(run, now)), "created": created})
        return
    was = "recorded" if created else "there already"
    out.line(f"run {run_id} of {run.task} is {was}, due {relative(run.run_at, now)}")


def _result(out: Output, run: RunRecord) -> int:
    """Print what came of a run; returns the exit code for it."""
    from rota.cli.follow import ended, say_why
    from rota.cli.output import talk
    from rota.model.run import State
    from rota.read.runs import run_row
    from rota.read.shape import as_json

    succeeded = run.state is State.SUCCEEDED
    if out.json:
        result, error = (None if text is None else _parsed(text) for text in (run.result, run.error))
        out.document(
            {"run": as_json(run_row(run, run.finished_at or run.run_at)), "result": result, "error": error}
        )
    elif run.result is not None:
        out.line(run.result)
    if not out.json:
        say_why(run)
    talk(ended(run))
    if not succeeded:
        talk(f"see: rota log {run.id}")
    return 0 if succeeded else 1


def _parsed(text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _goes_on(run_id: int) -> None:
    from rota.cli.output import talk

    talk(
        f"\nno longer waiting; run {run_id} goes on. See it: rota log {run_id} --follow; stop it: rota cancel {run_id}"
    )
