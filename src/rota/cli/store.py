"""The ledger itself: its schema, a copy of it, and how it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rota.cli.session import session_of

__all__ = ["backup_", "doctor_", "migrate_", "version_"]

NOT_AS_IT_SHOULD_BE = 3


def migrate_(
    context: typer.Context,
    to: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="The version to go to, up or down. Default: the newest.",
            show_default=False,
        ),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Only say where it is; exit with 3 if not at the newest.")
    ] = False,
    sql: Annotated[
        bool,
        typer.Option(
            "--sql",
            help="Change nothing: print what would be run, for psql or sqlite3, for those who review it first.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before going down.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring the ledger's schema to a version.

    A ledger that is not there is made. rota run migrates by itself; this is for those who want it done before.
    Going down may lose what the older schema has no place for: make a backup first.
    """
    from rota.cli.ask import ask
    from rota.cli.ledgers import must_exist

    session = session_of(context)
    settings = session.settings()
    if status or to is not None:
        must_exist(settings)
    out = session.output(json)
    ledger = session.wiring.open_ledger(settings, migrate=False)
    try:
        found, serves = ledger.version()
        if status:
            if json:
                out.document({"version": found, "serves": serves})
            else:
                out.line(f"schema version {found}; this build serves {serves}")
            raise typer.Exit(0 if found == serves else NOT_AS_IT_SHOULD_BE)
        if sql:
            typer.echo(ledger.migration_sql(to), nl=False)
            return
        if to is not None and to < found:
            ask(f"Go down from version {found} to {to}? What the older schema has no place for is lost.", yes)
        before, after = ledger.migrate(to)
    finally:
        ledger.close()
    if json:
        out.document({"from": before, "to": after, "serves": serves})
    elif before == after:
        out.line(f"schema version {after}, as it was")
    else:
        out.line(
            f"schema version {after}; it was {before}"
            if before
            else f"made the ledger, schema version {after}"
        )


def backup_(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The new file; one that is there is not overwritten.")
    ],
) -> None:
    """Copy the ledger into a new file, while in use.

    The copy is consistent: it holds what was recorded when it began. To restore, stop every node, put the copy
    in the ledger's place (and remove its -wal and -shm files), and start again.
    """
    session = session_of(context)
    with session.ledger() as ledger:
        size = ledger.backup(str(Path(file)))
    session.output().line(f"{file}: {size:,} bytes")


def doctor_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine ledger, settings and permissions. Exits with 3 if something is not as it should be."""
    from rota.cli.examine import examine
    from rota.cli.output import Cell

    session = session_of(context)
    out = session.output(json)
    findings = examine(session)
    if json:
        members = [
            {"check": one.check, "verdict": one.verdict, "found": one.found, "advice": one.advice}
            for one in findings
        ]
        out.document({"findings": members})
    else:
        styles = {"good": "green", "note": "yellow", "bad": "bold red"}
        rows = [
            (
                Cell(one.verdict, styles[one.verdict]),
                one.check,
                one.found + (f"; {one.advice}" if one.advice else ""),
            )
            for one in findings
        ]
        out.table(("VERDICT", "CHECK", "FOUND"), rows)
    if any(one.verdict == "bad" for one in findings):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def version_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of Rota, Python and SQLite."""
    import platform
    import sqlite3

    import apsw

    from rota import __version__

    found = {
        "rota": __version__,
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "sqlite_of_python": sqlite3.sqlite_version,
    }
    out = session_of(context).output(json)
    if json:
        out.document(found)
    else:
        out.pairs([(name.replace("_", " "), text) for name, text in found.items()])
