"""Running a node."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli.session import session_of

__all__ = ["run_"]


def run_(
    context: typer.Context,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Serve the pages and the API.")] = True,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The address that the pages are served on.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=65_535, help="Their port; 0 takes a free one.", show_default=False
        ),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Runs that this node carries out at once.", show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Worker processes for plain functions.", show_default=False),
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="In development: make the rota at hand the current revision at once."),
    ] = False,
    drain: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How long running attempts are given to end at a stop, such as 30s.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a node: fire what is due, carry it out, serve the pages.

    It serves the current revision; a service's first rota is applied. Where the rota at hand is another one, that is
    said, and rota apply makes it the current one. The ledger is made or migrated where it needs to be.
    SIGTERM or Ctrl-C drains: nothing new is started, what runs may end, the rest is handed back; a second one
    does not wait. Everything else is a setting of the environment (ROTA_...).
    """
    from rota.cli.times import span

    session = session_of(context)
    seconds = None if drain is None else span(drain, where="--drain").total_seconds()
    settings = session.settings(
        host=host, port=port, slots=slots, workers=workers, drain=seconds, apply_on_start=apply or None
    )
    raise typer.Exit(session.wiring.serve(settings, pages=pages))
