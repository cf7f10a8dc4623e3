"""Pages of one reader: log in, bookmarks, the digest. No cache may keep any of them."""

from __future__ import annotations

import zoneinfo
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from newsroom import articles, clock, readers, security
from newsroom.page import Reader, Site, TheSite, html, reader_of
from newsroom.store import Row

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]
Text = Annotated[str, Form(max_length=500)]


@routes.api_route("/me.json", methods=GET)
def who(request: Request, site: TheSite) -> dict[str, object]:
    """Who is logged in: the small call by which public pages, the same for everyone, show it."""
    reader = reader_of(request, site)
    return (
        {"name": reader["name"], "editor": bool(reader["editor"])}
        if reader
        else {"name": None, "editor": False}
    )


@routes.api_route("/login", methods=GET)
def log_in_page(next: str = "/me") -> Response:
    return html("login.html", new=False, next=_inside(next), problem=None, name="")


@routes.api_route("/register", methods=GET)
def register_page(next: str = "/me") -> Response:
    return html("login.html", new=True, next=_inside(next), problem=None, name="")


@routes.post("/login")
def log_in(site: TheSite, name: Text, password: Text, next: Text = "/me") -> Response:
    with site.store.read() as connection:
        reader_id = readers.check(connection, name, password)
    if reader_id is None:
        problem = "No reader has this name and password. Nothing was changed; try again."
        return html("login.html", status=401, new=False, next=_inside(next), problem=problem, name=name)
    return _opened(site, reader_id, next)


@routes.post("/register")
def register(site: TheSite, name: Text, password: Text, next: Text = "/me") -> Response:
    try:
        with site.store.write() as connection:
            reader_id = readers.register(connection, name, password, clock.now())
    except ValueError as error:
        return html("login.html", status=422, new=True, next=_inside(next), problem=str(error), name=name)
    return _opened(site, reader_id, next)


def _opened(site: Site, reader_id: int, next: str) -> Response:
    """A session, its cookie, and on to where the reader wanted to go."""
    with site.store.write() as connection:
        token = readers.log_in(connection, reader_id, clock.now())
    reply = RedirectResponse(_inside(next), 303)
    reply.set_cookie(
        security.COOKIE,
        security.sign(token, site.key),
        max_age=int(security.SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=site.settings.secure,
    )
    return reply


def _inside(path: str) -> str:
    """A path of this site; whatever leads elsewhere becomes the reader's own page."""
    return (
        path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/me"
    )


@routes.post("/logout")
def log_out(request: Request, site: TheSite) -> Response:
    token = security.unsign(request.cookies.get(security.COOKIE, ""), site.key)
    if token is not None:
        with site.store.write() as connection:
            readers.log_out(connection, token)
    reply = RedirectResponse("/", 303)
    reply.delete_cookie(security.COOKIE, httponly=True, samesite="lax", secure=site.settings.secure)
    return reply


@routes.api_route("/me", methods=GET)
def me(site: TheSite, reader: Reader) -> Response:
    return _me(site, reader)


def _me(site: Site, reader: Row, *, problem: str | None = None, status: int = 200) -> Response:
    with site.store.read() as connection:
        kept = readers.bookmarks(connection, reader["id"])
        note = readers.note(connection, reader["id"])
    zones = sorted(zoneinfo.available_timezones())
    return html(
        "me.html", status=status, reader=reader, bookmarks=kept, note=note, zones=zones, problem=problem
    )


@routes.post("/me/note")
def set_note(site: TheSite, reader: Reader, note: Text) -> Response:
    """Write a line to oneself."""
    with site.store.write() as connection:
        readers.set_note(connection, reader["id"], note)
    return RedirectResponse("/me", 303)


@routes.post("/me/digest")
def set_digest(
    site: TheSite,
    reader: Reader,
    timezone: Text,
    hour: Annotated[int, Form()],
    wanted: Annotated[bool, Form()] = False,
) -> Response:
    try:
        with site.store.write() as connection:
            readers.set_digest(
                connection,
                reader["id"],
                wanted=wanted,
                hour=hour,
                timezone=timezone,
                now=clock.now(),
                duties=site.duties,
            )
    except ValueError as error:
        return _me(site, reader, problem=str(error), status=422)
    return RedirectResponse("/me", 303)


@routes.post("/bookmarks")
def bookmark(request: Request, site: TheSite, article_id: Annotated[int, Form()]) -> Response:
    """Keep an article or let go of it. A visitor is sent to log in first."""
    reader = reader_of(request, site)
    with site.store.read() as connection:
        article = articles.by_id(connection, article_id)
    back = f"/articles/{article['slug']}" if article else "/me"
    if reader is None:
        return RedirectResponse(f"/login?next={quote(back)}", 303)
    with site.store.write() as connection:
        readers.toggle_bookmark(connection, reader["id"], article_id, clock.now())
    return RedirectResponse("/me", 303)
