"""What machines ask: the view beacon, health, version."""

from __future__ import annotations

from importlib import metadata

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from pydantic import BaseModel

from newsroom import clock, views
from newsroom.page import TheSite
from newsroom.store import count

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]


class Viewed(BaseModel):
    article: int


@routes.post("/api/views", status_code=204, response_class=Response)
def viewed(beacon: Viewed, site: TheSite) -> None:
    """Note one view. Pages are cached, so they are counted by a beacon of the page's script."""
    with site.store.write() as connection:
        if not views.note(connection, beacon.article, clock.now()):
            raise HTTPException(404, "There is no such article.")


@routes.api_route("/healthz", methods=GET)
def healthy() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "ok"}


@routes.api_route("/readyz", methods=GET)
def ready(site: TheSite) -> dict[str, int]:
    """The database answers."""
    if "not_ready" in site.settings.faults:
        raise HTTPException(503, "The site is not ready.")
    with site.store.read() as connection:
        return {"articles": count(connection, "SELECT count(*) FROM article WHERE status = 'published'")}


@routes.api_route("/_meta/version", methods=GET)
def version() -> dict[str, str]:
    return {"site": "newsroom", "rota": metadata.version("rota")}
