"""The search index in step: the newest articles are found by their titles, and what is not public is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import route_of
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Site
from rota_site.trade.listing import Item, ListingFailed, listing, public
from rota_site.trade.rules import finding

__all__ = ["check"]

SAMPLE = 10
GRACE = timedelta(days=1)
"""How long an article may be missing: many sites build their index each night."""


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Search for the ten newest articles that are older than a day, and for ten that are not public."""
    now = from_instant((clock or SystemClock()).now())
    found = []
    for content in site.contents:
        if content.search is None or content.listing is None:
            continue
        try:
            items = await listing(site, fetcher)
        except ListingFailed as failed:
            return [RouteResult("search", 0, failed=str(failed))]
        found.append(await _searched(site, fetcher, content.search, items, now))
    return found or [
        RouteResult("search", 0, unsure="no [[content]] of site.toml has a listing and a search")
    ]


async def _searched(
    site: Site, fetcher: Fetcher, pattern: str, items: Sequence[Item], now: datetime
) -> RouteResult:
    shown = [
        each for each in public(items, now) if each.publish_at is not None and now - each.publish_at > GRACE
    ]
    hidden = [item for item in items if not item.is_public(now) and item.title]
    asked = [(item, True) for item in shown[:SAMPLE]] + [(item, False) for item in hidden[:SAMPLE]]
    asks = [Ask(pattern.replace("{title}", quote(item.title, safe=""))) for item, _ in asked]
    findings: list[Finding] = []
    name = route_of(site, pattern)
    for (item, expected), reply in zip(asked, await fetcher.fetch_all(asks), strict=True):
        if isinstance(reply, FetchFailed):
            return RouteResult(name, len(asks), failed=str(reply))
        findings += _judged(name, item, expected, reply)
    return RouteResult(name, len(asks), tuple(findings), url=pattern)


def _judged(name: str, item: Item, expected: bool, reply: Reply) -> list[Finding]:
    is_there = f'"{item.path}"' in reply.text
    if reply.status == 200 and is_there is expected:
        return []
    said = (
        f"status {reply.status}"
        if reply.status != 200
        else "a result with it"
        if is_there
        else "no such result"
    )
    return [
        finding(
            "H01", name, reply.url, f"{item.path} {'found' if expected else 'not found'} by its title", said
        )
    ]
