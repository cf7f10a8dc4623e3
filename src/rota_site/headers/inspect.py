"""Asks for each address at the origin and through the cache, fresh and conditional, and judges what comes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence

from rota_site.addresses import addresses, takes
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.headers import freshness, keys, lint, security, storing, validators
from rota_site.headers.seen import Seen
from rota_site.model import Route, Site

__all__ = ["inspect", "judged"]

OF_ERRORS = ("C01", "C06", "C07", "C08", "C14", "C15")
"""What is said of an address that does not exist."""

NOWHERE = Route("(errors)", "/", kind="error", seen_by="nobody")


async def inspect(site: Site, fetcher: Fetcher) -> list[RouteResult]:
    """What the headers of each route are found to be, and those of an address that does not exist."""
    paths = await addresses(site, fetcher)
    found = await asyncio.gather(*(_route(route, paths[route.name], site, fetcher) for route in site.routes))
    return [*found, await _nowhere(fetcher)]


async def _route(route: Route, paths: Sequence[str], site: Site, fetcher: Fetcher) -> RouteResult:
    if not paths:
        return RouteResult(route.name, 0, unsure="no address of it is known")
    looked = await asyncio.gather(
        *(_or_failed(route, path, number == 0, fetcher) for number, path in enumerate(paths))
    )
    seen = [each for each in looked if isinstance(each, Seen)]
    failed = next((str(each) for each in looked if isinstance(each, FetchFailed)), None)
    shown = _is_shown(route, site)
    findings = [one for each in seen for one in judged(route, each, shown=shown)]
    sample = next(
        (each for each in seen if findings and each.first.url == findings[0].url), seen[0] if seen else None
    )
    facts = {} if lint.is_there() else {"left out": "httplint is not installed: pip install rota[site]"}
    return RouteResult(
        route.name,
        sum(_count(each) for each in seen),
        tuple(findings),
        failed,
        url=sample.first.url if sample else "",
        seen=_without_secrets(sample.second) if sample else (),
        facts=facts,
    )


def judged(route: Route, seen: Seen, *, shown: bool = True) -> Iterator[Finding]:
    """Every finding of one address, once though several replies show it.

    ``shown``: a change of content purges the route, so that C19 has nothing to say.
    """
    told = set()
    for finding in _all(route, seen, shown):
        key = (finding.rule, finding.expected, finding.found)
        if key not in told:
            told.add(key)
            yield finding


def _all(route: Route, seen: Seen, shown: bool) -> Iterator[Finding]:
    yield from storing.findings(route, seen)
    yield from freshness.findings(route, seen)
    yield from freshness.unpurged(route, seen, shown=shown)
    yield from validators.findings(route, seen)
    yield from keys.findings(route, seen)
    yield from security.findings(route, seen)
    yield from lint.findings(route, seen.own)


async def _or_failed(route: Route, path: str, is_first: bool, fetcher: Fetcher) -> Seen | FetchFailed:
    try:
        return await _seen(route, path, is_first, fetcher)
    except FetchFailed as failed:
        return failed


async def _seen(route: Route, path: str, is_first: bool, fetcher: Fetcher) -> Seen:
    """The replies of one address; parameters are tried on the first of a route, which speaks for the others."""
    made = again = plain = confirmed = None
    if fetcher.infrastructure.origin is not None:
        made = await fetcher.fetch(Ask(path, "origin"))
        if is_first and made.status == 200 and route.seen_by == "everyone":
            made, again = await _twice(path, made, fetcher)
            plain = await fetcher.fetch(Ask(path, "origin", headers={"Accept-Encoding": "identity"}))
            confirmed = await _validated(path, again, fetcher)
    first = await fetcher.fetch(Ask(path))
    second = await fetcher.fetch(Ask(path))
    validated = await _validated(path, first, fetcher)
    tracked = other = None
    if is_first and route.seen_by == "everyone" and first.status == 200:
        joined = "&" if "?" in path else "?"
        if route.query:
            other = await fetcher.fetch(Ask(f"{path}{joined}{route.query[-1]}={_number()}"))
        tracked = await fetcher.fetch(Ask(f"{path}{joined}utm_source={secrets.token_hex(4)}"))
    listed = route.source is not None
    return Seen(path, made, again, plain, first, second, validated, tracked, other, listed, confirmed)


async def _twice(path: str, made: Reply, fetcher: Fetcher) -> tuple[Reply, Reply]:
    """The page once more. Where its bytes differ, once more again: content that changed between the two stays as it is now."""
    again = await fetcher.fetch(Ask(path, "origin"))
    return (made, again) if again.body == made.body else (again, await fetcher.fetch(Ask(path, "origin")))


async def _validated(path: str, first: Reply, fetcher: Fetcher) -> Reply | None:
    if first.status != 200:
        return None
    if (tag := first.get("etag")) is not None:
        return await fetcher.fetch(Ask(path, first.ask.where, headers={"If-None-Match": tag}))
    if (modified := first.get("last-modified")) is not None:
        return await fetcher.fetch(Ask(path, first.ask.where, headers={"If-Modified-Since": modified}))
    return None


async def _nowhere(fetcher: Fetcher) -> RouteResult:
    """An address that does not exist: its error is not to be kept, by anybody, for long."""
    path = f"/{secrets.token_hex(12)}"
    try:
        seen = await _seen(NOWHERE, path, False, fetcher)
    except FetchFailed as failed:
        return RouteResult(NOWHERE.name, 1, failed=str(failed))
    findings = [each for each in judged(NOWHERE, seen) if each.rule in OF_ERRORS]
    if seen.first.status < 400:
        return RouteResult(
            NOWHERE.name,
            _count(seen),
            unsure=f"{path} answers with status {seen.first.status}, not with an error",
        )
    return RouteResult(
        NOWHERE.name, _count(seen), tuple(findings), url=seen.first.url, seen=_without_secrets(seen.second)
    )


def _is_shown(route: Route, site: Site) -> bool:
    """Whether a place of some content is of this route; without contents or a cache nobody purges, and nothing is said."""
    if not site.contents or site.infrastructure.cache.kind == "none":
        return True
    places = [shown.path for content in site.contents for shown in content.shown if shown.path]
    return any(place == route.pattern or takes(route.pattern, place) for place in places)


def _number() -> int:
    return 1_000 + secrets.randbelow(9_000)


def _count(seen: Seen) -> int:
    asked = (
        seen.made,
        seen.again,
        seen.plain,
        seen.first,
        seen.second,
        seen.validated,
        seen.tracked,
        seen.other,
        seen.confirmed,
    )
    return sum(each is not None for each in asked)


def _without_secrets(reply: Reply) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, "(left out)" if name.lower() == "set-cookie" else value) for name, value in reply.headers
    )
