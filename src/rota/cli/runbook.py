"""The pages that are handed to the next developer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rota.cli.complete import task_names
from rota.cli.session import session_of

__all__ = ["runbook_"]


def runbook_(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK", help="Only this task's. Default: all.", autocompletion=task_names, show_default=False
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write a file for each task there.", show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Print a page for each task, in Markdown: duty, checks, schedule, measures, failures, commands.

    The same ledger gives the same pages, so that they can be kept beside the code.
    """
    from rota.read.find import find_task, full_name
    from rota.read.runbook import runbook

    session = session_of(context)
    with session.ledger() as ledger:
        records = sorted(ledger.tasks(), key=full_name) if task is None else [find_task(ledger, task)]
        if out is None:
            print(runbook(ledger, records), end="")
            return
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        for record in records:
            path = folder / f"{record.service}-{record.name}.md"
            path.write_text(runbook(ledger, [record]), "utf-8")
            session.output().line(f"wrote {path}")
