"""Asks for each route and judges its replies."""

from __future__ import annotations

from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.headers.control import differs
from rota_site.model import Route, Site

__all__ = ["inspect"]


async def inspect(site: Site, fetcher: Fetcher) -> list[RouteResult]:
    """What the headers of each route are found to be."""
    return [await _route(route, fetcher) for route in site.routes]


async def _route(route: Route, fetcher: Fetcher) -> RouteResult:
    replies = await fetcher.fetch_all([Ask(path) for path in route.samples])
    failed = next((str(reply) for reply in replies if isinstance(reply, FetchFailed)), None)
    good = [reply for reply in replies if isinstance(reply, Reply)]
    findings = tuple(finding for reply in good for finding in _policy(route, reply))
    seen = good[0] if good else None
    return RouteResult(
        route.name,
        len(replies),
        findings,
        failed,
        url=seen.url if seen else "",
        seen=seen.headers if seen else (),
    )


def _policy(route: Route, reply: Reply) -> list[Finding]:
    """C09: what the route declares is what it says."""
    found = reply.get("cache-control")
    if route.cache is None or not differs(route.cache, found):
        return []
    return [
        Finding(
            "C09",
            "error",
            route.name,
            reply.url,
            "the Cache-Control is not the declared one",
            route.cache,
            found or "no Cache-Control",
            "site.toml",
            "make the application send what the route declares, or declare what is meant",
        )
    ]
