"""``rota site``: the checks by hand. Each verb's work is imported when it is used."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli.session import session_of

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Check a content website: cache headers, logged-in traffic, purge, response time."""


SiteFile = Annotated[str, typer.Option("--site", metavar="FILE", help="The file that describes the site.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("check")
def check_(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[CHECK]...", help="Which; none: all.")] = None,
    site: SiteFile = "site.toml",
    json: Json = False,
) -> None:
    """Carry checks out now; exit code 3 where one finds something."""
    from rota_site.cli.check import carry_out

    found = carry_out(site, names or [], session_of(context).output(json))
    if found:
        raise typer.Exit(3)


@app.command("purge")
def purge_(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="Which one, as the site calls it.")],
    kind: Annotated[str, typer.Option(help="The kind of content.")] = "article",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the places, with the reason for each.")
    ] = False,
    confirm: Annotated[
        int | None,
        typer.Option(metavar="N", help="Purge as many as this, though [cache] at_once allows fewer."),
    ] = None,
    site: SiteFile = "site.toml",
    json: Json = False,
) -> None:
    """Purge what shows a content, and prove it; exit code 3 where it is not proved. Safe to repeat."""
    from rota_site.cli.purge import purge_now, show_plan

    output = session_of(context).output(json)
    if dry_run:
        show_plan(site, kind, id, output)
    elif purge_now(site, kind, id, confirm, output):
        raise typer.Exit(3)


@app.command("snapshot")
def snapshot_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where it is written.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[CHECK]...", help="Which; none: all.")] = None,
    site: SiteFile = "site.toml",
    json: Json = False,
) -> None:
    """Measure all of it before a deploy, to compare it with afterwards."""
    from rota_site.cli.around import take

    take(site, names or [], file, session_of(context).output(json))


@app.command("compare")
def compare_(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A snapshot.")],
    after: Annotated[
        str | None, typer.Argument(metavar="AFTER", help="Another; none: it is measured now.")
    ] = None,
    site: SiteFile = "site.toml",
    json: Json = False,
) -> None:
    """Tell how a snapshot and another, or what is now, differ; exit code 3 where something is worse."""
    from rota_site.cli.around import compare_now

    if compare_now(site, before, after, session_of(context).output(json)):
        raise typer.Exit(3)


@app.command("init")
def init_(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The site as readers reach it.")],
    origin: Annotated[
        str | None, typer.Option(metavar="URL", help="The site itself, behind its cache.")
    ] = None,
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where the files are written.")] = ".",
) -> None:
    """Write a first site.toml from a running site's sitemap and OpenAPI; nothing is overwritten."""
    from rota_site.cli.init import begin

    begin(url, origin, out, session_of(context).output())
