"""The sitemap: valid by sitemaps.org, complete against what the site lists, and every address of a sample answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import path_of, spread
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Route, Site
from rota_site.trade.listing import Item, ListingFailed, listing
from rota_site.trade.rules import finding

__all__ = ["check"]

SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
MOST, SIZE, FILES = 50_000, 52_428_800, 1_000
SAMPLE = 20
GRACE = 3_600.0
"""Seconds that a change may be missing: a sitemap is built every so often."""
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?")


@dataclass(slots=True)
class _Read:
    """What was read of a sitemap and the files that it refers to."""

    asked: int = 0
    paths: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failed: str | None = None


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Every route of the kind *sitemap* whose pattern is one address: the index, or the only file."""
    now = from_instant((clock or SystemClock()).now())
    routes = [route for route in site.routes if route.kind == "sitemap" and "{" not in route.pattern]
    try:
        items: Sequence[Item] | None = await listing(site, fetcher)
        unsure = (
            None if items else "no [[content]] of site.toml has a listing: completeness was not looked at"
        )
    except ListingFailed as failed:
        items, unsure = None, str(failed)
    return [await _route(route, site, fetcher, items, unsure, now) for route in routes]


async def _route(
    route: Route,
    site: Site,
    fetcher: Fetcher,
    items: Sequence[Item] | None,
    unsure: str | None,
    now: datetime,
) -> RouteResult:
    read = await _read(route, site, fetcher)
    unwanted: set[str] = set()
    if items and read.failed is None and not read.findings:
        missing, unwanted = _compared(items, read.paths, now)
        read.findings += _told_of(route, missing, unwanted)
    sample = spread([path for path in read.paths if path not in unwanted], SAMPLE)
    for reply in await fetcher.fetch_all([Ask(path) for path in sample]):
        read.asked += 1
        if isinstance(reply, FetchFailed) or reply.status != 200:
            said = str(reply) if isinstance(reply, FetchFailed) else f"status {reply.status}"
            read.findings.append(finding("M04", route.name, fetcher.url_of(reply.ask), "status 200", said))
    facts = {"addresses": len(read.paths)}
    return RouteResult(
        route.name, read.asked, tuple(read.findings), read.failed, unsure, route.pattern, facts=facts
    )


async def _read(route: Route, site: Site, fetcher: Fetcher) -> _Read:
    read, waiting, seen = _Read(), [route.pattern], {route.pattern}
    while waiting and read.asked < FILES:
        path = waiting.pop(0)
        read.asked += 1
        try:
            reply = await fetcher.fetch(Ask(path, most=SIZE + 1))
        except FetchFailed as failed:
            read.failed = str(failed)
            continue
        told, locations, is_index = _problems(reply, urlsplit(site.infrastructure.url).netloc)
        read.findings += [finding("M01", route.name, reply.url, expected, found) for expected, found in told]
        paths = [path_of(each) for each in locations]
        if is_index:
            waiting += [each for each in paths if each not in seen]
            seen.update(paths)
        else:
            read.paths += paths
    return read


def _problems(reply: Reply, host: str) -> tuple[list[tuple[str, str]], list[str], bool]:
    """What is wrong with one file (expected, found), its locations, and whether it is an index of others."""
    if reply.status != 200:
        return [("status 200", f"status {reply.status}")], [], False
    if len(reply.body) > SIZE:
        return [(f"at most {SIZE} bytes", "more")], [], False
    try:
        root = ElementTree.fromstring(reply.body)
    except ElementTree.ParseError as error:
        return [("well-formed XML", str(error))], [], False
    is_index = root.tag == f"{{{SPACE}}}sitemapindex"
    if not is_index and root.tag != f"{{{SPACE}}}urlset":
        return [(f"urlset or sitemapindex of {SPACE}", str(root.tag)[:80])], [], False
    locations = [(node.findtext(f"{{{SPACE}}}loc") or "").strip() for node in root]
    dates = [(node.findtext(f"{{{SPACE}}}lastmod") or "").strip() for node in root]
    return list(_told(locations, dates, host)), locations, is_index


def _told(locations: Sequence[str], dates: Sequence[str], host: str) -> Iterator[tuple[str, str]]:
    if len(locations) > MOST:
        yield f"at most {MOST} addresses", f"{len(locations)}"
    if odd := [each for each in locations if urlsplit(each).netloc != host or "://" not in each]:
        yield f"absolute addresses of {host}", _first(odd)
    if len(set(locations)) < len(locations):
        ((most, _),) = Counter(locations).most_common(1)
        yield "each address once", f"{len(locations) - len(set(locations))} repeated, such as {most[:200]}"
    if wrong := [each for each in dates if each and not _DATE.fullmatch(each)]:
        yield "dates of W3C Datetime", _first(wrong)


def _first(items: Sequence[str]) -> str:
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"{items[0][:200] or 'an empty one'}{more}"


def _compared(items: Sequence[Item], paths: Sequence[str], now: datetime) -> tuple[set[str], set[str]]:
    """What should be listed and is not, and what is and should not be. What changed within the hour may be either."""
    listed = set(paths)
    settled = {item.path for item in items if _settled(item, now)}
    due = {item.path for item in items if item.indexable and item.is_public(now)}
    return (due - listed) & settled, (listed & settled) - due


def _told_of(route: Route, missing: set[str], unwanted: set[str]) -> Iterator[Finding]:
    if missing:
        yield finding(
            "M02", route.name, route.pattern, "every public page", f"without {_first(sorted(missing))}"
        )
    if unwanted:
        yield finding(
            "M03", route.name, route.pattern, "what is public and may be indexed", _first(sorted(unwanted))
        )


def _settled(item: Item, now: datetime) -> bool:
    changes = [
        at for at in (item.publish_at, item.unpublish_at, item.updated_at) if at is not None and at <= now
    ]
    return not changes or (now - max(changes)).total_seconds() > GRACE
