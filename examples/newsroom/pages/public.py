"""Pages that are the same bytes for everyone: home, articles, tags, search."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from newsroom import articles, listings, metadata, search
from newsroom.page import Site, TheSite, html, surrogate

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]
_NOINDEX = {"X-Robots-Tag": "noindex"}
SLOW = 0.3  # seconds that the fault slow_tag adds: more than the budget has


@routes.api_route("/", methods=GET)
def home(site: TheSite) -> Response:
    return _home(site, 1)


@routes.api_route("/page/{number}", methods=GET)
def older(number: int, site: TheSite) -> Response:
    return RedirectResponse("/", 301) if number == 1 else _home(site, number)


def _home(site: Site, number: int) -> Response:
    with site.store.read() as connection:
        total = listings.live_count(connection)
        _in_range(number, listings.pages(total))
        found = listings.latest(connection, number)
        tags = listings.tags(connection, 24)
    tagged = surrogate("home", "list") if number == 1 else surrogate("list")
    pager = _pager("/", "/page/", number, listings.pages(total))
    return html("home.html", headers=tagged, articles=found, tags=tags, total=total, pager=pager)


@routes.api_route("/articles/{slug}", methods=GET)
def article(slug: str, site: TheSite) -> Response:
    with site.store.read() as connection:
        found = articles.by_slug(connection, slug)
        if found is None:
            new = articles.moved_to(connection, slug)
            if new is None:
                raise HTTPException(404, "There is no article at this address.")
            return RedirectResponse(f"/articles/{new}", 301, surrogate(f"article:{slug}"))
        if found["status"] == "unpublished":
            raise HTTPException(410, "This article has been taken down.")
        if found["status"] != "published":
            raise HTTPException(404, "There is no article at this address.")
        pictures = listings.pictures(connection, found["id"])
        similar = listings.related(connection, found["id"])
    box = facts(found["meta"])
    tags = [tag["name"] for tag in box.get("tags", {}).get("items", [])]
    headers = surrogate(
        f"article:{found['id']}", f"author:{found['author_id']}", *(f"tag:{tag}" for tag in tags)
    )
    if found["noindex"] or found["reviewed_at"] is None:
        headers |= _NOINDEX
    return html(
        "article.html",
        headers=headers,
        article=found,
        box=box,
        pictures=pictures,
        similar=similar,
        preview=False,
    )


def facts(meta: str) -> dict[str, dict[str, Any]]:
    """The lists of the box beside an article, each with its label; tags with their addresses."""
    box: dict[str, dict[str, Any]] = {}
    for key, items in metadata.clean(meta).items():
        shown: list[Any] = list(items)
        if key == "tags":
            shown = [
                {"label": metadata.item_text(item), "name": articles.tag_name(metadata.item_text(item))}
                for item in items
            ]
        box[key] = {"label": metadata.label(key), "items": shown}
    return box


@routes.api_route("/tags", methods=GET)
def tags(site: TheSite) -> Response:
    with site.store.read() as connection:
        found = listings.tags(connection, 500)
    return html("tags.html", headers=surrogate("list"), tags=found)


@routes.api_route("/tags/{tag}", methods=GET)
def tag(tag: str, site: TheSite) -> Response:
    return _tag(site, tag, 1)


@routes.api_route("/tags/{tag}/page/{number}", methods=GET)
def tag_older(tag: str, number: int, site: TheSite) -> Response:
    return (
        RedirectResponse(f"/tags/{tag}", 301, surrogate(f"tag:{tag}"))
        if number == 1
        else _tag(site, tag, number)
    )


def _tag(site: Site, name: str, number: int) -> Response:
    if "slow_tag" in site.settings.faults:
        time.sleep(SLOW)
    with site.store.read() as connection:
        found = listings.tag(connection, name)
        if found is None:
            raise HTTPException(404, "No article carries this tag.")
        _in_range(number, listings.pages(found["live"]))
        tagged = listings.of_tag(connection, name, number)
    pager = _pager(f"/tags/{name}", f"/tags/{name}/page/", number, listings.pages(found["live"]))
    return html("tag.html", headers=surrogate(f"tag:{name}"), tag=found, articles=tagged, pager=pager)


@routes.api_route("/search", methods=GET)
def find(
    site: TheSite,
    q: Annotated[str, Query(max_length=1000)] = "",
    page: Annotated[int, Query(ge=1, le=50)] = 1,
) -> Response:
    query = search.normalised(q)
    with site.store.read() as connection:
        found, total = search.find(connection, query, page)
    more = total > page * search.RESULTS and page < 50
    return html(
        "search.html",
        headers=surrogate("search") | _NOINDEX,
        query=query,
        articles=found,
        total=total,
        page=page,
        more=more,
    )


def _in_range(number: int, pages: int) -> None:
    if not 1 <= number <= pages:
        raise HTTPException(404, f"There is no page {number}; the last is {pages}.")


def _pager(first: str, prefix: str, number: int, pages: int) -> dict[str, Any]:
    """Where the links to newer and older pages lead."""
    newer = None if number == 1 else first if number == 2 else f"{prefix}{number - 1}"
    return {
        "number": number,
        "pages": pages,
        "newer": newer,
        "older": f"{prefix}{number + 1}" if number < pages else None,
    }
