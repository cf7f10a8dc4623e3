"""Published on time: whatever's time has come is public within a minute, and nothing before it or after its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import route_of, spread
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Site
from rota_site.trade.listing import Item, ListingFailed, listing
from rota_site.trade.rules import finding

__all__ = ["check", "due"]

WITHIN = timedelta(minutes=1)
RECENT = timedelta(days=1)
SAMPLE = 50


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Ask, through the cache, for all that changed in the last day, and for a sample of the rest."""
    now = from_instant((clock or SystemClock()).now())
    try:
        items = await listing(site, fetcher)
    except ListingFailed as failed:
        return [RouteResult("published", 0, failed=str(failed))]
    if not items:
        return [RouteResult("published", 0, unsure="no [[content]] of site.toml has a listing")]
    asked = due(items, now)
    findings: dict[str, list[Finding]] = {}
    counts: dict[str, int] = {}
    replies = await fetcher.fetch_all([Ask(item.path) for item in asked])
    for item, reply in zip(asked, replies, strict=True):
        name = route_of(site, item.path)
        counts[name] = counts.get(name, 0) + 1
        findings.setdefault(name, []).extend(_judged(name, item, reply, fetcher, now))
    return [RouteResult(name, counts[name], tuple(findings[name])) for name in counts]


def due(items: Sequence[Item], now: datetime) -> list[Item]:
    """Those to ask for: every one that was or will be published, or ended, within a day, and some of the others.

    What changed within the last minute, or will within the next, is left out: it may be either.
    """
    moments = {
        item.path: [at for at in (item.publish_at, item.unpublish_at) if at is not None] for item in items
    }
    clear = [item for item in items if all(abs(at - now) > WITHIN for at in moments[item.path])]
    recent = [item for item in clear if any(abs(at - now) <= RECENT for at in moments[item.path])]
    rest = [item for item in clear if item not in set(recent)]
    return [*recent, *spread(rest, SAMPLE)]


def _judged(
    name: str, item: Item, reply: Reply | FetchFailed, fetcher: Fetcher, now: datetime
) -> list[Finding]:
    found = str(reply) if isinstance(reply, FetchFailed) else f"status {reply.status}"
    url = fetcher.url_of(Ask(item.path))
    if item.is_public(now):
        if isinstance(reply, Reply) and reply.status == 200:
            return []
        return [finding("P01", name, url, f"status 200 since {item.publish_at:%Y-%m-%d %H:%M} UTC", found)]
    if isinstance(reply, Reply) and reply.status == 200:
        return [finding("P02", name, url, "no page: 404, 410 or a redirect", found)]
    return []
