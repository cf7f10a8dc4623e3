"""Rehearsing a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import TaskID

    from rota.cli.session import Session
    from rota.define.loaded import LoadedRota
    from rota.rehearse.copies import Copy
    from rota.rehearse.rehearse import Asked
    from rota.rehearse.report import Executed, Report
    from rota.rehearse.scratch import OpenScratch

__all__ = ["rehearse_"]

BROKEN = 3


def rehearse_(
    context: typer.Context,
    days: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0.01,
            max=3660,
            help="Play so many days. Default: the rota's, or 30.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|FILE",
            help="What to copy: a ledger's address, or a file of rota export. Default: the ledger, if there is one.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="What must hold, such as max_lateness=1m or no_skips; may be given more than once.",
            show_default=False,
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Play with so many nodes. Default: as there are.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another seed draws other durations and failures.")
    ] = 1,
    what_if: Annotated[
        bool,
        typer.Option(
            "--what-if/--no-what-if", help="Play the worst days with less nodes, slower, with an outage."
        ),
    ] = True,
    service: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this service; none named: the rota's.", show_default=False),
    ] = None,
    execute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="Really run this task once, with ROTA_REHEARSAL=1; may be given more than once.",
            autocompletion=task_names,
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option("--record/--no-record", help="Leave a line in the audit of the ledger, for rota apply."),
    ] = True,
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the report as one HTML page, too.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play the coming days in virtual time: apply, run, put back, prove.

    Copies configuration, cursors, pauses and statistics, never secrets, to a scratch ledger; there applies the rota at
    hand, plays the days with durations and failures drawn from each task's history, rolls back, and proves that schedules,
    cursors and pauses are what they were. The ledger that was copied is only read, but for a line in its audit. Exits with
    3 if that does not hold, a budget is broken, or a task that was run did not succeed.
    """
    from dataclasses import replace

    from rota.cli.rehearsed import show
    from rota.rehearse.rehearse import rehearse
    from rota.rehearse.report import as_json

    session = session_of(context)
    asked = _asked(session, source, service, days, nodes, seed, what_if, budget or ())
    for name in execute or ():
        asked.loaded.task(name)  # a name that is wrong is told before anything is played
    report = _with_progress(session, asked, rehearse)
    report = replace(report, executed=_executed(session, asked, execute or ()))
    if record:
        _record(session, source, asked, report)
    if html is not None:
        _write_page(html, report)
    out = session.output(json)
    if json:
        out.document(as_json(report))
    else:
        show(out, report)
    if not report.holds:
        raise typer.Exit(BROKEN)


def _executed(session: Session, asked: Asked, names: Sequence[str]) -> tuple[Executed, ...]:
    from rota.rehearse.execute import execute

    return execute(session.wiring.open_scratch, asked.loaded, names, asked.settings)


def _record(session: Session, source: str | None, asked: Asked, report: Report) -> None:
    """In the ledger that was copied, where it was one and had a revision."""
    from rota.change.rehearsals import Rehearsed, record_rehearsal
    from rota.cli.ledgers import opened

    if not asked.copy.number or (source is not None and "://" not in source):
        return
    settings = session.settings() if source is None else session.settings(database_url=source)
    ran = tuple(one.task for one in report.executed if one.state == "succeeded")
    rehearsed = Rehearsed(report.base, report.digests[1], report.holds, asked.stated.days, report.seed, ran)
    with opened(session.wiring, settings) as ledger:
        record_rehearsal(ledger, report.service, rehearsed, actor=session.actor)


def _write_page(file: str, report: Report) -> None:
    from pathlib import Path

    from rota.cli.output import talk
    from rota.errors import UsageError
    from rota.rehearse.page import page

    try:
        Path(file).write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "the page cannot be written", expected="a file in a folder that is there", found=str(error), where=f"--html {file}",
            next=("rota rehearse --html FILE",),
        ) from error  # fmt: skip
    talk(f"the page is {file}")


def _asked(
    session: Session,
    source: str | None,
    service: str | None,
    days: float | None,
    nodes: int | None,
    seed: int,
    what_if: bool,
    budget: Sequence[str],
) -> Asked:
    from dataclasses import replace

    from rota.define.budgets import budget_of
    from rota.rehearse.rehearse import Asked
    from rota.rehearse.scratch import rota_of

    here = _at_hand(session)
    copy = _copied(session, source, service or (None if here is None else here.service))
    loaded = here if here is not None and here.service == copy.service else rota_of(copy)
    stated = loaded.rehearsal
    return Asked(
        copy,
        loaded,
        replace(
            stated,
            days=days or stated.days,
            nodes=nodes or stated.nodes,
            budget=budget_of(stated.budget, budget),
        ),
        session.settings(),
        seed=seed,
        what_if=what_if,
    )


def _at_hand(session: Session) -> LoadedRota | None:
    """The rota at hand, with its code where that is here, too: how a function is run is seen by it, so that what is
    rehearsed is what an apply would apply. None is needed to play: then what stands in the file is played."""
    from rota.cli.output import talk
    from rota.errors import DefinitionError, DefinitionErrors

    here = session.load_if_there()
    if here is None:
        return None
    try:
        return session.load(import_code=True)
    except (DefinitionError, DefinitionErrors) as error:
        talk(f"the rota is rehearsed without its code, which an apply needs: {error.what}")
        return here


def _copied(session: Session, source: str | None, service: str | None) -> Copy:
    """The copy of a file, of a ledger, or of none where there is none yet: then everything is new."""
    import json
    from pathlib import Path

    from rota.cli.ledgers import must_exist, opened
    from rota.clock import SystemClock
    from rota.errors import LedgerUnreachable, UsageError
    from rota.rehearse.copies import Copy, copy_from_json, of_service, take_copy

    if source is not None and "://" not in source:
        try:
            value = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                "there is nothing to rehearse from", expected="a file of rota export, or the URL of a ledger",
                found=str(error), where=f"--from {source}", next=("rota export FILE",),
            ) from error  # fmt: skip
        return of_service(copy_from_json(value, source), service)
    settings = session.settings() if source is None else session.settings(database_url=source)
    if source is None and service is not None:
        try:
            must_exist(settings)
        except LedgerUnreachable:
            return Copy(service, SystemClock().now())
    with opened(session.wiring, settings) as ledger:
        return take_copy(ledger, service)


def _with_progress(
    session: Session, asked: Asked, rehearse: Callable[[Asked, OpenScratch], Report]
) -> Report:
    """Play, with a bar on the terminal where there is one."""
    import sys
    from dataclasses import replace

    if not sys.stderr.isatty():
        return rehearse(asked, session.wiring.open_scratch)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def told(what: str, share: float) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=1.0)
            progress.update(bars[what], completed=share)

        return rehearse(replace(asked, told=told), session.wiring.open_scratch)
