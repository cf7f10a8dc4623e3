"""Pages for editors: what is not public yet, and the buttons that make it so."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse, Response

from newsroom import articles, clock, listings
from newsroom.page import Editor, TheSite, html
from newsroom.pages.public import facts
from newsroom.store import rows

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]


@routes.api_route("/drafts", methods=GET)
def drafts(site: TheSite, reader: Editor) -> Response:
    with site.store.read() as connection:
        waiting = rows(
            connection,
            """SELECT id, slug, title, status, publish_at, reviewed_at FROM article WHERE status IN ('draft', 'scheduled', 'unpublished')
                ORDER BY status = 'scheduled' DESC, publish_at, id LIMIT 100""",
        )
        unreviewed = rows(
            connection,
            """SELECT id, slug, title, status, publish_at, reviewed_at FROM article WHERE status = 'published' AND reviewed_at IS NULL
                ORDER BY publish_at DESC LIMIT 50""",
        )
    return html("drafts.html", waiting=waiting, unreviewed=unreviewed, now=clock.now())


@routes.api_route("/drafts/{article_id}", methods=GET)
def preview(article_id: int, site: TheSite, reader: Editor) -> Response:
    with site.store.read() as connection:
        found = articles.by_id(connection, article_id)
        if found is None:
            raise HTTPException(404, "There is no such article.")
        found = articles.by_slug(connection, found["slug"])
        pictures = listings.pictures(connection, article_id)
    assert found is not None
    return html(
        "article.html", article=found, box=facts(found["meta"]), pictures=pictures, similar=[], preview=True
    )


@routes.post("/drafts/{article_id}/{action}")
def act(
    article_id: int,
    action: str,
    site: TheSite,
    reader: Editor,
    publish_at: Annotated[str, Form(max_length=40)] = "",
    minutes: Annotated[float, Form(ge=0, le=525_600)] = 0,
) -> Response:
    """Schedule an article at an instant (UTC) or in some minutes, mark it as reviewed, or take it down."""
    now = clock.now()
    with site.store.write() as connection:
        if articles.by_id(connection, article_id) is None:
            raise HTTPException(404, "There is no such article.")
        match action:
            case "schedule":
                try:
                    when = clock.from_text(publish_at) if publish_at else now + timedelta(minutes=minutes)
                except ValueError:
                    raise HTTPException(
                        422, f"Expected a time such as 2026-11-23T08:30 (UTC), found {publish_at!r}."
                    ) from None
                done = articles.schedule(connection, article_id, when, now, site.duties)
            case "review":
                done = articles.review(connection, article_id, now)
            case "unpublish":
                done = articles.unpublish(connection, article_id, now)
            case _:
                raise HTTPException(404, "Expected schedule, review or unpublish.")
    if not done:
        raise HTTPException(
            409, f"This article cannot be changed so ({action}) any more; look at the list again."
        )
    return RedirectResponse("/drafts", 303)
