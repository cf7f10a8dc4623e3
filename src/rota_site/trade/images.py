"""Images: not too heavy, with width, height and alt, and of the type that they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from rota_site.addresses import addresses, path_of, spread
from rota_site.fetch import Ask, Fetcher, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Route, Site
from rota_site.page import Image, Page, is_html, read_page
from rota_site.trade.rules import finding

__all__ = ["check", "kind_of"]

PAGES = 20
"""Pages of a route whose images are looked at in one run."""


async def check(site: Site, fetcher: Fetcher) -> list[RouteResult]:
    """The images of a sample of each route's pages."""
    paths = await addresses(site, fetcher)
    routes = [
        route for route in site.routes if route.kind in ("page", "list") and route.seen_by == "everyone"
    ]
    return [await _route(route, spread(paths[route.name], PAGES), site, fetcher) for route in routes]


async def _route(route: Route, paths: Sequence[str], site: Site, fetcher: Fetcher) -> RouteResult:
    replies = [
        each for each in await fetcher.fetch_all([Ask(path) for path in paths]) if isinstance(each, Reply)
    ]
    pages = [read_page(reply) for reply in replies if reply.status == 200 and is_html(reply)]
    findings = [found for page in pages for image in page.images for found in _stated(route, page, image)]
    host = urlsplit(site.infrastructure.url).netloc
    own = sorted(
        {path_of(image.src) for page in pages for image in page.images if urlsplit(image.src).netloc == host}
    )
    for reply in await fetcher.fetch_all([Ask(path, most=site.pages.image + 1) for path in own]):
        if isinstance(reply, Reply):
            findings += _served(route, reply, site.pages.image)
    return RouteResult(route.name, len(paths) + len(own), tuple(findings), url=paths[0] if paths else "")


def _stated(route: Route, page: Page, image: Image) -> Iterator[Finding]:
    if not (image.width and image.height):
        yield finding("I02", route.name, page.url, "width and height", f"neither on {image.src}"[:300])
    if image.alt is None:
        yield finding("I03", route.name, page.url, "an alt", f"none on {image.src}"[:300])


def _served(route: Route, reply: Reply, most: int) -> Iterator[Finding]:
    if reply.status != 200:
        return  # that it is missing is what the check of links says
    length = reply.get("content-length") or ""
    size = int(length) if length.isdigit() else len(reply.raw)
    if size > most:
        yield finding("I01", route.name, reply.url, f"at most {most} bytes", f"{size}")
    said = (reply.get("content-type") or "none").partition(";")[0].strip().lower()
    found = kind_of(reply.body)
    if not said.startswith("image/") or found not in (None, said):
        yield finding(
            "I04",
            route.name,
            reply.url,
            found if said.startswith("image/") and found else "the type of an image",
            said,
        )


def kind_of(body: bytes) -> str | None:
    """The type that the first bytes tell (WHATWG, MIME Sniffing, section 6.1); None: one that is not known.

    >>> kind_of(b"GIF89a..."), kind_of(b"<svg xmlns="), kind_of(b"<!doctype html>")
    ('image/gif', 'image/svg+xml', 'text/html')
    """
    start = body[:256].lstrip().lower()
    signs = (
        (b"\x89png\r\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"gif8", "image/gif"),
        (b"<svg", "image/svg+xml"),
        (b"<!doctype html", "text/html"),
        (b"<html", "text/html"),
    )
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    if body[4:8] == b"ftyp" and body[8:12] in (b"avif", b"avis"):
        return "image/avif"
    if start.startswith(b"<?xml") and b"<svg" in body[:1024].lower():
        return "image/svg+xml"
    return next((kind for sign, kind in signs if start.startswith(sign)), None)
