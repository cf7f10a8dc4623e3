"""Runs: the list, and what one wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import run_ids, task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    pass

__all__ = ["log_", "runs_"]


def runs_(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="Only this task's.",
            autocompletion=task_names,
            show_default=False,
        ),
    ] = None,
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this service's.", show_default=False)
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            "-s",
            metavar="STATE",
            help="waiting, running, succeeded, failed, cancelled, skipped or missed; several, or with commas.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="scheduled, manual, enqueued, delayed, backfilled or caught-up.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REASON", help="Such as error, timeout, lost, overlap or paused.", show_default=False
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Enqueued under this key.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help='Due at or after: ISO 8601, or such as "2h ago".', show_default=False
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Due before.", show_default=False)] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="The time zone of times that name none.", show_default=False),
    ] = None,
    before: Annotated[
        int | None,
        typer.Option(metavar="RUN", min=1, help="Older than this run: the next page.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=500, help="So many at most.")
    ] = 30,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List runs, newest first."""
    from rota.cli.marks import SPARE, run_rows
    from rota.cli.output import talk
    from rota.cli.times import moment
    from rota.read.filters import run_query
    from rota.read.runs import run_list
    from rota.read.shape import as_json, iso

    session = session_of(context)
    with session.ledger() as ledger:
        now = ledger.now()
        asked = {
            "task": task,
            "service": service,
            "state": ",".join(state or ()),
            "kind": ",".join(kind or ()),
            "reason": ",".join(reason or ()),
            "key": key,
            "since": None if since is None else iso(moment(since, now, where="--since", timezone=timezone)),
            "until": None if until is None else iso(moment(until, now, where="--until", timezone=timezone)),
            "before": None if before is None else str(before),
            "limit": str(limit),
        }
        page = run_list(ledger, run_query(ledger, {name: value for name, value in asked.items() if value}))
    out = session.output(json)
    if json:
        out.document({"runs": as_json(page.runs), "older": page.older})
        return
    many = len({run.service for run in page.runs}) > 1
    heads, rows = run_rows(page.runs, with_service=many)
    out.table(heads, rows, empty="no runs", spare=SPARE)
    if page.older is not None and out.terminal:
        talk(f"older ones: add --before {page.older}")


def log_(
    context: typer.Context,
    run: Annotated[
        int, typer.Argument(metavar="RUN", min=1, help="The run's number.", autocompletion=run_ids)
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            "-n",
            metavar="N",
            min=0,
            max=100_000,
            help="Begin with the last so many lines.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --follow, an object a line.")
    ] = False,
) -> None:
    """Print what a run wrote."""
    from rota.cli.follow import follow_log, print_line, say_why
    from rota.read.runs import log_tail, the_run
    from rota.read.shape import as_json

    session = session_of(context)
    out = session.output(json)
    with session.ledger() as ledger:
        the_run(ledger, run)
        lines, left_out = log_tail(ledger, run, 10_000_000 if tail is None else tail)
        if follow:
            follow_log(ledger, run, lines, lambda line: print_line(out, line))
            return
        record = the_run(ledger, run)
    if json:
        members = {"run": run, "state": record.state.value, "left_out": left_out, "lines": as_json(lines)}
        out.document(members)
        return
    for line in lines:
        print_line(out, line)
    say_why(record)
