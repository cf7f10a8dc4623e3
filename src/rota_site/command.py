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
