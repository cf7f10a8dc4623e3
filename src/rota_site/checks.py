"""The checks by name: each asks the site and says what it found, route by route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rota.errors import UnknownName
from rota_site.fetch import Fetcher
from rota_site.finding import RouteResult, as_result
from rota_site.model import Site

__all__ = ["CHECKS", "Check", "run_check"]

Carry = Callable[..., Awaitable[Sequence[RouteResult]]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what it does, and where. ``carry`` is ``module:function``, imported when it is carried out."""

    name: str
    does: str
    carry: str


CHECKS: tuple[Check, ...] = (
    Check("headers", "Inspect cache headers at origin and through the cache.", "rota_site.headers:inspect"),
    Check(
        "readers",
        "Test logged-in traffic: who is served what, in the orders that leak.",
        "rota_site.readers:probe",
    ),
    Check("response", "Measure response time: budgets, and the build before.", "rota_site.response:measure"),
    Check("sitemap", "See that the sitemap is complete and valid.", "rota_site.trade.sitemap:check"),
    Check("feed", "See that the feed is valid and fresh.", "rota_site.trade.feed:check"),
    Check("links", "Find broken links and images.", "rota_site.trade.links:check"),
    Check("images", "Weigh images; find missing width, height and alt.", "rota_site.trade.images:check"),
    Check(
        "certificate",
        "See that the certificate is valid and does not end soon.",
        "rota_site.trade.certificate:check",
    ),
    Check(
        "published", "See that what is due is public, and nothing else.", "rota_site.trade.published:check"
    ),
    Check("indexable", "See that only what was reviewed may be indexed.", "rota_site.trade.indexable:check"),
    Check(
        "robots",
        "See that robots.txt and canonical addresses are sane.",
        "rota_site.trade.indexable:check_robots",
    ),
    Check("search", "See that the search index is in step.", "rota_site.trade.search:check"),
    Check("backup", "Restore the newest backup, aside.", "rota_site.trade.backup:check"),
)


async def run_check(name: str, site: Site, fetcher: Fetcher, how: object = None) -> dict[str, Any]:
    """Carry a check out, and return its result as a run keeps it. ``how`` is the check's own way, where it has one.

    Raises `UnknownName` for a check that is none.
    """
    known = {each.name: each for each in CHECKS}
    if name not in known:
        raise UnknownName("check", name, tuple(known))
    module, _, function = known[name].carry.partition(":")
    carry: Carry = getattr(import_module(module), function)
    return as_result(name, await (carry(site, fetcher) if how is None else carry(site, fetcher, how)))
