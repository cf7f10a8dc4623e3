"""Files: feeds, sitemaps, pictures, style sheet and script."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import PlainTextResponse, Response

from newsroom import assets, builds, images
from newsroom.page import TheSite, surrogate

__all__ = ["routes"]

routes = APIRouter()
GET = ["GET", "HEAD"]


@routes.api_route("/feed.xml", methods=GET)
def rss(site: TheSite) -> Response:
    return _built(site.settings.var / "feeds", "feed.xml", "application/rss+xml", "feed")


@routes.api_route("/atom.xml", methods=GET)
def atom(site: TheSite) -> Response:
    return _built(site.settings.var / "feeds", "atom.xml", "application/atom+xml", "feed")


@routes.api_route("/sitemap.xml", methods=GET)
def sitemap_index(site: TheSite) -> Response:
    return _built(site.settings.var / "sitemaps", "index.xml", "application/xml", "sitemap")


@routes.api_route("/sitemaps/{number}.xml", methods=GET)
def sitemap(number: int, site: TheSite) -> Response:
    return _built(site.settings.var / "sitemaps", f"{number}.xml", "application/xml", "sitemap")


def _built(folder: Path, name: str, media_type: str, tag: str) -> Response:
    """A file of the build that is served. 503 while there has been none, 404 when the build has no such file."""
    build = builds.current(folder)
    if build is None:
        raise HTTPException(
            503, "It has not been built yet; a task builds it within a minute.", {"Retry-After": "10"}
        )
    try:
        data = (build / name).read_bytes()
    except FileNotFoundError:
        raise HTTPException(404, "There is no such file.") from None
    return Response(data, media_type=f"{media_type}; charset=utf-8", headers=surrogate(tag))


@routes.api_route("/robots.txt", methods=GET)
def robots(site: TheSite) -> Response:
    return PlainTextResponse(
        f"User-agent: *\nDisallow: /me\nDisallow: /search\nSitemap: {site.settings.url}/sitemap.xml\n"
    )


@routes.api_route("/images/{name}", methods=GET)
def image(name: str, site: TheSite) -> Response:
    found = images.file_of(site.settings.images, name)
    if found is None or not found[0].is_file():
        raise HTTPException(404, "There is no such picture.")
    path, sha = found
    return Response(
        path.read_bytes(), media_type=f"image/{path.suffix[1:]}", headers=surrogate(f"image:{sha}")
    )


@routes.api_route("/static/{name}", methods=GET)
def static(name: str) -> Response:
    found = assets.asset(name)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    return Response(found.data, media_type=found.media_type)
