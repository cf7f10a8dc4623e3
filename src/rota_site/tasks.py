"""The checks as tasks: what ``run`` in rota.toml names. Each returns its result, which its expectation judges."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rota_site.checks import run_check
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.purge.affected import Change
from rota_site.purge.purge import carry_out
from rota_site.response.measure import BASELINE, SAMPLES, How
from rota_site.trade import links
from rota_site.trade.certificate import DAYS
from rota_site.trade.links import MEMORY

__all__ = [
    "check_backup",
    "check_certificate",
    "check_feed",
    "check_images",
    "check_indexable",
    "check_links",
    "check_published",
    "check_robots",
    "check_search",
    "check_sitemap",
    "inspect_headers",
    "measure_response",
    "nothing_found",
    "probe_readers",
    "purge",
]


def inspect_headers(site: str = "site.toml") -> dict[str, Any]:
    """Inspect the cache headers of every route that the file ``site`` describes."""
    return _carried_out("headers", site)


def measure_response(
    site: str = "site.toml",
    samples: int = SAMPLES,
    rate: float | None = None,
    baseline: str | None = str(BASELINE),
) -> dict[str, Any]:
    """Measure the time to answer of every route with a budget: ``samples`` of each, ``rate`` requests a second.

    What is good is noted in the file ``baseline``, and later measurements are held against it.
    """
    return _carried_out("response", site, How(samples, rate, Path(baseline) if baseline else None))


def probe_readers(site: str = "site.toml") -> dict[str, Any]:
    """Test logged-in traffic: two test readers and nobody, through the cache and at the origin, in the orders that leak."""
    return _carried_out("readers", site)


def check_sitemap(site: str = "site.toml") -> dict[str, Any]:
    """See that the sitemap is valid, complete against the site's own listing, and that its addresses answer."""
    return _carried_out("sitemap", site)


def check_feed(site: str = "site.toml") -> dict[str, Any]:
    """See that each feed is valid, has the newest article, and nothing that is not public."""
    return _carried_out("feed", site)


def check_links(site: str = "site.toml", memory: str = str(MEMORY)) -> dict[str, Any]:
    """Find links and images that lead nowhere; the file ``memory`` remembers links to other sites between runs."""
    return _carried_out("links", site, links.How(Path(memory)))


def check_images(site: str = "site.toml") -> dict[str, Any]:
    """Weigh the images of a sample of pages, and see that each states width, height and alt."""
    return _carried_out("images", site)


def check_certificate(site: str = "site.toml", days: int = DAYS) -> dict[str, Any]:
    """See that the certificate is valid for the site's name, and for at least ``days`` more."""
    return _carried_out("certificate", site, days)


def check_published(site: str = "site.toml") -> dict[str, Any]:
    """See that every article whose time has come is public within a minute, and none before its time or after its end."""
    return _carried_out("published", site)


def check_indexable(site: str = "site.toml") -> dict[str, Any]:
    """See that what was not reviewed says noindex, and that what was does not."""
    return _carried_out("indexable", site)


def check_robots(site: str = "site.toml") -> dict[str, Any]:
    """See that robots.txt lets crawlers to public routes, and that pages name their own address as canonical."""
    return _carried_out("robots", site)


def check_search(site: str = "site.toml") -> dict[str, Any]:
    """See that the search finds the newest articles, and none that is not public."""
    return _carried_out("search", site)


def check_backup(site: str = "site.toml") -> dict[str, Any]:
    """Restore the newest backup into an empty folder, and look whether it is whole."""
    return _carried_out("backup", site)


def purge(
    kind: str,
    id: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    confirm: int | None = None,
    site: str = "site.toml",
) -> dict[str, Any]:
    """Purge what shows a changed content, and prove it. Safe to repeat.

    ``before`` and ``after`` are its fields, as whoever changed it knows them; with neither it is looked up, and every place
    that shows it is purged.
    """
    is_whole = before is not None or after is not None
    change = Change(kind, id, before, after, is_whole)

    async def carry() -> dict[str, Any]:
        described = load_site(site)
        async with Fetcher(described.infrastructure) as fetcher:
            return await carry_out(described, fetcher, change, confirmed=confirm)

    return asyncio.run(carry())


def nothing_found(result: dict[str, Any]) -> None:
    """The verification of every check: it found nothing, and could tell. Raises AssertionError with the first findings."""
    if result["verdict"] == "ok":
        return
    told = [
        f"{finding['rule']} on {route['route']}: {finding['what']}; expected {finding['expected']}, found {finding['found']}"
        for route in result["routes"]
        for finding in route["findings"]
    ]
    told += [f"{route['route']}: {route['failed']}" for route in result["routes"] if route.get("failed")]
    told += [
        f"{route['route']}: cannot tell: {route['unsure']}"
        for route in result["routes"]
        if route.get("unsure")
    ]
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    raise AssertionError(f"expected no finding, found {result['findings']}: {'; '.join(told[:5])}{more}")


def _carried_out(check: str, file: str, how: object = None) -> dict[str, Any]:
    async def carry() -> dict[str, Any]:
        site = load_site(file)
        async with Fetcher(site.infrastructure) as fetcher:
            return await run_check(check, site, fetcher, how)

    return asyncio.run(carry())
