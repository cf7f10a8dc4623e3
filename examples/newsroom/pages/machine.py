"""What machines ask: the view beacon, health, version."""

from __future__ import annotations

import hmac
import os
from importlib import metadata
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from pydantic import BaseModel

from newsroom import articles, clock, views
from newsroom.page import TheSite
from newsroom.store import count, rows

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]
LISTED = 5_000


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


@routes.api_route("/_meta/articles", methods=GET)
def listing(request: Request, site: TheSite, after: int = 0) -> dict[str, Any]:
    """Every article with its state, for the checks of the site: drafts too, so only for whoever has the token."""
    _must_know(request)
    with site.store.read() as connection:
        found = rows(
            connection,
            "SELECT id, slug, title, status, publish_at, unpublish_at, updated_at, reviewed_at, noindex FROM article"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (after, LISTED),
        )
    following = f"/_meta/articles?after={found[-1]['id']}" if len(found) == LISTED else None
    return {"items": [_listed(row) for row in found], "next": following}


@routes.api_route("/_meta/articles/{article_id}", methods=GET)
def described(request: Request, site: TheSite, article_id: int) -> dict[str, Any]:
    """One article's fields, by which a purge finds the places that show it."""
    _must_know(request)
    with site.store.read() as connection:
        found = articles.by_id(connection, article_id)
        if found is None:
            raise HTTPException(404, "There is no such article.")
        tags = [
            row["tag"]
            for row in rows(connection, "SELECT tag FROM article_tag WHERE article_id = ?", (article_id,))
        ]
    return {
        "id": article_id,
        "slug": found["slug"],
        "title": found["title"],
        "tags": tags,
        "status": found["status"],
    }


def _must_know(request: Request) -> None:
    """Whoever asks has the token; for others there is nothing here."""
    token = os.environ.get("NEWSROOM_TOKEN", "")
    if not token or not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {token}"):
        raise HTTPException(404, "There is nothing at this address.")


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": f"/articles/{row['slug']}",
        "title": row["title"],
        "publish_at": row["publish_at"] if row["status"] in ("scheduled", "published") else None,
        "unpublish_at": row["unpublish_at"],
        "updated_at": row["updated_at"],
        "indexable": row["reviewed_at"] is not None and not row["noindex"],
    }
