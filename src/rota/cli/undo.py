"""Undoing what a task did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.complete import run_ids, task_names
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.ledger.protocol import Ledger
    from rota.ledger.records import TaskRecord
    from rota.model.undo import Undo

__all__ = ["undo_"]


def undo_(
    context: typer.Context,
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="Its name, or service/name.", autocompletion=task_names)
    ],
    reason: Annotated[
        str, typer.Option("--reason", "-m", metavar="WHY", help="Why: colleagues will read it.")
    ],
    run: Annotated[
        int | None,
        typer.Option(
            "--run",
            metavar="RUN",
            min=1,
            help="The run to undo. Default: the latest that ended.",
            show_default=False,
            autocompletion=run_ids,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            help="Print what it writes, and exit with 0 if it succeeded, else 1; or only record it.",
        ),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Undo what a task did, by the command beside its rollback note.

    Shows note and command, and asks. A node carries the command out as a run of its own, kind undo, which is neither
    judged nor counted among the task's, and is tried once. It works on a paused task: pause it first, so that nothing
    does again what is undone. While a run of the task is under way it is refused.
    """
    from rota.change.undo import plan_undo, undo
    from rota.cli.answer import goes_on, recorded, result
    from rota.cli.ask import ask
    from rota.cli.follow import follow_log, print_line, say_if_nobody_is_there, wait_for
    from rota.model.run import State
    from rota.read.find import find_task
    from rota.read.runs import the_run

    session = session_of(context)
    out = session.output(json)
    with session.ledger() as ledger:
        record = find_task(ledger, task)
        plan = plan_undo(ledger, record, run)
        _show(ledger, record, plan)
        ask("Run this command now?", yes)
        run_id = undo(ledger, record, plan, actor=session.actor, reason=reason)
        if not wait:
            recorded(out, ledger, run_id, created=True)
            return
        try:
            if json:
                raise typer.Exit(result(out, wait_for(ledger, run_id)))
            say_if_nobody_is_there(ledger, record.service)
            follow_log(ledger, run_id, (), lambda line: print_line(out, line))
        except KeyboardInterrupt:
            goes_on(run_id)
            raise
        ended = the_run(ledger, run_id)
    raise typer.Exit(0 if ended.state is State.SUCCEEDED else 1)


def _show(ledger: Ledger, record: TaskRecord, plan: Undo) -> None:
    """What is about to be done, on stderr: stdout is the run's."""
    from rota.cli.output import talk
    from rota.model.undo import command_line
    from rota.read.rules import defined
    from rota.read.runs import run_row, the_run
    from rota.read.words import relative

    now = ledger.now()
    undone = None if plan.run is None else the_run(ledger, plan.run)
    if undone is None:
        what = "whatever it did: no run of it is known any more"
    else:
        ended = relative(undone.finished_at or undone.run_at, now)
        what = (
            f"run {undone.id} of {record.name}, {undone.state.value} {ended} ({run_row(undone, now).words})"
        )
    talk(f"undoes    {what}")
    talk(f"rollback  {defined(record).rollback}")
    talk(f"command   {command_line(plan.argv)}")
