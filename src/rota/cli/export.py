"""A copy of a ledger's configuration and statistics, for a rehearsal elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli.session import session_of

__all__ = ["export_"]


def export_(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="The new file. Default: print it.", show_default=False),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this service; none named: the only one.", show_default=False),
    ] = None,
    arguments: Annotated[
        bool, typer.Option("--arguments", help="With arguments, which may say more than others should know.")
    ] = False,
) -> None:
    """Write a copy of configuration, cursors, pauses and statistics, without secrets.

    rota rehearse --from FILE plays with it where the ledger cannot be reached. Statistics are those of each task's latest
    500 runs: how long they take, how often they fail, how late they begin. Arguments, and what a command is told, are left
    out; values of environments, headers and bodies always are.
    """
    import json
    from pathlib import Path

    from rota.cli.output import talk
    from rota.errors import UsageError
    from rota.rehearse.copies import copy_as_json, take_copy

    session = session_of(context)
    with session.ledger() as ledger:
        copy = take_copy(ledger, service, arguments=arguments)
    text = json.dumps(copy_as_json(copy), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if file is None:
        print(text, end="")
        return
    try:
        with Path(file).open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise UsageError(
            "the export cannot be written",
            expected="a new file in a folder that is there",
            found=str(error),
            where=file,
        ) from error
    talk(f"{file}: {len(copy.tasks)} tasks and {len(copy.cursors)} schedules of {copy.service}")
