"""Indexable only what was reviewed: the rest says noindex, by header or meta element; robots and canonical are sane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.robotparser import RobotFileParser

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import addresses, path_of, route_of, spread
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Route, Site
from rota_site.page import is_html, is_noindex, read_page
from rota_site.trade.listing import Item, ListingFailed, listing, public
from rota_site.trade.rules import finding

__all__ = ["check", "check_robots", "disallowed"]

SAMPLE = 50


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Ask for what may be indexed and what may not, up to fifty of each, and see that each says so."""
    now = from_instant((clock or SystemClock()).now())
    try:
        items = public(await listing(site, fetcher), now)
    except ListingFailed as failed:
        return [RouteResult("indexable", 0, failed=str(failed))]
    if not items:
        return [
            RouteResult("indexable", 0, unsure="no [[content]] of site.toml has a listing, or none is public")
        ]
    asked = [*_some(items, indexable=True), *_some(items, indexable=False)]
    findings: dict[str, list[Finding]] = {}
    counts: dict[str, int] = {}
    for item, reply in zip(asked, await fetcher.fetch_all([Ask(item.path) for item in asked]), strict=True):
        name = route_of(site, item.path)
        counts[name] = counts.get(name, 0) + 1
        findings.setdefault(name, []).extend(_judged(name, item, reply))
    return [RouteResult(name, counts[name], tuple(findings[name])) for name in counts]


def _some(items: Sequence[Item], *, indexable: bool) -> list[Item]:
    return spread([item for item in items if item.indexable is indexable], SAMPLE)


def _judged(name: str, item: Item, reply: Reply | FetchFailed) -> list[Finding]:
    if isinstance(reply, FetchFailed) or reply.status != 200:
        return []  # that it does not answer is what the check of publication says
    hidden = is_noindex(reply, read_page(reply) if is_html(reply) else None)
    if hidden is not item.indexable:
        return []
    rule, expected = ("X02", "no noindex") if item.indexable else ("X01", "noindex")
    return [finding(rule, name, reply.url, expected, "noindex" if hidden else "none")]


async def check_robots(site: Site, fetcher: Fetcher) -> list[RouteResult]:
    """robots.txt is served, lets crawlers to every public route, and each page names its own address as canonical."""
    paths = await addresses(site, fetcher)
    public_routes = [route for route in site.routes if route.seen_by == "everyone" and route.kind != "error"]
    results = [await _robots(public_routes, paths, fetcher)]
    for route in (route for route in public_routes if route.kind in ("page", "list")):
        results.append(await _canonical(route, spread(paths[route.name], 10), fetcher))
    return results


async def _robots(
    routes: Sequence[Route], paths: dict[str, tuple[str, ...]], fetcher: Fetcher
) -> RouteResult:
    try:
        reply = await fetcher.fetch(Ask("/robots.txt"))
    except FetchFailed as failed:
        return RouteResult("robots", 1, failed=str(failed))
    findings = []
    kind = (reply.get("content-type") or "no Content-Type").partition(";")[0].strip()
    if reply.status != 200:
        findings.append(finding("B01", "robots", reply.url, "status 200", f"status {reply.status}"))
    elif kind != "text/plain":
        findings.append(finding("B01", "robots", reply.url, "text/plain", kind))
    else:
        every = [path for route in routes if route.crawled for path in spread(paths[route.name], 10)]
        for path in disallowed(reply.text, every)[:5]:
            findings.append(
                finding("B02", "robots", reply.url, f"{path} allowed", "disallowed for every crawler")
            )
    return RouteResult("robots", 1, tuple(findings), url=reply.url, seen=reply.headers)


def disallowed(robots: str, paths: Sequence[str]) -> list[str]:
    """Those paths that robots.txt keeps every crawler from.

    >>> disallowed("User-agent: *\\nDisallow: /me", ["/me", "/articles/one"])
    ['/me']
    """
    parser = RobotFileParser()
    parser.parse(robots.splitlines())
    return [path for path in paths if not parser.can_fetch("*", path)]


async def _canonical(route: Route, paths: Sequence[str], fetcher: Fetcher) -> RouteResult:
    replies = [
        each for each in await fetcher.fetch_all([Ask(path) for path in paths]) if isinstance(each, Reply)
    ]
    findings = [found for reply in replies if reply.status == 200 for found in _of_page(route, reply)]
    return RouteResult(route.name, len(paths), tuple(findings), url=paths[0] if paths else "")


def _of_page(route: Route, reply: Reply) -> Iterator[Finding]:
    if not is_html(reply):
        return
    stated = read_page(reply).canonical
    if len(stated) > 1:
        yield finding("B03", route.name, reply.url, "one canonical address", f"{len(stated)}")
    elif stated and path_of(stated[0]).partition("?")[0] != reply.ask.path.partition("?")[0]:
        yield finding("B03", route.name, reply.url, reply.ask.path, stated[0])
