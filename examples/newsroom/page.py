"""What the pages of one running site share: its store, its settings, its templates."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from newsroom import assets, clock, images, metadata, readers, security
from newsroom.duties import Duties
from newsroom.settings import Settings
from newsroom.store import Row, Store

__all__ = ["Editor", "NeedsEditor", "NeedsReader", "Reader", "Site", "TheSite", "html", "surrogate"]


@dataclass(frozen=True, slots=True)
class Site:
    store: Store
    settings: Settings
    key: str  # signs session cookies
    duties: Duties  # what is handed to Rota


class NeedsReader(Exception):
    """The page is for readers who are logged in."""


class NeedsEditor(Exception):
    """The page is for editors."""


def _site(request: Request) -> Site:
    return cast(Site, request.app.state.site)


TheSite = Annotated[Site, Depends(_site)]


def reader_of(request: Request, site: Site) -> Row | None:
    """Who is logged in, by the session cookie or, for programs, the same as a bearer token; None for a visitor."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = security.unsign(request.cookies.get(security.COOKIE) or bearer, site.key)
    if token is None:
        return None
    with site.store.read() as connection:
        return readers.by_token(connection, token, clock.now())


def _reader(request: Request, site: TheSite) -> Row:
    reader = reader_of(request, site)
    if reader is None:
        raise NeedsReader
    return reader


def _editor(reader: Annotated[Row, Depends(_reader)]) -> Row:
    if not reader["editor"]:
        raise NeedsEditor
    return reader


Reader = Annotated[Row, Depends(_reader)]
Editor = Annotated[Row, Depends(_editor)]


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("newsroom"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(asset=assets.address, sources=images.sources, safe_url=metadata.safe_url)
    environment.filters.update(
        day=_day, moment=_moment, thousands=lambda number: f"{number:,}".replace(",", " ")
    )
    return environment


def _day(instant: str) -> str:
    when = clock.from_text(instant)
    return f"{when.day} {when:%B %Y}"


def _moment(instant: str | datetime) -> str:
    when = clock.from_text(instant) if isinstance(instant, str) else instant
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def html(
    template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A page from a template."""
    return HTMLResponse(_templates().get_template(template).render(**context), status, headers)


def surrogate(*tags: str) -> dict[str, str]:
    """The header that names what a page shows, by which a cache can be told to forget it."""
    return {"Surrogate-Key": " ".join(dict.fromkeys(tags))}
